"""MLflow: a run of its server, or of a local store beside the runs, `runs/mlflow/`.

By its client alone, so that nothing is global. Metrics go in batches: to a server each call takes its time. The
environment names the server and the experiment (`runtime.mlflow`), and a run that goes on finds its own by the id in
its folder.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.disk import durable
from whet.system import runtime

if TYPE_CHECKING:
    from mlflow.entities import Metric

KNOWN = "mlflow.json"  # in the run folder: which run of which server it is
STORE = "mlflow"  # beside the run folders
PAUSE = 5.0  # seconds between two batches
MOST, MOST_SETTINGS = 1_000, 100  # metrics, and parameters, that a server takes at once
STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MLflow:
    """The tracked run of a job. Raises whatever the client raises, MlflowException as a rule."""

    def __init__(self, folder: Path, settings: Mapping[str, str], since: int) -> None:
        uri, experiment = runtime.mlflow()
        artifacts = None
        if uri is None:
            place = (folder.parent / STORE).absolute()
            place.mkdir(parents=True, exist_ok=True)
            uri, artifacts = f"sqlite:///{place / 'mlflow.db'}", (place / "artifacts").as_uri()
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)
        self._waiting: list[Metric] = []
        self._sent = time.monotonic()
        server = hashlib.sha256(uri.encode()).hexdigest()  # it may hold a password
        before = _known(folder, server)
        if before and since:
            self._id = before
            self._client.update_run(self._id, status="RUNNING")
            return
        if before:  # of a job that began anew
            self._client.set_terminated(before, status=STATUS["stopped"])
        self._id = self._new(folder, settings, experiment, artifacts)
        durable.write(folder / KNOWN, json.dumps({"server": server, "run": self._id}))

    def _new(self, folder: Path, settings: Mapping[str, str], experiment: str, artifacts: str | None) -> str:
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(experiment)
        place = found.experiment_id if found else self._client.create_experiment(experiment, artifacts)
        tags = {"mlflow.source.name": "whet", "whet.run": str(folder)}
        run = str(self._client.create_run(place, tags=tags, run_name=folder.name).info.run_id)
        params = [Param(name, value) for name, value in settings.items()]
        for start in range(0, len(params), MOST_SETTINGS):
            self._client.log_batch(run, params=params[start : start + MOST_SETTINGS])
        return run

    def last(self, group: str) -> int:
        return max((metric.step for metric in self._client.get_metric_history(self._id, f"{group}/loss")), default=0)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 10**6
        self._waiting += [Metric(name, value, now, step) for name, value in values.items()]
        if len(self._waiting) >= MOST or time.monotonic() - self._sent >= PAUSE:
            self._send()

    def _send(self) -> None:
        for start in range(0, len(self._waiting), MOST):
            self._client.log_batch(self._id, metrics=self._waiting[start : start + MOST])
        self._waiting, self._sent = [], time.monotonic()

    def end(self, outcome: str, verdict: str, report: Path | None) -> None:
        self._send()
        if verdict:
            self._client.set_tag(self._id, "mlflow.note.content", verdict)
        if report is not None:
            self._client.log_artifact(self._id, str(report))
        self._client.set_terminated(self._id, status=STATUS[outcome])


def _known(folder: Path, server: str) -> str:
    """The id of the run on this server; '' where there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        known: Any = json.loads((folder / KNOWN).read_text(encoding="utf-8"))
        return str(known["run"]) if known["server"] == server else ""
    return ""
