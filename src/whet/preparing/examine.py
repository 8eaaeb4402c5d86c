"""The data doctor over DATA, for `whet check` and before a training. Needs no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from whet.data.doctor import copies, near, pieces
from whet.data.doctor.look import check, with_more
from whet.data.doctor.part import Part, part_of
from whet.data.read import read, split_for
from whet.data.tokens import Cutter
from whet.errors import WhetError
from whet.inputs import large, reading
from whet.model import choice
from whet.model.files import find
from whet.preparing import for_linear, prepare
from whet.preparing.sides import EncodedSide
from whet.records import SIDES, Checked, Finding, Side, Table
from whet.score.leaks import Leaks
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, Settings
from whet.settings.meaningless import LINEAR
from whet.system import runtime


@dataclasses.dataclass(frozen=True, slots=True)
class Examined:
    """DATA, what was found in it, and which rows are nearly equal."""

    table: Table
    """Of train, every column."""
    rows: reading.Labelled
    checked: Checked
    near: near.Near | None
    """None where it was not looked for."""


def examine(data: object, resolved: Resolved, *, exact: bool = False) -> Examined:
    """Everything that is found in the data. `exact`: tokens of every row, not of some.

    What cannot be read raises DataError; a label that is missing is a finding. Without a tokenizer, and where a linear
    model would be fitted unasked, there are no findings on tokens, which is said.
    """
    settings = resolved.settings
    source = read(data, encoding=settings.encoding, disk=large.disk())
    rows = reading.labelled(source, settings, gaps=True)
    checked = check(rows.sides, rows.columns, source=rows.name, drawn=prepare.sides_drawn(rows, settings))
    checked = dataclasses.replace(checked, notices=rows.notices)
    parts = [part_of(side, examples) for side, examples in rows.sides.items()]
    like = None
    if settings.near_duplicates:
        like = near.find(parts)
        checked = with_more(checked, near.CODES, near.findings(like, parts))
        checked = dataclasses.replace(checked, notices=(*checked.notices, *near.notices(like, parts)))
    table = source.tables[split_for(source, "train") or "train"]
    try:
        settings, notices = with_model(resolved, rows.sides["train"].texts)
        if settings.model != LINEAR:  # which sees no tokens
            checked = with_more(checked, pieces.CODES, _token_findings(parts, settings, exact))
    except WhetError as fault:
        notices = (said({"fault": fault.message}, "no tokens"),)
    return Examined(table, rows, dataclasses.replace(checked, notices=(*checked.notices, *notices)), like)


def with_model(resolved: Resolved, texts: Sequence[str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the model that a training on these texts takes where `auto` leaves it open, and what there is
    to say of it. A device that only torch sees is taken for a CPU. Raises ModelError where there is no model."""
    resolved, of_linear = for_linear.instead(resolved, texts, runtime.ALONE)
    if of_linear or resolved.settings.model != "auto":
        return resolved.settings, tuple(notice.message for notice in of_linear)
    chosen = choice.choose(texts, device=for_linear.device_seen(resolved.settings))
    settings = resolved.with_value("model", chosen.model, chosen.reason).settings
    if chosen.model == "embedded":
        return settings, (chosen.warning,) if chosen.warning else ()
    return settings, (said({"model": chosen.model, "reason": chosen.reason}, "chosen model"),)


def of_job(asked: prepare.Asked, sides: Mapping[Side, EncodedSide], cutter: Cutter | None) -> tuple[Checked, Leaks]:
    """What was found before a training: of the data as they came, and of the sides of the job what is
    nearly equal and how their tokens fared, which of a linear model (`cutter` None) they do not; and the rows of test
    that train has.

    Under a budget nearly equal texts are not looked for: it is to be spent on training.
    """
    settings, splits = asked.resolved.settings, asked.splits
    parts = {side: part_of(side, getattr(splits, side)) for side in SIDES if getattr(splits, side) is not None}
    checked, like = asked.checked, None
    if settings.near_duplicates and settings.budget is None:
        like = near.find(list(parts.values()))
        checked = with_more(checked, near.CODES, near.findings(like, list(parts.values())))
        checked = dataclasses.replace(checked, notices=(*checked.notices, *near.notices(like, list(parts.values()))))
    if cutter is not None:
        of_tokens: list[Finding] = []
        for side, rows in sides.items():
            of_tokens += pieces.findings_of_encoded(parts[side], rows.encoded, cutter, seed=settings.seed)
        checked = with_more(checked, pieces.CODES, of_tokens)
    test = parts.get("test")
    exact = np.zeros(0, np.bool_) if test is None else copies.rows_in(test, parts["train"])
    nearly = None if like is None else np.zeros(len(exact), np.bool_)
    if like is not None and nearly is not None:
        nearly[list(like.in_train.get("test", ()))] = True
    return checked, Leaks(exact, nearly)


def _token_findings(parts: list[Part], settings: Settings, exact: bool) -> list[Finding]:
    files = find(settings.model, weights=False)
    cutter = prepare.cutter_of(files, settings, runtime.usable_cache())
    found: list[Finding] = []
    for part in parts:
        counts = pieces.counted(part, cutter, seed=settings.seed, whole=exact)
        found += pieces.findings(part, counts, cutter)
    return found
