"""whet: fine-tune a pretrained transformer on labelled text.

`run = whet.train("reviews.csv")`, then `run.predict(["..."])`. Public names are loaded on first
use, so that `import whet` costs nothing and needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from whet.adapting.story import adapt as adapt
    from whet.errors import PlanTooLongError as PlanTooLongError
    from whet.errors import WhetError as WhetError
    from whet.estimator import TextClassifier as TextClassifier
    from whet.exporting.job import export as export
    from whet.health import doctor as doctor
    from whet.pipeline import Run as Run
    from whet.pipeline import check as check
    from whet.pipeline import compare as compare
    from whet.pipeline import evaluate as evaluate
    from whet.pipeline import explain as explain
    from whet.pipeline import load as load
    from whet.pipeline import plan as plan
    from whet.pipeline import predict as predict
    from whet.pipeline import steps as steps
    from whet.pipeline import train as train
    from whet.settings.config import Settings as Settings
    from whet.trainer.arguments import TrainingArguments as TrainingArguments
    from whet.trainer.trainer import Trainer as Trainer
    from whet.tuning.search import tune as tune

_HOMES = {
    "PlanTooLongError": "whet.errors",
    "Run": "whet.pipeline",
    "Settings": "whet.settings.config",
    "TextClassifier": "whet.estimator",
    "Trainer": "whet.trainer.trainer",
    "TrainingArguments": "whet.trainer.arguments",
    "WhetError": "whet.errors",
    "adapt": "whet.adapting.story",
    "check": "whet.pipeline",
    "compare": "whet.pipeline",
    "doctor": "whet.health",
    "evaluate": "whet.pipeline",
    "explain": "whet.pipeline",
    "export": "whet.exporting.job",
    "load": "whet.pipeline",
    "plan": "whet.pipeline",
    "predict": "whet.pipeline",
    "steps": "whet.pipeline",
    "train": "whet.pipeline",
    "tune": "whet.tuning.search",
}

__all__ = [
    "PlanTooLongError",
    "Run",
    "Settings",
    "TextClassifier",
    "Trainer",
    "TrainingArguments",
    "WhetError",
    "__version__",
    "adapt",
    "check",
    "compare",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "load",
    "plan",
    "predict",
    "steps",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'whet' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
