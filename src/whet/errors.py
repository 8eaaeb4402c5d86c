"""What can go wrong, and the exit code of each.

WhetError                 a fault the user can mend: one message, no traceback
├── UsageError      (2)   an option, a recipe or a missing extra
│   ├── MissingExtraError   an optional package is needed and not installed
│   └── PlanTooLongError    the job would take longer than anybody was asked about
├── DataError       (3)   the labelled text
├── ModelError      (4)   a model, a tokenizer or a run folder that is to be read
├── TrainingError   (5)   non-finite loss, memory exhausted
├── RunBusyError    (6)   another process works in the run folder
├── OutputError     (7)   disk or permission
├── ScoreError      (8)   a required score was not reached
└── Interrupted   (130)   SIGINT; what could be saved is
    ├── Terminated (143)  SIGTERM
    └── HungUp    (129)   SIGHUP: the terminal or the connection is gone

Anything else that escapes is our bug: exit code 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar


class WhetError(Exception):
    """A fault told in one message: what we saw, where, what we expected, what to do.

    Every part is a sentence or a fragment without its closing full stop; empty parts are left
    out. `more` holds further faults found at the same time, so that a user mends them together.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(
        self,
        saw: str,
        *,
        where: str = "",
        expected: str = "",
        todo: str = "",
        more: Sequence[WhetError] = (),
    ) -> None:
        self.saw = saw
        self.where = where
        self.expected = expected
        self.todo = todo
        self.more = tuple(more)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole message on one line, further faults included."""
        place = f"{self.where}: " if self.where else ""
        parts = [f"{place}{self.saw}"]
        if self.expected:
            parts.append(f"Expected {self.expected}")
        if self.todo:
            parts.append(self.todo)
        parts += [fault.message.rstrip(".") for fault in self.more]
        return ". ".join(parts) + "."

    def as_json(self) -> dict[str, object]:
        """The same facts for `error.json` and `--json`."""
        return {
            "error": self.kind,
            "exit_code": self.exit_code,
            "message": self.message,
            "saw": self.saw,
            "where": self.where,
            "expected": self.expected,
            "todo": self.todo,
            "more": [fault.as_json() for fault in self.more],
        }


class UsageError(WhetError):
    exit_code = 2
    kind = "usage"


class MissingExtraError(UsageError):
    kind = "missing_extra"


class PlanTooLongError(UsageError):
    kind = "plan_too_long"


class DataError(WhetError):
    exit_code = 3
    kind = "data"


class ModelError(WhetError):
    exit_code = 4
    kind = "model"


class TrainingError(WhetError):
    exit_code = 5
    kind = "training"


class RunBusyError(WhetError):
    exit_code = 6
    kind = "run_busy"


class OutputError(WhetError):
    exit_code = 7
    kind = "output"


class ScoreError(WhetError):
    exit_code = 8
    kind = "score"


class Interrupted(WhetError):
    exit_code = 130
    kind = "interrupted"


class Terminated(Interrupted):
    exit_code = 143
    kind = "terminated"


class HungUp(Interrupted):
    exit_code = 129
    kind = "hung_up"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?` without its question mark for the nearest known word, else ''."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}" if near else ""


def quoted(text: str, limit: int = 80) -> str:
    """A piece of somebody's text, safe for a terminal: control characters escaped, cut at `limit`.

    Letters of any script stay readable; only characters that could move the cursor are escaped.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"'{printable(cut)}'"


def printable(text: str) -> str:
    """A text on one line, in which nothing moves the cursor or changes a colour."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
