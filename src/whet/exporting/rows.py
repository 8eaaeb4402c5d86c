"""The rows of validation and test of a finished run, by reading DATA again as its training did."""

from __future__ import annotations

from typing import Any

from whet.data.rows import select
from whet.data.split import draw
from whet.data.targets import classes_of, targets_of
from whet.errors import MissingExtraError, UsageError, WhetError
from whet.inputs.reading import labelled
from whet.labels import LabelSet
from whet.preparing import prepare
from whet.records import Examples, Side
from whet.report.repeat import data_of
from whet.runs.run_folder import RunFolder
from whet.score.scorer import fitting
from whet.sentences.bilingual import Bilingual, said
from whet.settings.config import Settings, fields
from whet.settings.values import AUTO_METRIC
from whet.system import packages

ROWS = 2_000  # of each side that every engine answers
AS_TASK = "the metric of a task"  # the reason of one that nobody asked for
SIDES: tuple[Side, ...] = ("validation", "test")


def rows_of(run: RunFolder, data: object, labels: LabelSet) -> tuple[dict[Side, Examples], list[Bilingual]]:
    """At most ROWS of each side, drawn by class; and what must be said. No rows where DATA cannot be read or is not
    what it was. `data`: DATA, where it is not as the run names it."""
    if run.bare:
        return {}, [said({}, "no run around")]
    about = run.read("run.json")
    given = data_of(about) if data is None else data
    if given is None:
        return {}, [said({}, "data not named")]
    settings, facts = _settings(about), {"data": given if isinstance(given, str) else "DATA"}
    try:
        splits = prepare.splits_of(labelled(given, settings), settings)
    except WhetError as fault:
        return {}, [said(facts | {"fault": fault.message.rstrip(".")}, "data not read again")]
    sides: dict[Side, Examples | None] = {"validation": splits.validation, "test": splits.test}
    if {side: _ids(rows) for side, rows in sides.items()} != _known_ids(run):
        return {}, [said(facts, "data changed")]
    found, told = {}, []
    for side, rows in sides.items():
        if rows is None or not len(rows.texts):
            continue
        if len(rows.texts) > ROWS:
            told.append(said({"side": side, "count": ROWS, "total": len(rows.texts)}, "some rows compared"))
            taken = draw(classes_of(targets_of(rows, labels)), rows.row_ids, ROWS, "export", settings.seed)
            rows = select(rows, taken)
        found[side] = rows
    return found, told


def metric_of(run: RunFolder, labels: LabelSet) -> str:
    """The metric that the run was told to use. Without one, and for a function, accuracy; of several labels and of
    numbers that of the task."""
    by_itself = "accuracy" if labels.kind == "one" else fitting(AUTO_METRIC, labels)
    if run.bare:
        return by_itself
    known = run.read("run.json")["settings"]["metric"]
    if known["reason"] == said({"task": labels.task}, AS_TASK):
        return by_itself
    try:
        return fitting(known["value"], labels)
    except UsageError:
        return by_itself


def _settings(about: dict[str, Any]) -> Settings:
    """The settings of a run, of which the metric is of no matter here."""
    known = {setting.name: about["settings"][setting.name]["value"] for setting in fields()
             if setting.name in about["settings"] and setting.name != "metric"}  # fmt: skip
    return Settings(**known)


def _ids(rows: Examples | None) -> list[int]:
    return [] if rows is None else list(rows.row_ids)


def _known_ids(run: RunFolder) -> dict[Side, list[int]]:
    """By splits.parquet, in the order of the rows."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("splits.parquet needs pyarrow", todo=f"Run: {packages.pip_line()}") from None
    written = parquet.read_table(run.path / "splits.parquet", columns=["side", "row_id"]).to_pydict()
    known: dict[Side, list[int]] = {side: [] for side in SIDES}
    for side, row in zip(written["side"], written["row_id"], strict=True):
        if side in known:
            known[side].append(row)
    return known
