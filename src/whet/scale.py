"""Many files answered on a Ray cluster that is there: each actor loads the model once and takes file after file.

A file is answered by one actor, with the code and the portions of a plain run, so that the bytes are those of a plain
run in as many threads. Files and run folder must lie where every machine of the cluster finds them under the same path.
"""

from __future__ import annotations

import glob
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whet import pipeline
from whet.data.folders import DATA_FILE
from whet.errors import DataError, MissingExtraError, UsageError, WhetError
from whet.prediction import answering, written
from whet.prediction.answering import Order
from whet.run import Run
from whet.settings.config import Settings
from whet.system import runtime


@dataclass(frozen=True, slots=True)
class Answered:
    """A file that is done with."""

    file: Path
    output: Path
    rows: int
    fault: WhetError | None
    """Why it could not be answered."""


def orders(pattern: str, output: Path, form: written.Form, settings: Settings) -> list[Order]:
    """An order for each data file of a folder or a glob pattern, by its name; each is answered into a file of this
    folder that is called alike. DataError where there is no such file, or two would be called the same; UsageError
    where answers would take the place of one of them."""
    path = Path(pattern)
    matching = path.iterdir() if path.is_dir() else map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207
    found = sorted(matching)
    files = [file for file in found if file.is_file() and (DATA_FILE.search(file.name) or file.suffix == ".txt")]
    if not files:
        expected = "a folder or a pattern of csv, tsv, jsonl, parquet or txt files"
        raise DataError(f"no file to answer: {pattern}", where="--file", expected=expected)
    named: dict[Path, Path] = {}
    for file in files:
        target = output.absolute() / f"{DATA_FILE.sub('', file.name.removesuffix('.txt'))}.{form}"
        other = named.setdefault(target, file)
        if other != file:
            raise DataError(f"{other} and {file} would both be answered into {target.name}", where="--file")
    own = {file.resolve() for file in files}
    if lost := next((file for target, file in named.items() if target.resolve() in own), None):
        saw = f"the answers to {lost} would take the place of a file that is to be answered"
        raise UsageError(saw, where="--output", expected="another folder than that of the files")
    return [Order(file.absolute(), target, form, settings) for target, file in named.items()]


def answer(run: Run, asked: Sequence[Order]) -> Iterator[Answered]:
    """Answers the orders, each told when it is done with, in whatever order that is. MissingExtraError without Ray,
    UsageError where no cluster is found: this starts none."""
    ray, data = _connected()
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    size = max(1, min(len(asked), gpus or int(resources.get("CPU", 1))))
    for order in asked:
        order.output.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"number": number} for number in range(len(asked))]
    found = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Actor,
        batch_size=1,
        compute=data.ActorPoolStrategy(size=size),
        fn_constructor_kwargs={"run": str(run.path.absolute()), "asked": list(asked), "threads": 0 if gpus else 1},
        num_cpus=None if gpus else 1,
        num_gpus=1 if gpus else None,
    )
    for row in found.iter_rows():
        order = asked[row["number"]]
        fault = None if row["fault"] == "" else _fault(json.loads(row["fault"]))
        yield Answered(order.file, order.output, row["rows"], fault)


class _Actor:
    """What a process of the cluster does: the model, once, and then file after file."""

    def __init__(self, run: str, asked: Sequence[Order], threads: int) -> None:
        self._run = pipeline.load(run)
        self._asked = asked
        self._model = self._run.predictor
        if threads:  # as many as Ray gives it cores
            runtime.use_threads(threads)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        told: dict[str, list[Any]] = {"number": [], "rows": [], "fault": []}
        for number in batch["number"].tolist():
            rows, fault = 0, ""
            try:
                with answering.begun(self._asked[number], self._run) as job:
                    rows = job.done + sum(map(len, job.answer(self._model)))
            except WhetError as refused:  # the other files are answered all the same
                fault = json.dumps(refused.as_json())
            for name, value in (("number", number), ("rows", rows), ("fault", fault)):
                told[name].append(value)
        return told


def refusal(done: Sequence[Answered]) -> WhetError | None:
    """The faults of all files that could not be answered, as one."""
    faults = [each.fault for each in done if each.fault is not None]
    if not faults:
        return None
    first, *others = faults
    more = [*first.more, *others]
    return type(first)(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)


def _fault(told: Mapping[str, Any]) -> WhetError:
    kind = next(kind for kind in _kinds(WhetError) if kind.kind == told["error"])
    more = [_fault(each) for each in told["more"]]
    return kind(told["saw"], where=told["where"], expected=told["expected"], todo=told["todo"], more=more)


def _kinds(kind: type[WhetError]) -> Iterator[type[WhetError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _connected() -> tuple[Any, Any]:
    """Ray and its data library, connected to the cluster of this process, RAY_ADDRESS or this machine."""
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError(
            "answering on a cluster needs Ray, which is not installed", todo='Run: pip install "whet[scale]"'
        ) from None
    if not ray.is_initialized():
        try:
            ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError) as fault:
            raise UsageError(
                f"no Ray cluster is found: {str(fault).partition('. ')[0]}", where="--engine ray",
                expected="a cluster that runs already, on this machine or at RAY_ADDRESS",
                todo="Start one with: ray start --head",
            ) from None  # fmt: skip
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells each plan and each end, and bars of its own
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray, ray.data
