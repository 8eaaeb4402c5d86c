"""The packages that an action needs, and the line that installs what is missing."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable

import pytest

from whet.errors import MissingExtraError
from whet.system import machine, packages

CPU_PIP = 'pip install "whet[train,embedded]" --extra-index-url https://download.pytorch.org/whl/cpu'
PIP = 'pip install "whet[train,embedded]"'


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A system on which the named packages are not installed."""
    real = importlib.util.find_spec

    def lack(*names: str, system: str = "Linux", nvidia: bool = False) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in names else real(name))
        monkeypatch.setattr(platform, "system", lambda: system)
        monkeypatch.setattr(machine, "nvidia", lambda: machine.Nvidia(driver=nvidia, cards=int(nvidia)))

    return lack


def test_with_everything_installed_training_is_allowed(lacking: Callable[..., None]) -> None:
    lacking()
    packages.require_training()


def test_without_peft_only_lora_is_refused(lacking: Callable[..., None]) -> None:
    lacking("peft")
    packages.require_training()
    with pytest.raises(MissingExtraError) as caught:
        packages.require_training(lora=True)
    assert caught.value.message == (
        f'--lora needs peft, not installed in {sys.prefix}. Run: pip install "whet[train,lora]".'
    )


@pytest.mark.parametrize(
    ("system", "nvidia", "line"),
    [
        ("Linux", False, CPU_PIP),
        ("Windows", False, CPU_PIP),
        ("Linux", True, PIP),
        ("Darwin", False, PIP),
    ],
)
def test_without_torch_the_message_is_the_pip_line_for_this_system(
    lacking: Callable[..., None], system: str, nvidia: bool, line: str
) -> None:
    lacking("torch", system=system, nvidia=nvidia)
    with pytest.raises(MissingExtraError) as caught:
        packages.require_training()
    assert caught.value.message == f"training needs torch, not installed in {sys.prefix}. Run: {line}."
    assert caught.value.exit_code == 2


def test_several_missing_packages_are_named_as_pip_calls_them(lacking: Callable[..., None]) -> None:
    lacking("torch", "transformers", "sklearn")
    with pytest.raises(MissingExtraError) as caught:
        packages.require_training()
    assert caught.value.saw == f"training needs torch, transformers, scikit-learn, not installed in {sys.prefix}"


@pytest.mark.parametrize(
    ("gone", "needed", "told"),
    [
        ("onnxruntime", packages.require_onnx, "an exported model needs onnxruntime"),
        ("onnxscript", packages.require_export, "an export needs onnxscript"),
        ("fastapi", packages.require_serving, "whet serve needs fastapi"),
    ],
)
def test_each_action_names_what_it_lacks(
    lacking: Callable[..., None], gone: str, needed: Callable[[], None], told: str
) -> None:
    lacking()
    needed()
    lacking(gone)
    with pytest.raises(MissingExtraError) as caught:
        needed()
    assert caught.value.saw == f"{told}, not installed in {sys.prefix}"
    assert caught.value.todo.startswith("Run: pip install ")
