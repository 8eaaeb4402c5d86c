"""The training rows without those that a finding names, written to a file of their own beside a log of every
row that was dropped: `whet check --fix OUT`."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.data import spreadsheet
from whet.data.doctor import copies, near
from whet.data.doctor.part import Part, labelled, part_of
from whet.data.doctor.tasks import with_sets_as_labels
from whet.data.places import digest, hashes, repeated, rows_of_both
from whet.data.store import picked
from whet.disk import arrow, durable
from whet.errors import OutputError, UsageError, quoted
from whet.preparing.examine import Examined
from whet.records import Table
from whet.sentences.bilingual import said

FORMS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

DROPPED = (
    "missing_labels", "empty_texts", "contradictory_labels", "texts_in_train", "duplicate_texts", "near_in_train",
    "near_duplicates",
)  # fmt: skip
"""The findings whose rows are dropped from train; of several that a row has the first is its reason."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a row is not in the new table."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mended:
    """What was written."""

    rows: int
    dropped: Mapping[int, Dropped]
    """By row of the training table."""
    out: Path
    log: Path

    @property
    def message(self) -> str:
        counts = Counter(each.code for each in self.dropped.values())
        listed = ", ".join(f"{code} {count:,}" for code, count in counts.items())
        facts = {"count": self.rows - len(self.dropped), "total": self.rows, "out": self.out, "log": self.log}
        return said({**facts, "dropped": listed or "none"}, "mended")


def log_of(out: Path) -> Path:
    """The file that the dropped rows are written to."""
    return out.with_name(f"{out.name}.dropped.jsonl")


def check_out(out: Path) -> None:
    """Raises UsageError for a name that tells no format, OutputError for a file that is there already."""
    if out.suffix.lower() not in FORMS:
        saw = f"{quoted(str(out))} does not say how the table is to be written"
        raise UsageError(saw, where="--fix", expected=f"a name that ends in {' or '.join(FORMS)}")
    for path in (out, log_of(out)):
        if path.exists():
            raise OutputError("is there already", where=str(path), todo="Name another file with --fix, or remove it")


def mend(examined: Examined, out: Path) -> Mended:
    """Writes the table of train, every column as it was, without the rows that a finding of DROPPED names."""
    check_out(out)
    table = examined.table
    parts = {side: part_of(side, examples) for side, examples in examined.rows.sides.items()}
    dropped = faults(parts, near_too=examined.near is not None)
    kept = [row for row in range(len(table.places)) if row not in dropped]
    lines = [_logged(table, row, dropped[row]) for row in sorted(dropped)]
    try:
        durable.write(out, _content(table, kept, out.suffix.lower()))
        durable.write(log_of(out), "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", where=str(out)) from None
    return Mended(len(table.places), dropped, out, log_of(out))


def faults(parts: Mapping[str, Part], *, near_too: bool) -> dict[int, Dropped]:
    """Row of train to why it is to be dropped. What is left has none of these faults: texts are compared
    again until nearly equal ones are gone."""
    train, others = parts["train"], [part for side, part in parts.items() if side != "train"]
    found: dict[int, Dropped] = {}

    def drop(code: str, rows: Mapping[int, str] | Sequence[int], reason: str = "") -> None:
        for row in rows:
            found.setdefault(row, Dropped(code, rows[row] if isinstance(rows, Mapping) else reason))

    drop("missing_labels", [i for i, label in enumerate(train.labels or ()) if not label], "no label")
    drop("empty_texts", copies.empty_rows(train), "no visible character in the text")
    if train.labels is not None or train.several is not None:
        answered = labelled(train) if train.several is None else with_sets_as_labels(train)
        mixed = picked(answered.texts, np.array(copies.mixed_texts(answered).rows, dtype=np.int64))
        rows = np.flatnonzero(rows_of_both(train.texts, mixed)).tolist()
        drop("contradictory_labels", rows, "the text stands under another label too")
    for other in others:
        leaked = copies.rows_in(train, other).nonzero()[0].tolist()
        drop("texts_in_train", leaked, f"the text stands in {other.source} too, which is the {other.side} side")
    drop("duplicate_texts", _repeats(train, found))
    while near_too and (more := _alike(train, others, found)):
        found |= more
    return found


def _repeats(train: Part, found: Mapping[int, Dropped]) -> dict[int, str]:
    """Rows whose text an earlier row has that stays."""
    first: dict[bytes, int] = {}
    repeats = {}
    again = repeated(hashes(train.texts))
    for row, text in zip(again, picked(train.texts, np.array(again, dtype=np.int64)), strict=True):
        if row not in found and first.setdefault(key := digest(text), row) != row:
            repeats[row] = f"repeats the text of {train.places[first[key]]}"
    return repeats


def _alike(train: Part, others: Sequence[Part], found: Mapping[int, Dropped]) -> dict[int, Dropped]:
    """Further rows that are nearly equal to one of another side, or to an earlier one that stays."""
    kept = [row for row in range(len(train.texts)) if row not in found]
    texts = picked(train.texts, np.array(kept, dtype=np.int64))
    rest = Part("train", train.source, texts, None, [train.places[row] for row in kept])
    like = near.find([rest, *others])
    more: dict[int, Dropped] = {}
    for other in others:
        for row, mine in like.in_train[other.side].items():
            reason = f"nearly equal to {other.places[row]} of {other.source}, which is the {other.side} side"
            more.setdefault(kept[mine], Dropped("near_in_train", reason))
    for row, earlier in like.within["train"].items():
        if kept[earlier] not in more:
            reason = f"nearly equal to {rest.places[earlier]}"
            more.setdefault(kept[row], Dropped("near_duplicates", reason))
    return more


def _logged(table: Table, row: int, why: Dropped) -> str:
    """A line of the log: where the row stood, why it was dropped, and its values."""
    values = {name: _plain(values[row]) for name, values in table.columns.items()}
    told = {"place": table.places[row], "code": why.code, "reason": why.reason, "row": values}
    return json.dumps(told, ensure_ascii=False)


def _content(table: Table, rows: Sequence[int], form: str) -> bytes:
    """These rows of a table as a file of that form holds them."""
    columns = {name: [values[row] for row in rows] for name, values in table.columns.items()}
    if form == ".parquet":
        return _parquet(columns)
    page = io.StringIO()
    if form in (".jsonl", ".ndjson"):
        for cells in zip(*columns.values(), strict=True):
            told = dict(zip(columns, map(_plain, cells), strict=True))
            page.write(json.dumps(told, ensure_ascii=False) + "\n")
    else:
        mark = "\t" if form == ".tsv" else ","
        page.write(spreadsheet.line(columns, mark))
        page.writelines(spreadsheet.line(map(_cell, cells), mark) for cells in zip(*columns.values(), strict=True))
    return page.getvalue().encode("utf-8", "backslashreplace")


def _parquet(columns: Mapping[str, Sequence[object]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    made = {}
    for name, values in columns.items():
        texts = [value for value in values if isinstance(value, str)]
        made[name] = arrow.strings(texts) if len(texts) == len(values) else pa.array(values)
    page = io.BytesIO()
    parquet.write_table(pa.table(made), page)
    return page.getvalue()


def _plain(value: object) -> object:
    """A cell as JSON knows it."""
    item = getattr(value, "item", None)
    value = item() if callable(item) else value
    return value if isinstance(value, str | int | float | bool | list | dict) or value is None else str(value)


def _cell(value: object) -> str:
    """A cell as text: as it was written, or as JSON has it."""
    plain = _plain(value)
    return "" if plain is None else plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
