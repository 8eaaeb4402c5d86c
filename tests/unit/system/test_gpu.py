"""The GPUs that PyTorch sees, and every reason why there is none, on stand-ins."""

from __future__ import annotations

import platform
from collections.abc import Callable
from types import SimpleNamespace
from typing import get_args

import pytest

from whet.system import gpu, machine
from whet.system.gpu import Accelerator, NoGpu
from whet.system.machine import Nvidia

torch = pytest.importorskip("torch")

OLDER = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126"
CARD = Nvidia(driver=True, version="580.95.05", cards=1, on_bus=1)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A Linux with these cards and a PyTorch 2.99 that was built for this CUDA and these cards, and
    sees `there` of them."""
    for name in (*machine.VISIBLE, "KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE", "COLAB_RELEASE_TAG", "COLAB_GPU"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch, "__version__", "2.99")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)

    def of(
        nvidia: Nvidia, *, build: str | None = "13.0", hip: str | None = None, there: int = 0,
        archs: tuple[str, ...] = (), capability: tuple[int, int] = (9, 0),
    ) -> None:  # fmt: skip
        monkeypatch.setattr(machine, "nvidia", lambda: nvidia)
        monkeypatch.setattr(torch.version, "cuda", build)
        monkeypatch.setattr(torch.version, "hip", hip)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(archs))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number=0: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda number=0: "Fast 1")

    return of


# ---------------------------------------------------------------- reasons


def test_where_there_is_nothing_it_is_said_and_nothing_is_to_be_done(world: Callable[..., None]) -> None:
    world(Nvidia(), build=None)
    assert gpu.why_none() == NoGpu("none", "no GPU was found", "")
    assert gpu.why_none("ko") == NoGpu("none", "GPU를 찾지 못했습니다", "")


@pytest.mark.parametrize(
    ("version", "line"),
    [(None, gpu.REINSTALL), ("580.95.05", gpu.REINSTALL), ("610.43", gpu.REINSTALL), ("550.54.14", OLDER)],
)
def test_a_pytorch_without_cuda_beside_a_driver_is_mended_by_one_that_this_driver_runs(
    world: Callable[..., None], version: str | None, line: str
) -> None:
    world(Nvidia(driver=True, version=version, cards=1), build=None)
    assert gpu.why_none() == NoGpu(
        "cpu_build",
        "this PyTorch (2.99) is built without CUDA, although an NVIDIA driver is there",
        f"Run: {line}",
    )


def test_on_windows_a_pytorch_with_cuda_comes_from_an_index_of_its_own(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world(CARD, build=None)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert gpu.why_none().todo == f"Run: {OLDER}"


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles"])
def test_a_variable_that_hides_every_card_is_named(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    world(CARD)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert gpu.why_none() == NoGpu(
        "hidden",
        "CUDA_VISIBLE_DEVICES hides every GPU",
        "Unset CUDA_VISIBLE_DEVICES, or set it to the numbers of the cards to use",
    )
    assert gpu.why_none("ko").reason == "환경 변수 CUDA_VISIBLE_DEVICES 때문에 GPU가 모두 가려져 있습니다"


def test_variables_of_amd_hide_cards_from_a_pytorch_for_amd_alone(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "-1")
    world(Nvidia())
    assert gpu.why_none().why == "none"
    world(Nvidia(), build=None, hip="7.0")
    assert gpu.why_none().reason == "HIP_VISIBLE_DEVICES hides every GPU"


def test_a_variable_that_names_a_card_that_is_not_there_is_told(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world(CARD)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert gpu.why_none().reason == "CUDA_VISIBLE_DEVICES is 3, and there is no such card"


def test_a_card_without_a_driver_is_told_from_no_card(world: Callable[..., None]) -> None:
    world(Nvidia(on_bus=1))
    assert gpu.why_none() == NoGpu(
        "no_driver", "an NVIDIA card is there, but no driver for it", "Install NVIDIA's driver"
    )


@pytest.mark.parametrize(
    ("build", "version", "old"),
    [("13.0", "579.9", True), ("13.0", "580.65", False), ("12.8", "520.61", True), ("12.8", "525.60", False)],
)
def test_a_driver_is_too_old_where_the_cuda_of_pytorch_needs_a_newer_one(
    world: Callable[..., None], build: str, version: str, old: bool
) -> None:
    world(Nvidia(driver=True, version=version, cards=1), build=build)
    assert (gpu.why_none().why == "old_driver") == old


def test_an_old_driver_is_named_with_what_it_lacks(world: Callable[..., None]) -> None:
    world(Nvidia(driver=True, version="550.54.14", cards=1))
    assert gpu.why_none() == NoGpu(
        "old_driver",
        "the NVIDIA driver 550.54.14 is too old for this PyTorch (2.99, CUDA 13.0), which needs 580 or newer",
        f"Update the driver, or run: {OLDER}",
    )


def test_a_container_that_was_given_no_card_is_told_how_it_is_given_one(world: Callable[..., None]) -> None:
    world(Nvidia(driver=True, version="580.95.05", cards=0, on_bus=1))
    assert gpu.why_none() == NoGpu(
        "not_passed",
        "an NVIDIA driver is there, but no card is passed on to this container",
        "Start the container with --gpus all",
    )


def test_a_card_that_pytorch_does_not_see_for_a_reason_of_its_own_is_left_to_its_own_tool(
    world: Callable[..., None],
) -> None:
    world(CARD)
    assert gpu.why_none() == NoGpu(
        "unseen",
        "an NVIDIA driver 580.95.05 is there, but this PyTorch (2.99) sees no card",
        "See what nvidia-smi says",
    )


@pytest.mark.parametrize(
    ("capability", "line"), [((6, 1), OLDER), ((13, 0), "pip install --upgrade torch")], ids=["older", "newer"]
)
def test_a_card_that_pytorch_was_not_built_for_is_named(
    world: Callable[..., None], capability: tuple[int, int], line: str
) -> None:
    world(CARD, there=1, archs=("sm_75", "sm_90", "sm_120"), capability=capability)
    assert gpu.why_none() == NoGpu(
        "no_code",
        f"this PyTorch (2.99) has no code for the Fast 1 (capability {capability[0]}.{capability[1]})",
        f"Run: {line}",
    )


@pytest.mark.parametrize(
    ("variable", "reason", "korean"),
    [
        (
            "COLAB_RELEASE_TAG",
            "no GPU was found; Runtime > Change runtime type > T4 GPU gives one",
            "GPU를 찾지 못했습니다. 런타임 > 런타임 유형 변경 > T4 GPU를 선택하면 쓸 수 있습니다",
        ),
        (
            "KAGGLE_KERNEL_RUN_TYPE",
            "no GPU was found; Settings > Accelerator > GPU T4 x2 gives one",
            "GPU를 찾지 못했습니다. Settings > Accelerator > GPU T4 x2를 선택하면 쓸 수 있습니다",
        ),
    ],
)
def test_on_a_hosted_notebook_the_menu_is_named_that_gives_a_gpu(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch, variable: str, reason: str, korean: str
) -> None:
    world(Nvidia(), build=None)
    monkeypatch.setenv(variable, "Interactive")
    assert (gpu.why_none().reason, gpu.why_none("ko").reason) == (reason, korean)


def test_every_reason_is_told_in_both_languages_with_the_same_facts() -> None:
    assert [set(sentences) for sentences in gpu.SENTENCES.values()] == [set(get_args(gpu.Why))] * 2
    for why in get_args(gpu.Why):
        english, korean = (
            {word for text in gpu.SENTENCES[lang][why] for word in text.split("{")[1:]} for lang in ("en", "ko")
        )
        names = [{word.partition("}")[0] for word in words} for words in (english, korean)]
        assert names[0] == names[1], why


# ---------------------------------------------------------------- code for a card


@pytest.mark.parametrize(
    ("capability", "archs", "usable"),
    [
        ((7, 5), ("sm_75", "sm_90"), True),
        ((8, 6), ("sm_80",), True),
        ((8, 0), ("sm_86",), False),
        ((9, 0), ("sm_80",), False),
        ((9, 0), ("sm_90a",), True),
        ((10, 3), ("sm_90", "sm_100"), True),
        ((12, 0), ("sm_90", "compute_90"), True),
        ((8, 9), ("compute_90",), False),
        ((6, 1), (), True),
        ((9, 4), ("gfx942",), True),
    ],
)
def test_code_for_an_earlier_card_of_a_generation_and_portable_code_run_on_a_card(
    world: Callable[..., None], capability: tuple[int, int], archs: tuple[str, ...], usable: bool
) -> None:
    world(CARD, there=1, archs=archs, capability=capability)
    assert gpu.has_code() == usable


# ---------------------------------------------------------------- devices


def test_without_any_device_there_is_none(world: Callable[..., None]) -> None:
    world(Nvidia(), build=None)
    assert gpu.devices() == ()


def test_cards_of_nvidia_are_told_with_memory_capability_and_driver(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world(CARD, there=2, archs=("sm_75",), capability=(7, 5))
    told = SimpleNamespace(name="Tesla T4", total_memory=15_000, major=7, minor=5)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: told)

    def free(number: int) -> tuple[int, int]:
        if number:
            raise RuntimeError("CUDA-capable device(s) is/are busy or unavailable")
        return 14_000, 15_000

    monkeypatch.setattr(torch.cuda, "mem_get_info", free)
    assert gpu.devices() == (
        Accelerator("cuda:0", "Tesla T4", 15_000, 14_000, "7.5", "580.95.05", usable=True),
        Accelerator("cuda:1", "Tesla T4", 15_000, None, "7.5", "580.95.05", usable=True),
    )


def test_a_card_of_amd_is_told_with_its_architecture(
    world: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world(Nvidia(), build=None, hip="7.0", there=1, archs=("gfx942",))
    told = SimpleNamespace(name="MI300X", total_memory=9, major=9, minor=4, gcnArchName="gfx942")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: told)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (8, 9))
    assert gpu.devices() == (Accelerator("cuda:0", "MI300X", 9, 8, "gfx942", None, usable=True),)


def test_gpus_of_apple_and_intel_are_told(world: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    world(Nvidia(), build=None)
    monkeypatch.setattr(machine, "processor", lambda: "Apple M3")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 2)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 1)
    told = SimpleNamespace(name="Arc", total_memory=16, driver_version="1.6")
    monkeypatch.setattr(torch.xpu, "get_device_properties", lambda number: told)
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda number: (15, 16))
    assert gpu.devices() == (
        Accelerator("mps", "Apple M3", 12, 10, "", None, usable=True),
        Accelerator("xpu:0", "Arc", 16, 15, "", "1.6", usable=True),
    )
