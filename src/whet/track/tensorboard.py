"""TensorBoard: an event file in the run folder, `runs/NAME/tensorboard/`.

Written record by record with the package's own writer of records, and without TensorFlow. A job that goes on writes
its file anew, with what the earlier one had up to the checkpoint, so that no reader sees a step twice.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"  # in the run folder
VERSION = "brain.Event:2"


class TensorBoard:
    """The event file of a run, which is open only while something is written. Raises OSError where the disk does not
    take it."""

    def __init__(self, folder: Path, settings: Mapping[str, str], since: int) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb

        place = folder / FOLDER
        place.mkdir(exist_ok=True)
        before = sorted(place.glob("*tfevents*"))
        kept = _scalars(before, since)
        self._last: dict[str, int] = {}
        now = time.time_ns()
        self._path = place / f"events.out.tfevents.{now // 10**9}.{platform.node()}.{os.getpid()}.{now}"
        rows = "".join(f"| {name} | {_cell(value)} |\n" for name, value in settings.items())
        table = f"| setting | value |\n| --- | --- |\n{rows}"
        self._write([
            {"file_version": VERSION}, {"summary": text_pb("settings", table)},
            {"summary": hparams_pb(dict(settings), trial_id=folder.name)},
            *(self._event(step, {tag: value}, wall) for (tag, step), (value, wall) in kept.items()),
        ])  # fmt: skip
        for path in before:
            path.unlink()

    def last(self, group: str) -> int:
        return self._last.get(group, 0)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._write([self._event(step, values, time.time())])

    def end(self, outcome: str, verdict: str, report: Path | None) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        if verdict:
            self._write([{"summary": text_pb("verdict", verdict)}])

    def _event(self, step: int, values: Mapping[str, float], wall: float) -> dict[str, Any]:
        from tensorboard.compat.proto.summary_pb2 import Summary

        for tag in values:
            group = tag.partition("/")[0]
            self._last[group] = max(step, self._last.get(group, 0))
        found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        return {"summary": Summary(value=found), "step": step, "wall_time": wall}

    def _write(self, events: Sequence[Mapping[str, Any]]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(Event(**{"wall_time": time.time(), **event}).SerializeToString())


def _scalars(files: list[Path], until: int) -> dict[tuple[str, int], tuple[float, float]]:
    """(tag, step) to value and time, up to a step; of the same one twice the later file's."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    return {
        (value.tag, event.step): (value.simple_value, event.wall_time)
        for path in files
        for event in LegacyEventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.HasField("simple_value") and event.step <= until
    }


def _cell(value: str) -> str:
    """In a table of Markdown."""
    return value.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
