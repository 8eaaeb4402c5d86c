"""A student beside its teacher: how much smaller it is, and how alike the two answer. Loads no torch.

Sizes: B rows, C labels.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.labels import Kind, LabelSet
from whet.model.files import count_layers
from whet.preparing.teacher import Teacher
from whet.records import Bools, Floats, Scores, SeveralScores, Targets, ValueScores
from whet.score.judge import answers, scores_of

METRICS: Mapping[Kind, str] = {"one": "accuracy", "several": "macro_f1", "value": "pearson"}


@dataclass(frozen=True, slots=True)
class Taught:
    """What is known of a student and its teacher before they are compared."""

    teacher: Teacher
    rows: int
    """Training rows with labels,"""
    further: int
    """and texts without."""
    parameters: int
    """Of the student: all of its models."""
    layers: int | None
    test: Bools | None = None
    """[B] the test rows that the teacher answered; None: none."""
    answers: Floats | None = None
    """[that many, C] logits of those, in the order of the student's labels."""

    def compared(
        self, logits: Floats | None, targets: Targets | None, labels: LabelSet, thresholds: Mapping[str, float]
    ) -> dict[str, object]:
        """The part of metrics.json. `logits` [B, C]: what the student answered to the test rows, which are to be
        answered with `targets` [B]; None: it was not asked for all."""
        folder, layers = self.teacher.folder, layers_of(self.teacher.folder)
        found: dict[str, object] = {
            **self.teacher.by, "rows": self.rows, "unlabelled": self.further,
            "parameters": {"teacher": layers and parameters_of(folder), "student": self.parameters},
            "layers": {"teacher": layers, "student": self.layers},
        }  # fmt: skip
        if logits is None or targets is None or self.test is None or self.answers is None:
            return found
        limits = self.teacher.usage.thresholds
        theirs, mine = answers(self.answers, labels, limits), answers(logits[self.test], labels, thresholds)
        true = targets[self.test]
        scores = {
            "teacher": score_of(scores_of(theirs, true, labels, limits)),
            "student": score_of(scores_of(mine, true, labels, thresholds)),
        }
        alike = agreement(mine, theirs)
        told = {"rows": int(self.test.sum()), "agreement": alike, "metric": METRICS[labels.kind], "scores": scores}
        return found | {"test": told}


def agreement(one: Targets, other: Targets) -> float | None:
    """The share of answers that are alike; of several labels each is one; of numbers their correlation, None where
    either never changes."""
    if one.dtype != np.float64:
        return float(np.mean(one == other))
    if len(one) < 2 or not np.std(one) or not np.std(other):
        return None
    return float(np.corrcoef(np.asarray(one, np.float64), np.asarray(other, np.float64))[0, 1])


def score_of(found: Scores) -> float | None:
    """By the metric of its kind in METRICS."""
    if isinstance(found, ValueScores):
        return found.pearson
    return found.macro_f1 if isinstance(found, SeveralScores) else found.accuracy


def parameters_of(folder: Path) -> int | None:
    """How many numbers the weights of a model/ folder have, of an ensemble all; None of a model without such files."""
    files = sorted(folder.rglob("*.safetensors"))
    return sum(map(_numbers_in, files)) if files else None


def layers_of(folder: Path) -> int | None:
    """Of the network in a model/ folder, of an ensemble of each; None of another kind."""
    configs = [path for path in (folder, *sorted(folder.iterdir())) if (path / "config.json").is_file()]
    return count_layers(configs[0]) if configs else None


def _numbers_in(file: Path) -> int:
    """By the header of a safetensors file: eight bytes tell its length, and JSON follows."""
    with file.open("rb") as opened:
        header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
    return sum(math.prod(each["shape"]) for name, each in header.items() if name != "__metadata__")
