"""Finished runs beside each other, on the test rows that they share. Loads no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whet.artifacts import sidefile
from whet.errors import MissingExtraError, ModelError, ScoreError, UsageError
from whet.labels import Kind, LabelSet
from whet.records import Scores, Targets
from whet.runs.run_folder import RunFolder
from whet.score import required, several, values
from whet.score.compare import COMPARED, Comparison, paired
from whet.score.judge import default_thresholds
from whet.score.metrics import classification

NOT_WORSE, DIFFERENCE = "not-worse", "difference"
PORTION = 50_000  # rows that are read at a time
SHOWN: Mapping[Kind, tuple[str, ...]] = {
    "one": ("accuracy", "macro_f1", "f1"), "several": ("macro_f1", "micro_f1", "accuracy"),
    "value": ("pearson", "spearman", "mae", "rmse"),
}  # fmt: skip

Key = tuple[int, bytes]
"""The number of a row in its table and a digest of its text, or both of a pair."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run among others."""

    name: str
    model: str
    """What it was trained from."""
    test_rows: int
    """That it was scored on."""
    scores: Mapping[str, float]
    """On the rows that all share."""
    train_seconds: float
    size: int
    """Bytes of its model/ folder."""
    rows_a_second: float | None
    """Of its own evaluation of the test rows, whose tokens were made before. None where it kept no events."""
    device: str
    threads: int
    against_first: Comparison | None
    """The difference to the first run; None of the first itself."""
    p: float | None
    """Of the difference; of several runs after Holm (1979), for of many differences some look large by chance."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs on the test rows that they share."""

    metric: str
    """What is compared."""
    rows: int
    relabelled: int
    """Rows that all share and that are left out, for the runs were told other answers to them."""
    runs: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a run answered: answers by name, as in predictions.parquet."""

    name: str
    folder: RunFolder
    labels: LabelSet
    rows: Mapping[Key, int]
    """Key to place in the two lists."""
    true: Sequence[Any]
    given: Sequence[Any]


def compare(folders: Sequence[RunFolder]) -> Compared:
    """The runs on the test rows that all share, each against the first, by what decides in their task.

    Raises UsageError for fewer than two runs, runs of other tasks or labels, and runs without a shared row; ModelError
    for one that kept no answers.
    """
    if len(folders) < 2:
        raise UsageError("one run alone", where="compare", expected="two runs or more")
    answers = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    first = answers[0]
    for other in answers[1:]:
        _check_alike(first, other)
    keys = [key for key in first.rows if all(key in other.rows for other in answers)]
    kept = [key for key in keys if all(_true(other, key) == _true(first, key) for other in answers)]
    if not kept:
        raise UsageError(
            f"{', '.join(each.name for each in answers)} share no test row with the same answer",
            where="compare",
            todo="Score them on the same rows: whet train DATA --test FILE",
        )
    true = _targets([_true(first, key) for key in kept], first.labels)
    given = [_targets([each.given[each.rows[key]] for key in kept], first.labels) for each in answers]
    kind = first.labels.kind
    found = [paired(true, mine, given[0], kind, first.name) for mine in given[1:]]
    adjusted = holm([each.p for each in found])
    entries = [
        _entry(each, _scores(true, mine, first.labels), kind, difference, p)
        for each, mine, difference, p in zip(answers, given, [None, *found], [None, *adjusted], strict=True)
    ]
    return Compared(COMPARED[kind], len(kept), len(keys) - len(kept), tuple(entries))


def parse(written: str | None) -> required.Requirement | None:
    """What is required of every run but the first: None of `not-worse`, else `difference>=X`. UsageError otherwise."""
    if written is None or written.strip() == NOT_WORSE:
        return None
    expected = f"{NOT_WORSE}, or {DIFFERENCE}>=NUMBER such as {DIFFERENCE}>=-0.01"
    try:
        (asked,) = required.parse(written)
    except (UsageError, ValueError):
        raise UsageError(f"cannot read {written!r}", where="--require", expected=expected) from None
    if (asked.name, asked.label, asked.least) != (DIFFERENCE, None, True):
        raise UsageError(f"cannot read {written!r}", where="--require", expected=expected)
    return asked


def refusal(found: Compared, asked: required.Requirement | None) -> ScoreError | None:
    """The fault of the runs that are not as required: surely worse than the first, where the whole 95 % interval of
    the difference is below 0; or, where a difference is asked for, those whose interval begins below it."""
    faults = []
    for each in found.runs:
        against = each.against_first
        if against is None:
            continue
        low, high = against.interval
        if high < 0 if asked is None else low < asked.bound:
            what = "not-worse" if asked is None else str(asked)
            told = f"{found.metric} {against.difference:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}"
            saw = f"{each.name} against {against.against}: {what} is not met: {told}, on {found.rows:,} rows"
            faults.append(ScoreError(saw))
    if not faults:
        return None
    first, *more = faults
    return ScoreError(first.saw, more=more)


def _read(folder: RunFolder, name: str) -> _Answers:
    try:
        import pyarrow as pa
        from pyarrow import compute, parquet
    except ImportError:
        raise MissingExtraError(
            "reading predictions.parquet needs pyarrow, which is not installed",
            where="compare",
            todo='Run: pip install "whet[parquet]"',
        ) from None
    path = folder.path / "predictions.parquet"
    expected = "a finished run that was scored on test rows"
    if folder.bare or not path.is_file():
        raise ModelError("no predictions.parquet", where=str(folder.path), expected=expected)
    rows: dict[Key, int] = {}
    true: list[Any] = []
    given: list[Any] = []
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            answer = next(name for name in ("value", "labels", "label") if name in names)
            texts = [name for name in ("text", "text2") if name in names]
            side = ["side"] if "side" in names else []  # which runs of an earlier whet lack: theirs are test rows
            for portion in file.iter_batches(PORTION, columns=["row_id", *side, *texts, answer, "predicted"]):
                if side:
                    portion = portion.filter(compute.equal(portion.column("side"), "test"))
                parts = [portion.column(name).to_pylist() for name in texts]
                digests = map(_digest, zip(*parts, strict=True))
                for key in zip(portion.column("row_id").to_pylist(), digests, strict=True):
                    rows[key] = len(rows)
                true += portion.column(answer).to_pylist()
                given += portion.column("predicted").to_pylist()
    except (pa.ArrowInvalid, KeyError, StopIteration) as fault:
        raise ModelError(f"{path.name} is damaged: {fault}", where=str(folder.path)) from None
    if not rows:
        raise ModelError(f"no test rows in {path.name}", where=str(folder.path), expected=expected)
    return _Answers(name, folder, sidefile.labels_of(sidefile.read(folder.model)), rows, true, given)


def _digest(texts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()[:16]


def _check_alike(first: _Answers, other: _Answers) -> None:
    one, two = first.labels, other.labels
    same = one.kind == two.kind and (one.kind == "value" or set(one.names) == set(two.names))
    if not same:
        raise UsageError(
            f"{first.name} answers {', '.join(one.names)} ({one.task}), {other.name} "
            f"{', '.join(two.names)} ({two.task})",
            where="compare",
            expected="runs with the same labels",
        )


def _true(answers: _Answers, key: Key) -> Any:
    """The answer that a row should have; of several labels in any order."""
    found = answers.true[answers.rows[key]]
    return frozenset(found) if isinstance(found, list) else found


def _targets(answers: Sequence[Any], labels: LabelSet) -> Targets:
    """Answers by name as ids [B], marks [B, C] or values [B]."""
    if labels.kind == "value":
        return np.array(answers, dtype=np.float64)
    if labels.kind == "several":
        return np.array([[name in row for name in labels.names] for row in answers], dtype=np.bool_)
    ids = {name: index for index, name in enumerate(labels.names)}
    return np.array([ids[name] for name in answers], dtype=np.int64)


def _entry(answers: _Answers, scores: Scores, kind: Kind, against: Comparison | None, p: float | None) -> Entry:
    folder = answers.folder
    run, metrics = folder.read("run.json"), folder.read("metrics.json")
    shown = {name: getattr(scores, name, None) for name in SHOWN[kind]}
    return Entry(
        name=answers.name,
        model=run["settings"]["model"]["value"],
        test_rows=len(answers.rows),
        scores={name: value for name, value in shown.items() if value is not None},
        train_seconds=metrics["seconds"]["train"],
        size=sum(file.stat().st_size for file in folder.model.rglob("*") if file.is_file()),
        rows_a_second=_speed(folder),
        device=str(run["device"]["value"]),
        threads=int(run["threads"]["value"]),
        against_first=against,
        p=p,
    )


def _scores(true: Any, given: Any, labels: LabelSet) -> Scores:
    if labels.kind == "value":
        return values.scores(true, given)
    if labels.kind == "one":
        return classification(true, given, labels)
    return several.scores(true, given, labels, default_thresholds(labels))  # which are not told


def _speed(folder: RunFolder) -> float | None:
    judged = [each for each in folder.events() if each["kind"] == "evaluation" and each["side"] == "test"]
    if not judged or not judged[-1]["seconds"]:
        return None
    return float(judged[-1]["metrics"]["rows"] / judged[-1]["seconds"])


def holm(chances: Sequence[float]) -> list[float]:
    """P values adjusted for how many there are."""
    adjusted, least = [0.0] * len(chances), 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        least = max(least, min(1.0, (len(chances) - rank) * chances[index]))
        adjusted[index] = least
    return adjusted


def _names(folders: Sequence[RunFolder]) -> list[str]:
    """The names of run folders, with their places where two are called alike."""
    short = [folder.path.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else [str(folder.path) for folder in folders]
