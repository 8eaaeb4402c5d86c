"""The texts that an encoder learns the language of: read from anywhere, each once, some of them held out.

Which texts are held out hangs on their letters and the seed alone, so copies and the order of files change nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from whet.data.columns import examples, find_columns
from whet.data.growing import Columns
from whet.errors import DataError, UsageError
from whet.inputs import large
from whet.inputs.reading import is_share
from whet.inputs.unlabelled import AT_ONCE, source_of, tables_of
from whet.records import Bools, Ints, Table
from whet.sentences.bilingual import said
from whet.settings.config import Settings

HELD_OUT = 0.05  # of the texts,
MOST_HELD_OUT = 2_000  # and no more than so many, unless somebody asks for a share


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts, none of them empty or twice."""

    name: str
    """For run folders."""
    train: Sequence[str]
    held_out: Sequence[str]
    digest: str
    """What tells these texts from others."""
    notices: tuple[str, ...]


def read_texts(given: Sequence[object], settings: Settings) -> Corpus:
    """Those of files, folders and Python objects. DataError where there are not two, UsageError for a share that is
    none."""
    share = _share(settings.validation)
    if not given:
        raise UsageError("no TEXTS", expected="files or folders with texts", todo="Try sample:reviews")
    sources = [source_of(each, settings.encoding) for each in given]
    tables, told = [], [notice for source in sources for notice in source.notices]
    for source in sources:
        found, left = tables_of(source)
        tables += found
        told += left
    columns = [column for table in tables for column in _columns(table, settings)]
    keys = _keys(columns, settings.seed)
    _, first = np.unique(keys, return_index=True)
    kept = np.zeros(len(keys), np.bool_)
    kept[first] = True
    kept &= keys != 0
    if kept.sum() < 2:
        raise DataError(
            f"{kept.sum()} different texts", where=", ".join(table.source for table in tables), expected="2 or more"
        )
    held_out = _lowest(keys, kept, _count(int(kept.sum()), share))
    train = kept & ~held_out
    if settings.train_rows is not None:
        train = _lowest(keys, train, settings.train_rows)
    facts = {"train": int(train.sum()), "held_out": int(held_out.sum()), "total": len(keys)}
    facts |= {"left": len(keys) - int(kept.sum())}
    told.append(said(facts, "texts to learn from"))
    if facts["left"]:
        told.append(said(facts, "texts left"))
    digest = hashlib.sha256(keys[train].tobytes() + b"\0" + keys[held_out].tobytes()).hexdigest()
    name = sources[0].name if len(sources) == 1 else f"{sources[0].name}-and-{len(sources) - 1}-more"
    return Corpus(name, _taken(columns, train), _taken(columns, held_out), digest, tuple(told))


def _share(validation: str) -> float | None:
    """Of the texts that are held out; None: as many as by default."""
    if validation in ("auto", "none"):
        return None if validation == "auto" else 0.0
    if is_share(validation) and 0 < float(validation) < 1:
        return float(validation)
    raise UsageError(
        f"--validation {validation}", expected="a share of the texts to be held out, such as 0.05, or none"
    )


def _count(texts: int, share: float | None) -> int:
    if share is None:
        return max(1, min(MOST_HELD_OUT, round(HELD_OUT * texts)))
    return min(texts - 1, max(1, round(share * texts))) if share else 0


def _columns(table: Table, settings: Settings) -> Iterator[Sequence[str]]:
    """The texts of a table; of pairs both."""
    found = find_columns(table, text=settings.text, label=None, need_label=False)
    rows = examples(table, dataclasses.replace(found, label=None, labels=()))
    yield rows.texts
    if rows.pairs is not None:
        yield rows.pairs


def _keys(columns: Sequence[Sequence[str]], seed: int) -> Ints:
    """A number for each text, equal for equal ones and else as if drawn; 0 for an empty one."""
    salt, found = str(seed).encode(), array("q")
    for column in columns:
        for text in column:
            raw = text.strip().encode("utf-8", "surrogatepass")
            digest = hashlib.blake2b(raw, digest_size=8, key=salt).digest()
            found.append(int.from_bytes(digest, "little", signed=True) or 1 if raw else 0)
    return np.array(found, np.int64)


def _lowest(keys: Ints, among: Bools, count: int) -> Bools:
    """The rows with the lowest keys, so many of those among which they are."""
    chosen = np.flatnonzero(among)
    taken = np.zeros(len(keys), np.bool_)
    taken[chosen[np.argsort(keys[chosen], kind="stable")[:count]]] = True
    return taken


def _taken(columns: Sequence[Sequence[str]], rows: Bools) -> Sequence[str]:
    """The texts of some rows, on the disk where they are large."""
    column, before = Columns(large.disk()).new(), 0
    for texts in columns:
        mine = rows[before : before + len(texts)]
        before += len(texts)
        for start in range(0, len(texts), AT_ONCE):
            part = zip(texts[start : start + AT_ONCE], mine[start : start + AT_ONCE].tolist(), strict=True)
            column.extend([text for text, taken in part if taken])
    return column.done()
