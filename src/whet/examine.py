"""The data doctor over DATA, as `whet check` asks for it. Needs no torch."""

from __future__ import annotations

import dataclasses

from whet import prepare, runtime
from whet.config import Settings
from whet.data.doctor import near, pieces
from whet.data.doctor.look import check, with_more
from whet.data.doctor.part import Part, part_of
from whet.data.read import read, split_for
from whet.errors import WhetError
from whet.model.files import find
from whet.records import Checked, Finding, Table


@dataclasses.dataclass(frozen=True, slots=True)
class Examined:
    """DATA, what was found in it, and which rows are nearly equal."""

    table: Table
    """Of train, every column."""
    rows: prepare.Labelled
    checked: Checked
    near: near.Near | None
    """None where it was not looked for."""


def examine(data: object, settings: Settings, *, exact: bool = False) -> Examined:
    """Everything that is found in the data. `exact`: tokens of every row, not of some.

    What cannot be read raises DataError; a label that is missing is a finding. Without a tokenizer
    there are no findings on tokens, which is said.
    """
    source = read(data, encoding=settings.encoding)
    rows = prepare.labelled(source, settings, gaps=True)
    checked = check(rows.sides, rows.columns, source=rows.name, drawn=prepare.sides_drawn(rows, settings))
    checked = dataclasses.replace(checked, notices=rows.notices)
    parts = [part_of(side, examples) for side, examples in rows.sides.items()]
    like = None
    if settings.near_duplicates:
        like = near.find(parts)
        checked = with_more(checked, near.CODES, near.findings(like, parts))
    try:
        checked = with_more(checked, pieces.CODES, _token_findings(parts, settings, exact))
    except WhetError as fault:
        saw = f"tokens were not counted: {fault.message}"
        checked = dataclasses.replace(checked, notices=(*checked.notices, saw))
    return Examined(source.tables[split_for(source, "train") or "train"], rows, checked, like)


def _token_findings(parts: list[Part], settings: Settings, exact: bool) -> list[Finding]:
    """Under the settings' model; for auto under the embedded one."""
    files = find("embedded" if settings.model == "auto" else settings.model, weights=False)
    cutter = prepare.cutter_of(files, settings, runtime.usable_cache())
    found: list[Finding] = []
    for part in parts:
        counts = pieces.counted(part, cutter, seed=settings.seed, whole=exact)
        found += pieces.findings(part, counts, cutter)
    return found
