"""Which columns hold the text and the label, and the rows read with those roles."""

from __future__ import annotations

import json
import math
import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

import numpy as np

from whet.data.store import Coded, Held, are_strings, mapped
from whet.errors import DataError, did_you_mean, quoted
from whet.labels import rename
from whet.records import Columns, Examples, Table

# Known names of the two columns; of several that a table has, the earlier one is taken.
TEXT_NAMES = (
    "text", "sentence", "review", "document", "content", "comment", "body", "message", "tweet", "utterance",
    "본문", "텍스트", "문장", "리뷰", "내용", "댓글", "texts", "sentences", "reviews", "comments", "review_text",
    "review_body", "comment_text", "tweet_text",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "category", "sentiment", "target", "y", "라벨", "레이블", "감정", "분류", "정답",
    "감성", "카테고리", "polarity", "emotion", "intent", "topic", "classes", "label_text", "label_name",
)  # fmt: skip

MOST_LABELS = 50  # a column with more values is not taken for labels by its shape
CLEARLY_LONGER = 1.25  # how much longer the longest text must be than the next
WORDY = 0.5  # share of values with a space, or of another script than Latin, that makes a text column
SHOWN = 10  # places or columns listed before the rest is counted

Values = Sequence[object]


def find_columns(table: Table, *, text: str | None, label: str | None, need_label: bool = True) -> Columns:
    """The text and the label column with the reason of each: given, by name, or by shape.

    Names are compared exactly first, then without case. Without `need_label` a label column is
    taken only if it is given, or known by its name and filled throughout; else it is None.

    Raises DataError, with the columns found, for a given column that is not there and where
    neither names nor shapes settle the choice.
    """
    faults = []
    for flag, given in (("--text", text), ("--label", label)):
        if given is not None and _match(given, table.columns) is None:
            todo = did_you_mean(given, table.columns)
            expected = f"one of {_listed(table, list(table.columns))}"
            faults.append(DataError(f"no column {quoted(given)}", where=flag, expected=expected, todo=todo))
    if faults:
        first, *more = faults
        raise DataError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
    taken = _match(label, table.columns) if label is not None else None
    text_column, text_reason = _find_text(table, text, taken)
    if text_column == taken:
        raise DataError(f"{quoted(text_column)} is to be both text and label", where=table.source)
    if taken is not None:
        return Columns(text_column, text_reason, taken, "given")
    label_column, label_reason = _find_label(table, text_column, need_label)
    return Columns(text_column, text_reason, label_column, label_reason)


def examples(
    table: Table, columns: Columns, *, label_names: Mapping[str, str] | None = None, gaps: bool = False
) -> Examples:
    """The rows of a table in their roles, labels under their names.

    Labels keep their spelling; integers, truth values and numbers are spelled as JSON does, and
    whole numbers without a fraction where the whole column is whole. `label_names` are the user's;
    without them those of the table are used. A missing text is ''. A column of -1 throughout, the
    mark of an unlabelled table, gives no labels. `gaps`: a missing label is '' instead of a fault.

    Raises DataError for rows without a label, lists as labels or texts, and labels without a name.
    """
    where = f"{table.source}, column {quoted(columns.text)}"
    texts: Sequence[str] = mapped(_spelled(table.columns[columns.text], table.places, where), _without_gap)
    texts = texts if isinstance(texts, Held) else tuple(texts)
    labels = None if columns.label is None else _labels(table, columns.label, label_names, gaps)
    return Examples(table.source, texts, labels, table.places, range(len(texts)))


def _labels(table: Table, column: str, label_names: Mapping[str, str] | None, gaps: bool) -> Sequence[str] | None:
    values = table.columns[column]
    if isinstance(values, Coded):
        return _coded_labels(table, column, values, label_names, gaps)
    where = f"{table.source}, column {quoted(column)}"
    if any(_is_list(value) for value in values):
        raise DataError(
            "several labels a row (multi-label) are not supported yet",
            where=where,
            expected="one label a row",
            todo="Name another column with --label",
        )
    if all(type(value) is int and value == -1 for value in values):
        return None
    spelled = _spelled(values, table.places, where)
    filled = [label is not None and bool(label.strip()) for label in spelled]
    bare = [place for place, there in zip(table.places, filled, strict=True) if not there]
    if bare and not gaps:
        raise _without_label(bare, where)
    named = iter(_named([label for label in spelled if label and label.strip()], table, values, label_names, where))
    return tuple(next(named) if there else "" for there in filled) if bare else tuple(named)


def _coded_labels(
    table: Table, column: str, values: Coded, label_names: Mapping[str, str] | None, gaps: bool
) -> Sequence[str] | None:
    """The same where the column has few different values: these are read, and each row has one of them."""
    _, firsts = np.unique(values.codes, return_index=True)
    places = [table.places[row] for row in firsts.tolist()]
    names = _labels(replace(table, columns={column: values.names}, places=places), column, label_names, True)
    if names is None:
        return None
    bare = np.flatnonzero(np.array([not name for name in names], dtype=np.bool_)[values.codes])
    if len(bare) and not gaps:
        where = f"{table.source}, column {quoted(column)}"
        raise _without_label([table.places[row] for row in bare.tolist()], where)
    return values.renamed(names)


def _without_label(bare: Sequence[str], where: str) -> DataError:
    return DataError(
        f"{len(bare):,} row{'s' if len(bare) > 1 else ''} without label: {_first(bare)}",
        where=where,
        expected="a label in every row",
        todo="Fill them in or drop these rows",
    )


def _named(
    labels: list[str], table: Table, values: Values, label_names: Mapping[str, str] | None, where: str
) -> tuple[str, ...]:
    """Labels under the names that the user or the table gives them."""
    if label_names is not None:
        return rename(labels, label_names, source=where)
    # The table's names belong to its ClassLabel column, whose ids are strings; another may be chosen.
    own = all(isinstance(value, str) for value in values) and set(labels) <= set(table.label_names)
    return rename(labels, table.label_names, source=where) if own else tuple(labels)


def _spelled(values: Values, places: Sequence[str], where: str) -> Sequence[str | None]:
    """Each value as a string, None where it is missing."""
    if are_strings(values):
        return values if isinstance(values, Held) else list(values)  # type: ignore[arg-type]  # the line above
    plain = mapped(values, _plain)
    strange = [place for value, place in zip(plain, places, strict=True) if not _is_single(value)]
    if strange:
        kind = next(type(value).__name__ for value in plain if not _is_single(value))
        raise DataError(
            f"type {kind} instead of text: {_first(strange)}", where=where, expected="text, or a single value"
        )
    # pandas turns whole numbers with a gap among them into 1.0, 2.0, ...
    whole = all(_is_missing(value) or _is_whole(value) for value in plain)
    return mapped(values, partial(_spelling, whole=whole))


def _spelling(value: object, whole: bool) -> str | None:
    """A single value as a string. `whole`: all of its column are whole numbers."""
    value = _plain(value)
    if _is_missing(value):
        return None
    if isinstance(value, float) and whole:
        return str(int(value))
    return json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)


def _without_gap(text: str | None) -> str:
    return "" if text is None else text


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _is_single(value: object) -> bool:
    return _is_missing(value) or isinstance(value, (str, bool, int, float, Decimal, date))


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _is_whole(value: object) -> bool:
    return type(value) is int or (isinstance(value, float) and value.is_integer())


def _is_missing(value: object) -> bool:
    """None, NaN, and the missing values of pandas, which need not be imported here."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or type(value).__name__ in _PANDAS_MISSING


_PANDAS_MISSING = ("NAType", "NaTType")


# ---------------------------------------------------------------- finding


def _find_text(table: Table, given: str | None, taken: str | None) -> tuple[str, str]:
    if given is not None:
        found = _match(given, table.columns)
        assert found is not None  # checked with all that was given
        return found, "given"
    labels = {_match(known, table.columns) for known in LABEL_NAMES} | {taken}
    strings = [name for name, values in table.columns.items() if name not in labels and _holds_strings(values)]
    for known in TEXT_NAMES:
        found = _match(known, strings)
        if found is not None:
            return found, f"named {quoted(found)}"
    if len(table.columns) == 1 and strings:
        return strings[0], "the only column"
    lengths = {name: _mean_length(table.columns[name]) for name in strings if _looks_like_text(table.columns[name])}
    by_length = sorted(lengths, key=lambda name: -lengths[name])
    if not by_length:
        raise DataError(
            f"no text column found among {_listed(table, list(table.columns))}",
            where=table.source,
            expected="one called text, review, sentence or the like, or one that holds sentences",
            todo="Name it with --text COLUMN",
        )
    best = by_length[0]
    rivals = [name for name in by_length if lengths[best] < CLEARLY_LONGER * lengths[name]]
    if len(rivals) > 1:
        raise _undecided(table, rivals, "text")
    return best, f"the longest text (mean {lengths[best]:.0f} characters)"


def _find_label(table: Table, text: str, need_label: bool) -> tuple[str | None, str]:
    others = {name: values for name, values in table.columns.items() if name != text}
    for known in LABEL_NAMES:
        found = _match(known, others)
        if found is None:
            continue
        if not need_label and any(_is_missing(value) or value == "" or _is_list(value) for value in others[found]):
            return None, f"{quoted(found)} does not hold one label in every row"
        return found, f"named {quoted(found)}"
    if not need_label:
        return None, "no column with a known name"
    counts = {name: _label_count(values) for name, values in others.items()}
    likely = [name for name, count in counts.items() if count]
    if not likely:
        raise DataError(
            f"no label column found among {_listed(table, list(table.columns))}",
            where=table.source,
            expected=f"one called label, class, sentiment or the like, or one of 2 to {MOST_LABELS} values that repeat",
            todo="Name it with --label COLUMN",
        )
    if len(likely) > 1:
        raise _undecided(table, likely, "label")
    found = likely[0]
    if found in others[found]:
        raise DataError(
            f"the first line looks like a row, not like a header: {quoted(found)} is among the values below it",
            where=table.source,
            expected="a first line with the names of the columns, such as text,label",
            todo=f"Add it; if {quoted(found)} is a name after all, give --label {found}",
        )
    return found, f"{counts[found]} distinct values"


def _match(name: str, columns: Iterable[str]) -> str | None:
    """The column of that name: exactly, else the only one that differs by case, outer spaces or how its
    letters are composed."""
    columns = list(columns)
    if name in columns:
        return name
    alike = [column for column in columns if _folded(column) == _folded(name)]
    return alike[0] if len(alike) == 1 else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _holds_strings(values: Values) -> bool:
    return any(isinstance(value, str) for value in values)


def _looks_like_text(values: Values) -> bool:
    """Mostly different strings, most of them of several words or of another script than Latin."""
    keys, wordy = array("q"), 0
    for value in values:
        if isinstance(value, str):
            keys.append(hash(value))
            wordy += " " in value.strip() or not value.isascii()
    return len(np.unique(np.frombuffer(keys, np.int64))) >= len(keys) / 2 and wordy >= WORDY * len(keys)


def _mean_length(values: Values) -> float:
    characters = strings = 0
    for value in values:
        if isinstance(value, str):
            characters, strings = characters + len(value), strings + 1
    return characters / strings


def _label_count(values: Values) -> int:
    """How many labels a column seems to hold; 0 if it does not look like labels: constant, too many
    values, or hardly any value twice, as in a column of numbers or ids."""
    distinct: set[object] = set()
    for value in values:
        if _is_missing(value):
            continue
        if not isinstance(value, (str, bool, int, float, np.generic)):
            return 0
        distinct.add(value)
        if len(distinct) > MOST_LABELS:
            return 0
    return len(distinct) if 2 <= len(distinct) <= len(values) / 2 else 0


def _undecided(table: Table, names: Sequence[str], role: str) -> DataError:
    return DataError(
        f"{len(names)} columns could be the {role}: {_listed(table, names)}",
        where=table.source,
        todo=f"Name it with --{role} COLUMN",
    )


def _listed(table: Table, names: Sequence[str]) -> str:
    """Columns, each with a value of it."""
    shown = []
    for name in names[:SHOWN]:
        sample = next((value for value in table.columns[name] if not _is_missing(value)), None)
        shown.append(f"{quoted(name, 40)} ({'empty' if sample is None else quoted(str(sample), 30)})")
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(shown) + more


def _first(places: Sequence[str]) -> str:
    more = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
    return ", ".join(places[:SHOWN]) + more
