"""Small sides of data for the doctor's tests: (text, label) rows that stand from line 2 on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whet.data.doctor.part import Part, part_of
from whet.records import Checked, Examples, Finding

Rows = Sequence[tuple[str, str]]
CLEAN = [("good film", "pos"), ("bad film", "neg"), ("fine film", "pos"), ("poor film", "neg"), ("nice", "pos"),
         ("dull", "neg")]  # fmt: skip


def examples(rows: Rows, source: str = "train.csv") -> Examples:
    texts, labels = zip(*rows, strict=True) if rows else ((), ())
    return Examples(source, texts, labels, tuple(f"line {i + 2}" for i in range(len(rows))), tuple(range(len(rows))))


def part(rows: Rows, side: str = "train") -> Part:
    return part_of(side, examples(rows, f"{side}.csv"))


def texts(*them: str) -> Part:
    return part([(text, "ab"[i % 2]) for i, text in enumerate(them)])


def only(found: Checked | Iterable[Finding], code: str = "") -> Finding:
    """The one finding there is, or the one of that code."""
    findings = found.findings if isinstance(found, Checked) else found
    (finding,) = [finding for finding in findings if not code or finding.code == code]
    return finding
