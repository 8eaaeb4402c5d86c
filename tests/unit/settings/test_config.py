"""Defaults, recipe and given values: layered, checked, each with its reason."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet import recipes
from whet.errors import UsageError
from whet.runs import naming
from whet.settings.config import ALIASES, Settings, check_value, fields, resolve


def fault(**given: object) -> str:
    with pytest.raises(UsageError) as caught:
        resolve(given)
    return caught.value.message


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('# Mine.\n# Second line.\n\n# not the head\ndata = "a.csv"\nepochs = 3\nnum_hidden_layers = 2\n')
    return path


def test_a_newline_of_a_template_is_one_setting_however_it_is_written() -> None:
    typed = resolve({"text": r"{title}\n{body}\t{{x\n}} {a\n}", "pair": r"{c}\n"})
    assert typed.settings.text == "{title}\n{body}\t{{x\n}} {a\\n}"
    assert typed.settings.pair == "{c}\n"
    meant = resolve({"text": typed.settings.text, "pair": typed.settings.pair})
    assert naming.fingerprint(typed, []) == naming.fingerprint(meant, [])
    assert resolve({"text": r"a\nb"}).settings.text == r"a\nb"  # without braces it is the name of a column


# ---------------------------------------------------------------- layers


def test_nothing_given_is_the_reference_job() -> None:
    resolved = resolve({})
    assert resolved.settings == Settings()
    assert set(resolved.reasons.values()) == {"default"}
    assert list(resolved.reasons) == [setting.name for setting in fields()]
    assert resolved.notices == ()


def test_a_given_value_wins_over_the_recipe_and_the_recipe_over_the_default(recipe: Path) -> None:
    resolved = resolve({"recipe": str(recipe), "epochs": 5})
    assert (resolved.settings.epochs, resolved.reasons["epochs"]) == (5.0, "given")
    assert (resolved.settings.layers, resolved.reasons["layers"]) == (2, f"recipe {recipe}")
    assert (resolved.settings.batch_size, resolved.reasons["batch_size"]) == (16, "default")
    assert resolved.notices == ("num_hidden_layers is called layers here and was understood",)


def test_a_recipe_given_as_a_path_is_read_too(recipe: Path) -> None:
    assert resolve({"recipe": recipe}).settings == resolve({"recipe": str(recipe)}).settings
    assert resolve({"recipe": recipe}).settings.epochs == 3


def test_the_head_of_a_recipe_is_its_leading_comment(recipe: Path) -> None:
    values, head = recipes.read(str(recipe))
    assert head == "Mine.\nSecond line."
    assert values == {"data": "a.csv", "epochs": 3, "num_hidden_layers": 2}


def test_a_value_that_the_program_decides_keeps_its_reason_and_leaves_the_others() -> None:
    before = resolve({"epochs": 1})
    after = before.with_value("model", "embedded", "auto: Latin script")
    assert (after.settings.model, after.reasons["model"]) == ("embedded", "auto: Latin script")
    assert (after.settings.epochs, after.reasons["epochs"]) == (1, "given")
    assert before.settings.model == "auto"
    assert dataclasses.replace(after.settings, model="auto") == before.settings


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_a_spelling_of_transformers_is_understood_with_a_notice(alias: str, name: str) -> None:
    value = {"validation": "none", "test": "none"}.get(name, getattr(Settings(), name))
    if value is None:
        value = 2 if name in ("evaluate_every", "train_rows", "test_rows", "layers") else "x"
    resolved = resolve({alias.replace("_", "-"): value})
    assert getattr(resolved.settings, name) == value
    assert resolved.reasons[name] == "given"
    assert resolved.notices == (f"{alias.replace('_', '-')} is called {name} here and was understood",)


# ---------------------------------------------------------------- unknown names


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert fault(learning_rat=1e-5) == "argument: unknown setting 'learning_rat'. Did you mean 'learning_rate'."
    assert fault(qqq=1) == "argument: unknown setting 'qqq'."


def test_data_is_a_key_of_recipes_only(recipe: Path) -> None:
    assert resolve({"recipe": str(recipe)}).settings.recipe == str(recipe)
    assert fault(data="a.csv") == "argument: unknown setting 'data'."


def test_an_unknown_recipe_is_answered_with_the_nearest_and_the_list() -> None:
    assert fault(recipe="nsmcc") == (
        "--recipe: unknown recipe 'nsmcc'. Expected one of demo, imdb-bert-base, imdb-minilm, nsmc, reference, "
        "sst2-minilm, or a .toml file. Did you mean 'nsmc'."
    )


def test_a_recipe_file_that_is_not_there_or_no_toml(tmp_path: Path) -> None:
    broken, latin = tmp_path / "broken.toml", tmp_path / "latin.toml"
    broken.write_text("epochs = \n")
    latin.write_bytes(b'text = "\xe9"\n')
    assert fault(recipe="no/such.toml") == "--recipe: no such recipe file: no/such.toml."
    assert fault(recipe=str(broken)) == f"recipe {broken}: not TOML: Invalid value (at line 1, column 10)."
    assert fault(recipe=str(latin)).startswith(f"recipe {latin}: not UTF-8: 'utf-8' codec can't decode byte 0xe9")


def test_several_faults_are_told_at_once_whether_from_the_recipe_or_given(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epoch = 1\nkeep = "bst"\n')
    assert fault(recipe=str(path), batch_size=0, xyzzy="red") == (
        "argument: unknown setting 'xyzzy'. "
        f"recipe {path}: unknown setting 'epoch'. Did you mean 'epochs'. "
        f"recipe {path}, keep: 'bst' is not known. Expected best or last. Did you mean 'best'. "
        "--batch-size: 0 is out of range. Expected at least 1."
    )


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0}, "--epochs: 0 is out of range. Expected above 0 and at most 1000."),
        ({"learning_rate": 2}, "--learning-rate: 2 is out of range. Expected above 0 and at most 1."),
        ({"learning_rate": 0.0}, "--learning-rate: 0 is out of range. Expected above 0 and at most 1."),
        ({"max_length": 2}, "--max-length: 2 is out of range. Expected at least 3."),
        ({"train_rows": 1}, "--train-rows: 1 is out of range. Expected at least 2."),
        ({"weight_decay": -0.1}, "--weight-decay: -0.1 is out of range. Expected at least 0."),
        ({"seed": -1}, "--seed: -1 is out of range. Expected at least 0 and at most 4294967295."),
        ({"batch_size": 1.5}, "--batch-size: 1.5 is not a whole number. Expected a whole number."),
        ({"batch_size": True}, "--batch-size: True is not a whole number. Expected a whole number."),
        ({"batch_size": None}, "--batch-size: None is not a whole number. Expected a whole number."),
        ({"epochs": "two"}, "--epochs: 'two' is not a number. Expected a number."),
        ({"epochs": math.nan}, "--epochs: nan is not a number. Expected a number."),
        ({"epochs": math.inf}, "--epochs: inf is not a number. Expected a number."),
        ({"positive": 1}, "--positive: 1 is not text. Expected text."),
        ({"text": ["a"]}, "--text: ['a'] is not text. Expected text."),
        ({"test": True}, "--test: True is not text. Expected text."),
        ({"text": ""}, "--text: an empty value."),
        ({"output": "a\0b"}, "--output: a value with a NUL character."),
        ({"baseline": "yes"}, "--baseline: 'yes' is not yes or no. Expected true or false."),
        ({"baseline": 1}, "--baseline: 1 is not yes or no. Expected true or false."),
        (
            {"device": "gpu"},
            "--device: 'gpu' is not known. Expected auto or cpu or cuda or mps or xpu. Did you mean 'cuda'.",
        ),
        (
            {"truncation": "headtail"},
            "--truncation: 'headtail' is not known. Expected head or head-tail or chunks. Did you mean 'head-tail'.",
        ),
        (
            {"allow": "empty_text"},
            "--allow: 'empty_text' is not a finding that can be allowed. "
            "Expected empty_texts or texts_in_train, or both after a comma. Did you mean 'empty_texts'.",
        ),
        *(
            (
                {"slice": f"shop, {name}"},
                f"--slice: scores by {name} are told anyway. Expected columns by other names than length, label, "
                "truncated, leaked. Leave it out, or rename the column where it holds something else.",
            )
            for name in ("length", "label", "truncated", "leaked")
        ),
        (
            {"metric": "accurracy"},
            "--metric: unknown metric 'accurracy'. "
            "Expected auto, one of accuracy, macro_f1, micro_f1, weighted_f1, f1, samples_f1, balanced_accuracy, mcc, "
            "roc_auc, pr_auc, pearson, spearman, mae, rmse, r2, loss, or a scorer of scikit-learn. "
            "Did you mean 'accuracy'.",
        ),
        (
            {"early_stopping": 2, "validation": "none"},
            "--early-stopping with --validation none. Expected validation rows to watch. "
            "Give --validation a share such as 0.1, or leave out --early-stopping.",
        ),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_range(given: dict[str, Any], message: str) -> None:
    assert fault(**given) == message


def test_values_come_out_in_the_type_of_their_setting() -> None:
    settings = resolve({"epochs": 2, "batch_size": 8.0, "test": 0.25, "output": Path("a/b"), "layers": None}).settings
    assert (settings.epochs, type(settings.epochs)) == (2.0, float)
    assert (settings.batch_size, type(settings.batch_size)) == (8, int)
    assert (settings.test, settings.output, settings.layers) == ("0.25", str(Path("a/b")), None)


@given(
    st.sampled_from([setting.name for setting in fields()]),
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=5) | st.just([1]),
)
def test_any_value_is_either_taken_unchanged_or_a_usage_error_that_names_its_flag(name: str, value: object) -> None:
    try:
        taken = check_value(name, value)
    except UsageError as error:
        assert error.where == f"--{name.replace('_', '-')}"
    else:
        assert taken == value or (name in ("test", "validation", "freeze") and taken == str(value))
        assert check_value(name, taken) == taken
