"""What `whet doctor` finds: the machine, its GPUs, packages, caches and the hub, and a run verified."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from whet.artifacts import published, sidefile
from whet.errors import MissingExtraError, ModelError
from whet.hub import reach
from whet.prediction import predictor
from whet.prediction.predictor import Answering
from whet.runs import naming
from whet.runs.run_folder import RunFolder
from whet.settings.config import Language
from whet.system import gpu, machine, packages, runtime

TIGHT_DISK = 2 * 10**9  # bytes: a run of a base-size model, and its download, take about as much
TIGHT_MEMORY = 10**9  # bytes: less than a training of the embedded model takes
PARQUET = b"PAR1"  # how such a file begins and ends

State = Literal["ok", "warning", "fault"]
Lang = Literal["en", "ko"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `fault`: nothing can be trained before it is mended."""

    name: Literal["packages", "gpu", "memory", "disk", "hub", "run"]
    state: State
    message: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that whet writes to, in bytes; None where the system does not tell."""

    use: Literal["runs", "cache", "hub cache"]
    path: Path
    free: int | None
    size: int | None = None  # of what a cache holds


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run whose files were read and whose model gave the answers that it gave when it was saved."""

    path: Path
    files: tuple[str, ...]
    canaries: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """All that was found. `chosen` is what a training would run on, None where it cannot."""

    verdict: str
    checks: tuple[Check, ...]
    system: str
    notebook: machine.Notebook | None
    processor: str | None
    cores: machine.Cores
    memory: machine.Memory
    accelerators: tuple[gpu.Accelerator, ...]
    nvidia: machine.Nvidia
    no_gpu: gpu.NoGpu | None
    chosen: runtime.Runtime | None
    places: tuple[Place, ...]
    versions: Mapping[str, str]
    hub: str
    hub_unreachable: str  # why; '' where it answers
    run: CheckedRun | None


def doctor(run: str | os.PathLike[str] | None = None, *, lang: Language = "auto") -> Health:
    """Looks at everything that a training needs, and with `run` at a finished run: a run folder, its
    model/ folder or `last`. Changes nothing, and works without torch.

    Messages are in the language asked for. Raises ModelError where a file of the run is missing or
    damaged, or its model answers differently; MissingExtraError where the model cannot be loaded.
    """
    said = SENTENCES[runtime.language(lang)]
    checked = None if run is None else _verified(run)
    cores = machine.cores()  # by itself: other work of this process would be taken for that of others
    accelerators: tuple[gpu.Accelerator, ...] = ()
    chosen, no_gpu = None, None
    with ThreadPoolExecutor(1) as aside:
        answer = aside.submit(reach.unreachable_because)  # may take seconds
        memory, places, packages = machine.memory(), _places(), _packages(said)
        if packages.state == "ok":
            accelerators = gpu.devices()
            chosen = replace(runtime.choose("auto", cores.free), threads_reason=runtime.FREE_CORES)
            no_gpu = gpu.why_none(runtime.language(lang)) if chosen.device == "cpu" else None
        unreachable = answer.result()
    checks = [packages]
    if chosen is not None:
        checks.append(_gpu(said, accelerators, no_gpu))
    checks += [_memory(said, memory), _disk(said, places), _hub(said, unreachable)]
    if checked is not None:
        checks.append(Check("run", "ok", said["run"].format(path=checked.path, count=checked.canaries)))
    return Health(
        verdict=_verdict(said, checks, _device(said, chosen, accelerators, no_gpu)),
        checks=tuple(checks),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        notebook=machine.notebook(),
        processor=machine.processor(),
        cores=cores,
        memory=memory,
        accelerators=accelerators,
        nvidia=machine.nvidia(),
        no_gpu=no_gpu,
        chosen=chosen,
        places=places,
        versions=runtime.versions(),
        hub=reach.host(),
        hub_unreachable=unreachable,
        run=checked,
    )


# ---------------------------------------------------------------- the run


def _verified(run: str | os.PathLike[str]) -> CheckedRun:
    """Reads every file of a finished run, and loads its model, which compares its answers."""
    folder = published.find(run)
    files = [] if folder.bare else list(_read_files(folder))
    models = [folder.model, *([folder.export] if not folder.bare and folder.export.is_dir() else [])]
    labels: tuple[str, ...] = ()
    canaries = 0
    for model in models:
        for loaded in _loaded(model):
            loaded.prove()
            labels = loaded.labels.names
        prefix = "" if folder.bare else f"{model.name}/"
        files += sorted(prefix + path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
        side = sidefile.read(model)
        canaries += len(side["canaries"]) * len(side.get("engines", ("",)))
    return CheckedRun(folder.path, tuple(files), canaries, labels)


def _loaded(model: Path) -> Iterator[Answering]:
    """The model of a folder, verified, of an export every one. Raises MissingExtraError where it cannot be loaded."""
    side = sidefile.read(model)
    if side["kind"] == "onnx":
        from whet.artifacts import exported

        yield from (exported.load(model, engine=engine) for engine in side["engines"])
        return
    if side["kind"] == "linear":
        from whet.artifacts import tfidf

        yield tfidf.load(model)
        return
    if sidefile.kind_of(side) == "linear":
        yield predictor.load(model).artifact
        return
    needed = _packages(SENTENCES["en"])
    if needed.state == "fault":
        raise MissingExtraError(needed.message, todo=needed.todo)
    yield predictor.load(model, device="cpu", engine="torch").artifact  # loads torch


def _read_files(folder: RunFolder) -> Iterator[str]:
    """The names of the run's files; ModelError for one that is missing or damaged."""
    for name in ("run.json", "metrics.json"):
        folder.read(name)
        yield name
    for name in ("events.jsonl", "splits.parquet", "predictions.parquet"):
        path = folder.path / name
        if not path.is_file():
            if name == "predictions.parquet":  # a run without test rows has none
                continue
            raise ModelError(f"no {name}", where=str(folder.path), expected="a finished run")
        if name.endswith(".jsonl"):
            _read_lines(path)
        elif (content := path.read_bytes())[:4] != PARQUET or content[-4:] != PARQUET or len(content) < 12:
            raise ModelError(f"{name} is damaged", where=str(folder.path), expected="a whole parquet file")
        yield name


def _read_lines(path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        try:
            for _ in map(json.loads, file):
                pass
        except ValueError as fault:  # of JSON or of UTF-8
            raise ModelError(f"{path.name} is damaged: {fault}", where=str(path.parent)) from None


# ---------------------------------------------------------------- caches


def _places() -> tuple[Place, ...]:
    from huggingface_hub import constants

    own, hubs = runtime.cache_folder(), Path(constants.HF_HUB_CACHE)
    results = naming.FOLDER.absolute()
    return (
        Place("runs", results, machine.disk_free(results)),
        Place("cache", own, machine.disk_free(own), _size(own)),
        Place("hub cache", hubs, machine.disk_free(hubs), _size(hubs)),
    )


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; links count as links, what may not be read as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:  # another process removed it meanwhile
                continue
    return total


# ---------------------------------------------------------------- checks


def _packages(said: Mapping[str, str]) -> Check:
    missing = packages.missing_for_training()
    if missing:
        message = said["missing"].format(names=", ".join(missing), folder=sys.prefix)
        return Check("packages", "fault", message, said["run this"].format(line=packages.pip_line()))
    if fault := runtime.torch_fault():
        return Check(
            "packages", "fault", said["broken"].format(fault=fault), said["run this"].format(line=gpu.REINSTALL)
        )
    return Check("packages", "ok", said["installed"])


def _gpu(said: Mapping[str, str], found: tuple[gpu.Accelerator, ...], none: gpu.NoGpu | None) -> Check:
    if none is not None:
        return Check("gpu", "warning" if none.todo else "ok", none.reason, none.todo)
    useless = [device.name for device in found if not device.usable]
    if useless:
        return Check("gpu", "warning", said["useless"].format(names=", ".join(useless)))
    return Check("gpu", "ok", ", ".join(device.name for device in found))


def _memory(said: Mapping[str, str], found: machine.Memory) -> Check:
    if found.available is None:
        return Check("memory", "ok", said["not told"])
    message = said["memory"].format(size=machine.gigabytes(found.available))
    if found.available >= TIGHT_MEMORY:
        return Check("memory", "ok", message)
    return Check("memory", "warning", message, said["less memory"].format(limit=said[found.limited_by]))


def _disk(said: Mapping[str, str], places: tuple[Place, ...]) -> Check:
    known = [(place.free, place) for place in places if place.free is not None]
    if not known:
        return Check("disk", "ok", said["not told"])
    tight = [place for free, place in known if free < TIGHT_DISK]
    free, least = min(known, key=lambda entry: entry[0])
    message = said["disk"].format(size=machine.gigabytes(free), path=least.path)
    return Check("disk", "warning", message, said["more disk"]) if tight else Check("disk", "ok", message)


def _hub(said: Mapping[str, str], unreachable: str) -> Check:
    if not unreachable:
        return Check("hub", "ok", said["hub"].format(host=reach.host()))
    return Check("hub", "warning", said["no hub"].format(host=reach.host(), reason=unreachable), said["without hub"])


def _device(
    said: Mapping[str, str],
    chosen: runtime.Runtime | None,
    found: tuple[gpu.Accelerator, ...],
    none: gpu.NoGpu | None,
) -> str:
    """On what a training runs, as a sentence; '' where it cannot."""
    if chosen is None:
        return ""
    where = said["cpu"]
    if chosen.device != "cpu":
        first = next((device.name for device in found if device.device.startswith(chosen.device)), "")
        where = f"{chosen.device.upper()} ({first})"
    threads = said["thread" if chosen.threads == 1 else "threads"].format(count=chosen.threads)
    why = said["why"].format(reason=none.reason) if none else ""
    return said["ready"].format(where=where, threads=threads, why=why)


def _verdict(said: Mapping[str, str], checks: list[Check], device: str) -> str:
    fault = next((check for check in checks if check.state == "fault"), None)
    if fault is not None:
        return said["not ready"].format(message=fault.message, todo=fault.todo)
    parts = [device, *(f"{check.message}." for check in checks if check.name == "run")]
    warnings = sum(check.state == "warning" for check in checks)
    if warnings:
        parts.append(said["warning" if warnings == 1 else "warnings"].format(count=warnings))
    return " ".join(parts)


# Messages stand without their full stop, a verdict with it.
SENTENCES: Mapping[Lang, Mapping[str, str]] = {
    "en": {
        "installed": "everything that training needs is installed",
        "missing": "training needs {names}, not installed in {folder}",
        "broken": "PyTorch is installed and cannot be loaded: {fault}",
        "run this": "Run: {line}",
        "useless": "this PyTorch has no code for {names}",
        "not told": "this system does not tell",
        "memory": "{size} of memory can be taken",
        "less memory": "What limits it is {limit}; close other programs or raise the limit. The embedded model with a "
        "small --max-length needs the least",
        "the machine": "the machine",
        "the container's limit": "the limit of the container",
        "ulimit -v": "ulimit -v",
        "ulimit -d": "ulimit -d",
        "disk": "{size} of disk are free in {path}",
        "more disk": "Make room, or write elsewhere: --output for runs, WHET_CACHE and HF_HOME for the caches",
        "hub": "{host} answers",
        "no hub": "{host} cannot be reached: {reason}",
        "without hub": "The embedded model and what was downloaded before can be used without it",
        "run": "{path} is whole, and its model gives the {count} answers that it gave when it was saved",
        "cpu": "the CPU",
        "thread": "{count} thread",
        "threads": "{count} threads",
        "why": "; {reason}",
        "ready": "Ready: training runs on {where} with {threads}{why}.",
        "warning": "1 warning.",
        "warnings": "{count} warnings.",
        "not ready": "Not ready: {message}. {todo}",
    },
    "ko": {
        "installed": "학습에 필요한 패키지가 모두 설치되어 있습니다",
        "missing": "학습에 필요한 {names} 패키지가 {folder}에 설치되어 있지 않습니다",
        "broken": "PyTorch가 설치되어 있지만 불러올 수 없습니다: {fault}",
        "run this": "다음을 실행하세요: {line}",
        "useless": "설치된 PyTorch가 {names}를 지원하지 않습니다",
        "not told": "이 시스템에서는 알 수 없습니다",
        "memory": "쓸 수 있는 메모리는 {size}입니다",
        "less memory": "{limit} 때문에 더 쓸 수 없습니다. 다른 프로그램을 닫거나 제한을 늘리세요. "
        "내장 모델에 --max-length를 작게 주면 메모리를 가장 적게 씁니다",
        "the machine": "컴퓨터의 남은 메모리",
        "the container's limit": "컨테이너 메모리 제한",
        "ulimit -v": "ulimit -v 제한",
        "ulimit -d": "ulimit -d 제한",
        "disk": "{path}에 쓸 수 있는 디스크 공간은 {size}입니다",
        "more disk": "공간을 비우거나 다른 위치를 쓰세요(실행 폴더는 --output, 캐시는 WHET_CACHE와 HF_HOME)",
        "hub": "{host}에 접속할 수 있습니다",
        "no hub": "{host}에 접속할 수 없습니다: {reason}",
        "without hub": "내장 모델과 이미 내려받은 모델은 그대로 쓸 수 있습니다",
        "run": "{path}의 파일은 온전하고, 모델은 저장할 때와 같은 답 {count}개를 냈습니다",
        "cpu": "CPU",
        "thread": "스레드 {count}개",
        "threads": "스레드 {count}개",
        "why": " {reason}.",
        "ready": "준비 완료: {where}에서 {threads}로 학습합니다.{why}",
        "warning": "경고 1건.",
        "warnings": "경고 {count}건.",
        "not ready": "아직 학습할 수 없습니다: {message}. {todo}",
    },
}
