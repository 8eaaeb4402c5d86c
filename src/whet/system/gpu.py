"""The GPUs that PyTorch can use, and why there is none. Loads torch, inside its functions."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whet.system import machine

Why = Literal[
    "cpu_build", "hidden", "no_code", "colab", "kaggle", "old_driver", "not_passed", "no_such_card", "unseen",
    "no_driver", "none",
]  # fmt: skip

# The oldest driver, by its first number, that runs what is built for a version of CUDA.
OLDEST_DRIVER: Mapping[str, int] = {"11": 450, "12": 525, "13": 580}
REINSTALL = "pip install --force-reinstall torch"
# PyTorch on PyPI is built for CUDA 13; this index has builds for drivers and cards before that.
OLDER_CUDA = "https://download.pytorch.org/whl/cu126"
DRIVER_OF_PYPI = OLDEST_DRIVER["13"]


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A device that PyTorch sees; memory in bytes, None where that is not told."""

    device: str  # as PyTorch calls it: cuda:0, mps, xpu:0
    name: str
    memory: int | None
    free: int | None
    capability: str  # NVIDIA's compute capability or AMD's architecture, '' of others
    driver: str | None
    usable: bool  # this build of PyTorch has code for it


@dataclass(frozen=True, slots=True)
class NoGpu:
    """Why no GPU is used, and what would mend it: '' where nothing is known to."""

    why: Why
    reason: str
    todo: str


def devices() -> tuple[Accelerator, ...]:
    """Every GPU that PyTorch sees, those included that it cannot use."""
    import torch

    found: list[Accelerator] = []
    if torch.cuda.is_available():
        found += [_cuda(number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        name = machine.processor() or "Apple"
        most = torch.mps.recommended_max_memory()
        left = most - torch.mps.driver_allocated_memory()
        found.append(Accelerator("mps", name, most, left, "", None, usable=True))
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found += [_xpu(number) for number in range(torch.xpu.device_count())]
    return tuple(found)


def has_code(number: int = 0) -> bool:
    """Whether this build of PyTorch has code for a CUDA device that it sees: for an earlier card of
    its generation, or in a form that the driver translates for any later one."""
    import torch

    built = re.findall(r"(sm|compute)_(\d+)(\d)", " ".join(torch.cuda.get_arch_list()))
    if not built:  # AMD's architectures have other names
        return True
    card = torch.cuda.get_device_capability(number)
    return any(
        (int(major), int(minor)) <= card and (kind == "compute" or int(major) == card[0])
        for kind, major, minor in built
    )


def why_none(language: Literal["en", "ko"] = "en") -> NoGpu:
    """Why PyTorch has no GPU to compute on. For a machine on which it has none."""
    import torch

    seen = machine.nvidia()
    build, version = torch.version.cuda, str(torch.__version__)
    facts: dict[str, object] = {"version": version, "cuda": build, "driver": seen.version, "pip": _line(seen.version)}
    variables = {name: value for name, value in machine.visible_cards().items() if name[:4] == "CUDA" or _is_amd()}
    hiding = next((name for name, value in variables.items() if machine.hides_all(value)), None)
    if build is None and not _is_amd() and seen.driver:
        return _said("cpu_build", language, facts)
    if hiding is not None:
        return _said("hidden", language, {"variable": hiding})
    if torch.cuda.is_available():
        return _said("no_code", language, {**facts, **_first_card()})
    if not seen.driver:
        return _said(machine.notebook() or ("no_driver" if seen.on_bus else "none"), language, facts)
    least = OLDEST_DRIVER.get((build or "").split(".")[0], 0)
    if seen.version and int(seen.version.split(".")[0]) < least:
        return _said("old_driver", language, {**facts, "least": least})
    if not seen.cards:
        return _said("not_passed", language, facts)
    if variables:
        name, value = next(iter(variables.items()))
        return _said("no_such_card", language, {"variable": name, "value": value})
    return _said("unseen", language, {**facts, "driver": seen.version or ""})


def _cuda(number: int) -> Accelerator:
    import torch

    told = torch.cuda.get_device_properties(number)
    try:
        free: int | None = torch.cuda.mem_get_info(number)[0]
    except RuntimeError:  # another program may keep the card to itself
        free = None
    capability = getattr(told, "gcnArchName", "") if _is_amd() else f"{told.major}.{told.minor}"
    driver = None if _is_amd() else machine.nvidia().version
    return Accelerator(f"cuda:{number}", told.name, told.total_memory, free, capability, driver, has_code(number))


def _xpu(number: int) -> Accelerator:
    import torch

    told: Any = torch.xpu.get_device_properties(number)
    try:
        free: int | None = torch.xpu.mem_get_info(number)[0]
    except RuntimeError:  # some drivers do not tell
        free = None
    driver = getattr(told, "driver_version", None)
    return Accelerator(f"xpu:{number}", told.name, told.total_memory, free, "", driver, usable=True)


def _is_amd() -> bool:
    import torch

    return torch.version.hip is not None


def _first_card() -> dict[str, object]:
    """Name and capability of the first card, and the line that brings a PyTorch with code for it."""
    import torch

    major, minor = torch.cuda.get_device_capability(0)
    oldest = min(int(number) for number in re.findall(r"_(\d+)", " ".join(torch.cuda.get_arch_list())))
    older = 10 * major + minor < oldest
    line = f"{REINSTALL} --index-url {OLDER_CUDA}" if older else "pip install --upgrade torch"
    return {"card": torch.cuda.get_device_name(0), "capability": f"{major}.{minor}", "pip": line}


def _line(driver: str | None) -> str:
    """The command that brings a PyTorch with CUDA for this driver."""
    older = driver is not None and int(driver.split(".")[0]) < DRIVER_OF_PYPI
    # On Windows PyPI's own has no CUDA.
    return f"{REINSTALL} --index-url {OLDER_CUDA}" if older or platform.system() == "Windows" else REINSTALL


def _said(why: Why, language: Literal["en", "ko"], facts: Mapping[str, object]) -> NoGpu:
    reason, todo = SENTENCES[language][why]
    return NoGpu(why, reason.format(**facts), todo.format(**facts))


# Reason, and what to do; a reason stands within a sentence, too.
SENTENCES: Mapping[str, Mapping[Why, tuple[str, str]]] = {
    "en": {
        "cpu_build": (
            "this PyTorch ({version}) is built without CUDA, although an NVIDIA driver is there", "Run: {pip}"
        ),
        "hidden": ("{variable} hides every GPU", "Unset {variable}, or set it to the numbers of the cards to use"),
        "no_code": ("this PyTorch ({version}) has no code for the {card} (capability {capability})", "Run: {pip}"),
        "colab": (
            "no GPU was found; Runtime > Change runtime type > T4 GPU gives one",
            "Choosing it starts a new machine: save first what is to stay",
        ),
        "kaggle": (
            "no GPU was found; Settings > Accelerator > GPU T4 x2 gives one",
            "Choosing it starts a new session: save first what is to stay",
        ),
        "old_driver": (
            "the NVIDIA driver {driver} is too old for this PyTorch ({version}, CUDA {cuda}), which needs {least} "
            "or newer",
            "Update the driver, or run: {pip}",
        ),
        "not_passed": (
            "an NVIDIA driver is there, but no card is passed on to this container",
            "Start the container with --gpus all",
        ),
        "no_such_card": (
            "{variable} is {value}, and there is no such card",
            "Unset {variable}, or set it to the numbers of the cards to use",
        ),
        "unseen": (
            "an NVIDIA driver {driver} is there, but this PyTorch ({version}) sees no card", "See what nvidia-smi says"
        ),
        "no_driver": ("an NVIDIA card is there, but no driver for it", "Install NVIDIA's driver"),
        "none": ("no GPU was found", ""),
    },
    "ko": {
        "cpu_build": (
            "NVIDIA 드라이버는 있지만 설치된 PyTorch({version})가 CUDA 없이 빌드된 버전입니다",
            "다음을 실행하세요: {pip}",
        ),
        "hidden": (
            "환경 변수 {variable} 때문에 GPU가 모두 가려져 있습니다",
            "{variable} 설정을 지우거나 사용할 GPU 번호를 지정하세요",
        ),
        "no_code": (
            "설치된 PyTorch({version})가 {card}(compute capability {capability})를 지원하지 않습니다",
            "다음을 실행하세요: {pip}",
        ),
        "colab": (
            "GPU를 찾지 못했습니다. 런타임 > 런타임 유형 변경 > T4 GPU를 선택하면 쓸 수 있습니다",
            "바꾸면 새 런타임이 시작되므로 필요한 파일은 먼저 저장하세요",
        ),
        "kaggle": (
            "GPU를 찾지 못했습니다. Settings > Accelerator > GPU T4 x2를 선택하면 쓸 수 있습니다",
            "바꾸면 새 세션이 시작되므로 필요한 파일은 먼저 저장하세요",
        ),
        "old_driver": (
            "NVIDIA 드라이버 {driver}는 설치된 PyTorch({version}, CUDA {cuda})가 쓰기에는 낮은 버전입니다"
            "({least} 이상 필요)",
            "드라이버를 업데이트하거나 다음을 실행하세요: {pip}",
        ),
        "not_passed": (
            "NVIDIA 드라이버는 있지만 이 컨테이너에 GPU가 연결되어 있지 않습니다",
            "컨테이너를 --gpus all 옵션으로 실행하세요",
        ),
        "no_such_card": (
            "환경 변수 {variable} 값이 {value}인데, 그런 GPU가 없습니다",
            "{variable} 설정을 지우거나 사용할 GPU 번호를 지정하세요",
        ),
        "unseen": (
            "NVIDIA 드라이버 {driver}가 있지만 설치된 PyTorch({version})가 GPU를 인식하지 못합니다",
            "nvidia-smi 출력을 확인하세요",
        ),
        "no_driver": ("NVIDIA 그래픽카드가 있지만 드라이버가 없습니다", "NVIDIA 드라이버를 설치하세요"),
        "none": ("GPU를 찾지 못했습니다", ""),
    },
}  # fmt: skip
