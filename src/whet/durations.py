"""Lengths of time as people write them: `90s`, `20m`, `2h`, `1h30m`; and as they are told in a sentence."""

from __future__ import annotations

import math
import re
from typing import Literal

from whet.errors import UsageError, quoted

FORMS = "a time such as 90s, 20m, 2h or 1h30m"
LONGEST = 366 * 24 * 3600.0
_NUMBER = r"(\d+(?:\.\d+)?)"
_WRITTEN = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")


def seconds(text: str, *, where: str) -> float:
    """The seconds of a written time. Anything else, a number without a unit too, raises UsageError,
    which names `where` and the forms."""
    found = _WRITTEN.fullmatch(text)
    if found is None or not text:
        bare = re.fullmatch(_NUMBER, text) is not None
        todo = f"Did you mean {text}m" if bare else ""
        saw = f"{text} without a unit" if bare else f"{quoted(text)} is no time"
        raise UsageError(saw, where=where, expected=FORMS, todo=todo)
    hours, minutes, rest = (float(part or 0) for part in found.groups())
    total = 3600 * hours + 60 * minutes + rest
    if total <= 0:
        raise UsageError(f"{text} is no time to do anything in", where=where, expected=FORMS)
    if total > LONGEST:
        raise UsageError(f"{quoted(text)} is out of range", where=where, expected="at most a year")
    return total


def written(length: float) -> str:
    """Seconds in the same form, rounded up: to whole seconds up to ten minutes, to whole minutes above."""
    if length <= 600:
        minutes, rest = divmod(math.ceil(length), 60)
        return "".join([f"{minutes}m" if minutes else "", f"{rest}s" if rest or not minutes else ""])
    hours, minutes = divmod(math.ceil(length / 60), 60)
    return "".join([f"{hours}h" if hours else "", f"{minutes}m" if minutes else ""])


def told(length: float, lang: Literal["en", "ko"]) -> str:
    """`0 s`, `8.4 s`, `42 s`, `2 min 10 s`, `1 h 05 min`."""
    korean = lang == "ko"
    if 0.05 <= length < 10:
        return f"{length:.1f}초" if korean else f"{length:.1f} s"
    whole = max(0, round(length))
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if whole < 60:
        return f"{whole}초" if korean else f"{whole} s"
    if whole < 3600:
        return f"{minutes}분 {rest:02d}초" if korean else f"{minutes} min {rest:02d} s"
    return f"{hours}시간 {left:02d}분" if korean else f"{hours} h {left:02d} min"
