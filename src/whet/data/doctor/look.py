"""A look at labelled text before anything is computed from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from whet.data.doctor import copies, groups, letters, names, roles, tasks
from whet.data.doctor.part import Part, labelled, part_of
from whet.errors import DataError
from whet.records import Checked, Columns, Examples, Finding

HEAD_ROWS = 5
EXACT = (
    "missing_labels", "unknown_labels", "one_label", "label_spellings", "small_classes", "imbalance", "empty_texts",
    "duplicate_texts", "texts_in_train", "contradictory_labels", "html", "mojibake", "scripts", "id_column",
    "label_in_text",
)  # fmt: skip
"""The codes of what is told by comparing and counting."""

_ORDER = {"error": 0, "warning": 1, "info": 2}


def check(sides: Mapping[str, Examples], columns: Columns, *, source: str, drawn: int = 2) -> Checked:
    """What a reader of the data should know: sizes, first rows, label counts and findings, worst first.

    `sides` are the rows as they came, by the names train, validation and test; a label that is ''
    is missing. `drawn`: how many further sides a split will take from train. Texts are compared
    exactly; empty ones are counted on their own. Raises nothing: see `raise_errors`.
    """
    parts = {side: part_of(side, examples) for side, examples in sides.items()}
    first = sides.get("train") or next(iter(sides.values()), None)
    checked = Checked(
        source=source,
        columns=columns,
        rows={side: len(examples.texts) for side, examples in sides.items()},
        head=() if first is None else _head(first),
        label_counts={
            side: dict(sorted(Counter(filter(None, each)).items()))
            for side, part in parts.items()
            if (each := _each_label(part)) is not None
        },
        looked_for=EXACT,
        findings=in_order(_findings(parts, drawn)),
        head_pairs=() if first is None or first.pairs is None else tuple(first.pairs[:HEAD_ROWS]),
        values={side: tasks.spread(part.values) for side, part in parts.items() if part.values},
    )
    is_grouped = first is not None and first.groups is not None
    return with_more(checked, [groups.CODE], groups.findings(sides)) if is_grouped else checked


def with_more(checked: Checked, codes: Iterable[str], findings: Iterable[Finding]) -> Checked:
    """The same with what was looked for besides; findings of the same codes give way."""
    codes = tuple(codes)
    kept = [finding for finding in checked.findings if finding.code not in codes]
    looked_for = tuple(dict.fromkeys((*checked.looked_for, *codes)))
    return replace(checked, looked_for=looked_for, findings=in_order([*kept, *findings]))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Worst first; else as they were found."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))


def as_json(checked: Checked) -> dict[str, Any]:
    """The same for `--json` and findings.json: the findings by code, one key for each that was looked
    for, and there by side."""
    found: dict[str, dict[str, Any]] = {code: {} for code in checked.looked_for}
    for finding in checked.findings:
        told = asdict(finding)
        found[told.pop("code")][told.pop("side")] = told
    return {
        "source": checked.source,
        "columns": asdict(checked.columns),
        "rows": dict(checked.rows),
        "head": [list(row) for row in checked.head],
        "head_pairs": list(checked.head_pairs),
        "label_counts": {side: dict(counts) for side, counts in checked.label_counts.items()},
        "values": {side: dict(spread) for side, spread in checked.values.items()},
        "findings": found,
        "notices": list(checked.notices),
    }


def raise_errors(checked: Checked, allowed: Iterable[str] = ()) -> None:
    """Raises one DataError that tells all findings of severity error but those of `allowed` codes."""
    faults = [
        DataError(finding.message, todo=finding.todo)
        for finding in checked.findings
        if finding.severity == "error" and finding.code not in allowed
    ]
    if faults:
        first, *more = faults
        raise DataError(first.saw, todo=first.todo, more=more)


def _findings(parts: Mapping[str, Part], drawn: int) -> Iterable[Finding]:
    train = parts.get("train")
    known = None if train is None or train.labels is None else labelled(train)
    for side, part in parts.items():
        yield from names.missing(part)
        yield from copies.empty(part)
        yield from copies.duplicates(part)
        if train is not None and side != "train":
            yield from copies.overlap(part, train)
        if part.labels is not None:
            yield from _label_findings(labelled(part), known, drawn)
        elif part.several is not None:
            yield from tasks.several(part, train)
        elif part.values is not None and side == "train":
            yield from tasks.values(part)
        yield from letters.html(part)
        yield from letters.mojibake(part)
        yield from letters.scripts(part)
        yield from roles.ids(part)


def _label_findings(part: Part, train: Part | None, drawn: int) -> Iterable[Finding]:
    """What needs labels; both parts have one in every row."""
    if part.side == "train":
        yield from names.spellings(part)
        yield from names.balance(part, drawn)
    elif train is not None:
        yield from names.spellings(part, train)
        yield from names.unknown(part, train)
    yield from copies.contradictions(part)
    yield from roles.answers(part)


def _head(examples: Examples) -> tuple[tuple[str, str], ...]:
    texts = examples.texts[:HEAD_ROWS]
    if examples.values is not None:
        labels = [f"{value:g}" for value in examples.values[:HEAD_ROWS]]
    elif examples.several is not None:
        labels = [", ".join(row) for row in examples.several[:HEAD_ROWS]]
    else:
        labels = list((examples.labels or ("",) * len(texts))[:HEAD_ROWS])
    return tuple(zip(texts, labels, strict=True))


def _each_label(part: Part) -> Iterable[str] | None:
    """The labels of all rows, one by one; None where rows have none."""
    return part.labels if part.several is None else (label for row in part.several for label in row)
