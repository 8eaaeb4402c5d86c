"""What a training has become by some step, in memory and as the files of a checkpoint.

Tensors lie in safetensors files, the rest in JSON: nothing that is read can run code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.errors import ModelError

FORMAT = 1
NUMBERS = "state.json"
# safetensors' names of the kinds of numbers that a training holds.
KINDS = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
LONGEST_HEADER = 8  # bytes of the number that says how long the header is


@dataclass(frozen=True, slots=True)
class State:
    """All that a step changes."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    """Group, each of which is a file, to name to tensor."""
    numbers: Mapping[str, Any]
    """Plain JSON."""


def on_host(state: State) -> State:
    """A copy that the next step does not change. The copies from a device are made one beside the other, into
    memory that it writes to by itself."""
    copies = {group: {name: _on_host(tensor) for name, tensor in each.items()} for group, each in state.tensors.items()}
    devices = {tensor.device for each in state.tensors.values() for tensor in each.values()}
    for device in devices:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return State(copies, state.numbers)


def _on_host(tensor: Tensor) -> Tensor:
    if tensor.device.type != "cuda":
        return tensor.detach().to("cpu", copy=True)
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return copy.copy_(tensor.detach(), non_blocking=True)


def write_state(folder: Path, state: State) -> None:
    """Writes the files of a state into a folder that is there. Raises OSError."""
    for group, tensors in state.tensors.items():
        write_tensors(folder / f"{group}.safetensors", tensors)
    content = {"format": FORMAT, "groups": list(state.tensors), **state.numbers}
    (folder / NUMBERS).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def read_numbers(folder: Path) -> dict[str, Any]:
    """The JSON of a state whose files are those that were written, as `durable.damage` knows; ModelError where
    another version of whet wrote them, or nobody."""
    path = folder / NUMBERS
    with read_as_written(folder):
        numbers: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found, step = numbers.pop("format"), numbers["step"]
        if type(found) is not int or type(step) is not int:
            raise TypeError("no number")
    if found != FORMAT:
        newer = "Upgrade whet" if found > FORMAT else "Go on with the version that wrote it (run.json tells which)"
        raise ModelError(
            f"a checkpoint of format {found}, of another version of whet",
            where=str(path),
            expected=f"format {FORMAT}",
            todo=f"{newer}, or start over with --fresh",
        )
    return numbers


def read_state(folder: Path) -> State:
    """The same with its tensors, on the CPU."""
    from safetensors.torch import load_file

    numbers = read_numbers(folder)
    with read_as_written(folder):
        groups = numbers.pop("groups")
        if not all(re.fullmatch(r"[a-z]+", group) for group in groups):
            raise ValueError("a group is a word")
        return State({group: load_file(folder / f"{group}.safetensors") for group in groups}, numbers)


@contextmanager
def read_as_written(folder: Path) -> Iterator[None]:
    """Raises ModelError where what a checkpoint says is not what a training is made of, although its files are
    what its manifest says: nobody but whet writes it so."""
    from safetensors import SafetensorError

    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, OSError, SafetensorError) as fault:
        said = " ".join(str(fault).split())[:120]
        raise ModelError(
            f"a checkpoint that no training wrote ({type(fault).__name__}: {said})",
            where=str(folder),
            todo="Remove it to go on from the one before, or start over with --fresh",
        ) from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """A safetensors file, one tensor after the other. The library's own writer first lays all bytes out in
    memory, for which a training that fills it has no room. Raises OSError."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % LONGEST_HEADER)  # the tensors begin at a multiple of it
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(LONGEST_HEADER, "little"))
        file.write(raw)
        for tensor in tensors.values():
            file.write(_bytes(tensor))


def _bytes(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    raw: np.ndarray[Any, np.dtype[np.uint8]] = flat.view(torch.uint8).numpy()
    return raw.data
