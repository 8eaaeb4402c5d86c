"""The folder of a search: its study, the trials that have begun, what it came to.

study.json · study.sqlite3 · best.toml · report.html · trials/0007/ (one that runs) · run/
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whet.disk import durable, lock
from whet.disk.mendable import mendable
from whet.errors import UsageError
from whet.preparing import prepare
from whet.preparing.prepare import Asked
from whet.runs import naming
from whet.score.metrics import ERRORS
from whet.sentences.bilingual import with_korean
from whet.settings.config import Resolved, Settings, fields
from whet.settings.values import MetricFunction
from whet.system import runtime
from whet.tuning.records import Limits, Params, Trial
from whet.tuning.space import Space
from whet.tuning.study import Study

FORMAT = 1
STUDY, BEST, REPORT, TRIALS, RUN = "study.json", "best.toml", "report.html", "trials", "run"
OPEN = "trial.json"
BESIDE = {"baseline": True, "learning_curve": False}  # what makes another run of the last training, and no other search


@dataclass(slots=True)
class Open:
    """A trial that has begun and is not over."""

    number: int
    params: Params
    reports: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path
    facts: Mapping[str, Any]
    """What study.json tells of the job, its digest first."""
    space: Space
    prune: bool

    @staticmethod
    def of(asked: Asked, resolved: Resolved, space: Space, limits: Limits) -> Folder:
        """That of this search: `--output`, else runs/DATA-MODEL-tune-HASH. UsageError where it holds something else.
        Nothing is written."""
        settings = asked.resolved.settings
        written = {name: str(values) for name, values in space.items()}
        parts = [
            *prepare.rows_digests(asked), prepare.weights_digest(asked.encoder), *asked.labels.names,
            json.dumps(written), f"prune {limits.prune}",
        ]  # fmt: skip
        digest = naming.fingerprint(asked.resolved, parts)
        base = naming.base_of(resolved, data=asked.name, model=f"{asked.files.short_name}-tune", digest=digest)
        names = naming.names_of(base)
        path = naming.free_name(base) if resolved.settings.fresh else base
        if not resolved.settings.fresh:
            path = next((each for each in reversed(names) if _read(each).get("digest") == digest), base)
        naming.check_length(path)
        _check_ours(path, digest)
        facts = {
            "format": FORMAT, "digest": digest, "data": asked.name, "model": settings.model,
            "metric": str(settings.metric), "direction": "minimize" if is_error(asked) else "maximize",
            "seed": settings.seed, "space": written, "prune": limits.prune, "validation_rows": _validated(asked),
            "defaults": {name: getattr(settings, name) for name in space}, "versions": runtime.versions(),
        }  # fmt: skip
        return Folder(path, facts, space, limits.prune)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder, made if need be, is this process's alone."""
        with mendable(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with lock.held(self.path, "searches in this folder"):
            yield

    def begin(self) -> Study:
        """The study of this folder, a new one where there is none."""
        with mendable(self.path):
            if not self.read():
                self._write({**self.facts, "started": datetime.now(UTC).isoformat(), "trials": [], "runs": {}})
            durable.sweep(self.path)
            (self.path / TRIALS).mkdir(exist_ok=True)
        seed, minimise = self.facts["seed"], self.facts["direction"] == "minimize"
        study = Study(self.path, self.space, seed=seed, minimise=minimise, prune=self.prune)
        self.write(study)
        return study

    def read(self) -> dict[str, Any]:
        """The content of study.json; empty where there is none."""
        return _read(self.path)

    def write(self, study: Study, more: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Brings study.json up to date, and returns its content."""
        best = study.best
        trials = [_plain(trial) for trial in study.trials]
        known = {**self.read(), "trials": trials, "best": None if best is None else best.number, **(more or {})}
        self._write(known)
        return known

    def place(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / TRIALS / f"{number:04d}"

    def open(self, told: frozenset[int]) -> list[Open]:
        """The trials that earlier processes had begun, by number. What is left of those that are over goes."""
        found = []
        for path in sorted((self.path / TRIALS).iterdir()):
            try:
                known = json.loads((path / OPEN).read_text(encoding="utf-8"))
                reports = {int(percent): score for percent, score in known["reports"].items()}
                trial = Open(known["number"], known["params"], reports)
            except (OSError, ValueError, LookupError, TypeError, AttributeError):
                trial = None  # a process was ended before it had written this
            if trial is None or trial.number in told or self.place(trial.number) != path:
                shutil.rmtree(path, ignore_errors=True)
            else:
                found.append(trial)
        return found

    def note(self, trial: Open) -> None:
        """Writes down that a trial has begun, and what its evaluations came to."""
        path = self.place(trial.number)
        with mendable(path):
            path.mkdir(exist_ok=True)
            durable.write(path / OPEN, json.dumps(dataclasses.asdict(trial), ensure_ascii=False, indent=1))

    def forget(self, number: int) -> None:
        """Removes what a trial has left."""
        shutil.rmtree(self.place(number), ignore_errors=True)

    def run_of(self, trial: Trial, settings: Settings) -> tuple[Path, list[int]]:
        """Where the best trial is trained anew, and which others had been before it, so that the test side was scored
        with them. `settings`: those of that training."""
        known = self.read()
        runs: dict[str, str] = dict(known.get("runs", {}))
        others = sorted({int(key.split()[0]) for key in runs} - {trial.number})
        beside = [
            f"{name}={getattr(settings, name)}" for name, usual in BESIDE.items() if getattr(settings, name) != usual
        ]
        key = " ".join([str(trial.number), *beside])
        name = runs.setdefault(key, RUN if not runs else f"{RUN}-{len(runs) + 1}")
        if runs != known.get("runs"):
            self._write({**known, "runs": runs})
        return self.path / name, others

    def write_recipe(self, data: object, resolved: Resolved, best: Trial, chosen: Params) -> None:
        """best.toml: what `whet train` is to be given for the training of the best trial."""
        # What changes the result, and the findings despite which there is one.
        kept = {setting.name for setting in fields() if setting.metadata["result"]} - {"budget"} | {"allow"}
        given = {
            setting.name: getattr(resolved.settings, setting.name)
            for setting in fields()
            if setting.name in kept and resolved.reasons[setting.name] != "default"
        }
        values = {name: value for name, value in {**given, **chosen}.items() if value is not None}
        score = f"{self.facts['metric']} {best.score:.4f} on {self.facts['validation_rows']:,} validation rows"
        lines = [f"# Found by whet tune: trial {best.number} of {self.path.name}.", f"# Score: {score}"]
        if isinstance(data, str):
            lines.append(f"data = {_toml(data)}")
        for name, value in values.items():
            own = isinstance(value, MetricFunction)
            lines.append(f"# {name}: a function of Python, to be given again" if own else f"{name} = {_toml(value)}")
        with mendable(self.path):
            durable.write(self.path / BEST, "\n".join(lines) + "\n")

    def write_report(self, text: str) -> None:
        with mendable(self.path):
            durable.write(self.path / REPORT, text)

    def _write(self, content: Mapping[str, object]) -> None:
        with mendable(self.path):
            durable.write(self.path / STUDY, json.dumps(with_korean(content), ensure_ascii=False, indent=1) + "\n")


def is_error(asked: Asked) -> bool:
    """Whether less of the job's metric is better."""
    return str(asked.resolved.settings.metric) in (*ERRORS, "loss")


def _validated(asked: Asked) -> int:
    assert asked.splits.validation is not None
    return len(asked.splits.validation.texts)


def _plain(trial: Trial) -> dict[str, object]:
    """A trial as study.json has it."""
    told = dataclasses.asdict(trial)
    told["reports"] = {str(percent): score for percent, score in trial.reports.items()}  # as JSON has names
    return {name: value for name, value in told.items() if not (name in ("fault", "same_as") and value in ("", None))}


def _toml(value: object) -> str:
    """A value as TOML writes it, of which strings of JSON without their surrogates are a part."""
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads((path / STUDY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _check_ours(path: Path, digest: str) -> None:
    """Raises UsageError where the folder holds anything but this search."""
    if not path.exists():
        return
    if not path.is_dir():
        raise UsageError(f"{path} is a file", where="--output", expected="a folder")
    known = _read(path).get("digest")
    strange = any(each.name not in lock.FILES and not each.name.startswith(durable.SCRATCH) for each in path.iterdir())
    if known != digest and (known is not None or strange):
        what = "a search of other data, settings or values" if known else "files that no search wrote"
        todo = "Give another --output" + (", or --fresh to keep that search and start beside it" if known else "")
        raise UsageError(f"{path} holds {what}", where="--output", todo=todo)
