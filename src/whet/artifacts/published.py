"""A finished run on the hub: its model pushed there, and found there again.

What is pushed is the model/ folder, in the root of the repository, so that transformers too finds it under that name,
and export/ below it. Everything goes in one commit: a push that breaks off leaves the repository as it was, and what
was sent already is not sent again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.artifacts import exported, sidefile, tfidf
from whet.disk import durable
from whet.errors import ModelError, OutputError, UsageError
from whet.hub import reach, snapshot
from whet.model.files import TOKENIZER_FILES, WEIGHT_FILES
from whet.runs import run_folder
from whet.runs.run_folder import EXPORT, RunFolder

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

MODEL_FILES = (sidefile.NAME, durable.MANIFEST, sidefile.CARD, tfidf.VOCABULARY, *TOKENIZER_FILES, *WEIGHT_FILES)
EXPORT_FILES = ("*.json", "*.txt", "*.md", "*.model", "*.onnx", f"*.onnx{exported.BESIDE}")
# Files in the root of a repository that whet or transformers would take for a part of the model.
READ_ALONG = (*MODEL_FILES, "*.safetensors", "*.bin", "adapter_config.json", "chat_template*", "modules.json")
FRONT = re.compile(r"---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
LICENSE_LINE = re.compile(r"^license:.*$", re.MULTILINE)
LICENSE = re.compile(r"[A-Za-z0-9.+-]+")
FREE = (sidefile.CARD, ".gitattributes")  # which every repository may have
MOST = 5  # names that a message lists
MESSAGE = "Push a model of whet"
LOGIN = "Set HF_TOKEN, or log in with: hf auth login"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to."""

    repository: str
    """OWNER/NAME, which `load` and `whet predict` take as `hf:OWNER/NAME`."""
    commit: str
    """The commit that holds the model, with `hf:OWNER/NAME@COMMIT` for these very files."""
    url: str


def find(run: str | os.PathLike[str], *, where: str = "RUN") -> RunFolder:
    """The run that RUN names, on this machine or, with the prefix `hf:`, on the hub: then as the hub has it now, or the
    cache where there is no hub. Raises ModelError; `where` is how RUN was given."""
    name = os.fspath(run)
    if not name.startswith(snapshot.PREFIX):
        return run_folder.find(run, where=where)
    members = [f"*seed-*/{name}" for name in MODEL_FILES]
    wanted = [*MODEL_FILES, *members, *(f"{EXPORT}/{pattern}" for pattern in EXPORT_FILES)]
    folder = snapshot.newest(snapshot.named(name), wanted, where=where)
    if not (folder / sidefile.NAME).is_file():
        raise ModelError(
            f"{name} has no {sidefile.NAME}",
            where=where,
            expected="a model that whet saved",
            todo=f"Fine-tune it: whet train DATA --model {name}",
        )
    return RunFolder(folder, bare=True)


def push(run: RunFolder, name: str, *, private: bool, exports: bool, license: str | None, message: str) -> Pushed:
    """See `Run.push_to_hub`."""
    from huggingface_hub import CommitOperationAdd, HfApi

    name = name.removeprefix(snapshot.PREFIX)
    if license is not None and not LICENSE.fullmatch(license):
        raise UsageError(f"{license!r}", where="license", expected="a licence as the hub calls it, such as apache-2.0")
    _check_way(name)
    files = _files(run, exports=exports)
    api = HfApi()
    with _telling(name):
        full = name if "/" in name else f"{api.whoami()['name']}/{name}"
        known = _repository(api, full, private=private)
        _check_strangers(full, known, set(files))
        content: dict[str, Path | bytes] = dict(files)
        if sidefile.CARD in content:
            text = files[sidefile.CARD].read_text(encoding="utf-8")
            content[sidefile.CARD] = _card(text, full, license, _license_of(known)).encode()
        if exports:
            content[f"{EXPORT}/{durable.MANIFEST}"] = _manifest(run.export)
        added = [CommitOperationAdd(path, content[path]) for path in sorted(content)]
        # The commit is refused where somebody else's came between.
        made = api.create_commit(full, added, commit_message=message, parent_commit=known.sha)
    return Pushed(full, made.oid, made.commit_url)


def _files(run: RunFolder, *, exports: bool) -> dict[str, Path]:
    """The files to push, by their places in the repository: those that were saved, and nothing that lies beside them.
    Raises ModelError where they are not as they were."""
    side = sidefile.verified(run.model)
    if side["kind"] == "onnx":
        todo = "Push the run that it was made of, with exports=True"
        raise ModelError("it is an export", where=str(run.path), expected="a run, or its model/ folder", todo=todo)
    files = {name: run.model / name for name in _saved(run.model)}
    if exports:
        if not run.export.is_dir():
            raise ModelError("it has no export", where=str(run.path), todo=f"Run: whet export {run.path}")
        if not _is_made_of(run.export, run.model):
            todo = f"Run: whet export {run.path}"
            raise ModelError("its export was made of another model", where=str(run.path), todo=todo)
        # The table of the export tells of this machine: of its data, versions and speed.
        files |= {f"{EXPORT}/{name}": run.export / name for name in _saved(run.export) if name != exported.TABLE}
    return files


def _is_made_of(export: Path, model: Path) -> bool:
    """Whether an export is that of a model as it is. That of a linear model, which names no source, is a copy of it.
    Raises ModelError where the export is not as it was written."""
    side = sidefile.verified(export)
    if "source" in side:
        return bool(side["source"] == sidefile.state_of(model))
    copies = _fingerprints(export)
    return all(copies.get(name) == known for name, known in _fingerprints(model).items())


def _saved(folder: Path) -> Iterator[str]:
    """The names in its manifest, that of the manifest, and the card where there is one; of an ensemble those of its
    members too."""
    yield from (name for name in _fingerprints(folder) if "/" not in name)
    for inner in dict.fromkeys(name.partition("/")[0] for name in _fingerprints(folder) if "/" in name):
        yield from (f"{inner}/{name}" for name in _saved(folder / inner))
    yield durable.MANIFEST
    if (folder / sidefile.CARD).is_file():
        yield sidefile.CARD


def _fingerprints(folder: Path) -> dict[str, object]:
    """What a folder's manifest says of each file, by its name."""
    return dict(json.loads((folder / durable.MANIFEST).read_text(encoding="utf-8"))["files"])


def _manifest(folder: Path) -> bytes:
    """That of an export/ folder without the table."""
    known = json.loads((folder / durable.MANIFEST).read_text(encoding="utf-8"))
    known["files"].pop(exported.TABLE, None)
    return json.dumps(known, indent=1).encode()


def _card(text: str, name: str, license: str | None, known: str | None) -> str:
    """README.md as the hub shows it: its examples name the repository, and its front matter the licence that is given,
    else the one that it has, else the `known` one."""
    text = text.replace(f"whet predict {sidefile.PLACE}", f"whet predict {snapshot.PREFIX}{name}")
    text = text.replace(sidefile.PLACE, name)
    front, body = (found[1], text[found.end() :]) if (found := FRONT.match(text)) else ("", f"\n{text}")
    has = LICENSE_LINE.search(front)
    if has is not None and license is not None:
        front = LICENSE_LINE.sub(f"license: {license}", front)
    elif has is None and (license or known):
        front = f"license: {license or known}\n{front}"
    return f"---\n{front}---\n{body}" if front else text


def _license_of(known: ModelInfo) -> str | None:
    """The licence that the repository's card names already."""
    found = None if known.card_data is None else known.card_data.get("license")
    return found if isinstance(found, str) and LICENSE.fullmatch(found) else None


def _check_way(name: str) -> None:
    """Raises OutputError where nothing can be sent, before anything is."""
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        todo = "Unset HF_HUB_OFFLINE and push again"
        raise OutputError("nothing was sent: HF_HUB_OFFLINE is set", where=_place(name), todo=todo)
    if get_token() is None:
        raise OutputError("nothing was sent: there is no access token for the hub", where=_place(name), todo=LOGIN)


def _repository(api: HfApi, name: str, *, private: bool) -> ModelInfo:
    """The repository as it is, made where there was none. Raises OutputError for a public one that nobody asked for."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        known = api.model_info(name)
    except RepositoryNotFoundError:
        api.create_repo(name, private=private, repo_type="model", exist_ok=True)
        known = api.model_info(name)
    if private and not known.private:
        raise OutputError(
            "nothing was sent: the repository is public",
            where=_place(name),
            expected="a private one",
            todo="Give private=False (--public) to publish the model, or another name",
        )
    return known


def _check_strangers(name: str, known: ModelInfo, ours: Collection[str]) -> None:
    """Raises OutputError where files of another model would be read with those that are pushed: a push deletes none."""
    there = {file.rfilename for file in known.siblings or ()} - {*ours, *FREE}
    strange = sorted(path for path in there if "/" not in path and _is_read_along(path))
    export = f"{EXPORT}/"
    has_export = any(path.startswith(export) for path in ours)
    if any(path.startswith(export) for path in there):
        strange.append(export)
    if strange:
        shown = ", ".join(strange[:MOST]) + (f" and {len(strange) - MOST} more" if len(strange) > MOST else "")
        todo = "Delete them on the hub, or give another name"
        raise OutputError(
            f"nothing was sent: the repository has files of another model, which would be read with this one: {shown}",
            where=_place(name),
            todo=f"{todo}, or push an export too (exports=True; whet export RUN first)"
            if strange == [export] and not has_export
            else todo,
        )


def _is_read_along(path: str) -> bool:
    return any(fnmatch(path, pattern) for pattern in READ_ALONG)


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Turns what the hub or the way to it says into one message. No address is shown: those of uploads are signed."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # The errors of whichever HTTP client huggingface_hub was built on.
    http_error: type[Exception] = import_module("huggingface_hub.errors").HTTPError
    try:
        yield
    except HfHubHTTPError as fault:
        raise _refused(name, fault) from None
    except HFValidationError:
        raise UsageError(f"{name!r} is no name of a repository", where="name", expected="OWNER/NAME") from None
    except (OSError, http_error, RuntimeError, ValueError) as fault:
        cause: Any = fault.__cause__ if isinstance(fault, RuntimeError) and fault.__cause__ else fault
        if isinstance(cause, HfHubHTTPError):
            raise _refused(name, cause) from None
        saw = f"the push to the hub {reach.host()} broke off: {' '.join(str(cause).split()) or type(cause).__name__}"
        todo = "Push again: it goes on, and its commit is whole or not there"
        raise OutputError(saw, where=_place(name), todo=todo) from None


def _refused(name: str, fault: Any) -> OutputError:
    """What an answer of the hub means."""
    status = fault.response.status_code
    told = {
        401: ("the hub does not know the access token", LOGIN),
        403: ("the access token may not write there", "Take a token that may write, or a name of your own"),
        404: ("the hub has no such model repository that is open to this token", "See the name on the hub's page"),
        409: ("the name is taken, or somebody else is writing there", "Push again, or give another name"),
        412: ("somebody else committed meanwhile", "Push again"),
    }
    reason = " ".join((fault.server_message or "").split())[:200].rstrip(".")
    saw, todo = told.get(status, ("the hub refuses", "Push again later"))
    return OutputError(f"{saw} (HTTP {status}{f': {reason}' if reason else ''})", where=_place(name), todo=todo)


def _place(name: str) -> str:
    return f"{snapshot.PREFIX}{name}"
