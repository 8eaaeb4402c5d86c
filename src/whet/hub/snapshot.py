"""Files of a model on the hub, in huggingface_hub's own cache. Needs neither torch nor transformers."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from whet.errors import ModelError
from whet.hub import reach
from whet.sentences.bilingual import said

PREFIX = "hf:"
COMMIT = re.compile(r"[0-9a-f]{40}")

logger = logging.getLogger("whet")


@dataclass(frozen=True, slots=True)
class Named:
    """A model of the hub, as somebody named it."""

    given: str
    repository: str
    """`klue/bert-base`."""
    revision: str | None
    """A branch, a tag or a commit; None is the newest commit of the main branch."""

    @property
    def is_fixed(self) -> bool:
        """Whether the name will always mean the same files."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None


def named(given: str) -> Named:
    """`hf:NAME`, `hf:NAME@REVISION`, or the same without the prefix."""
    repository, _, revision = given.removeprefix(PREFIX).partition("@")
    return Named(given, repository, revision or None)


def cached(model: Named, wanted: Collection[str]) -> Path | None:
    """Its folder in the cache, with every file of the patterns `wanted` as far as the cache can tell. Asks nobody.
    Raises HFValidationError for what can be no name on a hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    patterns = list(wanted)
    try:
        return Path(
            snapshot_download(model.repository, revision=model.revision, allow_patterns=patterns, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None


def downloaded(model: Named, wanted: Collection[str], *, where: str) -> Path:
    """The same, fetched as far as it is not there. Raises ModelError."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

    # The errors of whichever HTTP client huggingface_hub was built on.
    http_error: type[Exception] = import_module("huggingface_hub.errors").HTTPError
    patterns = list(wanted)
    try:
        return Path(snapshot_download(model.repository, revision=model.revision, allow_patterns=patterns))
    except RevisionNotFoundError:
        saw = f"the hub has no revision {model.revision!r} of {model.repository!r}"
        raise ModelError(saw, where=where, todo="See the branches, tags and commits on the hub's page") from None
    except HfHubHTTPError as fault:
        status = getattr(fault.response, "status_code", "?")
        lacks = status in (401, 403, 404)
        saw = f"the hub has no model {model.repository!r}, or it needs a login" if lacks else str(fault)
        raise ModelError(saw, where=where, todo="See the name on the hub's page, or set HF_TOKEN") from None
    except (OSError, http_error) as fault:
        raise ModelError(
            f"the download of {model.repository} broke off: {fault}", where=where, todo="Try again"
        ) from None


def newest(model: Named, wanted: Collection[str], *, where: str) -> Path:
    """Its folder as the hub has it now; where the hub cannot be reached, as the cache has it, which is said unless
    HF_HUB_OFFLINE asks for that. A commit is not asked for again. Raises ModelError."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError

    try:
        here = cached(model, wanted)
    except HFValidationError:
        raise ModelError(f"{model.repository!r} is no name of a model", where=where, expected="hf:OWNER/NAME") from None
    if here is not None and model.is_fixed:
        return here
    reason = reach.unreachable_because()
    if not reason:
        return downloaded(model, wanted, where=where)
    if here is None:
        raise ModelError(
            f"{model.given} is not in the local cache and the hub {reach.host()} cannot be reached ({reason})",
            where=where,
            todo="Give a folder that was copied here, or connect once so that it is cached",
        )
    if not constants.HF_HUB_OFFLINE:
        facts = {"hub": reach.endpoint(), "reason": reason, "name": model.given}
        logger.warning("%s", said(facts, "model from the cache"))
    return here
