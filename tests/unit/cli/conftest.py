"""A stand-in for the pipeline: the same names, answers at once, and a note of every call."""

from __future__ import annotations

import io
import math
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from rich.console import Console

from whet.cli import main
from whet.comparison import Compared, Entry
from whet.labels import LabelSet
from whet.prediction.predictor import Chosen
from whet.records import (
    Checked,
    ClassScore,
    Columns,
    Evaluation,
    Finding,
    Inputs,
    Metrics,
    Notice,
    Prediction,
    Stage,
    StepRecord,
)
from whet.score.compare import Comparison
from whet.score.metrics import as_json
from whet.score.required import Judged, Requirement, judge
from whet.settings.config import Resolved


@dataclass(frozen=True)
class TokenView:
    text: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    kept: tuple[bool, ...]
    max_length: int


@dataclass(frozen=True)
class Evaluated:
    metrics: Metrics
    seconds: float
    source: str
    json: dict[str, object]
    notices: tuple[str, ...] = ("text: review (given)",)
    requirements: tuple[Judged, ...] = ()
    output: Path | None = None


@dataclass
class Run:
    path: Path = Path("runs/reviews-embedded-1a2b3c")
    labels: LabelSet = LabelSet(("negative", "positive"), "positive", "by its name")
    asked: list[list[str]] = field(default_factory=list)
    inputs: Inputs = Inputs("text")
    fingerprint: str = "that of a stand-in"
    chosen: Chosen = Chosen(Path("runs/reviews-embedded-1a2b3c/model"), "torch")
    report: Path | None = Path("runs/reviews-embedded-1a2b3c/report.html")

    def predict(
        self, texts: Sequence[str], *, logits: bool = False, min_confidence: float | None = None
    ) -> list[Prediction]:
        self.asked.append(list(texts))
        answers = [prediction(text, 0.9988 if "terrible" not in text else 0.0314) for text in texts]
        if not logits:
            return answers
        odds = [math.log(one.probabilities["positive"] / one.probabilities["negative"]) for one in answers]
        return [replace(one, logits=(0.0, each)) for one, each in zip(answers, odds, strict=True)]

    @property
    def predictor(self) -> Run:
        return self

    def stream(self, texts: Iterable[str], *, min_confidence: float | None = None) -> Iterator[list[Prediction]]:
        """In chunks of two."""
        answers = self.predict(list(texts))
        for start in range(0, len(answers), 2):
            yield answers[start : start + 2]


@dataclass(frozen=True)
class Finished:
    run: Run
    metrics: Mapping[str, object]
    verdict: str
    resumed_finished: bool = False


def prediction(text: str, positive: float, *, truncated: bool = False) -> Prediction:
    names = ("negative", "positive")
    return Prediction(
        text=text,
        label=names[positive >= 0.5],
        score=max(positive, 1 - positive),
        probabilities={"negative": round(1 - positive, 6), "positive": positive},
        truncated=truncated,
    )


def compared(*, rows: int = 500, relabelled: int = 0, differences: Sequence[float] = (0.05,)) -> Compared:
    """A first run, and others that differ from it by so much."""

    def entry(name: str, accuracy: float, against: Comparison | None) -> Entry:
        scores = {"accuracy": accuracy, "macro_f1": accuracy - 0.01}
        p = None if against is None else against.p
        return Entry(name, "embedded", 500, scores, 754.0, 91_000_000, 1_234.5, "cpu", 2, against, p)

    others = [
        Comparison("old", "accuracy", each, (each - 0.02, each + 0.02), 0.0002 if each > 0.02 else 0.4, 0.031)
        for each in differences
    ]
    runs = [entry(f"new{i}", 0.9 + each.difference, each) for i, each in enumerate(others)]
    return Compared("accuracy", rows, relabelled, (entry("old", 0.9, None), *runs))


def binary_metrics(accuracy: float = 0.9) -> Metrics:
    """Ten rows of each class, a tenth of them wrong on either side."""
    score = ClassScore(precision=0.9, recall=0.9, f1=0.9, support=10)
    return Metrics(
        rows=20, accuracy=accuracy, macro_f1=0.8875, micro_f1=accuracy, weighted_f1=0.89,
        macro_precision=0.9, macro_recall=0.9, weighted_precision=0.9, weighted_recall=0.9,
        classes={"negative": score, "positive": score}, confusion=((9, 1), (1, 9)),
        positive="positive", precision=0.9123, recall=0.8765, f1=0.8941, mcc=0.8,
    )  # fmt: skip


def many_metrics(names: Sequence[str]) -> Metrics:
    """Right but for one row, which is of the first class and taken for the second."""
    size = len(names)
    confusion = [[3 if i == j else 0 for j in range(size)] for i in range(size)]
    confusion[0][1] = 1
    return Metrics(
        rows=3 * size + 1, accuracy=0.95, macro_f1=0.94, micro_f1=0.95, weighted_f1=0.93,
        macro_precision=0.92, macro_recall=0.91, weighted_precision=0.9, weighted_recall=0.89,
        classes={name: ClassScore(0.75, 0.5, 0.6, 3) for name in names},
        confusion=tuple(tuple(row) for row in confusion),
    )  # fmt: skip


def training_metrics() -> dict[str, object]:
    return {
        "task": "binary",
        "test": as_json(binary_metrics()),
        "baselines": {"tfidf": as_json(binary_metrics(0.81)), "majority": as_json(binary_metrics(0.5))},
        "seconds": {"train": 130.0, "evaluate": 4.25},
    }


def checked(*findings: Finding) -> Checked:
    return Checked(
        source="reviews.csv",
        columns=Columns("review", "the only column of long texts", "sentiment", "its name"),
        rows={"train": 1500, "test": 500},
        head=(("A film to remember.", "positive"), ("What a waste\nof time\x1b[2J.", "negative")),
        label_counts={"train": {"negative": 500, "positive": 1000}, "test": {"negative": 250, "positive": 250}},
        looked_for=tuple(sorted({"duplicate_texts", "html", *(finding.code for finding in findings)})),
        findings=findings,
        notices=("the columns are separated by ';'",),
    )


def step(number: int, *, steps: int = 300) -> StepRecord:
    return StepRecord(
        step=number, steps=steps, epoch=2 * number / steps, loss=0.4123, learning_rate=5e-5,
        tokens=3210 * number, train_seconds=float(number),
    )  # fmt: skip


def evaluation(*, best: bool = False) -> Evaluation:
    return Evaluation(
        side="validation", step=150, epoch=1.0, loss=0.3014, metrics=binary_metrics(), seconds=3.2, best=best
    )


@dataclass
class FakePipeline:
    """What the stand-in was asked, and what it answers."""

    calls: list[tuple[object, ...]] = field(default_factory=list)
    run: Run = field(default_factory=Run)
    found: Checked = field(default_factory=checked)
    compared: Compared = field(default_factory=lambda: compared())
    resumed: bool = False
    fault: BaseException | None = None

    def check_data(self, data: object, resolved: Resolved, *, exact: bool = False, fix: str | None = None) -> Checked:
        self._note("check_data", data, resolved, exact, fix)
        return self.found

    def show_tokens(self, data: object, resolved: Resolved, row: int) -> TokenView:
        self._note("show_tokens", data, resolved, row)
        return TokenView(
            "a b c", ("[CLS]", "a", "b", "c", "[SEP]"), (101, 7, 8, 9, 102), (True, True, False, False, True), 3
        )

    def follow(self, data: object, resolved: Resolved, *, command: str = "") -> Iterator[object]:
        self._note("follow", data, resolved, command)
        yield Stage("check")
        yield self.found
        yield Stage("model", "embedded MiniLM")
        yield Notice("12 of 1,500 texts are cut at 512 tokens", "warning")
        yield Stage("train")
        for number in range(1, 301):
            yield step(number)
            if number == 150:
                yield evaluation(best=True)
        yield Finished(self.run, training_metrics(), "The model beats TF-IDF by 9.0 points.", self.resumed)

    def load(self, run: str | Path, *, engine: str = "auto") -> Run:
        self._note("load", run)
        return self.run

    def evaluate_run(
        self, run: Run, data: object, resolved: Resolved, requirements: Sequence[Requirement] = ()
    ) -> Evaluated:
        self._note("evaluate_run", run, data, resolved)
        document: dict[str, object] = {"test": as_json(binary_metrics())}
        judged = tuple(judge(requirements, {"accuracy": 0.9, "intervals": {"accuracy": [0.85, 0.95]}}))
        if judged:
            document["requirements"] = [asdict(each) for each in judged]
        return Evaluated(binary_metrics(), 3.5, "other.csv", document, requirements=judged)

    def compare(self, *chosen: str) -> Compared:
        self._note("compare", *chosen)
        return self.compared

    def _note(self, *call: object) -> None:
        self.calls.append(call)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    """The stand-in in the place of whet.pipeline, which is not loaded."""
    import whet

    fake = FakePipeline()
    module = types.ModuleType("whet.pipeline")
    for name in ("check_data", "show_tokens", "follow", "load", "evaluate_run", "compare"):
        setattr(module, name, getattr(fake, name))
    for kind in (TokenView, Evaluated, Run, Finished):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "whet.pipeline", module)
    monkeypatch.setattr(whet, "pipeline", module, raising=False)
    monkeypatch.setattr("whet.run.load", fake.load)
    return fake


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def whet(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command line in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


def page(width: int, *, terminal: bool = False) -> Console:
    """A console that keeps what is printed, without colours."""
    return Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False, markup=False,
        emoji=False, _environ={"TERM": "xterm"},
    )  # fmt: skip


def printed(console: Console) -> str:
    """The page without the spaces that fill its lines."""
    assert isinstance(console.file, io.StringIO)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())
