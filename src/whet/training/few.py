"""Enough steps for a training of few rows.

Two epochs of 64 rows are 8 steps, in which a pretrained encoder hardly leaves its start; more steps over
the same rows are what few-sample fine-tuning lacks most (Mosbach et al. 2021, arXiv 2006.04884; Zhang et al.
2021, arXiv 2006.05987). What other ways gave: docs/decisions/0013-few-labels.md. Loads no torch.
"""

from __future__ import annotations

import math

from whet.data.batches import steps_per_epoch
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, Settings

STEPS = 100
REASON = said({"steps": STEPS}, "steps for few rows")
ONE_LOOK = said({}, "one look for few rows")


def enough_steps(resolved: Resolved, rows: int) -> tuple[Resolved, str]:
    """The job with as many whole epochs of so many training rows as make STEPS steps, and what is to be said of
    it; as it was, and '', where the epochs it has by default make as many or somebody chose them.

    It is then evaluated once, at its end, unless somebody chose that too: the best of many looks at a handful
    of validation rows is the luckiest.
    """
    settings, per_epoch = resolved.settings, steps_per_epoch(rows, resolved.settings.batch_size)
    if resolved.reasons["epochs"] != "default" or settings.epochs * per_epoch >= STEPS:
        return resolved, ""
    epochs = int(epochs_of(settings, rows, STEPS))
    steps = math.ceil(settings.epochs * per_epoch)
    told = said({"epochs": epochs, "rows": rows, "default": settings.epochs, "steps": steps}, "few rows")
    resolved = resolved.with_value("epochs", float(epochs), REASON)
    if resolved.reasons["evaluate_every"] == "default" and settings.early_stopping is None:
        resolved = resolved.with_value("evaluate_every", epochs * per_epoch, ONE_LOOK)
    return resolved, told


def steps_of(settings: Settings, rows: int) -> int:
    """Steps of a training with these settings on so many rows, after which one look comes at its end."""
    return max(1, math.ceil(settings.epochs * steps_per_epoch(rows, settings.batch_size) - 1e-9))


def epochs_of(settings: Settings, rows: int, least: int) -> float:
    """Epochs of a training with these settings on so many rows: as many whole ones as make `least` steps where the
    settings' own would make fewer."""
    per_epoch = steps_per_epoch(rows, settings.batch_size)
    return settings.epochs if settings.epochs * per_epoch >= least else float(math.ceil(least / per_epoch))
