"""Texts without labels: read from anywhere, and those of them that a teacher answers for a model to learn from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from whet.data.columns import NO_PAIR, check_pair, examples, find_columns, text_columns
from whet.data.folders import SIDE_NAMES
from whet.data.formats import decoded, read_lines
from whet.data.growing import Columns
from whet.data.named import match
from whet.data.places import row_places, rows_of_both
from whet.data.read import read, split_for
from whet.data.rows import select
from whet.data.split import draw
from whet.data.store import chained
from whet.data.together import keys_of, units_of
from whet.errors import DataError
from whet.inputs import large
from whet.records import Examples, Inputs, Source, Splits, Table
from whet.sentences.bilingual import said
from whet.settings.config import Settings

PURPOSE = "texts without labels"
AT_ONCE = 4_096  # texts between two looks at where they are to lie


def source_of(data: object, encoding: str) -> Source:
    """What a file, a folder of .txt files, a name or a Python object holds."""
    path = Path(data).expanduser() if isinstance(data, str | Path) else None
    if path is not None and path.is_file() and path.suffix.lower() == ".txt":
        lines, column = read_lines(path, encoding=encoding), Columns(large.disk()).new()
        while part := list(islice(lines, AT_ONCE)):
            column.extend(part)
        return _one_table(path, path.stem, column.done())
    if path is not None and path.is_dir():
        return _folder(path, encoding)
    return read(data, encoding=encoding, disk=large.disk())


def _folder(folder: Path, encoding: str) -> Source:
    """Every .txt file that lies beside no folder, as aclImdb has them; those of a folder called test are left out."""
    inner = sorted(path for path in (folder, *folder.rglob("*")) if path.is_dir() and not _is_hidden(path, folder))
    higher = {path.parent for path in inner if path != folder}
    lowest = [path for path in inner if path not in higher]
    left = [path for path in lowest if _is_test(path.relative_to(folder).parts)]
    texts = Columns(large.disk()).new()
    for path in lowest:
        for file in sorted(path.glob("*.txt")) if path not in left else ():
            texts.extend([decoded(file.read_bytes(), where=str(file), encoding=encoding)])
    found = texts.done()
    if not found:
        data = sorted(str(file) for file in folder.iterdir() if file.is_file() and file.suffix in (".csv", ".parquet"))
        beside = " that lie beside no folder" if any(any(path.glob("*.txt")) for path in higher) else ""
        raise DataError(
            f"no .txt files{beside or ' in this folder'}", where=str(folder), expected="a text a file",
            todo=f"Give its files themselves: {' '.join(data[:4])}" if data else "",
        )  # fmt: skip
    notices = tuple(said({"name": path}, "test texts left") for path in left)
    return _one_table(folder, folder.resolve().name, found, notices)


def _one_table(path: Path, name: str, texts: Sequence[str], notices: tuple[str, ...] = ()) -> Source:
    table = Table(str(path), {"text": texts}, row_places(len(texts)))
    return Source(re.sub(r"[^\w.]+", "-", name)[:40] or "texts", {"train": table}, notices)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_test(parts: Sequence[str]) -> bool:
    return any(part.lower() in SIDE_NAMES["test"] for part in parts)


def tables_of(source: Source) -> tuple[list[Table], list[str]]:
    """Its tables but a test side, and what must be said of that."""
    left = split_for(source, "test") if len(source.tables) > 1 else None
    told: list[str] = [] if left is None else [said({"name": source.tables[left].source}, "test texts left")]
    return [table for name, table in source.tables.items() if name != left], told


def to_answer(path: str, settings: Settings, inputs: Inputs, splits: Splits) -> tuple[Examples, list[str]]:
    """Those of `path`, in the columns of the training rows, and what must be said: none is empty, stands there twice or
    is a text of a side of the job. DataError where no text is left."""
    source = source_of(path, settings.encoding)
    tables, told = tables_of(source)
    parts = [_rows(table, inputs) for table in tables]
    rows = parts[0]
    for part in parts[1:]:
        rows = _joined(rows, part)
    kept = np.array([bool(text.strip()) for text in rows.texts], np.bool_)
    if rows.pairs is not None:
        kept |= np.array([bool(text.strip()) for text in rows.pairs], np.bool_)
    facts: dict[str, object] = {"name": path, "total": len(kept), "empty": len(kept) - int(kept.sum())}
    keys, first = keys_of(rows), np.zeros(len(kept), np.bool_)
    first[np.unique(units_of(rows)[0], return_index=True)[1]] = True
    facts["copies"] = int((kept & ~first).sum())
    kept &= first
    for name, side in (("known", splits.train), ("validation", splits.validation), ("test", splits.test)):
        there = np.zeros(len(kept), np.bool_) if side is None else rows_of_both(keys, keys_of(side))
        facts[name] = int((kept & there).sum())
        kept &= ~there
    facts["left"] = int((~kept).sum())
    if not kept.any():
        raise DataError(
            f"none of {len(kept):,} texts is left without the empty ones, copies and those of the data",
            where=path, expected="texts that the data do not have",
        )  # fmt: skip
    told += [said(facts, "texts not learnt")] if facts["left"] else []
    rows = select(rows, kept)
    if settings.unlabelled_rows is not None:
        rows = fewer(rows, settings.unlabelled_rows, settings.seed)
    return rows, [*source.notices, *told]


def fewer(rows: Examples, count: int, seed: int) -> Examples:
    """As many of them, drawn; all where there are no more."""
    total = len(rows.texts)
    return rows if count >= total else select(rows, draw(np.zeros(total, np.int64), rows.row_ids, count, PURPOSE, seed))


def _rows(table: Table, inputs: Inputs) -> Examples:
    """The texts of a table: those of the columns of the training rows where it has them, else found by name and
    shape."""
    known = all(match(name, table.columns) is not None for name in text_columns(inputs))
    text = inputs.text if known or inputs.text_parts else None
    pair = NO_PAIR if inputs.pair is None else inputs.pair if known or inputs.pair_parts else None
    found = find_columns(table, text=text, pair=pair, label=None, need_label=False)
    check_pair(table, found, inputs.pair)
    return examples(table, dataclasses.replace(found, label=None, labels=()))


def _joined(one: Examples, other: Examples) -> Examples:
    """The rows of two tables, numbered on and on."""
    texts, pairs = chained(one.texts, other.texts), one.pairs
    if one.pairs is not None and other.pairs is not None:
        pairs = chained(one.pairs, other.pairs)
    return Examples(one.source, texts, None, row_places(len(texts)), range(len(texts)), pairs)
