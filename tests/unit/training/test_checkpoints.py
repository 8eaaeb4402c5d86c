"""Which checkpoints there are, which of them is gone on from, and when one is due."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from whet.disk import durable
from whet.errors import ModelError, OutputError
from whet.training.checkpoints import FIRST, SHARE, WORTH, Checkpoints, Schedule, at_once
from whet.training.state import KINDS, NUMBERS, State, read_state, write_tensors


def state(step: int) -> State:
    tensors = {"model": {"w": torch.full((3, 2), float(step))}, "optimizer": {"0.step": torch.tensor(float(step))}}
    return State(tensors, {"step": step})


def steps(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "run")


def newest(store: Checkpoints) -> int | None:
    found = store.newest()
    return None if found is None else found.step


def test_a_state_is_read_as_it_was_written(store: Checkpoints) -> None:
    assert store.newest() is None
    store.save(state(7))
    found = store.newest()
    assert found is not None
    assert (found.step, found.said) == (7, "")
    read = read_state(found.path)
    assert read.numbers == {"step": 7}
    assert torch.equal(read.tensors["model"]["w"], torch.full((3, 2), 7.0))
    assert read.tensors["optimizer"]["0.step"].item() == 7.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_tensor_file_is_one_that_the_library_reads(tmp_path: Path, kind: torch.dtype) -> None:
    given = {
        "a": torch.arange(6).to(kind).reshape(2, 3), "turned": torch.arange(6).to(kind).reshape(2, 3).T,
        "scalar": torch.tensor(3).to(kind), "none": torch.zeros(0, 4).to(kind),
    }  # fmt: skip
    write_tensors(tmp_path / "x.safetensors", given)
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == given.keys()
    assert all(torch.equal(found[name], tensor) and found[name].dtype == kind for name, tensor in given.items())


def test_the_newest_two_are_kept_in_order_of_their_steps(store: Checkpoints, tmp_path: Path) -> None:
    for step in (5, 50, 99_999_999, 100_000_000):
        store.save(state(step))
    assert steps(tmp_path / "run") == ["step-100000000", "step-99999999"]
    assert newest(store) == 100_000_000


def test_an_older_one_is_used_where_the_newest_is_damaged_and_that_is_said(store: Checkpoints, tmp_path: Path) -> None:
    store.save(state(5))
    store.save(state(6))
    damaged(tmp_path / "run" / "step-00000006" / "model.safetensors")
    found = store.newest()
    assert found is not None
    assert found.step == 5
    assert "step-00000006: model.safetensors has size" in found.said
    assert found.said.endswith("going back to step-00000005")


def test_where_none_is_whole_the_first_step_is_not_taken_in_silence(store: Checkpoints, tmp_path: Path) -> None:
    store.save(state(5))
    (tmp_path / "run" / "step-00000005" / durable.MANIFEST).unlink()
    with pytest.raises(ModelError) as caught:
        store.newest()
    assert caught.value.message.count("MANIFEST.json is missing") == 1
    assert caught.value.message.endswith("Restore one of them, or start over with --fresh.")


def test_a_checkpoint_of_a_later_version_is_not_read(store: Checkpoints, tmp_path: Path) -> None:
    store.save(state(5))
    folder = tmp_path / "run" / "step-00000005"
    content = json.loads((folder / NUMBERS).read_text())
    (folder / NUMBERS).write_text(json.dumps({**content, "format": 2}))
    durable.seal(folder)
    with pytest.raises(ModelError, match=r"another version of whet\. Expected format 1"):
        store.newest()


def test_a_checkpoint_of_a_step_is_written_anew(store: Checkpoints, tmp_path: Path) -> None:
    store.save(state(5))
    store.save(state(6))
    damaged(tmp_path / "run" / "step-00000006" / "model.safetensors")
    store.save(state(6))
    assert newest(store) == 6
    assert steps(tmp_path / "run") == ["step-00000005", "step-00000006"]


def test_older_ones_stay_where_the_new_one_reads_otherwise(
    store: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (5, 6):
        store.save(state(step))
    monkeypatch.setattr(durable, "damage", lambda folder: "model.safetensors is missing")
    with pytest.raises(OutputError, match=r"reads otherwise than it was written: model\.safetensors is missing"):
        store.save(state(7))
    monkeypatch.undo()
    assert steps(tmp_path / "run") == ["step-00000005", "step-00000006", "step-00000007"]


def test_a_full_disk_is_told_with_the_step(store: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(state(5))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the checkpoint of step 6 cannot be written: No space left on device"):
        store.save(state(6))
    assert steps(tmp_path / "run") == ["step-00000005"]


def test_a_mirror_has_the_same_and_another_machine_goes_on_from_it(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path / "run", tmp_path / "drive" / "job")
    for step in (5, 6, 7):
        store.save(state(step))
    assert steps(tmp_path / "drive" / "job") == steps(tmp_path / "run") == ["step-00000006", "step-00000007"]
    elsewhere = Checkpoints(tmp_path / "other", tmp_path / "drive" / "job")
    assert newest(elsewhere) == 7
    damaged(tmp_path / "run" / "step-00000007" / "model.safetensors")
    found = store.newest()  # the copy of the same step comes before an older one
    assert found is not None
    assert found.path == tmp_path / "drive" / "job" / "step-00000007"
    assert str(tmp_path / "run" / "step-00000007") in found.said
    store.remove()
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "drive" / "job").exists()


def test_a_mirror_that_is_full_is_named_and_the_run_has_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, mirror = shutil.copyfile, tmp_path / "drive" / "job"

    def copyfile(source: Path, target: Path, **how: bool) -> object:
        if mirror in Path(target).parents:  # a system that copies by itself names the source
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))
        return real(source, target, **how)

    store = Checkpoints(tmp_path / "run", mirror)
    store.save(state(5))
    monkeypatch.setattr(shutil, "copyfile", copyfile)
    for step in (6, 7):
        with pytest.raises(OutputError) as told:
            store.save(state(step))
        assert told.value.message == (
            f"{mirror}: the checkpoint of step {step} cannot be written: No space left on device. Free space there or "
            "give another --mirror; the same command goes on from this checkpoint in the run."
        )
    assert steps(mirror) == ["step-00000005"]
    assert steps(tmp_path / "run") == ["step-00000006", "step-00000007"]
    assert newest(Checkpoints(tmp_path / "run", mirror)) == 7


def test_a_checkpoint_that_arrives_altered_in_the_mirror_is_not_kept_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, mirror = shutil.copyfile, tmp_path / "drive" / "job"

    def copyfile(source: Path, target: Path, **how: bool) -> object:
        copied = real(source, target, **how)
        if Path(target).name == "model.safetensors":
            damaged(Path(target))
        return copied

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    with pytest.raises(OutputError) as told:
        Checkpoints(tmp_path / "run", mirror).save(state(5))
    size = (tmp_path / "run" / "step-00000005" / "model.safetensors").stat().st_size
    assert told.value.message == (
        f"{mirror / 'step-00000005'}: a checkpoint reads otherwise than it was written: model.safetensors has size "
        f"{size - 1}, MANIFEST.json says {size}. Look at the disk."
    )
    assert steps(mirror) == []
    assert newest(Checkpoints(tmp_path / "run", mirror)) == 5


def test_what_was_begun_and_not_ended_is_swept(store: Checkpoints, tmp_path: Path) -> None:
    store.sweep()  # nothing is there yet
    store.save(state(5))
    (tmp_path / "run" / "tmp-abc").mkdir()
    (tmp_path / "run" / "step-5").mkdir()  # nobody's
    assert newest(store) == 5
    store.sweep()
    assert steps(tmp_path / "run") == ["step-00000005", "step-5"]


# ---------------------------------------------------------------- when


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_every_so_many_steps_and_after_the_last() -> None:
    schedule = Schedule(3)
    assert [step for step in range(1, 9) if schedule.due(step, ended=step == 8)] == [3, 6, 8]


def test_where_nobody_asked_saving_takes_a_small_share_of_the_time() -> None:
    clock = Clock()
    schedule = Schedule(None, clock=clock)
    clock.now = FIRST - 1
    assert not schedule.due(1, ended=False)
    assert schedule.due(1, ended=True)  # it would be worth it
    clock.now = FIRST
    assert schedule.due(2, ended=False)
    schedule.saved(6.0)
    clock.now = FIRST + 6.0 / SHARE - 1
    assert not schedule.due(3, ended=False)
    clock.now += 1
    assert schedule.due(3, ended=False)
    schedule.saved(0.1)
    clock.now += 9
    assert not schedule.due(4, ended=True)


@given(st.lists(st.floats(0.01, 300), min_size=1, max_size=30))
def test_whatever_saving_takes_its_share_is_kept(costs: list[float]) -> None:
    clock = Clock()
    schedule = Schedule(None, clock=clock)
    spent = 0.0
    for cost in costs:
        while not schedule.due(1, ended=False):
            clock.now += 25
        clock.now += cost
        spent += cost
        schedule.saved(cost)
    assert spent - costs[-1] <= SHARE * clock.now * (1 + 1e-9)  # the last one is paid for by what follows


@pytest.mark.parametrize(
    ("every", "seconds", "count"),
    [(5, 1.0, 3), (None, WORTH - 1, 0), (None, WORTH, 1), (None, FIRST, 2), (None, 1e5, 3)],
)
def test_the_disk_must_hold_the_two_that_are_kept_and_the_one_that_is_written(
    every: int | None, seconds: float, count: int
) -> None:
    assert at_once(every, seconds) == count
