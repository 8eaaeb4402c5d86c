"""What a tracker is told of a job, out of the job's own events; whatever goes wrong there, the job goes on.

Scalars are called GROUP/NAME: train/loss and train/learning_rate by step, validation/SCORE by step, test/SCORE at
the end, with _low and _high for its 95 % interval, and learning_curve/SCORE by training rows.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from whet.errors import Interrupted
from whet.records import Evaluation, Notice, StepRecord
from whet.runs import run_folder
from whet.runs.run_folder import RunFolder
from whet.sentences.bilingual import said
from whet.settings.config import Settings

TRACKED = ("train", "validation")  # the groups that are told by step, while the job runs
ODD = re.compile(r"[^\w./ -]")  # what a tracker may not take in a name


class Tracker(Protocol):
    """Where scalars go. Any of its methods may raise anything."""

    def last(self, group: str) -> int:
        """The last step of a group that it has of this run; 0 where it has none."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Takes the values of a step."""

    def end(self, outcome: str, verdict: str, report: Path | None) -> None:
        """The job is over: `finished`, `stopped` or `failed`."""


def followed(events: Generator[Any, None, None], folder: RunFolder, settings: Settings, since: int) -> Iterator[Any]:
    """The same events, of which the tracker that was asked for is told, and a warning where it cannot be. `since`: the
    step that the job goes on from, whose events before it are in events.jsonl."""
    if settings.track == "none" or folder.silent:
        yield from events
        return
    with _Feed(folder, settings, since) as feed:
        yield from feed.tried(feed.begin)
        for event in events:
            yield event
            if isinstance(event, StepRecord | Evaluation):
                yield from feed.tried(partial(feed.take, event))
        yield from feed.tried(feed.finish)


class _Feed:
    """One job and its tracker, until that fails."""

    def __init__(self, folder: RunFolder, settings: Settings, since: int) -> None:
        self._folder, self._settings, self._since = folder, settings, since
        self._tracker: Tracker | None = None
        self._last: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tracker is not None and kind is not None:
            stopped = issubclass(kind, Interrupted | GeneratorExit | KeyboardInterrupt)
            self._fault_of(partial(self._tracker.end, "stopped" if stopped else "failed", "", None))

    def tried(self, tell: Callable[[], None]) -> Iterator[Notice]:
        """Tells the tracker something; after a fault, which is told, nothing more."""
        if self._tracker is None and tell != self.begin:
            return
        fault = self._fault_of(tell)
        if fault:
            self._tracker = None
            message = said({"track": self._settings.track, "fault": fault}, "untracked")
            yield self._folder.log(Notice(message, "warning"))

    def _fault_of(self, tell: Callable[[], None]) -> str:
        try:
            tell()
        except Exception as fault:  # noqa: BLE001  # of whatever library or server; the job is not about it
            message = " ".join(str(fault).split())[:300]
            return f"{type(fault).__name__}: {message}" if message else type(fault).__name__
        return ""

    def begin(self) -> None:
        """Opens the tracked run, and gives it what of the job so far it lacks."""
        values = {name: str(value) for name, value in dataclasses.asdict(self._settings).items()}
        self._tracker = _opened(self._folder.path, self._settings.track, values, self._since)
        self._last = {group: self._tracker.last(group) for group in TRACKED}
        for line in self._folder.events():
            self._pass_on(line)

    def take(self, event: StepRecord | Evaluation) -> None:
        """An event as it happens."""
        kind = "step" if isinstance(event, StepRecord) else "evaluation"
        self._pass_on({"kind": kind, **dataclasses.asdict(event)})

    def _pass_on(self, line: Mapping[str, Any]) -> None:
        """The scalars of a line of events.jsonl, unless the tracker has them already."""
        assert self._tracker is not None
        if line["kind"] == "step":
            group, values = "train", {"loss": line["loss"], "learning_rate": line["learning_rate"]}
        elif line["kind"] == "evaluation":
            group = line["side"]
            values = {**line["metrics"], **line["metrics"].get("asked", {}), "loss": line["loss"]}
        else:
            return
        if group in TRACKED and line["step"] > self._last[group]:
            self._last[group] = line["step"]
            self._tracker.scalars(line["step"], _named(group, values))

    def finish(self) -> None:
        """The scores of the finished run, and its report."""
        assert self._tracker is not None
        metrics, report = self._folder.read("metrics.json"), self._folder.path / run_folder.REPORT
        test = metrics.get("test", {})
        ends = {
            f"{name}_{end}": bound
            for name, interval in test.get("intervals", {}).items() if name != "classes"
            for end, bound in zip(("low", "high"), interval, strict=True)
        }  # fmt: skip
        self._tracker.scalars(self._last["train"], _named("test", {**test, **ends}))
        curve = metrics.get("learning_curve", {})
        for point in curve.get("points", ()):
            self._tracker.scalars(point["rows"], _named("learning_curve", {curve["metric"]: point["score"]}))
        verdict = metrics.get("verdict", {}).get("en", "")
        self._tracker.end("finished", verdict, report if report.is_file() else None)


def _opened(folder: Path, track: str, values: Mapping[str, str], since: int) -> Tracker:
    if track == "tensorboard":
        from whet.track.tensorboard import TensorBoard

        return TensorBoard(folder, values, since)
    from whet.track.mlflow import MLflow

    return MLflow(folder, values, since)


def _named(group: str, values: Mapping[str, Any]) -> dict[str, float]:
    """Those that are finite numbers, under names that any tracker takes."""
    return {
        f"{group}/{ODD.sub('_', name)}": float(value)
        for name, value in values.items()
        if name != "rows" and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
