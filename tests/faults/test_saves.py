"""P1, P4, P10: whatever ends a save, the old or the new checkpoint is whole, and the next save works."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import pytest
import torch

from tests.faults.shim import KINDS, Kind, failing
from whet.disk import durable
from whet.errors import OutputError
from whet.training.checkpoints import Checkpoints
from whet.training.state import State, read_state

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


def state(step: int) -> State:
    return State({"model": {"a": torch.full((64,), float(step)), "b": torch.zeros(3)}, "optimizer": {}}, {"step": step})


def save(folder: Path, step: int) -> None:
    Checkpoints(folder / "run", folder / "mirror").save(state(step))


def ends(folder: Path, at: int, kind: Kind) -> bool:
    """Saves step 3 while the `at`-th operation fails; whether there were as many."""
    if kind == "killed":
        child = os.fork()
        if not child:
            try:
                with failing(at, kind):
                    save(folder, 3)
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with failing(at, kind) as shim:
        try:
            save(folder, 3)
        except OutputError as fault:
            assert shim.fired, fault
            assert "the checkpoint of step 3 cannot be written: " in fault.message
        else:  # not every fault matters: a folder that is there need not be made
            assert (folder / "run" / "step-00000003").is_dir()
            assert (folder / "mirror" / "step-00000003").is_dir()
    return shim.fired


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_ends_a_save_the_old_or_the_new_checkpoint_is_whole(tmp_path: Path, kind: Kind) -> None:
    tried = 0
    for at in itertools.count(1):
        folder = tmp_path / str(at)
        save(folder, 1)
        save(folder, 2)
        fired = ends(folder, at, kind)
        for place in ("run", "mirror"):
            whole = [path for path in (folder / place).glob("step-*") if durable.damage(path) is None]
            assert whole == list((folder / place).glob("step-*")), f"operation {at}"
            assert len(whole) >= 2
            assert {path.name for path in whole} >= {"step-00000002"}
        store = Checkpoints(folder / "run", folder / "mirror")
        found = store.newest()
        assert found is not None
        assert found.step in (2, 3)
        assert torch.equal(read_state(found.path).tensors["model"]["a"], torch.full((64,), float(found.step)))
        assert found.said == ""
        store.sweep()
        save(folder, 4)
        assert {path.name for path in (folder / "run").iterdir()} >= {"step-00000004"}
        assert not list(folder.rglob("tmp-*"))
        if not fired:
            break
        tried += 1
    assert tried >= 40  # of each kind: files, manifests, flushes and names, here and in the mirror
