"""A fine-tuned classifier as `outcome` asks it.

Loads torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from whet.artifacts import artifact
from whet.artifacts.artifact import Artifact
from whet.data.batches import subset, tokens_of
from whet.model.answers import scale_of
from whet.prediction.predictor import Predictor
from whet.preparing.job import Job
from whet.records import Bools, Floats, Ints, Side, Targets, Usage
from whet.report import card
from whet.runs.run_folder import RunFolder
from whet.score.judge import default_thresholds
from whet.score.mistakes import MOST_EPOCHS, rows_to_look_at
from whet.sentences.bilingual import Bilingual, said
from whet.system import machine


@dataclass(frozen=True, slots=True)
class Network:
    job: Job

    @property
    def linear(self) -> bool:
        return False

    @property
    def thresholds(self) -> Mapping[str, float]:
        return default_thresholds(self.job.labels)

    @property
    def by_heart(self) -> bool:
        return self.job.settings.epochs > MOST_EPOCHS

    @property
    def pack_tokens(self) -> int:
        return self.job.classifier.pack_tokens

    def logits(self, side: Side, rows: Bools | None = None) -> Floats:
        encoded = self.job.sides[side].encoded
        return self.job.team.all_logits(self.job.classifier, encoded if rows is None else subset(encoded, rows))

    def cool(self, temperature: float) -> None:
        self.job.classifier.cool(temperature)

    def save(self, folder: Path, usage: Usage, metrics: Mapping[str, Any]) -> None:
        job = self.job
        text = card.write(job.files.name, job.labels, metrics, job.settings, job.inputs, job.test)
        artifact.save(folder, job.classifier, job.cutter, job.labels, source=job.files.folder, card=text, usage=usage)

    @contextmanager
    def answering(self, folder: Path, usage: Usage) -> Iterator[Predictor]:
        with self.job.classifier.in_fp32():
            yield Predictor(Artifact(folder, self.job.classifier, self.job.cutter, self.job.labels, usage))

    def sizes(self, side: Side) -> Ints:
        return tokens_of(self.job.sides[side].encoded)

    def to_look_at(self) -> int:
        job = self.job
        rows, learnt = len(job.sides["train"].encoded), job.settings.epochs * len(job.lessons.encoded)
        return rows_to_look_at(job.settings.label_errors, rows, learnt)

    def guess(self) -> float:
        job, train = self.job, self.job.lessons
        targets = as_they_count(train.targets, train.encoded.weights)
        if job.labels.kind == "value":
            values = np.asarray(targets, dtype=np.float64)
            scale = scale_of(values, job.classifier.model)
            return job.recipe.loss.guess(torch.from_numpy((values - scale.mean) / scale.deviation))
        # Balanced sampling shows each class as often as any other.
        shown = targets if job.settings.sampling == "plain" else np.arange(len(job.labels))
        return job.recipe.loss.guess(torch.from_numpy(shown))

    def advice(self) -> Bilingual:
        return said({"rate": self.job.settings.learning_rate}, "train otherwise")

    def members(
        self, folder: RunFolder, validation: Floats | None, thresholds: Mapping[str, float]
    ) -> Mapping[str, object]:
        return {}

    def memory(self) -> int | None:
        device = self.job.classifier.device
        if device.type == "cuda":
            return torch.cuda.max_memory_reserved(device)
        return machine.peak() if device.type == "cpu" else None


def as_they_count(targets: Targets, weights: Floats | None) -> Targets:
    """As many targets, in which each row stands as often as it counts, to within one."""
    if weights is None:
        return targets
    counted = np.cumsum(weights)
    rows = np.searchsorted(counted, (np.arange(len(targets)) + 0.5) * counted[-1] / len(targets))
    found: Targets = targets[rows]
    return found
