"""What a row of each class, or the yes of each of several labels, counts in the training; and each row of its own."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whet.data.kinds import read_values
from whet.data.named import listed, match
from whet.data.spelling import first_places
from whet.errors import DataError, UsageError, did_you_mean, quoted
from whet.labels import LabelSet
from whet.records import Table, Targets
from whet.settings.values import shown

BALANCED = "balanced"
FLAG = "--class-weights"

MOST = 100.0
"""The balanced weight of a yes is this at most, and at least 1 in so many. A label that fewer than one row in 101 has
comes once in several steps. Such a row would outweigh all that stands beside it, and as the gradient of a step is
clipped to one norm, little of the others would be left."""


def class_weights(given: str, labels: LabelSet, targets: Targets) -> tuple[float, ...]:
    """Weights [C] by `--class-weights`, for training rows of these class ids [B] or marks [B, C].

    `balanced` is n / (C n_c), n rows of which n_c have the class: each class then counts as much as any
    other (King and Zeng 2001; scikit-learn's "balanced"). Of several labels a row it is what the yes of a label counts,
    (n - n_c) / n_c, so that yes and no count alike, but MOST at the most and 1 / MOST at the least. Anything else
    names a JSON file, an object with a weight above 0 for every label name; it raises UsageError, all faults at once.
    """
    if given == BALANCED and targets.ndim == 2:
        yes = targets.sum(axis=0)
        return tuple(np.clip((len(targets) - yes) / np.maximum(yes, 1), 1 / MOST, MOST).tolist())
    if given == BALANCED:
        counts = np.bincount(np.asarray(targets, dtype=np.int64), minlength=len(labels))
        return tuple((len(targets) / (len(labels) * counts)).tolist())
    found = _object(Path(given))
    faults = [*_unknown(list(found), labels), *_missing(list(found), labels), *_wrong(found)]
    if faults:
        first, *more = [UsageError(saw, where=f"{FLAG} {given}", todo=todo) for saw, todo in faults]
        raise UsageError(first.saw, where=first.where, todo=first.todo, more=more)
    return tuple(float(found[name]) for name in labels.names)  # type: ignore[arg-type]  # _wrong has looked


def row_weights(table: Table, given: str) -> tuple[float, ...]:
    """What each row counts, by the column that `--weight` names [B]. Raises DataError where it is not there, and for a
    row without a finite number above 0."""
    column = match(given, table.columns)
    if column is None:
        todo, expected = did_you_mean(given, table.columns), f"one of {listed(table, list(table.columns))}"
        raise DataError(f"no column {quoted(given)}", where="--weight", expected=expected, todo=todo)
    where = f"{table.source}, column {quoted(column)}"
    found = read_values(table.columns[column], table.places, where, flag="--weight")
    wrong = [f"{place} ({weight:g})" for place, weight in zip(table.places, found, strict=True) if weight <= 0]
    if wrong:
        saw = f"{len(wrong):,} row{'s' if len(wrong) > 1 else ''} that would not count: {first_places(wrong)}"
        raise DataError(saw, where=where, expected="numbers above 0", todo="Drop the rows that shall not count")
    return found


def without(table: Table, given: str | None) -> Table:
    """A table without the column that `--weight` names, which is neither text nor label."""
    column = None if given is None else match(given, table.columns)
    kept = {name: values for name, values in table.columns.items() if name != column}
    return table if column is None else dataclasses.replace(table, columns=kept)


def _object(path: Path) -> dict[str, object]:
    where, expected = f"{FLAG} {path}", 'an object of label names and weights, {"neg": 1, "pos": 4.5}'
    try:
        loaded = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError:
        todo = did_you_mean(str(path), [BALANCED])
        raise UsageError(
            f"no such file: {path}", where=FLAG, expected=f"{BALANCED}, or a JSON file", todo=todo
        ) from None
    except (ValueError, RecursionError) as fault:
        raise UsageError(f"not JSON: {fault}", where=where, expected=expected) from None
    if not isinstance(loaded, dict):
        raise UsageError(f"no object: {shown(loaded)}", where=where, expected=expected)
    return loaded


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """An object, each of whose keys stands once. Of two, JSON's reader takes the last in silence."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the label {quoted(name)} stands twice")
        found[name] = value
    return found


def _unknown(names: Sequence[str], labels: LabelSet) -> list[tuple[str, str]]:
    return [
        (f"no label {quoted(name)} in the training rows", did_you_mean(name, labels.names))
        for name in names
        if name not in labels.names
    ]


def _missing(names: Sequence[str], labels: LabelSet) -> list[tuple[str, str]]:
    missing = [quoted(name) for name in labels.names if name not in names]
    return [(f"no weight for {', '.join(missing[:10])}", "Give each label one; 1 changes nothing")] if missing else []


def _wrong(found: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (f"the weight of {quoted(name)} is {shown(value)}", "Give a number above 0")
        for name, value in found.items()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf
    ]
