"""A value that somebody gave for a setting: taken in the setting's type, or refused with what was expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from whet import durations
from whet.errors import UsageError, did_you_mean

AUTO_METRIC = "auto"  # that of the task, which only the data tell
METRICS = (
    *("accuracy", "macro_f1", "micro_f1", "weighted_f1", "f1", "samples_f1"),
    *("balanced_accuracy", "mcc", "roc_auc", "pr_auc", "pearson", "spearman", "mae", "rmse", "r2", "loss"),
)
Metric = str | Callable[[Any, Any], float]
"""What "best" means: a name, or a function of what is true and what was answered. Of one label a row these are class
ids [B] and probabilities [B, C], of several labels marks [B, C] and probabilities [B, C], of numbers values [B] both;
of what it returns more is better."""
FROZEN = ("embeddings", "encoder")
COUNT = re.compile("[1-9][0-9]{0,3}")  # of layers
ALLOWED = ("empty_texts", "texts_in_train")
"""Findings of severity error that a user may know better about."""

OWN_SLICES = ("length", "label", "truncated", "leaked")
"""By what scores are told anyway, which a column of --slice could not be told from."""

MOST_BITS = 1000  # of a whole number, for a float holds little more
ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # the last are what Python makes of bytes that are no UTF-8
LONGEST = 80  # characters of a wrong value that a message repeats
# What a command line cannot easily hold is written there as two characters.
ESCAPES = {r"\n": "\n", r"\t": "\t"}
TEMPLATE = re.compile(r"(\{\{|\}\}|\{[^{}]+\})")  # a brace that is written twice, or the name of a column in braces

# Spellings of transformers' TrainingArguments and scripts, and what they are called here.
ALIASES: Mapping[str, str] = {
    "num_train_epochs": "epochs",
    "per_device_train_batch_size": "batch_size",
    "train_batch_size": "batch_size",
    "lr": "learning_rate",
    "max_seq_length": "max_length",
    "max_seq_len": "max_length",
    "model_name_or_path": "model",
    "model_name": "model",
    "warmup_ratio": "warmup",
    "warmup_steps": "warmup",
    "output_dir": "output",
    "logging_steps": "log_every",
    "eval_steps": "evaluate_every",
    "metric_for_best_model": "metric",
    "text_column": "text",
    "text_column_name": "text",
    "label_column": "label",
    "label_column_name": "label",
    "validation_file": "validation",
    "test_file": "test",
    "max_train_samples": "train_rows",
    "max_predict_samples": "test_rows",
    "num_hidden_layers": "layers",
}


class MetricFunction(str):
    """A function that scores, under its name, MODULE.QUALNAME: this is what run.json and HASH know of it."""

    __slots__ = ("function",)
    function: Callable[[Any, Any], float]

    @staticmethod
    def of(function: Callable[[Any, Any], float]) -> MetricFunction:
        names = (getattr(function, name, None) for name in ("__module__", "__qualname__"))
        named = MetricFunction(".".join(filter(None, names)) or type(function).__qualname__)
        named.function = function
        return named

    def __deepcopy__(self, _: object) -> MetricFunction:  # dataclasses.asdict copies what it does not know
        return self


def scorers() -> Sequence[str]:
    """The names of scikit-learn's scorers; none where it is not installed."""
    try:
        from sklearn.metrics import get_scorer_names
    except ModuleNotFoundError:
        return ()
    names: list[str] = get_scorer_names()
    return names


def checked(name: str, value: object, hint: Any, limits: Mapping[str, Any]) -> object:
    """The value in the type `hint`, within `limits` (least, above, most), or UsageError with the key, the
    value and the range."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise UsageError(f"a number of {value.bit_length():,} bits is out of range", where=flag)
    allowed = get_args(hint) if get_origin(hint) is Literal else ()
    if allowed:
        if value not in allowed:
            # By its letters 'gpu' would be nearest to 'xpu'.
            todo = did_you_mean("cuda" if value == "gpu" else str(value), allowed)
            raise UsageError(f"{shown(value)} is not known", where=flag, expected=" or ".join(allowed), todo=todo)
        return value
    kinds = get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    if name == "metric" and callable(value):
        return MetricFunction.of(value)
    if name in ("budget", "freeze") and _number(value, whole=False) is not None:
        value = str(value)  # of a budget refused below by its missing unit
    if str in kinds and isinstance(value, (str, Path)):
        return _checked_text(name, str(value), flag)
    if name in ("test", "validation") and isinstance(value, float | int) and not isinstance(value, bool):
        return str(value)
    if bool in kinds:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{shown(value)} is not yes or no", where=flag, expected="true or false")
    number = None if str in kinds else _number(value, whole=int in kinds)
    if number is None:
        expected = "a whole number" if int in kinds else "text" if str in kinds else "a number"
        raise UsageError(f"{shown(value)} is not {expected}", where=flag, expected=expected)
    _check_range(number, limits, flag)
    return number


def folder(given: str) -> Path:
    """The folder of that name; where it begins with ~, in the home of somebody."""
    with suppress(RuntimeError):  # nobody's home: then it is a name like any other
        return Path(given).expanduser()
    return Path(given)


def shown(value: object) -> str:
    """As Python writes it, in part where that is long."""
    written = repr(value)
    return written if len(written) <= LONGEST else f"{written[:LONGEST]}…"


def _checked_text(name: str, value: str, flag: str) -> str:
    if not value or "\0" in value:
        raise UsageError("an empty value" if not value else "a value with a NUL character", where=flag)
    if name in ("output", "mirror") and ODD.search(value):
        saw = f"a control character, or a byte that is no UTF-8, in {shown(value)}"
        raise UsageError(saw, where=flag, expected="the name of a folder")
    if name == "metric" and value not in (AUTO_METRIC, *METRICS) and value not in scorers():
        expected = f"{AUTO_METRIC}, one of {', '.join(METRICS)}, or a scorer of scikit-learn"
        todo = did_you_mean(value, [*METRICS, *scorers()])
        raise UsageError(f"unknown metric {shown(value)}", where=flag, expected=expected, todo=todo)
    if name == "budget":
        durations.seconds(value, where=flag)
    if name == "allow":
        _check_codes(value, flag)
    if name == "slice":
        _check_slices(value, flag)
    if name == "freeze" and value not in FROZEN and not COUNT.fullmatch(value):
        expected = "embeddings, encoder, or a number of layers from 1"
        raise UsageError(f"{shown(value)} is no part of a model", where=flag, expected=expected)
    return _unescaped(value) if name in ("text", "pair") else value


def _unescaped(text: str) -> str:
    """A template in which `\\n` and `\\t`, two characters each, are the newline and the tab that they mean, so that
    both ways to write them are one setting. A name stays as it is: one of a column, and those within the template."""
    if "{" not in text and "}" not in text:
        return text
    literals_and_names = TEMPLATE.split(text)
    for i, literal in enumerate(literals_and_names[::2]):
        for two, one in ESCAPES.items():
            literal = literal.replace(two, one)
        literals_and_names[2 * i] = literal
    return "".join(literals_and_names)


def _check_codes(value: str, flag: str) -> None:
    for code in value.split(","):
        if code.strip() not in ALLOWED:
            saw = f"{shown(code)} is not a finding that can be allowed"
            todo = did_you_mean(code.strip(), ALLOWED)
            raise UsageError(saw, where=flag, expected=f"{' or '.join(ALLOWED)}, or both after a comma", todo=todo)


def _check_slices(value: str, flag: str) -> None:
    for column in value.split(","):
        if column.strip() in OWN_SLICES:
            expected = f"columns by other names than {', '.join(OWN_SLICES)}"
            todo = "Leave it out, or rename the column where it holds something else"
            raise UsageError(f"scores by {column.strip()} are told anyway", where=flag, expected=expected, todo=todo)


def _number(value: object, *, whole: bool) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if whole:
        return int(value) if value == int(value) and abs(value) < 2**MOST_BITS else None
    return float(value)


def _check_range(number: float, limits: Mapping[str, Any], flag: str) -> None:
    least, above, most = limits["least"], limits["above"], limits["most"]
    low = (least is not None and number < least) or (above is not None and number <= above)
    if low or (most is not None and number > most):
        parts = [f"at least {least:g}" if least is not None else "", f"above {above:g}" if above is not None else ""]
        parts.append(f"at most {most}" if most is not None else "")
        raise UsageError(f"{number:g} is out of range", where=flag, expected=" and ".join(p for p in parts if p))
