"""A folder of what a finished run came to on other data: its scores, every answer, what is wrong, and the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from whet import mistakes, runs, runtime
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.records import Targets
from whet.report import page


def check(path: Path) -> None:
    """Raises UsageError where the folder is none or holds anything but an earlier evaluation."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file", where="--output", expected="a folder")
    if path.is_dir() and any(path.iterdir()) and not (path / runs.EVALUATION).is_file():
        raise UsageError(f"{path} holds files that no evaluation wrote", where="--output", todo="Give another --output")


def write(
    path: Path, judged: runs.Judged, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float],
    metrics: dict[str, object], about: Mapping[str, object],
) -> None:  # fmt: skip
    """Writes the folder, in the place of an earlier evaluation, but for its page. `metrics` are told of label errors;
    `about` is what evaluation.json has beside time and versions."""
    folder = runs.RunFolder(path)
    folder.begin_evaluation()
    started = datetime.now(UTC).isoformat()
    folder.write(runs.EVALUATION, {"format": 1, "started": started, **about, "versions": runtime.versions()})
    runs.write_predictions(folder, judged.rows, labels, judged.answers, thresholds, truncated=judged.truncated)
    counted = mistakes.write(folder, [(judged, targets)], labels, thresholds)
    if counted:
        metrics["label_errors"] = counted
    folder.write("metrics.json", metrics)


def write_report(path: Path, lang: Literal["en", "ko"]) -> None:
    """Writes the page of an evaluation that is there."""
    page.write(runs.RunFolder(path), lang)
