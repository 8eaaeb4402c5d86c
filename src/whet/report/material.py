"""What a run folder holds, read once, for the sections of its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whet.errors import ModelError
from whet.records import Floats
from whet.runs.run_folder import EVALUATION, RunFolder

ANSWERS, MISTAKES, EXPLANATIONS = "predictions.parquet", "mistakes.json", "explanations.json"


@dataclass(frozen=True, slots=True)
class Material:
    run: Mapping[str, Any]
    """run.json or, of an evaluation on other data, evaluation.json."""
    metrics: Mapping[str, Any]
    findings: Mapping[str, Any]
    plan: Mapping[str, Any] | None
    steps: tuple[Mapping[str, Any], ...]
    """Those of which the loss is a number."""
    evaluations: tuple[Mapping[str, Any], ...]
    """On validation."""
    warnings: tuple[Mapping[str, Any], ...]
    revised: bool
    """Whether a budget changed the number of steps on the way."""
    end: Mapping[str, Any]
    """Of the training; empty where it has not ended."""
    rows: Mapping[str, int]
    """Side to the rows that it was given."""
    mistakes: Mapping[str, Any]
    """The content of mistakes.json; empty where there is none."""
    explained: Mapping[int, Mapping[str, Any]]
    """Row id to the words that a wrong answer hangs on, as in explanations.json; empty where there is none."""
    numbers: tuple[Floats, Floats] | None
    """Of a regression the true and the predicted number of each row that was scored."""

    @property
    def scored_run(self) -> str:
        """The run that was scored on other data; '' where this is a training."""
        return str(self.run.get("run", ""))

    @property
    def task(self) -> str:
        return str(self.metrics["task"])

    @property
    def side(self) -> str:
        """The side whose scores are told: test, else validation, else none."""
        return next((side for side in ("test", "validation") if side in self.metrics), "")

    @property
    def scores(self) -> Mapping[str, Any]:
        return dict(self.metrics.get(self.side, {}))

    def setting(self, name: str) -> Any:
        return self.run["settings"][name]["value"]


def gather(folder: RunFolder) -> Material:
    """Raises ModelError where a file is missing or damaged."""
    if (folder.path / EVALUATION).is_file():
        return _of_evaluation(folder)
    events = folder.events()
    of_kind = {kind: [line for line in events if line["kind"] == kind] for kind in {line["kind"] for line in events}}
    told = [*of_kind.get("notice", ()), *of_kind.get("limit", ())]
    metrics, is_answered = folder.read("metrics.json"), (folder.path / ANSWERS).is_file()
    return Material(
        run=folder.read("run.json"),
        metrics=metrics,
        findings=folder.read("findings.json"),
        plan=next(iter(of_kind.get("plan", ())), None),
        steps=tuple(line for line in of_kind.get("step", ()) if line["loss"] is not None),
        evaluations=tuple(line for line in of_kind.get("evaluation", ()) if line["side"] == "validation"),
        warnings=tuple(line for line in told if line["severity"] == "warning"),
        revised="revision" in of_kind,
        end=next(iter(reversed(of_kind.get("end", ()))), {}),
        rows=_rows(folder),
        mistakes=_if_there(folder, MISTAKES),
        explained={row["row_id"]: row for row in _if_there(folder, EXPLANATIONS).get("rows", ())},
        numbers=_numbers(folder) if metrics["task"] == "regression" and is_answered else None,
    )


def _of_evaluation(folder: RunFolder) -> Material:
    about, metrics = folder.read(EVALUATION), folder.read("metrics.json")
    return Material(
        run=about,
        metrics=metrics,
        findings={"source": about["data"]},
        plan=None,
        steps=(),
        evaluations=(),
        warnings=(),
        revised=False,
        end={},
        rows={},
        mistakes=folder.read(MISTAKES),
        explained={},
        numbers=_numbers(folder) if metrics["task"] == "regression" else None,
    )


def _if_there(folder: RunFolder, name: str) -> Mapping[str, Any]:
    return folder.read(name) if (folder.path / name).is_file() else {}


def _rows(folder: RunFolder) -> dict[str, int]:
    from pyarrow import compute

    counted = compute.value_counts(_columns(folder, "splits.parquet", "side").column("side"))
    return {each["values"]: each["counts"] for each in counted.to_pylist()}


def _numbers(folder: RunFolder) -> tuple[Floats, Floats]:
    table = _columns(folder, ANSWERS, "value", "predicted")
    return table.column("value").to_numpy(), table.column("predicted").to_numpy()


def _columns(folder: RunFolder, name: str, *columns: str) -> Any:
    """Columns of a parquet file of the run."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_table(folder.path / name, columns=list(columns))
    except (OSError, pa.ArrowInvalid) as fault:
        raise ModelError(f"{name} is missing or damaged: {fault}", where=str(folder.path)) from None
