"""A folder of what a finished run came to on other data: its scores, every answer, what is wrong, and the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from whet.disk import durable
from whet.errors import UsageError
from whet.labels import LabelSet
from whet.records import Targets
from whet.report import page
from whet.runs import mistakes, run_folder
from whet.runs.run_folder import RunFolder
from whet.system import runtime


def check(path: Path) -> None:
    """Raises UsageError where the folder is none or holds anything but an earlier evaluation."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file", where="--output", expected="a folder")
    there = path.is_dir() and any(not left.name.startswith(durable.SCRATCH) for left in path.iterdir())
    if there and not (path / run_folder.EVALUATION).is_file():
        raise UsageError(f"{path} holds files that no evaluation wrote", where="--output", todo="Give another --output")


def write(
    path: Path, judged: run_folder.Judged, targets: Targets, labels: LabelSet, thresholds: Mapping[str, float],
    metrics: dict[str, object], about: Mapping[str, object],
) -> None:  # fmt: skip
    """Writes the folder, in the place of an earlier evaluation, but for its page. `metrics` are told of label errors;
    `about` is what evaluation.json has beside time and versions."""
    folder = RunFolder(path)
    folder.begin_evaluation()
    started = datetime.now(UTC).isoformat()
    folder.write(run_folder.EVALUATION, {"format": 1, "started": started, **about, "versions": runtime.versions()})
    run_folder.write_predictions(folder, judged.rows, labels, judged.answers, thresholds, truncated=judged.truncated)
    counted = mistakes.write(folder, [(judged, targets)], labels, thresholds)
    if counted:
        metrics["label_errors"] = counted
    folder.write("metrics.json", metrics)


def write_report(path: Path, lang: Literal["en", "ko"]) -> None:
    """Writes the page of an evaluation that is there."""
    page.write(RunFolder(path), lang)
