"""A finished run, as the library hands it out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet import notebook
from whet.artifacts import published, sidefile
from whet.artifacts.published import Pushed
from whet.errors import ModelError
from whet.notebook import Predictions
from whet.records import Attribution, Inputs, Prediction
from whet.runs import run_folder
from whet.runs.run_folder import RunFolder
from whet.score import occlusion

if TYPE_CHECKING:
    from whet.labels import LabelSet
    from whet.prediction.predictor import Chosen, Predictor


NO_TRANSFORMER = {"linear": "a linear model", "onnx": "an exported model", "ensemble": "an ensemble"}


class Run:
    """A finished run: `predict`, `metrics`, and the plain transformers `model` and `tokenizer`, which a linear model
    has not (ModelError)."""

    def __init__(self, folder: RunFolder, *, engine: str = "auto") -> None:
        self._folder = folder
        self._engine = engine

    @property
    def path(self) -> Path:
        return self._folder.path

    @property
    def report(self) -> Path | None:
        """The report of the run, a page for a browser; None where it could not be written."""
        path = self.path / run_folder.REPORT
        return path if path.is_file() else None

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json."""
        return self._folder.read("metrics.json")

    @cached_property
    def settings(self) -> dict[str, object]:
        """Setting to value, as the run resolved them."""
        return {name: entry["value"] for name, entry in self._folder.read("run.json")["settings"].items()}

    @cached_property
    def chosen(self) -> Chosen:
        """What answers: the folder, the engine, and why."""
        from whet.prediction import predictor

        return predictor.choose(self._folder, self._engine)

    @cached_property
    def predictor(self) -> Predictor:
        from whet.prediction import predictor

        return predictor.load(self.chosen.folder, engine=self.chosen.engine)

    @property
    def labels(self) -> LabelSet:
        """Loads no torch."""
        return sidefile.labels_of(sidefile.read(self._folder.model))

    @property
    def fingerprint(self) -> str:
        """By which the folder that answers is known."""
        return sidefile.state_of(self.chosen.folder)

    @cached_property
    def model(self) -> Any:
        """The plain transformers model, loaded from the run's model/ folder on the CPU."""
        self._check_transformer("model")
        from whet.model.encoder import load_saved

        return load_saved(self._folder.model).eval()

    @cached_property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        self._check_transformer("tokenizer")
        from whet.model.encoder import load_tokenizer

        return load_tokenizer(self._folder.model)

    def _check_transformer(self, asked: str) -> None:
        kind = sidefile.read(self._folder.model)["kind"]
        if kind != "transformer":
            raise ModelError(
                f"{NO_TRANSFORMER[kind]} has no {asked} of transformers",
                where=str(self._folder.model),
                todo="run.predictor answers texts with it",
            )

    @property
    def inputs(self) -> Inputs:
        """Whether it takes single texts or pairs, and how their columns were called. Loads no torch."""
        return sidefile.usage_of(sidefile.read(self._folder.model)).inputs

    def predict(
        self, texts: Sequence[str] | Sequence[tuple[str, str]], *, min_confidence: float | None = None
    ) -> list[Prediction]:
        """A prediction for each text, or each pair of texts, in order; a notebook shows the list as a table.
        `min_confidence`: below this probability the label is None, for unsure; without it that of the run holds, if it
        has one."""
        return Predictions(self.predictor.predict(texts, min_confidence=min_confidence))

    def explain(
        self, texts: Sequence[str] | Sequence[tuple[str, str]], *, label: str | None = None
    ) -> list[Attribution]:
        """What the words of each text, or pair, count for the label that it is answered with, or for `label`."""
        return occlusion.attributions(self.predictor, texts, label=label)

    def push_to_hub(
        self, name: str, *, private: bool = True, exports: bool = False, license: str | None = None,
        message: str = published.MESSAGE,
    ) -> Pushed:  # fmt: skip
        """The run's model, with `exports` its export/ folder too, as one commit of the repository OWNER/NAME on the
        hub, which is made if need be, or NAME of whoever the token is. Nothing else of the run is sent. `private=False`
        makes a public repository, or agrees to one that is public; none is made public that is private. `license`: what
        the model card says, such as `apache-2.0`. The access token is huggingface_hub's: HF_TOKEN, or that of a login.

        Raises UsageError for no name of a repository, ModelError for files that are not as they were saved, and
        OutputError where the hub takes nothing; the repository is then as it was.
        """
        return published.push(self._folder, name, private=private, exports=exports, license=license, message=message)

    def _repr_html_(self) -> str:
        """What a notebook shows: scores and verdict; the path alone of a run whose scores cannot be read."""
        try:
            metrics = self.metrics
        except ModelError:
            metrics = {}
        return notebook.of_run(str(self.path), metrics)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def load(run: str | os.PathLike[str], *, engine: str = "auto") -> Run:
    """A finished run: its folder, its model/ or export/ folder, `last`, or `hf:NAME` or `hf:NAME@REVISION` for one that
    was pushed to the hub. ModelError where there is none. `engine`: what answers, `torch`, or `onnx` or `int8` of what
    `export` wrote; `auto` is the latter's choice, where it did."""
    return Run(published.find(run), engine=engine)


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a job. `resumed_finished`: it had been finished before and was only read."""

    run: Run
    metrics: dict[str, Any]
    verdict: str
    resumed_finished: bool
