"""M: checkpoints that are damaged, foreign or of another version, and which of them are kept.

Exit code 4 where none can be gone on from, and what there is on the disk stays as it was. Each file of a checkpoint,
damaged in each way: test_damages.py.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import tempfile
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from safetensors.torch import load_file
from torch import nn

from tests.conftest import review_rows
from tests.faults import golden
from tests.faults.conftest import told
from tests.faults.shim import Kind, failing
from tests.flows.conftest import Command, Ended, content_of, write_csv
from whet import pipeline
from whet.disk import durable
from whet.errors import Interrupted, ModelError, OutputError
from whet.records import StepRecord
from whet.settings import config
from whet.training.checkpoints import KEPT, Checkpoints
from whet.training.selection import Selection
from whet.training.state import State, read_state

SETTINGS: dict[str, Any] = {
    "epochs": 2.0, "learning_rate": 3e-3, "threads": 1, "batch_size": 8, "baseline": False, "output": "run",
    "checkpoint_every": 2, "brief": True,
}  # fmt: skip
NEWEST, BEFORE = "step-00000005", "step-00000004"


@pytest.fixture(scope="session")
def stopped_once(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory, _one_core: None) -> tuple[Path, str]:
    """A run that was stopped after 5 of 12 steps, and the sha256 of the weights that it ends with where it goes on."""
    folder = tmp_path_factory.mktemp("stopped")
    with chdir(folder):
        write_csv(folder / "reviews.csv", review_rows())
        resolved = config.resolve({**SETTINGS, "model": str(tiny_bert)})
        with pytest.raises(Interrupted):
            for event in pipeline.follow("reviews.csv", resolved):
                if isinstance(event, StepRecord) and event.step == 5:
                    os.kill(os.getpid(), signal.SIGTERM)
        shutil.copytree("run", "kept")
        for _ in pipeline.follow("reviews.csv", resolved):
            pass
        weights = (folder / "run" / "model" / "model.safetensors").read_bytes().hex()
    return folder / "kept", weights


@pytest.fixture
def checkpoints(stopped_once: tuple[Path, str], here: Path) -> Path:
    """Those of a copy of it, where the tests stand."""
    write_csv(here / "reviews.csv", review_rows())
    shutil.copytree(stopped_once[0], here / "run")
    return here / "run" / "checkpoints"


@pytest.fixture
def go_on(whet: Command, tiny_bert: Path) -> Callable[[], Ended]:
    """The same command again."""
    arguments = ["--epochs", "2", "--learning-rate", "3e-3", "--threads", "1", "--batch-size", "8", "--no-baseline"]
    arguments += ["--brief", "--output", "run", "--checkpoint-every", "2"]
    return lambda: whet("train", "reviews.csv", "--model", str(tiny_bert), *arguments)


def passes_over(ended: Ended, said: str, run: Path, weights: str) -> None:
    """The run ended well, with the bits of one that nothing had happened to, and said what it passed over."""
    assert (ended.code, ended.errors) == (0, [])
    assert f"warning: run/checkpoints/{NEWEST}: {said}: going back to {BEFORE}" in ended.err.splitlines()
    assert (run / "model" / "model.safetensors").read_bytes().hex() == weights
    assert not (run / "checkpoints").exists()


def refused(ended: Ended, checkpoints: Path, before: dict[str, bytes], message: str) -> None:
    """One message, exit code 4, and the checkpoints as they were."""
    told(ended, 4, message)
    assert content_of(checkpoints) == before


# ---------------------------------------------------------------- M1


def test_a_checkpoint_without_a_manifest_is_passed_over(
    checkpoints: Path, go_on: Callable[[], Ended], stopped_once: tuple[Path, str]
) -> None:
    """M1"""
    (checkpoints / NEWEST / durable.MANIFEST).unlink()
    (checkpoints / "tmp-cut-off").mkdir()  # what a killed save leaves
    passes_over(go_on(), "MANIFEST.json is missing", checkpoints.parent, stopped_once[1])


# ---------------------------------------------------------------- M5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "MANIFEST.json cannot be read: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "MANIFEST.json cannot be read: maximum recursion depth exceeded while decoding a JSON array "
         "from a unicode string"),
        ('{"format": 1, "files": {}}', "MANIFEST.json is no manifest"),
        ('{"files": {"state.json": {"size": 1, "sha256": ""}}}', "MANIFEST.json is no manifest"),
        ('{"format": 1, "files": {"../../../reviews.csv": {"size": 1, "sha256": ""}}}',
         "MANIFEST.json names '../../../reviews.csv', which is outside the folder"),
        ('{"format": 1, "files": {"/etc/passwd": {"size": 1, "sha256": ""}}}',
         "MANIFEST.json names '/etc/passwd', which is outside the folder"),
        ('{"format": 1, "files": {"C:\\\\x": {"size": 1, "sha256": ""}}}',
         "MANIFEST.json names 'C:\\\\x', which is outside the folder"),
        ('{"format": 1, "files": {"a\\u0000b": {"size": 1, "sha256": ""}}}',
         "MANIFEST.json names 'a\\x00b', which is outside the folder"),
        ('{"format": 1, "files": {"\\ud800": {"size": 1, "sha256": ""}}}',
         "MANIFEST.json names '\\ud800', which is outside the folder"),
        ('{"format": 1, "files": {"state.json": "x"}}', "MANIFEST.json does not tell size and sha256 of state.json"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_makes_its_checkpoint_none(
    checkpoints: Path, go_on: Callable[[], Ended], stopped_once: tuple[Path, str], content: str, said: str
) -> None:
    """M5"""
    (checkpoints / NEWEST / durable.MANIFEST).write_text(content)
    passes_over(go_on(), said, checkpoints.parent, stopped_once[1])


def test_where_it_is_the_only_one_the_run_is_not_begun_anew(checkpoints: Path, go_on: Callable[[], Ended]) -> None:
    """M5"""
    shutil.rmtree(checkpoints / BEFORE)
    (checkpoints / NEWEST / durable.MANIFEST).write_text("{")
    message = (
        f"run/checkpoints: no checkpoint is whole: run/checkpoints/{NEWEST}: MANIFEST.json cannot be read: Expecting "
        "property name enclosed in double quotes: line 1 column 2 (char 1). Restore one of them, or start over with "
        "--fresh."
    )
    refused(go_on(), checkpoints, content_of(checkpoints), message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.dictionaries(
    st.text(max_size=12) | st.sampled_from(["../x", "/x", ".", "", "a/../../x", "state.json", "x" * 300]),
    JSON | st.fixed_dictionaries({"size": st.integers(0, 3), "sha256": st.text(max_size=4)}),
    max_size=3,
)


@given(JSON | st.fixed_dictionaries({"format": st.integers(0, 2) | JSON, "files": ENTRIES | JSON}) | st.binary())
@hypothesis_settings(max_examples=400)
def test_no_manifest_makes_a_foreign_folder_whole_or_the_reader_fail(
    tmp_path_factory: pytest.TempPathFactory, manifest: Any
) -> None:
    """M5"""
    folder = tmp_path_factory.mktemp("foreign", numbered=True)
    raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    (folder / durable.MANIFEST).write_bytes(raw)
    (folder / "state.json").write_text("{}")
    said = durable.damage(folder)
    assert isinstance(said, str)
    assert said
    assert "\n" not in said
    shutil.rmtree(folder)


# ---------------------------------------------------------------- M7


class Payload:
    """Whoever unpickles it makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.canary,))


def state_with(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        numbers = json.loads((folder / "state.json").read_text())
        change(numbers)
        (folder / "state.json").write_text(json.dumps(numbers))

    return spoil


def strange_tensors(folder: Path) -> None:
    shutil.copy(folder / "optimizer.safetensors", folder / "model.safetensors")


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled optimizer": (
        lambda folder: (folder / "optimizer.safetensors").write_bytes(pickle.dumps(Payload(Path("canary")))),
        "SafetensorError: Error while deserializing header: ",
    ),
    "pickled state": (
        lambda folder: (folder / "state.json").write_bytes(pickle.dumps(Payload(Path("canary")))),
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0x80 in position 0: invalid start byte",
    ),
    "group elsewhere": (
        state_with(lambda numbers: numbers.update(groups=["model", "../../../x"])), "ValueError: a group is a word"
    ),
    "other weights": (strange_tensors, "RuntimeError: no weights for bert.embeddings.LayerNorm.bias"),
    "no step": (state_with(lambda numbers: numbers.pop("step")), "KeyError: 'step'"),
    "no format": (state_with(lambda numbers: numbers.pop("format")), "KeyError: 'format'"),
    "no facts": (state_with(lambda numbers: numbers.pop("facts")), "KeyError: 'facts'"),
    "facts": (state_with(lambda numbers: numbers["facts"].update(threads="9")), "TypeError: threads is '9'"),
    "no ranks": (state_with(lambda numbers: numbers.update(ranks=[])), "IndexError: list index out of range"),
    "record": (state_with(lambda numbers: numbers.update(record={})), "TypeError: StepRecord.__init__() missing 7 "),
    "random": (
        state_with(lambda numbers: numbers["ranks"][0].update(random="zz")), "ValueError: non-hexadecimal number found"
    ),
    "deep": (
        lambda folder: (folder / "state.json").write_text("[" * 100_000), "RecursionError: maximum recursion depth"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_checkpoint_that_no_training_wrote_is_refused_and_runs_nothing(
    checkpoints: Path, go_on: Callable[[], Ended], here: Path, name: str
) -> None:
    """M7: its manifest fits, as that of somebody who means harm would."""
    spoil, said = FOREIGN[name]
    spoil(checkpoints / NEWEST)
    durable.seal(checkpoints / NEWEST)
    before = content_of(checkpoints)
    ended = go_on()
    (error,) = ended.errors
    assert error.startswith(f"run/checkpoints/{NEWEST}: a checkpoint that no training wrote ({said}")
    assert error.endswith(" Remove it to go on from the one before, or start over with --fresh.")
    assert (ended.code, ended.out) == (4, "")
    assert content_of(checkpoints) == before
    assert not (here / "canary").exists()


# ---------------------------------------------------------------- M13


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """One to four changes to the length or the header of a safetensors file."""
    length = int.from_bytes(raw[:8], "little")
    content = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(8 + length)
        match chance.randrange(6):
            case 0:
                content[place] ^= 1 << chance.randrange(8)
            case 1:
                content[place] = chance.choice(b'0123456789-{}[]",:\\')
            case 2:
                content[:8] = chance.choice([2**63, 2**64 - 1, 10**8, length - 1, length + 1, 0]).to_bytes(8, "little")
            case 3:
                del content[place : place + chance.randint(1, 30)]
            case 4:
                content[place:place] = chance.choice([b"9" * 30, b"[" * 200, b'"a":', b"\xff", raw[8:60]])
            case _:
                number = str(chance.choice([0, 1, 2**31, 2**63, -1])).encode()
                content[8 : 8 + length] = content[8 : 8 + length].replace(b"8", number, 1)
    return bytes(content)


@pytest.mark.parametrize("trials", [2000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_no_header_of_a_tensor_file_crashes_the_reader_or_takes_memory(tmp_path: Path, trials: int) -> None:
    """M13"""
    resource = pytest.importorskip("resource")
    chance = random.Random(20261124)
    Checkpoints(tmp_path / "run").save(
        State({"model": {"a": torch.arange(8.0).reshape(2, 4), "b": torch.zeros(8, dtype=torch.int64)}}, {"step": 8})
    )
    folder = tmp_path / "run" / "step-00000008"
    raw = (folder / "model.safetensors").read_bytes()
    before, refused_ = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for _ in range(trials):
        (folder / "model.safetensors").write_bytes(mutated(raw, chance))
        try:
            tensors = read_state(folder).tensors["model"]
        except ModelError as fault:
            refused_ += 1
            assert fault.message.startswith(f"{folder}: a checkpoint that no training wrote (")
        else:
            assert sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) <= 2 * len(raw)
    assert 0.5 * trials < refused_ < trials
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kilobytes


# ---------------------------------------------------------------- M15, M16


def test_there_is_a_checkpoint_of_every_format() -> None:
    """M15"""
    assert sorted(path.name for path in golden.FOLDER.iterdir()) == [f"format-{n}" for n in range(1, golden.FORMAT + 1)]


@pytest.mark.parametrize("kept", sorted(golden.FOLDER.iterdir()), ids=lambda kept: kept.name)
def test_a_checkpoint_of_an_older_version_is_gone_on_from(kept: Path, tmp_path: Path) -> None:
    """M15"""
    folder = Path(shutil.copytree(kept, tmp_path / "checkpoints"))
    found = Checkpoints(folder).newest()
    assert found is not None
    assert (found.step, found.said, found.numbers["facts"]) == (golden.STEP, "", {"written": "for later versions"})
    training, keeper, selection, classifier = golden.job(folder, seed=1)
    record, evaluation = keeper.load(found.path)
    assert (record.step, record.steps, evaluation, selection.best_step) == (golden.STEP, 6, None, golden.STEP - 1)
    losses = [record.loss for record in training.records() if isinstance(record, StepRecord)]
    assert losses == pytest.approx(json.loads((kept / "later.json").read_text()), rel=1e-3)
    selection.offer(0.5, 6, classifier.model)
    assert selection.restore(classifier.model)
    best = load_file(found.path / "best.safetensors")
    assert all(torch.equal(tensor, best[name]) for name, tensor in classifier.model.state_dict().items())
    other = golden.job(tmp_path / "none", seed=1)[0]
    assert [record.loss for record in other.records() if isinstance(record, StepRecord)][3:] != pytest.approx(
        losses, rel=1e-2
    )


@pytest.mark.parametrize(
    ("number", "advice"), [(9, "Upgrade whet"), (0, "Go on with the version that wrote it (run.json tells which)")]
)
def test_a_checkpoint_of_another_format_is_told_with_its_number_and_left(
    checkpoints: Path, go_on: Callable[[], Ended], number: int, advice: str
) -> None:
    """M16"""
    state_with(lambda numbers: numbers.update(format=number))(checkpoints / NEWEST)
    durable.seal(checkpoints / NEWEST)
    message = (
        f"run/checkpoints/{NEWEST}/state.json: a checkpoint of format {number}, of another version of whet. "
        f"Expected format 1. {advice}, or start over with --fresh."
    )
    refused(go_on(), checkpoints, content_of(checkpoints), message)


def test_a_manifest_of_a_later_format_is_not_taken_for_damage_alone(
    checkpoints: Path, go_on: Callable[[], Ended]
) -> None:
    """M16"""
    shutil.rmtree(checkpoints / BEFORE)
    manifest = json.loads((checkpoints / NEWEST / durable.MANIFEST).read_text())
    (checkpoints / NEWEST / durable.MANIFEST).write_text(json.dumps({**manifest, "format": 2}))
    message = (
        f"run/checkpoints: no checkpoint is whole: run/checkpoints/{NEWEST}: MANIFEST.json has format 2, and this "
        "version knows 1: upgrade whet. Restore one of them, or start over with --fresh."
    )
    refused(go_on(), checkpoints, content_of(checkpoints), message)


# ---------------------------------------------------------------- M17


def test_damaged_later_checkpoints_do_not_take_the_place_of_whole_ones(tmp_path: Path) -> None:
    """M17: kept by number alone, the step that was just saved was the oldest, and was removed."""
    store = Checkpoints(tmp_path / "run")
    for step in (5, 15):
        store.save(State({"model": {"a": torch.zeros(2)}}, {"step": step}))
    shutil.copytree(tmp_path / "run" / "step-00000015", tmp_path / "run" / "step-00000010")
    for step in (10, 15):
        (tmp_path / "run" / f"step-{step:08}" / "state.json").write_text("")
    again = Checkpoints(tmp_path / "run")
    found = again.newest()
    assert found is not None
    assert found.step == 5
    again.save(State({"model": {"a": torch.zeros(2)}}, {"step": 6}))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["step-00000005", "step-00000006"]


class Runs(RuleBasedStateMachine):
    """A run that is saved, cut off, damaged, tidied up and gone on with in any order, with a mirror and without one."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="whet-runs-"))
        self.saved: dict[int, tuple[float, int, float]] = {}  # step to its weight, best step, and weight of the best

    @initialize(mirrored=st.booleans())
    def begin(self, mirrored: bool) -> None:
        self.folder, self.mirror = self.home / "run", self.home / "mirror" if mirrored else None
        self.start(0, 0.0)

    def start(self, step: int, weight: float) -> None:
        """A new process."""
        self.store = Checkpoints(self.folder, self.mirror)
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, weight)
        self.selection = Selection(keep="best", patience=None)
        self.step = step

    def teardown(self) -> None:
        shutil.rmtree(self.home)

    @property
    def weight(self) -> float:
        return float(self.model.weight.detach())

    def whole(self, folder: Path) -> list[int]:
        found = folder.glob("step-*") if folder.is_dir() else ()
        return sorted(int(path.name[5:]) for path in found if durable.damage(path) is None)

    def places(self) -> list[Path]:
        return [self.folder] if self.mirror is None else [self.folder, self.mirror]

    def state(self) -> State:
        best, selected = self.selection.state(self.step)
        tensors = {"model": self.model.state_dict(), **({"best": best} if best else {})}
        return State(tensors, {"step": self.step, "selection": selected})

    def note(self) -> None:
        best = self.selection._weights.get("weight")
        self.saved[self.step] = (self.weight, self.selection.best_step, 0.0 if best is None else float(best))

    @rule(steps=st.integers(1, 3), by=st.sampled_from([0.5, 1.0, -2.0]), score=st.none() | st.floats(0, 1))
    def train(self, steps: int, by: float, score: float | None) -> None:
        self.step += steps
        with torch.no_grad():
            self.model.weight += by
        if score is not None:
            self.selection.offer(score, self.step, self.model)

    @precondition(lambda self: self.step > 0)
    @rule()
    def save(self) -> None:
        self.note()
        before = [len(self.whole(folder)) for folder in self.places()]
        self.store.save(self.state())
        for folder, count in zip(self.places(), before, strict=True):
            whole = self.whole(folder)
            assert len(whole) >= min(KEPT, count)
            assert self.step in whole
            assert [f"step-{step:08}" for step in whole] == sorted(path.name for path in folder.glob("step-*"))
            assert len(whole) <= KEPT

    @precondition(lambda self: self.step > 0)
    @rule(at=st.integers(1, 45), kind=st.sampled_from(["full", "broken", "short", "killed"]))
    def fail(self, at: int, kind: Kind) -> None:
        """A save is cut off at its n-th operation, and the process ends."""
        self.note()
        before = [self.whole(folder) for folder in self.places()]
        if kind == "killed":
            child = os.fork()
            if not child:
                try:
                    with failing(at, kind):
                        self.store.save(self.state())
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
        else:
            with failing(at, kind), suppress(OutputError):
                self.store.save(self.state())
        for folder, known in zip(self.places(), before, strict=True):
            whole = self.whole(folder)
            assert len(whole) >= min(KEPT, len(known))
            assert not known or max(whole) >= max(known) or self.step in whole
        self.restart()

    @rule(place=st.integers(0, 1), which=st.integers(0, 2), file=st.integers(0, 4), cut=st.booleans())
    def damage(self, place: int, which: int, file: int, cut: bool) -> None:
        folders = sorted(self.places()[place % len(self.places())].glob("step-*"))
        if folders:
            files = sorted(folders[which % len(folders)].iterdir())
            if files:
                chosen = files[file % len(files)]
                chosen.write_bytes(chosen.read_bytes()[:-1]) if cut else chosen.unlink()
        self.restart()  # what a process has read it does not read again

    @rule(place=st.integers(0, 1), which=st.integers(0, 2))
    def tidy_up(self, place: int, which: int) -> None:
        """Somebody removes a checkpoint."""
        folders = sorted(self.places()[place % len(self.places())].glob("step-*"))
        if folders:
            shutil.rmtree(folders[which % len(folders)])
        self.restart()

    @rule()
    def restart(self) -> None:
        there = [path for folder in self.places() for path in folder.glob("step-*")]
        whole = [step for folder in self.places() for step in self.whole(folder)]
        store = Checkpoints(self.folder, self.mirror)
        try:
            found = store.newest()
        except ModelError as fault:
            assert "no checkpoint is whole" in fault.message
            assert there and not whole
            for folder in self.places():  # --fresh
                shutil.rmtree(folder, ignore_errors=True)
            self.start(0, 0.0)
            return
        if found is None:
            assert not there
            self.start(0, 0.0)
            return
        assert found.step == max(whole)
        state = read_state(found.path)
        self.start(found.step, float(state.tensors["model"]["weight"]))
        self.store = store
        self.selection.load_state(state.tensors.get("best", {}), state.numbers["selection"], self.model)
        self.store.sweep()
        weight, best_step, best = self.saved[found.step]
        assert (self.weight, self.selection.best_step) == (weight, best_step)
        kept = self.selection._weights.get("weight")
        assert (0.0 if kept is None else float(kept)) == best

    @invariant()
    def nothing_half_done_has_a_name(self) -> None:
        if hasattr(self, "folder"):
            for folder in self.places():
                for path in folder.glob("step-*"):
                    assert int(path.name[5:]) in self.saved


def test_runs_that_are_cut_off_damaged_and_gone_on_with_lose_nothing() -> None:
    """M17"""
    run_state_machine_as_test(Runs, settings=hypothesis_settings(max_examples=60, stateful_step_count=25))
