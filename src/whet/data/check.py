"""A look at labelled text before anything is computed from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from whet.data.places import hashes, in_both, repeated
from whet.errors import DataError, quoted
from whet.records import Checked, Columns, Examples, Finding

HEAD_ROWS = 5
PLACES = 10
MANY_DUPLICATES = 0.01
"""Share of surplus copies from which they are a warning."""

DOMINANT = 0.9
_ORDER = {"error": 0, "warning": 1, "info": 2}


def check(sides: Mapping[str, Examples], columns: Columns, *, source: str) -> Checked:
    """What a reader of the data should know: sizes, first rows, label counts and findings, worst first.

    `sides` are the rows as they came, by the names train, validation and test. Texts, of pairs both, are
    compared exactly; texts that are empty or only white space are counted on their own and nowhere else.
    Raises nothing: see `raise_errors`.
    """
    findings: list[Finding] = []
    train = sides.get("train")
    for side, examples in sides.items():
        findings += _empty(side, examples)
        findings += _duplicates(side, examples)
        if train is not None and side != "train":
            findings += _overlap(side, examples, train)
            findings += _unknown_labels(side, examples, train)
    if train is not None and train.labels is not None:
        findings += _label_balance(train, train.labels)
        findings += _contradictions(train, train.labels)
    if train is not None and train.several is not None:
        findings += _several_balance(train, train.several)
        findings += _contradictions(train, [", ".join(sorted(labels)) for labels in train.several])
    if train is not None and train.values is not None:
        findings += _value_balance(train, train.values)
    findings.sort(key=lambda finding: _ORDER[finding.severity])
    first = train if train is not None else next(iter(sides.values()), None)
    return Checked(
        source=source,
        columns=columns,
        rows={side: len(examples.texts) for side, examples in sides.items()},
        head=() if first is None else _head(first),
        label_counts={
            side: dict(sorted(Counter(label for row in labels for label in row).items()))
            for side, examples in sides.items()
            if (labels := _each(examples)) is not None
        },
        findings=tuple(findings),
        head_pairs=() if first is None or first.pairs is None else first.pairs[:HEAD_ROWS],
        values={side: _spread(rows.values) for side, rows in sides.items() if rows.values},
    )


def raise_errors(checked: Checked) -> None:
    """Raises one DataError that tells all findings of severity error; returns where there is none."""
    faults = [
        DataError(finding.message.removesuffix(".")) for finding in checked.findings if finding.severity == "error"
    ]
    if faults:
        first, *more = faults
        raise DataError(first.saw, more=more)


def _head(examples: Examples) -> tuple[tuple[str, str], ...]:
    texts = examples.texts[:HEAD_ROWS]
    if examples.values is not None:
        labels = [f"{value:g}" for value in examples.values[:HEAD_ROWS]]
    else:
        each = _each(examples) or ((),) * len(texts)
        labels = [", ".join(row) for row in each[:HEAD_ROWS]]
    return tuple(zip(texts, labels, strict=True))


def _each(examples: Examples) -> Sequence[tuple[str, ...]] | None:
    """The labels of each row, where rows have labels."""
    if examples.labels is not None:
        return [(label,) for label in examples.labels]
    return examples.several


def _spread(values: Sequence[float]) -> Mapping[str, float]:
    numbers = np.asarray(values, dtype=np.float64)
    found = {
        "least": numbers.min(), "median": np.median(numbers), "mean": numbers.mean(), "most": numbers.max(),
        "deviation": numbers.std(),
    }  # fmt: skip
    return {name: float(value) for name, value in found.items()}


def _keys(examples: Examples) -> Sequence[str]:
    """What is compared of each row: its text, of a pair both; '' where there is nothing to compare."""
    if examples.pairs is None:
        return examples.texts
    both = zip(examples.texts, examples.pairs, strict=True)
    return [f"{len(text)} {text} {pair}" if text.strip() or pair.strip() else "" for text, pair in both]


def _text(examples: Examples) -> str:
    return "text" if examples.pairs is None else "pair of texts"


def _texts(examples: Examples) -> str:
    return "texts" if examples.pairs is None else "pairs of texts"


def _empty(side: str, examples: Examples) -> Iterable[Finding]:
    """Texts without a visible character."""
    seconds = examples.pairs or examples.texts
    rows = [i for i, text in enumerate(examples.texts) if not text.strip() or not seconds[i].strip()]
    if not rows:
        return
    total = len(examples.texts)
    if 2 * len(rows) > total:
        fault = DataError(
            f"{len(rows):,} of {_rows(total)} have an empty text ({_where(examples, rows)})",
            where=examples.source,
            expected="text in at least half of the rows",
            todo="Name the column that holds the text with --text",
        )
        yield Finding("empty_texts", "error", len(rows), fault.message, _places(examples, rows))
        return
    have = "has" if len(rows) == 1 else "have"
    message = (
        f"{examples.source}: {len(rows):,} of {_rows(total)} {have} an empty text ({_where(examples, rows)}). "
        f"Such rows are {'trained on' if side == 'train' else 'scored'} as they are; remove them if they mean nothing."
    )
    yield Finding("empty_texts", "warning", len(rows), message, _places(examples, rows))


def _duplicates(side: str, examples: Examples) -> Iterable[Finding]:
    """Rows beyond the first of each text."""
    seen: set[str] = set()
    surplus = []
    keys = _keys(examples)
    for i in repeated(hashes(keys)):
        text = keys[i]
        if text in seen and text.strip():
            surplus.append(i)
        seen.add(text)
    if not surplus:
        return
    many = len(surplus) >= MANY_DUPLICATES * len(examples.texts)
    message = (
        f"{examples.source}: {_rows(len(surplus))} of {len(examples.texts):,} "
        f"{'repeats' if len(surplus) == 1 else 'repeat'} the {_text(examples)} of an earlier row "
        f"({_where(examples, surplus)}). "
        + ("A split keeps copies on one side. " if side == "train" else "")
        + "Remove them if they were not meant."
    )
    yield Finding("duplicate_texts", "warning" if many else "info", len(surplus), message, _places(examples, surplus))


def _overlap(side: str, examples: Examples, train: Examples) -> Iterable[Finding]:
    """Texts that train has too. Counted are distinct texts; the message adds their rows."""
    keys = _keys(examples)
    known = in_both(keys, _keys(train))
    rows = [i for i, text in enumerate(keys) if text in known and text.strip()]
    if not rows:
        return
    texts = len({keys[i] for i in rows})
    stand = f"{_text(examples)} stands" if texts == 1 else f"distinct {_texts(examples)} stand"
    copies = f", in {_rows(len(rows))} of {side}" if len(rows) != texts else ""
    message = (
        f"{examples.source}: {texts:,} {stand} in {train.source} too{copies} ({_where(examples, rows)}). "
        f"The {side} score is flattered by what was learnt by heart; remove the rows from one of the two."
    )
    yield Finding("texts_in_train", "warning", texts, message, _places(examples, rows))


def _unknown_labels(side: str, examples: Examples, train: Examples) -> Iterable[Finding]:
    """Labels that cannot be answered because train lacks them."""
    each, those = _each(examples), _each(train)
    if each is None or those is None:
        return
    known = {label for row in those for label in row}
    rows = [i for i, labels in enumerate(each) if not known.issuperset(labels)]
    if not rows:
        return
    counts = Counter(label for i in rows for label in each[i] if label not in known)
    fault = DataError(
        f"labels that the training side lacks: {_list([f'{quoted(n)} ({_rows(c)})' for n, c in counts.items()])}",
        where=examples.source,
        expected=f"only {_list([quoted(name) for name in sorted(known)])}",
        todo=f"Add rows with these labels to the training data or drop them from {side}",
    )
    yield Finding("unknown_labels", "error", len(rows), fault.message, _places(examples, rows))


def _label_balance(train: Examples, labels: Sequence[str]) -> Iterable[Finding]:
    """One label only, labels of a single row, a label of nearly all rows."""
    counts = Counter(labels)
    if len(counts) < 2:
        only = ", ".join(quoted(name) for name in counts)
        fault = DataError(
            f"only one label in the training rows: {only}" if counts else "no labels in the training rows",
            where=train.source,
            expected="two labels or more, so that there is something to tell apart",
            todo="Add rows of another class, or name another column with --label",
        )
        yield Finding("one_label", "error", len(counts), fault.message)
        return
    lone = {name for name, count in counts.items() if count < 2}
    if lone:
        rows = [i for i, label in enumerate(labels) if label in lone]
        named = [f"{quoted(labels[i])} at {train.places[i]}" for i in rows]
        message = (
            f"{train.source}: {_labels(len(lone))} with a single row: {_list(named)}. "
            "A share for test or validation cannot hold such a label; add rows, or merge it with another label."
        )
        yield Finding("rare_labels", "warning", len(lone), message, _places(train, rows))
    name, count = max(counts.items(), key=lambda item: item[1])
    total = sum(counts.values())
    if count > DOMINANT * total:
        message = (
            f"{train.source}: {100 * count / total:.1f} % of {_rows(total)} have the label {quoted(name)}. "
            "Always answering it scores as much accuracy; look at macro-F1 and the scores of each label."
        )
        yield Finding("dominant_label", "info", count, message)


def _several_balance(train: Examples, several: Sequence[tuple[str, ...]]) -> Iterable[Finding]:
    """No label at all, labels of a single row, rows without any label."""
    counts = Counter(label for row in several for label in row)
    if not counts:
        fault = DataError(
            "no row has a label", where=train.source, expected="labels in some of the training rows",
            todo="Name another column with --label",
        )  # fmt: skip
        yield Finding("one_label", "error", 0, fault.message)
        return
    lone = sorted(name for name, count in counts.items() if count < 2)
    if lone:
        message = (
            f"{train.source}: {_labels(len(lone))} with a single row: {_list([quoted(name) for name in lone])}. "
            "A model can hardly learn such a label; add rows, or merge it with another label."
        )
        yield Finding("rare_labels", "warning", len(lone), message)
    without = [i for i, labels in enumerate(several) if not labels]
    if without:
        have = "has" if len(without) == 1 else "have"
        message = (
            f"{train.source}: {len(without):,} of {_rows(len(several))} {have} no label ({_where(train, without)})."
        )
        yield Finding("no_labels", "info", len(without), message, _places(train, without))


def _value_balance(train: Examples, values: Sequence[float]) -> Iterable[Finding]:
    """Nothing but one number."""
    if len(set(values)) < 2:
        fault = DataError(
            f"every training row has the number {values[0]:g}" if values else "no numbers in the training rows",
            where=train.source, expected="numbers that differ, so that there is something to learn",
            todo="Name another column with --label",
        )  # fmt: skip
        yield Finding("one_value", "error", len(set(values)), fault.message)


def _contradictions(train: Examples, labels: Sequence[str]) -> Iterable[Finding]:
    """Equal texts under different labels."""
    first: dict[str, str] = {}
    mixed: dict[str, None] = {}
    keys = _keys(train)
    for i in repeated(hashes(keys)):
        text = keys[i]
        if first.setdefault(text, labels[i]) != labels[i] and text.strip():
            mixed[text] = None
    if not mixed:
        return
    rows = [i for i, text in enumerate(keys) if text in mixed]
    stand = f"{_text(train)} stands" if len(mixed) == 1 else f"{_texts(train)} stand"
    message = (
        f"{train.source}: {len(mixed):,} {stand} under different labels ({_where(train, rows)}). "
        "No model can answer both; decide for one label or remove the rows."
    )
    yield Finding("contradictory_labels", "warning", len(mixed), message, _places(train, rows))


# ---------------------------------------------------------------- words


def _places(examples: Examples, rows: Sequence[int]) -> tuple[str, ...]:
    return tuple(examples.places[i] for i in rows[:PLACES])


def _where(examples: Examples, rows: Sequence[int]) -> str:
    """The first places in a message; the finding holds more of them."""
    return ", ".join(examples.places[i] for i in rows[:3]) + (", …" if len(rows) > 3 else "")


def _list(items: Sequence[str]) -> str:
    return ", ".join(items[:PLACES]) + (", …" if len(items) > PLACES else "")


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _labels(count: int) -> str:
    return f"{count:,} label" if count == 1 else f"{count:,} labels"
