"""Texts to predictions, in the order of the texts: one face over every kind of model, and which of a run answers.

Loads torch where that is what answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, get_args

from whet.artifacts import sidefile
from whet.data.store import portions
from whet.errors import ModelError, UsageError, did_you_mean
from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Prediction, Usage
from whet.runs.run_folder import RunFolder
from whet.score.judge import probabilities
from whet.sentences.bilingual import said
from whet.settings.config import DeviceName
from whet.settings.values import shown
from whet.system import heap, packages, runtime

Texts = Iterable[str | tuple[str, str]]
"""Single texts, or pairs of them."""

CHUNK_ROWS = 2_048  # texts held as tokens at a time


class Answering(Protocol):
    """A model of any kind, with what its answers mean."""

    @property
    def labels(self) -> LabelSet: ...
    @property
    def usage(self) -> Usage: ...
    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        """Of texts, or pairs of them, [B, C], and which of them were cut [B]."""

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How much work each is [B], in tokens, about: for who shares out time among many, and cheap to ask."""

    def prove(self, *, quick: bool = False) -> None:
        """Raises ModelError unless the test texts of its folder, or the first few of them, are answered as they were
        when it was saved."""


EngineName = Literal["auto", "torch", "onnx", "int8"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
Answers = Literal["torch", "onnx", "int8", "linear"]
"""What a run is answered with; a linear model has an engine of its own."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which model/ or export/ folder of a run answers, and with what."""

    folder: Path
    engine: Answers
    reason: str = ""
    """What there is to say of it; '' where there was no choice."""


class Predictor:
    """A saved model that answers texts. Made by `load`."""

    def __init__(self, loaded: Answering) -> None:
        self._artifact = loaded

    @property
    def labels(self) -> LabelSet:
        return self._artifact.labels

    @property
    def artifact(self) -> Answering:
        """The model and its labels, as its folder has them."""
        return self._artifact

    def predict(self, texts: Texts, *, logits: bool = False, min_confidence: float | None = None) -> list[Prediction]:
        """A prediction for each text, or of a run on pairs for each (text, second text), empty ones included; order
        kept. `logits` adds them. `min_confidence`: a label of a lower probability is None, for unsure; without it
        that of the run holds, if it has one."""
        chunks = self.stream(texts, logits=logits, min_confidence=min_confidence)
        return [prediction for chunk in chunks for prediction in chunk]

    def stream(
        self, texts: Texts, *, logits: bool = False, min_confidence: float | None = None
    ) -> Iterator[list[Prediction]]:
        """The same, in chunks of CHUNK_ROWS texts that are taken as they are needed. A lone string raises UsageError,
        for it would be read letter by letter, and so do texts that are not what the model was trained on."""
        if isinstance(texts, str):
            raise UsageError("one string instead of a list of texts", where="predict", todo="Write predict([text])")
        usage = self._artifact.usage
        least = least_of(usage, self.labels, min_confidence)
        for number, chunk in enumerate(portions(texts, CHUNK_ROWS)):
            if number:
                heap.trim()
            first, *second = _columns(chunk, pair=usage.inputs.pair is not None)
            scores, truncated = self._artifact.logits(first, second[0] if second else None)
            found = predictions(
                first, scores, truncated.tolist(), self.labels, thresholds=usage.thresholds, logits_too=logits
            )
            if least is not None:
                found = [unsure(one, least) for one in found]
            if second:
                found = [replace(one, text2=text) for one, text in zip(found, second[0], strict=True)]
            yield found


def _columns(texts: Sequence[str | tuple[str, str]], *, pair: bool) -> list[list[str]]:
    """The texts and, of pairs, the second texts."""
    wrong = next((text for text in texts if isinstance(text, str) == pair or (pair and len(text) != 2)), None)
    if wrong is not None:
        saw = "a single text" if isinstance(wrong, str) else f"{len(wrong)} texts in one row"
        raise UsageError(
            f"{saw}: {shown(wrong)}",
            where="predict",
            expected="pairs of texts, as the model was trained on" if pair else "single texts",
            todo='Write predict([("a text", "the other one")])' if pair else "",
        )
    return [[text[side] for text in texts] for side in (0, 1)] if pair else [[str(text) for text in texts]]


def engine_named(asked: str, *, beside: tuple[str, ...] = ()) -> EngineName:
    """The engine of this name. Raises UsageError for a name of none, with these beside those that there are."""
    engine = next((known for known in ENGINES if known == asked), None)
    if engine is None:
        known = (*ENGINES, *beside)
        todo = did_you_mean(asked, known)
        raise UsageError(f"no engine {asked!r}", where="--engine", expected=f"one of {', '.join(known)}", todo=todo)
    return engine


def choose(run: RunFolder, asked: str = "auto") -> Chosen:
    """What of a run answers. By itself its export/ does, where it was made of this very model and onnxruntime is there,
    with the engine that the export came to; else model/ does, with torch.

    Raises UsageError for an engine that the run cannot be answered with, ModelError for one that it has no export of.
    """
    engine = engine_named(asked)
    kind = sidefile.kind_of(sidefile.read(run.model))
    if kind == "onnx" and engine != "torch":
        return _exported(run.model, engine)
    if kind != "transformer" and engine != "auto":
        saw = "an exported model" if kind == "onnx" else "a linear model"
        raise UsageError(f"{engine} for {saw}", where="--engine", todo="Leave out --engine")
    if kind == "linear":
        return Chosen(run.model, "linear")
    if engine == "torch":
        return Chosen(run.model, engine, said({}, "given"))
    lacks = _lack(run)
    if engine != "auto" and lacks:
        raise ModelError(lacks, where=str(run.path), todo=f"Run: whet export {run.path}")
    if not lacks and (engine != "auto" or packages.has_onnx()):
        return _exported(run.export, engine)
    told = lacks or said({}, "no onnxruntime")
    return Chosen(run.model, "torch", told if run.export.is_dir() else "")


def _lack(run: RunFolder) -> str:
    """Why its export/ cannot answer for a run of a transformer; '' where it can."""
    if not run.export.is_dir():
        return said({}, "no export")
    same = sidefile.read(run.export).get("source") == sidefile.state_of(run.model)
    return "" if same else said({}, "export of another model")


def _exported(folder: Path, engine: EngineName) -> Chosen:
    """The engine of an export/ folder: its default, unless another one is asked for."""
    if engine in ("onnx", "int8"):
        return Chosen(folder, engine, said({}, "given"))
    return Chosen(folder, sidefile.read(folder)["default"], said({"folder": folder}, "as exported"))


def load(
    folder: Path, *, device: DeviceName = "auto", threads: int | None = None, engine: EngineName | Answers = "auto"
) -> Predictor:
    """The predictor of a model/ or export/ folder, with the engine that `choose` named. Raises ModelError for a folder
    that does not verify, MissingExtraError where what its kind of model needs is not installed.

    A transformer computes in fp32 on every device: an answer should not hang on the machine that gives it. A linear
    model computes on the CPU, in one thread, and an exported one on the CPU, in `threads`, else on all cores.
    """
    side = sidefile.read(folder)
    kind = side["kind"]
    if kind == "onnx":
        from whet.artifacts import exported

        named = engine if engine in ("onnx", "int8") else None
        return Predictor(exported.load(folder, engine=named, threads=threads))
    if kind == "linear":
        from whet.artifacts import tfidf

        return Predictor(tfidf.load(folder))
    if sidefile.kind_of(side) == "linear":
        from whet.artifacts import ensemble, tfidf

        return Predictor(ensemble.load(folder, tfidf.load))
    packages.require_training()
    from whet.artifacts import artifact, ensemble

    machine = runtime.choose(device, threads, precision="fp32")
    runtime.apply(machine, seed=None)
    heap.keep()
    member = partial(artifact.load, device=machine.device)
    if kind == "ensemble":
        tolerance = ensemble.TOLERANCE if machine.device == "cpu" else ensemble.LOOSE
        return Predictor(ensemble.load(folder, member, tolerance=tolerance))
    return Predictor(member(folder))


def least_of(usage: Usage, labels: LabelSet, asked: float | None) -> float | None:
    """The confidence below which a run says unsure: what is asked for, else its own. Raises UsageError for one that
    is asked of several labels a row or of numbers."""
    if asked is not None and labels.kind != "one":
        raise UsageError(
            f"--min-confidence with {'several labels a row' if labels.kind == 'several' else 'numbers'}",
            expected="a run with one label a row",
            todo="Leave out --min-confidence",
        )
    return usage.min_confidence if asked is None else asked


def unsure(answer: Prediction, least: float) -> Prediction:
    """The same, without its label where the probability of that is lower."""
    return answer if answer.score is None or answer.score >= least else replace(answer, label=None)


def predictions(
    texts: Sequence[str],
    logits: Floats,
    truncated: Sequence[bool],
    labels: LabelSet,
    *,
    thresholds: Mapping[str, float] | None = None,
    logits_too: bool = False,
) -> list[Prediction]:
    """Records from logits [B, C]; of several labels with the thresholds from which each is answered."""
    found = []
    for text, row, raw, cut in zip(texts, probabilities(logits, labels), logits, truncated, strict=True):
        kept = tuple(float(value) for value in raw) if logits_too else None
        if labels.kind == "value":
            found.append(Prediction(text, None, None, {}, cut, kept, value=float(row[0])))
            continue
        shares = {name: float(share) for name, share in zip(labels.names, row, strict=True)}
        if labels.kind == "several":
            named = tuple(name for name, share in shares.items() if share >= (thresholds or {})[name])
            found.append(Prediction(text, None, None, shares, cut, kept, labels=named))
        else:
            top = int(row.argmax())
            found.append(Prediction(text, labels.names[top], float(row[top]), shares, cut, kept))
    return found
