"""What a job runs on: device, threads, seeds, caches and language, each with its reason."""

from __future__ import annotations

import builtins
import gc
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from whet.errors import UsageError
from whet.system import machine, runtime

NOTEBOOK = ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE", "COLAB_RELEASE_TAG", "COLAB_GPU")


# ---------------------------------------------------------------- device


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A PyTorch that sees the named devices only, and its CUDA build; `bf16`: what its card has."""
    torch = pytest.importorskip("torch")

    def see(*names: str, build: str | None = None, nvidia: bool = False, bf16: bool = True) -> None:
        # With emulation every card would say yes.
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or bf16
        )
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)
        monkeypatch.setattr(torch.xpu, "is_available", lambda: "xpu" in names)
        monkeypatch.setattr(torch.version, "cuda", build)
        monkeypatch.setattr(torch, "__version__", "2.99")
        monkeypatch.setattr(machine, "nvidia", lambda: machine.Nvidia(driver=nvidia, cards=int(nvidia)))
        for name in (*machine.VISIBLE, *NOTEBOOK):
            monkeypatch.delenv(name, raising=False)

    return see


@pytest.mark.parametrize("name", ["cuda", "mps", "xpu"])
def test_auto_takes_the_device_that_is_there(devices: Callable[..., None], name: str) -> None:
    devices(name, build="13.0")
    chosen = runtime.choose("auto", None)
    assert (chosen.device, chosen.device_reason) == (name, f"a {name.upper()} device is there")
    assert runtime.choose("cpu", None).device_reason == "given"
    assert runtime.choose(name, 3, precision="fp32") == runtime.Runtime(name, "given", 3, "given", "fp32", "given")


def test_of_several_devices_cuda_comes_first(devices: Callable[..., None]) -> None:
    devices("xpu", "mps", "cuda", build="13.0")
    assert runtime.choose("auto", None).device == "cuda"


def test_why_there_is_no_gpu(devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    devices()
    assert runtime.choose("auto", None).device_reason == "no GPU was found"
    devices(nvidia=True)
    assert runtime.choose("auto", None).device_reason == (
        "this PyTorch (2.99) is built without CUDA, although an NVIDIA driver is there"
    )
    devices(build="13.0", nvidia=True)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert runtime.choose("auto", None).device_reason == "CUDA_VISIBLE_DEVICES hides every GPU"


def test_a_device_that_is_asked_for_and_not_there_is_a_usage_error(devices: Callable[..., None]) -> None:
    devices("mps")
    with pytest.raises(UsageError) as caught:
        runtime.choose("cuda", None)
    assert caught.value.message == "--device: no cuda device can be used: no GPU was found. Expected mps or cpu."


def test_a_device_that_needs_something_mended_says_what(devices: Callable[..., None]) -> None:
    devices(nvidia=True)
    with pytest.raises(UsageError) as caught:
        runtime.choose("cuda", None)
    assert caught.value.message == (
        "--device: no cuda device can be used: this PyTorch (2.99) is built without CUDA, although an NVIDIA driver is "
        "there. Expected cpu. Run: pip install --force-reinstall torch."
    )


def test_a_device_that_is_not_of_nvidia_is_missed_in_a_word(devices: Callable[..., None]) -> None:
    devices("cuda", build="13.0")
    with pytest.raises(UsageError) as caught:
        runtime.choose("xpu", None)
    assert caught.value.message == (
        "--device: no xpu device can be used: this PyTorch (2.99) finds none. Expected cuda or cpu."
    )


def test_a_card_that_this_pytorch_has_no_code_for_is_not_taken(
    devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    devices("cuda", build="13.0", nvidia=True)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_120", "compute_120"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda number: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "GTX 1080")
    chosen = runtime.choose("auto", 1)
    assert (chosen.device, chosen.device_reason) == (
        "cpu", "this PyTorch (2.99) has no code for the GTX 1080 (capability 6.1)"
    )  # fmt: skip


def test_on_a_hosted_notebook_the_reason_is_the_way_through_its_menu(
    devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    devices()
    monkeypatch.setenv("COLAB_GPU", "")
    assert runtime.choose("auto", 1).device_reason == (
        "no GPU was found; Runtime > Change runtime type > T4 GPU gives one"
    )


# ---------------------------------------------------------------- a GPU is required


def required(*asked: object) -> str:
    with pytest.raises(UsageError) as caught:
        runtime.require_gpu(*asked)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return caught.value.message


@pytest.mark.parametrize("name", ["cuda", "mps", "xpu"])
def test_a_required_gpu_that_is_there_is_taken_in_silence(devices: Callable[..., None], name: str) -> None:
    devices(name, build="13.0")
    runtime.require_gpu("auto")
    runtime.require_gpu(name)  # type: ignore[arg-type]


def test_a_required_gpu_that_is_not_there_is_refused_with_the_reason(
    devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ". Expected a GPU that PyTorch can use."
    devices()
    assert required("auto") == f"--require-gpu: the training would run on the CPU: no GPU was found{expected}"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert required("auto") == (
        f"--require-gpu: the training would run on the CPU: CUDA_VISIBLE_DEVICES hides every GPU{expected} "
        "Unset CUDA_VISIBLE_DEVICES, or set it to the numbers of the cards to use."
    )
    assert required("cpu") == f"--require-gpu: the training would run on the CPU: --device cpu says so{expected}"


def test_a_required_gpu_that_several_processes_cannot_share_is_refused(devices: Callable[..., None]) -> None:
    devices("mps")
    assert required("auto", SECOND_OF_FOUR) == (
        "--require-gpu: the training would run on the CPU: several processes train on CUDA or the CPU, not on mps. "
        "Expected a GPU that PyTorch can use."
    )


# ---------------------------------------------------------------- precision


def precision(*asked: str) -> tuple[str, str]:
    device, *name = asked
    chosen = runtime.choose(device, 1, precision=name[0] if name else "auto")
    return chosen.precision, chosen.precision_reason


def test_on_cuda_auto_is_bf16_where_the_card_has_it_and_fp16_on_an_older_one(devices: Callable[..., None]) -> None:
    devices("cuda", build="13.0")
    assert precision("cuda") == ("bf16", "the card has it")
    devices("cuda", build="13.0", bf16=False)
    assert precision("cuda") == ("fp16", "the card has no bf16")


QUESTIONS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_amx_fp16_supported")


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Gives a processor that has the instructions of one question, and no others."""
    torch = pytest.importorskip("torch")

    def has(there: str) -> None:
        for question in QUESTIONS:
            monkeypatch.setattr(torch.cpu, question, lambda question=question: question == there, raising=False)

    return has


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu"])
def test_elsewhere_auto_is_fp32(devices: Callable[..., None], processor: Callable[[str], None], device: str) -> None:
    devices("mps", "xpu")
    processor("nothing")
    assert precision(device) == ("fp32", "what computes is not made for less")


@pytest.mark.parametrize("there", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_auto_is_bf16_on_a_processor_that_has_it_and_what_else_is_there_has_no_part_in_it(
    devices: Callable[..., None], processor: Callable[[str], None], there: str
) -> None:
    devices("mps", "xpu")
    processor(there)
    assert precision("cpu") == ("bf16", "the processor has instructions for it")
    assert {precision(device)[0] for device in ("mps", "xpu")} == {"fp32"}


def test_fp16_instructions_alone_leave_a_processor_at_fp32(
    devices: Callable[..., None], processor: Callable[[str], None]
) -> None:
    devices()
    processor("_is_amx_fp16_supported")
    assert precision("cpu")[0] == "fp32"


@pytest.mark.parametrize("device", ["cuda", "mps", "xpu"])
@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_a_given_precision_is_taken(devices: Callable[..., None], device: str, name: str) -> None:
    devices("cuda", "mps", "xpu", build="13.0")
    assert precision(device, name) == (name, "given")


def test_bf16_on_a_card_that_only_emulates_it_is_called_slow(devices: Callable[..., None]) -> None:
    devices("cuda", build="13.0", bf16=False)
    assert precision("cuda", "bf16") == ("bf16", "given; slow, for the card only emulates it")


@pytest.mark.parametrize(
    ("name", "there", "fast"),
    [
        ("bf16", "_is_avx512_bf16_supported", True),
        ("bf16", "_is_amx_tile_supported", True),
        ("bf16", "_is_amx_fp16_supported", False),
        ("fp16", "_is_amx_fp16_supported", True),
        ("fp16", "_is_avx512_bf16_supported", False),
    ],
)
def test_on_a_cpu_the_reason_tells_whether_the_processor_is_made_for_it(
    devices: Callable[..., None], processor: Callable[[str], None], name: str, there: str, fast: bool
) -> None:
    devices()
    processor(there)
    slow = "given; slow, for the processor has no instructions for it"
    assert precision("cpu", name) == (name, "given; the processor has instructions for it" if fast else slow)


def test_a_torch_that_cannot_ask_the_processor_calls_it_slow(
    devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    devices()
    monkeypatch.delattr(torch.cpu, "_is_amx_fp16_supported", raising=False)
    assert precision("cpu", "fp16")[1] == "given; slow, for the processor has no instructions for it"


# ---------------------------------------------------------------- threads and seeds


def test_given_threads_are_taken_and_otherwise_the_free_cores(
    devices: Callable[..., None], processor: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    devices()
    processor("nothing")
    monkeypatch.setattr(machine, "free_cores", lambda: 7)
    assert runtime.choose("cpu", 3) == runtime.Runtime("cpu", "given", 3, "given")
    assert runtime.choose("cpu", None) == runtime.Runtime("cpu", "given", 7, "the cores that are free")


# ---------------------------------------------------------------- several processes

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "TORCHELASTIC_RESTART_COUNT": "0",
}
SECOND_OF_FOUR = runtime.Ranks(rank=5, count=8, local=1, local_count=4)


def test_a_process_that_torchrun_started_knows_its_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime.ranks() == runtime.Ranks(rank=0, count=1, local=0, local_count=1)
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert runtime.ranks() == SECOND_OF_FOUR
    monkeypatch.delenv("LOCAL_RANK")  # left over from something else than torchrun
    assert runtime.ranks() == runtime.Ranks()


def test_the_processes_of_a_machine_share_its_cores(
    devices: Callable[..., None], processor: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    devices()
    processor("nothing")
    for cores, threads in ((9, 2), (3, 1)):
        monkeypatch.setattr(machine, "free_cores", lambda cores=cores: cores)
        assert runtime.choose("cpu", None, SECOND_OF_FOUR) == runtime.Runtime(
            "cpu", "given", threads, f"a share of {cores} cores for each of 4 processes"
        )
    assert runtime.choose("cpu", 3, SECOND_OF_FOUR).threads == 3


def test_each_process_of_a_machine_has_a_cuda_device_of_its_own(
    devices: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    devices("cuda", build="13.0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert runtime.choose("auto", None, SECOND_OF_FOUR).device == "cuda:1"
    assert runtime.choose("cpu", None, SECOND_OF_FOUR).device == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError) as caught:
        runtime.choose("auto", None, SECOND_OF_FOUR)
    assert caught.value.message == (
        "torchrun: 4 processes here, but 1 CUDA device. Expected --nproc_per_node=1, or --device cpu."
    )


def test_several_processes_use_no_gpu_but_cuda(devices: Callable[..., None]) -> None:
    devices("mps")
    chosen = runtime.choose("auto", None, SECOND_OF_FOUR)
    assert (chosen.device, chosen.device_reason) == ("cpu", "several processes train on CUDA or the CPU, not on mps")


def test_the_same_seed_gives_every_stream_the_same_numbers() -> None:
    torch = pytest.importorskip("torch")

    def draw(seed: int) -> tuple[float, float, float]:
        runtime.apply(runtime.Runtime("cpu", "", 1, ""), seed)
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    first, again, other = draw(7), draw(7), draw(8)
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))
    assert len(draw(2**40)) == 3


def test_threads_are_set_in_torch() -> None:
    torch = pytest.importorskip("torch")
    runtime.apply(runtime.Runtime("cpu", "", 2, ""), 1)
    assert torch.get_num_threads() == 2


def test_a_torch_that_cannot_be_loaded_is_told_by_its_own_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    assert runtime.torch_fault() == ""

    def fail(name: str, *rest: object) -> object:
        if name == "torch":
            raise OSError("libcudart.so.13: cannot open shared object file\nmore")
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", fail)
    assert runtime.torch_fault() == "libcudart.so.13: cannot open shared object file"


# ---------------------------------------------------------------- caches, language, versions


def run_apart(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Code in a fresh process, where torch is not loaded yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MALLOC_"))}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True, check=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another OpenMP")
@pytest.mark.parametrize(
    ("given", "spins"), [({}, "20000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")]
)
def test_waiting_threads_give_up_their_core_soon_unless_the_user_says_otherwise(
    given: dict[str, str], spins: str
) -> None:
    done = run_apart("from whet.system import runtime; runtime.choose('cpu', 2)", OMP_DISPLAY_ENV="verbose", **given)
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr


def test_without_a_seed_the_random_streams_are_left_alone() -> None:
    torch = pytest.importorskip("torch")
    machine = runtime.choose("cpu", torch.get_num_threads())
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    runtime.apply(machine, seed=None)
    assert torch.equal(before[0], torch.get_rng_state())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_the_cache_is_where_WHET_CACHE_says_else_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHET_CACHE", "/a/b")
    assert runtime.cache_folder() == Path("/a/b")
    monkeypatch.delenv("WHET_CACHE")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert runtime.cache_folder() == Path("/x/whet")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert runtime.cache_folder() == Path.home() / ".cache" / "whet"
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert runtime.cache_folder() == Path("/local/whet/cache")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "KO"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
        ({"LANG": "kok_IN"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_follows_the_locale(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert runtime.language("auto") == expected
    assert runtime.language("en") == "en"
    assert runtime.language("ko") == "ko"


def test_versions_are_those_of_installed_packages_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import whet

    real = metadata.version

    def version(package: str) -> str:
        if package == "safetensors":
            raise metadata.PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(metadata, "version", version)
    found = runtime.versions()
    assert found["python"] == platform.python_version()
    assert found["whet"] == whet.__version__
    assert found["numpy"] == np.__version__
    assert "safetensors" not in found


def test_the_libraries_are_quiet_only_for_a_while() -> None:
    logging = pytest.importorskip("transformers.utils").logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with runtime.quiet_libraries():
        assert logging.get_verbosity() == logging.ERROR
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)
    with pytest.raises(KeyError), runtime.quiet_libraries():
        raise KeyError
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, bars)


def test_loading_rests_the_collector_and_leaves_it_as_it_was() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), runtime.loading():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with runtime.loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_loaded_is_no_longer_looked_at_by_the_collector() -> None:
    code = """
import gc, json
from whet.system import runtime
a = []; a.append(a)
del a
held = [[i] for i in range(1_000)]
runtime.set_apart()
print(gc.get_freeze_count() > 1_000, any(each is held for each in gc.get_objects()), len(held))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True False 1000\n"


# ---------------------------------------------------------------- inside of another program


@pytest.mark.parametrize(("given", "left"), [("3", 3), ("0", None), ("4,2", None), ("", None)])
def test_the_threads_that_the_environment_leaves(monkeypatch: pytest.MonkeyPatch, given: str, left: int | None) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert runtime.threads_left() == left


def test_random_streams_go_on_after_an_undisturbed_block_as_if_it_had_not_been() -> None:
    torch = pytest.importorskip("torch")

    def drawn(*, seeds_between: bool) -> list[float]:
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        if seeds_between:
            with pytest.raises(KeyError), runtime.undisturbed():
                random.seed(2), np.random.seed(2), torch.manual_seed(2)
                raise KeyError
        return [random.random(), np.random.random(), float(torch.rand(()))]

    assert drawn(seeds_between=True) == drawn(seeds_between=False)
