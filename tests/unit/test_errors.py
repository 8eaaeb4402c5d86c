"""Errors that a user can mend: one message, one exit code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet import errors
from whet.errors import DataError, Interrupted, MissingExtraError, UsageError, WhetError, did_you_mean, quoted


def test_a_message_says_what_where_what_was_expected_and_what_to_do() -> None:
    fault = DataError("3 fields", where="a.csv:7", expected="2", todo="Quote the text")
    assert fault.message == "a.csv:7: 3 fields. Expected 2. Quote the text."
    assert str(fault) == fault.message


def test_empty_parts_are_left_out() -> None:
    assert DataError("no rows").message == "no rows."
    assert DataError("no rows", todo="Add some").message == "no rows. Add some."
    assert DataError("no rows", where="a.csv").message == "a.csv: no rows."


def test_further_faults_follow_in_the_same_message() -> None:
    more = [UsageError("b", where="--y", expected="2"), UsageError("c")]
    assert UsageError("a", where="--x", more=more).message == "--x: a. --y: b. Expected 2. c."


def test_the_json_form_keeps_every_part_and_every_further_fault() -> None:
    fault = UsageError("a", where="--x", expected="1", todo="Do", more=[MissingExtraError("b")])
    assert fault.as_json() == {
        "error": "usage",
        "exit_code": 2,
        "message": "--x: a. Expected 1. Do. b.",
        "saw": "a",
        "where": "--x",
        "expected": "1",
        "todo": "Do",
        "more": [
            {
                "error": "missing_extra",
                "exit_code": 2,
                "message": "b.",
                "saw": "b",
                "where": "",
                "expected": "",
                "todo": "",
                "more": [],
            }
        ],
    }


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("UsageError", 2, "usage"),
        ("MissingExtraError", 2, "missing_extra"),
        ("PlanTooLongError", 2, "plan_too_long"),
        ("DataError", 3, "data"),
        ("ModelError", 4, "model"),
        ("TrainingError", 5, "training"),
        ("RunBusyError", 6, "run_busy"),
        ("OutputError", 7, "output"),
        ("ScoreError", 8, "score"),
        ("Interrupted", 130, "interrupted"),
        ("Terminated", 143, "terminated"),
        ("HungUp", 129, "hung_up"),
    ],
)
def test_each_kind_of_fault_has_its_exit_code(name: str, code: int, kind: str) -> None:
    fault = getattr(errors, name)("x")
    assert isinstance(fault, WhetError)
    assert (fault.exit_code, fault.kind) == (code, kind)


def test_no_kind_of_fault_is_missing_above() -> None:
    tree = {cls.__name__ for base in (WhetError, UsageError, Interrupted) for cls in base.__subclasses__()}
    assert len(tree) == 12


def test_the_nearest_known_word_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("epoch", ["epochs", "batch_size"]) == "Did you mean 'epochs'"
    assert did_you_mean("zzz", ["epochs", "batch_size"]) == ""
    assert did_you_mean("x", []) == ""


def test_a_quoted_text_is_cut_at_its_limit_and_says_so() -> None:
    assert quoted("a" * 80) == "'" + "a" * 80 + "'"
    assert quoted("a" * 81) == "'" + "a" * 79 + "…'"
    assert quoted("abcdef", limit=4) == "'abc…'"


def test_what_could_move_the_cursor_is_escaped_and_letters_of_any_script_stay() -> None:
    assert quoted("영화 😀 é") == "'영화 😀 é'"
    assert quoted("a\nb\x1b[2J\0\u202e\ud800") == r"'a\nb\x1b[2J\x00\u202e\ud800'"


@given(st.text(max_size=200) | st.text(st.characters(), max_size=20))
def test_a_quoted_text_is_always_printable_and_can_be_written(text: str) -> None:
    shown = quoted(text)
    assert shown.isprintable()
    assert shown.encode("utf-8")
