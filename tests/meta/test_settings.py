"""The settings hold together: flags, recipe keys and Python arguments are one list."""

from __future__ import annotations

from typing import get_type_hints

from whet.cli.reasons import REASONS
from whet.settings.config import ALIASES, GROUPS, Settings, check_value, fields, types
from whet.settings.keywords import SettingValues
from whet.settings.values import METRICS

NAMES = [setting.name for setting in fields()]


def test_the_keyword_arguments_are_the_settings_in_names_types_and_order() -> None:
    assert list(get_type_hints(SettingValues).items()) == list(types().items())
    assert list(types()) == NAMES


def test_no_keyword_argument_is_required() -> None:
    assert SettingValues.__required_keys__ == frozenset()


def test_there_are_fewer_than_70_settings() -> None:
    assert 20 < len(NAMES) < 70


def test_every_alias_leads_to_a_setting_and_hides_none() -> None:
    assert {alias: target for alias, target in ALIASES.items() if target not in NAMES} == {}
    assert [alias for alias in ALIASES if alias in NAMES] == []


def test_every_setting_is_explained_in_a_sentence() -> None:
    helps = {setting.name: setting.metadata["help"] for setting in fields()}
    assert {name: text for name, text in helps.items() if not text.endswith(".") or len(text) < 8} == {}


def test_every_default_has_a_reason_and_every_setting_an_effect_that_is_a_sentence() -> None:
    assert list(REASONS) == NAMES
    assert {name: why for name, why in REASONS.items() if not why.default or why.default.endswith(".")} == {}
    assert {name: why.effect for name, why in REASONS.items() if not why.effect.endswith(".")} == {}


def test_every_setting_stands_in_a_group_and_every_group_has_settings() -> None:
    assert {setting.metadata["group"] for setting in fields()} == set(GROUPS)


def test_the_settings_of_a_group_stand_together() -> None:
    groups = [setting.metadata["group"] for setting in fields()]
    assert list(dict.fromkeys(groups)) == [group for i, group in enumerate(groups) if i == 0 or groups[i - 1] != group]


def test_every_default_passes_its_own_check() -> None:
    defaults = Settings()
    for name in NAMES:
        value = getattr(defaults, name)
        assert check_value(name, value) == value, name


def test_the_help_of_metric_names_only_metrics() -> None:
    text = next(setting.metadata["help"] for setting in fields() if setting.name == "metric")
    named = text.partition("means: ")[2].partition(", or a scorer of scikit-learn")[0].split(", ")
    assert set(named) == set(METRICS)
