"""`whet.TextClassifier`: the job of `whet.train` as an estimator of scikit-learn, which it loads.

Sizes: n rows, C classes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whet import pipeline
from whet.errors import Interrupted, UsageError
from whet.prediction import predictor
from whet.prediction.predictor import Predictor
from whet.records import Floats
from whet.run import Finished
from whet.score.judge import probabilities
from whet.settings.config import DeviceName, Keep, PrecisionName, Sampling, Settings, Truncation, resolve
from whet.settings.values import Metric, shown
from whet.system import packages, runtime

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import assert_all_finite, check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted
except ModuleNotFoundError:
    packages.require_estimator()
    raise

DEFAULT = Settings()
OWN = ("class_weight", "random_state", "verbose")  # parameters that are no settings
SEEDS = 2**31  # from as many a seed is drawn where none is given

# A fit is the training, the choice of the best weights and the calibration, and nothing that only looks at them.
FIXED: Mapping[str, Any] = {
    "text": "text", "label": "label", "task": "classification", "test": "none", "allow": "empty_texts",
    "baseline": False, "label_errors": "none", "near_duplicates": False, "brief": True, "yes": True,
}  # fmt: skip
NEVER = 10**9  # steps between checkpoints: the folder of a fit goes with it


class Model:
    """A model/ folder, file by file, loaded when it is first asked. Pickled or copied it is its files alone:
    safetensors and JSON, whose checksums are verified when it is loaded."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)
        self._loaded: Predictor | None = None

    def __getstate__(self) -> dict[str, bytes]:
        return self._files

    def __setstate__(self, files: dict[str, bytes]) -> None:
        self._files, self._loaded = files, None

    def write(self, folder: Path) -> None:
        """Into a new folder; FileExistsError where there is one."""
        folder.mkdir(parents=True)
        for name, content in self._files.items():
            (folder / name).write_bytes(content)

    def loaded(self, device: DeviceName, threads: int | None) -> Predictor:
        if self._loaded is None:
            with _scratch() as scratch, runtime.undisturbed():
                self.write(scratch / "model")
                self._loaded = predictor.load(scratch / "model", device=device, threads=threads)
        return self._loaded


@dataclass(eq=False, repr=False, kw_only=True)
class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A text classifier for scikit-learn's pipelines, searches and ensembles, trained as `whet.train` does.

    X is a list, an array or a Series of texts, of shape [n] or [n, 1]; y has a class for each: strings, whole numbers
    or truth values. The parameters are whet's settings under their own names (docs/settings.md), each by default None,
    which leaves it to whet as `whet.train` without it does; and three of scikit-learn:

    - `class_weight`: None, "balanced" or a dict of class to weight; it multiplies `sample_weight`.
    - `random_state`: the seed of everything; None or a RandomState draws one for each fit.
    - `verbose`: whether what a fit has to say goes to the logger `whet`.

    A fit splits off its validation rows itself (`validation`), keeps the weights that are best on them, fits the
    temperature, and leaves no file but the tokens of its texts in whet's cache. What only looks at a model is left out:
    the plan, baselines, a test side, doubted labels, near duplicates, the report, the run folder. `threads` is by
    default what OMP_NUM_THREADS says, which joblib sets in its workers, else the cores that are free.

    After `fit`: `classes_` in the dtype of y, and `metrics_`, the content of the metrics.json of the job.

    What is wrong with X, y or sample_weight raises ValueError; everything else what `whet.train` raises, WhetError.
    """

    model: str | None = None
    max_length: int | None = None
    truncation: Truncation | None = None
    layers: int | None = None
    freeze: str | int | None = None
    lora: int | None = None
    teacher: str | None = None
    unlabelled: str | None = None
    unlabelled_rows: int | None = None
    validation: str | float | None = None
    epochs: float | None = None
    budget: str | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    llrd: float | None = None
    ema: float | None = None
    dropout: float | None = None
    weight_decay: float | None = None
    warmup: float | None = None
    max_grad_norm: float | None = None
    sampling: Sampling | None = None
    focal: float | None = None
    label_smoothing: float | None = None
    evaluate_every: int | None = None
    metric: Metric | Callable[[Any, Any], float] | None = None
    early_stopping: int | None = None
    keep: Keep | None = None
    device: DeviceName | None = None
    precision: PrecisionName | None = None
    threads: int | None = None
    require_gpu: bool | None = None
    class_weight: Mapping[Any, float] | str | None = None
    random_state: int | np.random.RandomState | None = DEFAULT.seed
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextClassifier:
        """Trains on texts [n] and their classes [n]. `sample_weight` [n]: what each row counts in the training, on any
        scale; a row of weight 0 is left out."""
        if (count := runtime.ranks().count) > 1:
            raise UsageError(f"a TextClassifier in {count} processes", where="torchrun", expected="a single process")
        texts, given = texts_of(X), _classes_of(y)
        check_consistent_length(texts, given)
        weights = self._weights(texts, given, sample_weight)
        if weights is not None:
            kept = np.flatnonzero(weights)
            texts, given, weights = [texts[row] for row in kept], given[kept], weights[kept]
        classes, ids = np.unique(given, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y has one class: {shown(classes.tolist()[0])}. Expected two classes or more")
        names = [str(each) for each in classes.tolist()]
        data: dict[str, Any] = {"text": texts, "label": [names[index] for index in ids]}
        settings = {**self._settings(), **FIXED, "positive": names[1] if len(names) == 2 else None}
        if weights is not None:
            data["weight"], settings["weight"] = weights.tolist(), "weight"
        self._model, self.metrics_ = _trained(data, settings, verbose=self.verbose)
        self.classes_: NDArray[Any] = classes
        self._columns = [self._predictor.labels.names.index(name) for name in names]
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each text [n], in the dtype of y."""
        logits = self._logits(X)
        found: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Floats:
        """The calibrated probability of each class [n, C], in the order of `classes_`."""
        return probabilities(self._logits(X), self._predictor.labels)

    def decision_function(self, X: Any) -> Floats:
        """The logits [n, C] in the order of `classes_`; of two classes that of the second less that of the first [n],
        the log-odds."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model to a new folder, which `whet.load`, the command `whet` and, of a transformer, plain
        transformers read. Its labels are the classes as text."""
        check_is_fitted(self)
        self._model.write(Path(folder))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    @property
    def _predictor(self) -> Predictor:
        return self._model.loaded(self.device or DEFAULT.device, self._threads())

    def _logits(self, X: Any) -> Floats:
        """[n, C] in the order of `classes_`."""
        check_is_fitted(self)
        answers = self._predictor.predict(texts_of(X), logits=True)
        return np.array([answer.logits for answer in answers], dtype=np.float64)[:, self._columns]

    def _threads(self) -> int | None:
        return runtime.threads_left() if self.threads is None else self.threads

    def _settings(self) -> dict[str, Any]:
        """The settings that somebody chose, as a job takes them. One that is at its default was chosen too: a job
        decides by itself what nobody did."""
        names = [name for name in self.__dataclass_fields__ if name not in OWN]
        values = {name: getattr(self, name) for name in names} | {"threads": self._threads()}
        given = {name: value for name, value in values.items() if value is not None}
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(SEEDS)
        given["seed"] = seed
        # A grid holds the numbers of numpy.
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in given.items()}

    def _weights(self, texts: list[str], given: NDArray[Any], sample_weight: Any) -> Floats | None:
        """What each row counts [n]; None: all alike."""
        if sample_weight is None and self.class_weight is None:
            return None
        weights: Floats = _check_sample_weight(sample_weight, texts, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight is not None:
            weights = weights * compute_sample_weight(self.class_weight, given)
        if not weights.any():
            raise ValueError("all sample weights are 0. Expected at least one row that counts")
        return weights


def texts_of(X: Any) -> list[str]:
    """The texts of X [n] or [n, 1]. Raises ValueError for what has none, and for a row that is no text."""
    if isinstance(X, str):
        raise ValueError(f"X is one string: {shown(X)}. Expected a list, an array or a Series of texts")
    rows = np.asarray(X.to_list() if hasattr(X, "to_list") else X, dtype=object)
    if rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    if rows.ndim != 1:
        raise ValueError(f"X has the shape {rows.shape}. Expected a text in each row: (n,) or (n, 1)")
    if not len(rows):
        raise ValueError("Found array with 0 sample(s) in X while a minimum of 1 is required")
    wrong = next((row for row, text in enumerate(rows) if not isinstance(text, str)), None)
    if wrong is not None:
        raise ValueError(f"row {wrong} of X is {shown(rows[wrong])}. Expected a text, a str, in each row")
    return [str(text) for text in rows]


def _classes_of(y: Any) -> NDArray[Any]:
    """The classes of y [n] in its dtype. Raises ValueError for gaps, numbers with a fraction and several columns."""
    if y is None:
        raise ValueError("TextClassifier requires y to be passed, but the target y is None")
    found: NDArray[Any] = column_or_1d(y, warn=True)
    assert_all_finite(found, input_name="y")
    check_classification_targets(found)
    return found


def _trained(data: Mapping[str, Any], settings: Mapping[str, Any], *, verbose: bool) -> tuple[Model, dict[str, Any]]:
    """The model of a job, and what its metrics.json holds. Its folder is gone afterwards."""
    with _scratch() as scratch, runtime.undisturbed():
        try:
            resolved = resolve({**settings, "output": str(scratch / "run")})
            # Nobody asked for that: given, it would keep `auto` from a linear model, which has no checkpoints.
            resolved = resolved.with_value("checkpoint_every", NEVER, "default")
            for event in pipeline.follow(data, resolved):
                if verbose:
                    pipeline.tell(event)
                if isinstance(event, Finished):
                    files = {file.name: file.read_bytes() for file in (event.run.path / "model").iterdir()}
                    return Model(files), event.metrics
        except Interrupted as fault:  # which a search would take for a fit that failed, and go on
            raise KeyboardInterrupt(fault.message) from fault
    raise AssertionError("a job ends with Finished")


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that goes with the block; what Windows keeps open of it, with the process."""
    with tempfile.TemporaryDirectory(prefix="whet-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
