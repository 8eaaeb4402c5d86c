"""What the doctor finds on made-up machines, and how it is put together."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import whet
from whet import health
from whet.artifacts import sidefile
from whet.errors import MissingExtraError
from whet.health import Check, Health, Place
from whet.hub import reach
from whet.labels import LabelSet
from whet.records import Usage
from whet.system import gpu, machine, packages, runtime
from whet.system.gpu import Accelerator, NoGpu
from whet.system.machine import Cores, Memory

GB = 10**9
PLENTY = Memory(64 * GB, 50 * GB, 64 * GB, "the machine")
CARD = Accelerator("cuda:0", "Tesla T4", 15 * GB, 14 * GB, "7.5", "580.95", usable=True)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Health]:
    """The doctor's look at a machine of 8 cores with room, a hub that answers and everything installed,
    but for what a test changes."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "cache"))

    def of(
        *, memory: Memory = PLENTY, disk: int | None = 90 * GB, devices: tuple[Accelerator, ...] = (),
        none: NoGpu | None = None, unreachable: str = "", threads: int = 8, lang: str = "en",
    ) -> Health:  # fmt: skip
        device = "cpu" if none else "cuda"
        chosen = runtime.Runtime(device, "a reason", threads, "given")
        monkeypatch.setattr(machine, "cores", lambda: Cores(8, 8, 8.0 - threads, threads))
        monkeypatch.setattr(machine, "memory", lambda: memory)
        monkeypatch.setattr(machine, "disk_free", lambda path: disk)
        monkeypatch.setattr(gpu, "devices", lambda: devices)
        monkeypatch.setattr(gpu, "why_none", lambda language: none)
        monkeypatch.setattr(reach, "unreachable_because", lambda: unreachable)
        monkeypatch.setattr(runtime, "choose", lambda device, given: dataclasses.replace(chosen, threads=given))
        return health.doctor(lang=lang)  # type: ignore[arg-type]

    return of


NOTHING = NoGpu("none", "no GPU was found", "")
HIDDEN = NoGpu("hidden", "CUDA_VISIBLE_DEVICES hides every GPU", "Unset CUDA_VISIBLE_DEVICES")


def check(found: Health, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


def test_the_doctor_is_a_function_of_the_library() -> None:
    assert whet.doctor is health.doctor


def test_a_machine_without_a_gpu_is_ready_and_its_verdict_says_why_it_uses_the_cpu(
    look: Callable[..., Health],
) -> None:
    found = look(none=NOTHING, threads=2)
    assert found.verdict == "Ready: training runs on the CPU with 2 threads; no GPU was found."
    assert {check.state for check in found.checks} == {"ok"}
    assert [check.name for check in found.checks] == ["packages", "gpu", "memory", "disk", "hub"]
    assert (found.cores, found.memory, found.no_gpu) == (Cores(8, 8, 6.0, 2), PLENTY, NOTHING)
    assert found.chosen == runtime.Runtime("cpu", "a reason", 2, "the cores that are free")
    assert (found.hub, found.hub_unreachable, found.run) == (reach.host(), "", None)
    assert found.versions == runtime.versions()
    assert look(none=NOTHING, threads=1).verdict == ("Ready: training runs on the CPU with 1 thread; no GPU was found.")


def test_the_verdict_is_korean_where_that_is_asked_for(look: Callable[..., Health]) -> None:
    none = NoGpu("none", "GPU를 찾지 못했습니다", "")
    assert look(none=none, threads=2, lang="ko").verdict == (
        "준비 완료: CPU에서 스레드 2개로 학습합니다. GPU를 찾지 못했습니다."
    )


def test_a_gpu_is_named(look: Callable[..., Health]) -> None:
    found = look(devices=(CARD,))
    assert found.verdict == "Ready: training runs on CUDA (Tesla T4) with 8 threads."
    assert check(found, "gpu") == Check("gpu", "ok", "Tesla T4")
    assert (found.accelerators, found.no_gpu) == ((CARD,), None)


def test_a_gpu_that_could_be_had_is_a_warning_with_the_way_to_it(look: Callable[..., Health]) -> None:
    found = look(none=HIDDEN)
    assert check(found, "gpu") == Check("gpu", "warning", HIDDEN.reason, HIDDEN.todo)
    assert found.verdict == (
        "Ready: training runs on the CPU with 8 threads; CUDA_VISIBLE_DEVICES hides every GPU. 1 warning."
    )


def test_a_second_card_that_cannot_be_used_is_a_warning(look: Callable[..., Health]) -> None:
    old = dataclasses.replace(CARD, device="cuda:1", name="GTX 1080", capability="6.1", usable=False)
    found = look(devices=(CARD, old))
    assert check(found, "gpu") == Check("gpu", "warning", "this PyTorch has no code for GTX 1080")


def test_little_memory_is_a_warning_that_names_what_limits_it(look: Callable[..., Health]) -> None:
    found = look(none=NOTHING, memory=Memory(64 * GB, 999_000_000, GB, "the container's limit"))
    assert check(found, "memory").state == "warning"
    assert check(found, "memory").message == "999 MB of memory can be taken"
    assert check(found, "memory").todo.startswith("What limits it is the limit of the container; close other")
    assert check(look(none=NOTHING, memory=Memory(None, None, None, "the machine")), "memory") == Check(
        "memory", "ok", "this system does not tell"
    )


def test_little_disk_is_a_warning_and_an_unknown_one_is_not(look: Callable[..., Health], tmp_path: Path) -> None:
    found = look(none=NOTHING, disk=2 * GB - 1)
    assert check(found, "disk") == Check(
        "disk",
        "warning",
        f"2.0 GB of disk are free in {tmp_path / 'runs'}",
        "Make room, or write elsewhere: --output for runs, WHET_CACHE and HF_HOME for the caches",
    )
    assert check(look(none=NOTHING, disk=2 * GB), "disk").state == "ok"
    assert check(look(none=NOTHING, disk=None), "disk") == Check("disk", "ok", "this system does not tell")


def test_a_hub_that_cannot_be_reached_is_a_warning_with_the_reason(look: Callable[..., Health]) -> None:
    found = look(none=HIDDEN, unreachable="Connection refused")
    assert check(found, "hub") == Check(
        "hub",
        "warning",
        f"{reach.host()} cannot be reached: Connection refused",
        "The embedded model and what was downloaded before can be used without it",
    )
    assert found.hub_unreachable == "Connection refused"
    assert found.verdict.endswith("hides every GPU. 2 warnings.")


def test_caches_are_measured_without_following_links(
    look: Callable[..., Health], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    hubs = tmp_path / "hub"
    (hubs / "blobs").mkdir(parents=True)
    (hubs / "snapshots").mkdir()
    (hubs / "blobs" / "weights").write_bytes(b"x" * 5_000)
    (hubs / "snapshots" / "weights").symlink_to(hubs / "blobs" / "weights")
    (hubs / "snapshots" / "all").symlink_to(hubs / "blobs", target_is_directory=True)
    link = (hubs / "snapshots" / "weights").lstat().st_size
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hubs))
    assert look(none=NOTHING).places == (
        Place("runs", tmp_path / "runs", 90 * GB, None),
        Place("cache", tmp_path / "cache", 90 * GB, 0),
        Place("hub cache", hubs, 90 * GB, 5_000 + link),
    )


def test_without_torch_everything_else_is_told_and_the_verdict_is_the_pip_line(
    look: Callable[..., Health], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen, labels = {"max_length": 8, "truncation": "head"}, LabelSet(("a", "b"), None, "")
    side = sidefile.content("transformer", seen, labels, Usage(), canaries=[("text",)], logits=np.zeros((1, 2)))
    (tmp_path / "whet.json").write_text(json.dumps(side))
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else real(name))
    found = look()
    message = f"training needs torch, not installed in {sys.prefix}"
    assert found.checks[0] == Check("packages", "fault", message, f"Run: {packages.pip_line()}")
    assert found.verdict == f"Not ready: {message}. Run: {packages.pip_line()}"
    assert [check.name for check in found.checks] == ["packages", "memory", "disk", "hub"]
    assert (found.chosen, found.accelerators, found.no_gpu) == (None, (), None)
    assert found.memory == PLENTY
    with pytest.raises(MissingExtraError) as caught:
        health.doctor(tmp_path, lang="ko")
    assert caught.value.message == f"{message}. Run: {packages.pip_line()}."


def test_a_torch_that_cannot_be_loaded_is_a_fault(look: Callable[..., Health], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "torch_fault", lambda: "libcudart.so.13: cannot open shared object file")
    assert look().verdict == (
        "Not ready: PyTorch is installed and cannot be loaded: libcudart.so.13: cannot open shared object file. "
        "Run: pip install --force-reinstall torch"
    )


def test_both_languages_have_the_same_sentences_with_the_same_facts() -> None:
    english, korean = health.SENTENCES["en"], health.SENTENCES["ko"]
    assert english.keys() == korean.keys()

    def facts(text: str) -> set[str]:
        return {piece.partition("}")[0] for piece in text.split("{")[1:]}

    assert {name for name in english if facts(english[name]) != facts(korean[name])} == set()


def test_a_look_changes_nothing(look: Callable[..., Health], tmp_path: Path) -> None:
    before = os.environ.copy()
    look(none=NOTHING)
    assert list(tmp_path.iterdir()) == []
    assert {name for name in os.environ if os.environ.get(name) != before.get(name)} <= {"GOMP_SPINCOUNT"}
