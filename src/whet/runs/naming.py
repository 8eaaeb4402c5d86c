"""Which folder a job has: its name, and that nothing of anybody else's lies in it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from whet.disk import durable, lock
from whet.errors import ModelError, OutputError, UsageError
from whet.settings.config import Resolved, fields
from whet.settings.values import folder, shown

FOLDER = Path("runs")
LONGEST_NAME = 120  # bytes of data and model in the name of a folder; most file systems take 255 in all
DEEPEST = 70  # characters of the longest path in a run folder, a checkpoint on its way in or out
ADAPTED = "adapt"  # the job of a folder with an encoder that learnt the language of texts
BEFORE = (*lock.FILES, "error.json")  # what there may be before run.json


def fingerprint(resolved: Resolved, parts: Sequence[str]) -> str:
    """Sha256 of everything that decides a run's result: the settings that change it, and `parts`
    (data, model)."""
    values = dataclasses.asdict(resolved.settings)
    deciding = {setting.name: values[setting.name] for setting in fields() if setting.metadata["result"]}
    text = json.dumps([deciding, *parts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def base_of(resolved: Resolved, *, data: str, model: str, digest: str) -> Path:
    """`--output`, else runs/DATA-MODEL-HASH: a name beside which there can be others with a number."""
    output = resolved.settings.output
    if not output:
        return FOLDER / name_of(data, model, digest)
    base = folder(output)
    if base.name in ("", ".."):
        base = base.resolve()
    if not base.name:
        raise UsageError(f"{output} is the root of the disk", where="--output", expected="a folder of its own")
    return base


def chosen(base: Path, resolved: Resolved, digest: str) -> Path:
    """The folder of a job: BASE or, with `--fresh`, the next free one of BASE-2, BASE-3, ...; where one of them
    holds this job, that one. UsageError where the folder holds something else, or no path below it would fit;
    raises OSError."""
    path = free_name(base) if resolved.settings.fresh else _name_of(base, digest)
    check_length(path)
    if path.exists():
        _check_ours(path, digest, resolved)
    return path


def mirror_of(path: Path, resolved: Resolved, name: str) -> Path | None:
    """Where the checkpoints of a run are copied to, None without `--mirror`: the place that run.json in its folder
    names, else one that no run has. For a folder without a run it is the newest of NAME, NAME-2, ..., which a run on
    another machine left; `--fresh` takes none of those. OutputError where nothing can be looked up there."""
    if resolved.settings.mirror is None:
        return None
    base, known = folder(resolved.settings.mirror) / name, _described_in(path)
    own = str(known.get("mirrored"))
    if re.fullmatch(rf"{re.escape(name)}(-\d+)?", own):
        return base.with_name(own)
    try:
        return free_name(base) if known or resolved.settings.fresh else names_of(base)[-1]
    except OSError as fault:
        where = f"--mirror {base.parent}"
        raise OutputError(f"cannot read: {fault.strerror}", where=where, todo="Give another --mirror") from None


def name_of(data: str, model: str, digest: str) -> str:
    """What a folder of a job is called."""
    readable = re.sub(r"[^\w.-]+", "-", f"{data}-{model}").encode()[:LONGEST_NAME].decode(errors="ignore")
    return f"{readable.strip('-.')}-{digest[:8]}"


def check_length(path: Path) -> None:
    room = durable.room_below(path)
    if room < DEEPEST:
        raise UsageError(
            f"{path.absolute()} leaves {max(0, room)} characters for the names of files",
            where="--output",
            expected=f"{DEEPEST}, for Windows takes paths of {durable.LONGEST_PATH}",
            todo="Give an --output nearer to the root, or allow long paths in Windows (LongPathsEnabled)",
        )


def names_of(base: Path) -> list[Path]:
    """BASE, and those of BASE-2, BASE-3, ... that are there."""
    base.exists()  # an impossible name is told as it was given, and not as that with a number
    names = [base]
    while (further := base.with_name(f"{base.name}-{len(names) + 1}")).exists():
        names.append(further)
    return names


def _name_of(base: Path, digest: str) -> Path:
    """The newest of the names that holds this job, else BASE."""
    return next((path for path in reversed(names_of(base)) if _digest_in(path) == digest), base)


def free_name(base: Path) -> Path:
    names = names_of(base)
    return base if names == [base] and not base.exists() else base.with_name(f"{base.name}-{len(names) + 1}")


def _described_in(path: Path) -> dict[str, Any]:
    """The content of the run.json in a folder, empty where no run wrote it."""
    try:
        known = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def is_adapted(path: Path) -> bool:
    """Whether the model of a run is an encoder that learnt the language of texts."""
    return _described_in(path).get("job") == ADAPTED


def refuse_adapted(path: Path, run: str | os.PathLike[str], where: str) -> None:
    """Raises ModelError for such a run, where answers are wanted."""
    if is_adapted(path):
        todo = f"Fine-tune it: whet train DATA --model {run}"
        raise ModelError(f"{run} was adapted to texts, and answers nothing yet", where=where, todo=todo)


def _digest_in(path: Path) -> object:
    """The digest of the run in a folder, None where no run wrote it."""
    return _described_in(path).get("digest")


def _other_settings(path: Path, resolved: Resolved) -> str:
    """Which settings of the run in a folder decided its result and are others now."""
    known, changed = _described_in(path).get("settings", {}), []
    with suppress(TypeError, KeyError, AttributeError):  # a run.json that is none of ours tells nothing
        for name in (setting.name for setting in fields() if setting.metadata["result"] and setting.name in known):
            then, now = known[name]["value"], getattr(resolved.settings, name)
            if then != now and not known[name]["reason"].startswith(
                ("budget ", "auto: better")
            ):  # which may choose otherwise
                changed.append(f"{name} {shown(then)}, now {shown(now)}")
    return "; ".join(changed)


def _check_ours(path: Path, digest: str, resolved: Resolved) -> None:
    where = "--output" if resolved.settings.output else str(path)
    if not path.is_dir():
        raise UsageError(f"{path} is a file", where=where, expected="a folder")
    if all(left.name in BEFORE or left.name.startswith(durable.SCRATCH) for left in path.iterdir()):
        return  # nothing, or what a process left that was ended before it wrote run.json
    known = _digest_in(path)
    if known is None:
        raise UsageError(f"{path} holds files that no run wrote", where=where, todo="Give another --output")
    if known != digest:
        changed = _other_settings(path, resolved)
        raise UsageError(
            f"{path} holds a run of {f'other settings: {changed}' if changed else 'other data or another model'}",
            where=where,
            todo="Give another --output, or --fresh to keep that run and start beside it",
        )
