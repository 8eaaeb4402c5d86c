"""stdout for results, stderr for progress: the two consoles, and JSON as the last line."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from whet.errors import WhetError, printable

if TYPE_CHECKING:
    from rich.console import Console


class StdoutClosedError(Exception):
    """Whoever reads our stdout has gone, as in `whet predict ... | head`."""


class _Remarks:
    """stderr, whose faults end no job: what a closed terminal or a full disk does not take goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def prepared_streams() -> Iterator[None]:
    """Within the block there are a stdout and a stderr, also where a process began without. A letter that
    the terminal's encoding lacks is printed escaped instead of ending the command."""
    with ExitStack() as stack:
        nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        stdout, stderr = sys.stdout or nowhere, sys.stderr or nowhere  # None where the descriptor is closed
        for stream in (stdout, stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        stack.enter_context(redirect_stdout(stdout))
        stack.enter_context(redirect_stderr(cast("TextIO", _Remarks(stderr))))
        yield


def stdout_console() -> Console:
    """The console for results."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            raise StdoutClosedError from None

    # A pipe or a file has no width: a line there is never folded, whatever reads it.
    return Results(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def stderr_console() -> Console:
    """The console for progress. Nobody reading it does not end a training."""
    from rich.console import Console

    class Remarks(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True

    return Remarks(file=sys.stderr, highlight=False, markup=False, emoji=False)


def say_fault(console: Console, fault: WhetError) -> None:
    """The message of a fault, and of each that was found with it."""
    say_error(console, type(fault)(fault.saw, where=fault.where, expected=fault.expected, todo=fault.todo).message)
    for further in fault.more:
        say_fault(console, further)


def say_error(console: Console, message: str) -> None:
    """One line that begins with `error:`."""
    from rich.text import Text

    console.print(Text.assemble(("error: ", "bold red"), printable(message)), soft_wrap=True)


def print_json(document: object) -> None:
    """One JSON document on one line of stdout."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    print(json.dumps(plain(document), ensure_ascii=encoding != "utf8", allow_nan=False))


def plain(value: object) -> object:
    """A record as what JSON knows: dataclasses and mappings become objects, sequences arrays,
    numpy scalars numbers, numbers that are not finite null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    item = getattr(value, "item", None)
    if callable(item):
        return plain(item())
    raise TypeError(f"no JSON for {type(value).__name__}")


@contextmanager
def muted() -> Iterator[None]:
    """Nothing that this process prints is seen, for another one prints the same."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def silence(stream: TextIO) -> None:
    """Let what is still buffered for a closed pipe go nowhere, so that the exit is quiet."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
