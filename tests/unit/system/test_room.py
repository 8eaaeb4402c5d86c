"""What may be left out is left out where memory does not hold its libraries."""

from __future__ import annotations

import sys

import pytest

from whet.sentences.bilingual import in_korean
from whet.system import machine, room


def leave(monkeypatch: pytest.MonkeyPatch, megabytes: int | None, by: machine.LimitedBy = "the machine") -> None:
    available = None if megabytes is None else megabytes * 10**6
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(4 * 10**9, available, 10**9, by))


@pytest.mark.parametrize(
    ("loaded", "left", "by", "beside", "needed"),
    [
        (False, 200, "the machine", 0, None),
        (False, 199, "the container's limit", 0, "200 MB"),
        (False, 200, "the machine", 10**6, "201 MB"),
        (False, 300, "ulimit -d", 0, None),
        (False, 300, "ulimit -v", 0, "400 MB"),
        (True, 0, "the machine", 0, None),
        (True, 30, "the machine", 30 * 10**6, None),
        (True, 30, "the machine", 31 * 10**6, "31 MB"),
        (False, None, "the machine", 0, None),
    ],
)
def test_a_library_and_the_work_with_it_need_room(
    monkeypatch: pytest.MonkeyPatch, loaded: bool, left: int | None, by: machine.LimitedBy, beside: int,
    needed: str | None,
) -> None:  # fmt: skip
    leave(monkeypatch, left, by)
    monkeypatch.setattr(sys, "modules", {**sys.modules, "matplotlib": sys})
    if not loaded:
        sys.modules.pop("matplotlib")
    lack = room.lack("matplotlib", beside)
    if needed is None:
        assert lack is None
    else:
        assert left is not None
        there = machine.gigabytes(left * 10**6)
        assert lack == f"it needs {needed} of memory, and {there} are left ({by})"


def test_what_is_missing_is_told_in_korean_too(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, 30, "ulimit -d")
    monkeypatch.setattr(sys, "modules", {})
    assert in_korean(room.lack("sklearn")) == "메모리가 200 MB 필요한데 남은 것은 30 MB입니다(ulimit -d)"
