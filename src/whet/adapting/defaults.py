"""The settings that mean something without labels, and what they are where nobody gives another. Loads nothing."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = (
    "text", "validation", "train_rows", "encoding", "max_length", "epochs", "budget", "batch_size", "learning_rate",
    "weight_decay", "warmup", "max_grad_norm", "seed", "output", "fresh", "checkpoint_every", "mirror", "brief",
    "log_every", "lang", "json", "quiet", "device", "precision", "threads", "require_gpu", "yes", "debug",
)  # fmt: skip
# Windows and batches are those of Sun et al. 2019 (arXiv 1905.05583), the rate that of Gururangan et al. 2020 (arXiv
# 2004.10964) for the texts of a task.
DEFAULTS: Mapping[str, object] = {
    "max_length": 128, "truncation": "chunks", "batch_size": 32, "epochs": 1.0, "learning_rate": 1e-4,
}  # fmt: skip
