"""The group of each row, by the column that `--group` names: an author, a patient, a product."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from whet.data.named import listed, match
from whet.data.spelling import spelled
from whet.data.store import mapped
from whet.errors import DataError, did_you_mean, quoted
from whet.records import Table

FLAG = "--group"


def groups_of(table: Table, given: str) -> Sequence[str]:
    """The group of each row [B], '' where it has none. Raises DataError where the column is not there or empty."""
    column = match(given, table.columns)
    if column is None:
        todo, expected = did_you_mean(given, table.columns), f"one of {listed(table, list(table.columns))}"
        raise DataError(f"no column {quoted(given)}", where=f"{FLAG}, {table.source}", expected=expected, todo=todo)
    where = f"{table.source}, column {quoted(column)}"
    groups = mapped(spelled(table.columns[column], table.places, where), _plain)
    if not any(groups):
        todo = "Fill it in, or leave out --group"
        raise DataError("no row has a group", where=where, expected="a group in most rows", todo=todo)
    return groups


def without(table: Table, given: str | None) -> Table:
    """A table without that column, which is neither text nor label."""
    column = None if given is None else match(given, table.columns)
    kept = {name: values for name, values in table.columns.items() if name != column}
    return table if column is None else dataclasses.replace(table, columns=kept)


def _plain(value: str | None) -> str:
    return "" if value is None else value.strip()
