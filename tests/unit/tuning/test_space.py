"""What is searched: as it is written, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import UsageError
from whet.settings.config import resolve
from whet.training.defaults import OF_A_PART
from whet.tuning import space
from whet.tuning.space import Between, OneOf


def test_ranges_lists_and_names_of_transformers_are_understood() -> None:
    found = space.parse(
        ["lr=1e-5..3e-4:log", "epochs=1,2,3", "batch-size=8..64", "focal=none,2", "sampling=plain,balanced"]
    )
    assert found == {
        "learning_rate": Between(1e-5, 3e-4, log=True, whole=False),
        "epochs": OneOf((1.0, 2.0, 3.0)),
        "batch_size": Between(8, 64, log=False, whole=True),
        "focal": OneOf((None, 2.0)),
        "sampling": OneOf(("plain", "balanced")),
    }
    assert [str(each) for each in found.values()] == ["1e-05..0.0003:log", "1,2,3", "8..64", "none,2", "plain,balanced"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "learning_rate",
            "--search: 'learning_rate' names no values. Expected NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C.",
        ),
        ("learning_rat=1..2", "Did you mean 'learning_rate'."),
        ("seed=1,2,3", "--search: seed is not searched: the best of several seeds is the luckiest, not the best. "),
        ("epochs=3..1", "--search: epochs from 3 to 1. Expected two numbers, the lower one first."),
        ("epochs=one,2", "--search: epochs: 'one' is not a number. Expected a number."),
        ("learning_rate=1e-5..5", "--search: learning_rate: 5 is out of range. Expected above 0 and at most 1."),
        (
            "weight_decay=0..0.1:log",
            "--search: weight_decay from 0 on a logarithmic scale. Expected a lower end above 0. Leave out :log, or "
            "raise the lower end.",
        ),
        ("learning_rate=1e-5..1e-4:lin", "--search: learning_rate=1e-5..1e-4:lin: unknown scale 'lin'. Expected log."),
        ("sampling=a..b", "--search: a range of sampling, which is no number. Expected sampling=A,B,C."),
        ("batch_size=16", "To have it fixed give --batch-size 16 instead."),
        ("batch_size=8.5,16", "--search: batch_size: 8.5 is not a whole number. Expected a whole number."),
    ],
)
def test_what_is_wrong_with_values_is_told(written: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        space.parse([written])
    assert message in caught.value.message


def test_all_that_is_wrong_is_told_at_once_and_a_name_stands_once() -> None:
    with pytest.raises(UsageError) as caught:
        space.parse(["epochs=3..1", "model=a,b"])
    assert "epochs from 3 to 1" in caught.value.message
    assert "model is not searched" in caught.value.message
    for other in ("epochs=3,4", "num_train_epochs=3,4"):
        with pytest.raises(UsageError, match="epochs stands twice"):
            space.parse(["epochs=1,2", other])


def test_a_file_says_the_same_as_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text('learning_rate = "1e-5..3e-4:log"\nepochs = [1, 2, 3]\nfocal = ["none", 2]\n')
    assert space.read(path) == space.parse(["learning_rate=1e-5..3e-4:log", "epochs=1,2,3", "focal=none,2"])
    path.write_text("")
    with pytest.raises(UsageError, match="no setting in it"):
        space.read(path)
    path.write_text("epochs = 1..3")
    with pytest.raises(UsageError, match="not TOML"):
        space.read(path)
    with pytest.raises(UsageError, match="no such file"):
        space.read(tmp_path / "other.toml")


def test_by_default_four_settings_are_searched_and_none_that_was_given() -> None:
    found = space.default(resolve({}))
    assert {name: str(values) for name, values in found.items()} == {
        "learning_rate": "1e-05..0.0003:log", "epochs": "1,2,4", "batch_size": "16,32", "llrd": "0.6..1",
    }  # fmt: skip
    assert space.inside(found, {"learning_rate": 5e-5, "epochs": 2.0, "batch_size": 16, "llrd": 1.0}) != {}
    assert list(space.default(resolve({"epochs": 3, "llrd": 0.9}))) == ["learning_rate", "batch_size"]


@pytest.mark.parametrize("part", [{"lora": 8}, {"freeze": "encoder"}, {"lora": 8, "freeze": "2"}])
def test_where_a_part_is_trained_its_own_rate_is_among_those_that_are_searched(part: dict[str, Any]) -> None:
    found = space.default(resolve(part))
    assert str(found["learning_rate"]) == "0.0001..0.003:log"
    assert space.inside(found, {"learning_rate": OF_A_PART}) != {}
    assert str(space.default(resolve({"freeze": "2"}))["learning_rate"]) == "1e-05..0.0003:log"


def test_how_many_different_trials_there_can_be() -> None:
    assert space.size(space.parse(["epochs=1,2,3", "batch_size=8..15"])) == 24
    assert space.size(space.parse(["epochs=1,2,3", "learning_rate=1e-5..1e-4"])) == float("inf")


@given(
    low=st.floats(1e-6, 0.5), width=st.floats(1e-6, 0.4), log=st.booleans(), first=st.integers(1, 50),
    more=st.integers(1, 50),
)  # fmt: skip
def test_what_is_drawn_lies_within_the_space(low: float, width: float, log: bool, first: int, more: int) -> None:
    searched = {
        "learning_rate": Between(low, low + width, log=log, whole=False),
        "batch_size": Between(first, first + more, log=False, whole=True),
        "epochs": OneOf((1.0, 2.0)),
    }
    for point in space.drawn(searched, 20):
        assert space.inside(searched, point) == point
        assert isinstance(point["batch_size"], int)
