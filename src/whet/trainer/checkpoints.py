"""The checkpoints of `whet.Trainer`: folders as transformers names and fills them, with whet's own state beside.

`checkpoint-STEP/` loads in plain transformers, tokenizer included, and holds `trainer_state.json`. To go on from it,
`whet/` has the moments of the optimiser as safetensors and the rest as JSON. The folder stands whole or not at all.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whet.disk import durable
from whet.errors import ModelError, OutputError, UsageError
from whet.system.runtime import quiet_libraries
from whet.training.loop import Training
from whet.training.state import State, read_state, write_state

STATE = "trainer_state.json"
OWN = "whet"
NUMBERS = "numbers"  # among the tensors of an optimiser of the script's own, what of it and its schedule is no tensor


@contextmanager
def begun(folder: Path) -> Iterator[Path]:
    """A folder to be filled, which stands there once the block has ended well. OutputError where the disk is full or
    locked."""
    try:
        with durable.new_folder(folder) as scratch:
            yield scratch
    except OSError as fault:
        raise OutputError(f"the checkpoint cannot be written: {fault}", where=str(folder)) from None


def write_own(folder: Path, training: State) -> None:
    """What is needed to go on, without the weights, which stand beside it."""
    (folder / OWN).mkdir()
    own = {group: tensors for group, tensors in training.tensors.items() if group != "model"}
    write_state(folder / OWN, State(own, training.numbers))


def save(folder: Path, model: Any, tokenizer: Any) -> None:
    """As plain transformers reads it."""
    with quiet_libraries():
        model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)


def found_in(output: Path) -> list[Path]:
    """Checkpoints from the oldest step on."""
    numbered = [(int(match[1]), path) for path in output.glob("checkpoint-*") if (match := _numbered(path))]
    return [path for _, path in sorted(numbered)]


def to_resume(output: Path, asked: str | bool) -> Path:
    """The folder that is asked for by its name, or the newest of the output folder. UsageError where there is none, or
    another program's."""
    there = found_in(output)
    if asked is True and not there:
        raise UsageError("no checkpoint to go on from", where=str(output), expected="a folder checkpoint-STEP")
    folder = there[-1] if asked is True else Path(str(asked))
    if not (folder / OWN).is_dir():
        raise UsageError(
            "no checkpoint that whet.Trainer can go on from",
            where=str(folder),
            expected=f"a folder {OWN}/ in it, which save_only_model=True leaves out and transformers does not write",
            todo="Load its weights with from_pretrained, and train from there without resume_from_checkpoint",
        )
    if wrong := durable.damage(folder):
        raise ModelError(wrong, where=str(folder), todo="Go on from an older checkpoint")
    return folder


def read(folder: Path, model: Any) -> State:
    """The state of a training of this model that was saved there."""
    state = read_state(folder / OWN)
    return State({**state.tensors, "model": _weights(folder, model)}, state.numbers)


def resumed(folder: Path, training: Training, state: Any, model: Any, *, borrowed: bool) -> Any:
    """Lets a training go on from there; returns its TrainerState. UsageError where it was one of other steps, or of
    another optimiser: `borrowed`, whether it is the script's own."""
    from transformers.trainer_callback import TrainerState

    found = read(folder, model)
    if found.numbers["steps"] != state.max_steps:
        raise UsageError(
            f"a checkpoint of a training of {found.numbers['steps']} steps",
            where=str(folder),
            expected=f"{state.max_steps}, as rows, batch size and epochs make them now",
            todo="Train with the same arguments, or from the start",
        )
    if (NUMBERS in found.tensors["optimizer"]) != borrowed:
        was, now = ("whet's AdamW", "the script's own optimizer")[:: 1 if borrowed else -1]
        raise UsageError(f"a checkpoint of a training with {was}", where=str(folder), expected=f"one with {now}",
                         todo="Train with the same optimizer, or from the start")  # fmt: skip
    training.load_state(found)
    before = TrainerState.load_from_json(str(folder / STATE))
    before.max_steps, before.num_train_epochs = state.max_steps, state.num_train_epochs
    before.logging_steps, before.eval_steps, before.save_steps = state.logging_steps, state.eval_steps, state.save_steps
    return before


def load_weights(folder: Path, model: Any) -> None:
    """Puts the weights of a checkpoint into a model, in place."""
    model.load_state_dict(_weights(folder, model))


def _weights(folder: Path, model: Any) -> dict[str, Tensor]:
    """By the names that the model has for them: in the file they may have those of the one that it was loaded from."""
    with quiet_libraries():
        saved = type(model).from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    return {name: tensor.to(model.device) for name, tensor in saved.state_dict().items()}


def keep(output: Path, most: int | None, best: str | None, *, ended: bool = False) -> None:
    """Removes the oldest checkpoints beyond `most`; the best one and the newest stay, even if they are two of one. Once
    the training has `ended`, of two beside a `most` of one the best stays alone. So has transformers it."""
    if most is None or most <= 0:
        return
    there = found_in(output)
    kept = {path for path in there if best is not None and path == Path(best)}
    if not (ended and most == 1 and kept):
        kept |= set(there[-1:])
    others = [path for path in there if path not in kept]
    for path in others[: len(others) - max(0, most - len(kept))]:
        shutil.rmtree(path, ignore_errors=True)


def _numbered(path: Path) -> re.Match[str] | None:
    return re.fullmatch(r"checkpoint-(\d+)", path.name) if path.is_dir() else None
