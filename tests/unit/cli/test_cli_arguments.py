from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.cli.arguments import understand
from whet.errors import UsageError

FLAGS = {"--epochs": True, "--max-length": True, "--baseline": False, "--no-baseline": False, "-h": False}


def written(*arguments: str) -> list[str]:
    return list(understand(arguments, FLAGS, "whet train").arguments)


def test_underscores_are_dashes() -> None:
    assert written("x.csv", "--max_length", "8", "--no_baseline") == ["x.csv", "--max-length", "8", "--no-baseline"]


def test_a_spelling_of_transformers_is_understood_with_a_notice() -> None:
    understood = understand(["--num_train_epochs", "3", "--max-seq-length=64"], FLAGS, "whet train")
    assert understood.arguments == ("--epochs", "3", "--max-length=64")
    assert understood.notices == (
        "--num_train_epochs is called --epochs here and was understood",
        "--max-seq-length is called --max-length here and was understood",
    )


def test_every_unknown_option_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(UsageError) as caught:
        written("--epoch", "3", "--max_lenght", "8")
    assert caught.value.message == (
        "unknown option --epoch. Did you mean '--epochs'. unknown option --max_lenght. Did you mean '--max-length'."
    )


def test_an_option_of_another_command_is_said_to_be_one() -> None:
    with pytest.raises(UsageError) as caught:
        understand(["--learning_rate", "1"], FLAGS, "whet check")
    assert caught.value.message == (
        "unknown option --learning_rate. It is an option of whet train; `whet check --help` shows those of whet check."
    )


@pytest.mark.parametrize("rest", [[], ["--baseline"], ["--unheard"], ["-h"]])
def test_an_option_without_its_value_is_named(rest: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^--epochs stands without a value\. Write --epochs and its value\."):
        written("--epochs", *rest)


def test_a_negative_number_is_a_value() -> None:
    assert written("--epochs", "-1") == ["--epochs", "-1"]


def test_a_text_that_begins_with_a_dash_needs_two_dashes_before_it() -> None:
    assert written("last", "--", "- not bad", "--epoch") == ["last", "--", "- not bad", "--epoch"]
    with pytest.raises(UsageError) as caught:
        written("last", "- not bad")
    assert caught.value.message == "unknown option - not bad. Write -- before a text that begins with a dash."


@given(st.lists(st.text().filter(lambda text: not text.startswith("-"))))
def test_texts_pass_unchanged(texts: list[str]) -> None:
    assert written(*texts) == texts
