"""What is searched: settings, and the values that each of them may have.

Written `LOW..HIGH`, `LOW..HIGH:log` or `A,B,C`; in a file and in Python a list of values, too.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from whet.errors import UsageError, did_you_mean, quoted
from whet.settings import config
from whet.settings.config import Resolved
from whet.settings.values import ALIASES
from whet.training.defaults import part_of
from whet.tuning.records import Params

# What may be searched: it changes neither the rows nor what a score on them means.
SEARCHABLE = (
    "learning_rate", "epochs", "batch_size", "llrd", "warmup", "dropout", "weight_decay", "max_grad_norm",
    "label_smoothing", "focal", "class_weights", "sampling", "layers", "max_length", "truncation",
)  # fmt: skip
WRITTEN = "NAME=LOW..HIGH, NAME=LOW..HIGH:log or NAME=A,B,C"
NONE = "none"  # as a value stands for a setting that is left alone
WHY_NOT = {
    "seed": "the best of several seeds is the luckiest, not the best",
    "model": "a search for each, and whet compare of their runs, tell which is better",
    "metric": "by it the search is judged",
    "budget": "it ends the search",
}


@dataclass(frozen=True, slots=True)
class Between:
    """A number of a range, both ends with it."""

    low: float
    high: float
    log: bool
    whole: bool

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}{':log' if self.log else ''}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values."""

    values: tuple[object, ...]

    def __str__(self) -> str:
        return ",".join(_told(value) for value in self.values)


Space = Mapping[str, Between | OneOf]


def default(resolved: Resolved) -> Space:
    """What is searched where nobody says: the learning rate, which decides most; as many epochs as the job has, half
    and twice as many; two sizes of batches; and how much less lower layers learn. Settings that were given stay as they
    are.

    The rates are those of the encoders' own papers (2e-5 to 5e-5, Devlin et al. 2019, appendix A.3) with what small
    models need, and ten times those where a part is trained, as its default is; the batches are theirs too. Warm-up and
    weight decay seldom decide anything beside them.
    """
    epochs, times = resolved.settings.epochs, 1 if part_of(resolved.settings) is None else 10
    space: dict[str, Between | OneOf] = {
        "learning_rate": Between(times * 1e-5, times * 3e-4, log=True, whole=False),
        "epochs": OneOf((epochs / 2, epochs, 2 * epochs)),
        "batch_size": OneOf((16, 32)),
        "llrd": Between(0.6, 1.0, log=False, whole=False),
    }
    return {name: values for name, values in space.items() if resolved.reasons[name] != "given"}


def parse(written: Sequence[str], *, where: str = "--search") -> Space:
    """The space of some `NAME=VALUES`. UsageError for all that is wrong with them at once."""
    named: dict[str, object] = {}
    faults: list[UsageError] = []
    for text in written:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not values.strip():
            faults.append(UsageError(f"{quoted(text)} names no values", where=where, expected=WRITTEN))
        elif name in named:
            faults.append(_twice(name, where))
        else:
            named[name] = values
    _raise(faults)
    return of(named, where=where)


def of(named: Mapping[str, object], *, where: str) -> Space:
    """The same of names with their values, each as it is written or as a list."""
    space: dict[str, Between | OneOf] = {}
    faults: list[UsageError] = []
    for name, values in named.items():
        try:
            key = _checked_name(name, where)
            if key in space:
                raise _twice(key, where)
            space[key] = _values(key, values, where)
        except UsageError as fault:
            faults.append(fault)
    _raise(faults)
    return space


def _twice(name: str, where: str) -> UsageError:
    return UsageError(f"{name} stands twice", where=where, todo="Leave out one of the two")


def read(path: Path) -> Space:
    """That of a TOML file of names with their values."""
    where = str(path)
    if not path.is_file():
        raise UsageError(f"no such file: {path}", where="--space", expected="a TOML file of settings with their values")
    try:
        named = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as fault:
        raise UsageError(f"not TOML: {fault}", where=where, expected='lines such as epochs = "1,2,3"') from None
    if not named:
        raise UsageError("no setting in it", where=where, expected='lines such as epochs = "1,2,3"')
    return of(named, where=where)


def size(space: Space) -> float:
    """How many different trials there can be."""
    return math.prod(
        len(each.values) if isinstance(each, OneOf) else each.high - each.low + 1 if each.whole else math.inf
        for each in space.values()
    )


def inside(space: Space, params: Params) -> dict[str, Any]:
    """Those of some values that the space holds."""
    return {name: value for name, value in params.items() if _holds(space[name], value)}


def _holds(each: Between | OneOf, value: object) -> bool:
    if isinstance(each, OneOf):
        return value in each.values
    return isinstance(value, int | float) and each.low <= value <= each.high


def drawn(space: Space, count: int) -> Iterator[Params]:
    """Some points of the space, evenly drawn, the same each time."""
    random = np.random.default_rng(0)
    for _ in range(count):
        yield {name: _draw(each, random) for name, each in space.items()}


def _draw(each: Between | OneOf, random: np.random.Generator) -> object:
    if isinstance(each, OneOf):
        return each.values[int(random.integers(len(each.values)))]
    low, high = (math.log(each.low), math.log(each.high)) if each.log else (each.low, each.high)
    value = float(random.uniform(low, high))
    value = min(each.high, math.exp(value)) if each.log else value
    return round(value) if each.whole else value


def _checked_name(written: str, where: str) -> str:
    name = ALIASES.get(written, written)
    if name in SEARCHABLE:
        return name
    known = {setting.name for setting in config.fields()}
    if name in known:
        why = f": {WHY_NOT[name]}" if name in WHY_NOT else ""
        raise UsageError(f"{name} is not searched{why}", where=where, expected=f"one of {', '.join(SEARCHABLE)}")
    todo = did_you_mean(name, [*SEARCHABLE, *known])
    raise UsageError(
        f"unknown setting {quoted(name)}", where=where, expected=f"one of {', '.join(SEARCHABLE)}", todo=todo
    )


def _values(name: str, written: object, where: str) -> Between | OneOf:
    if isinstance(written, str) and ".." in written:
        return _range(name, written, where)
    if isinstance(written, str):
        several: list[object] = [_piece(part) for part in written.split(",")]
    elif isinstance(written, list | tuple):
        several = [_piece(part) if isinstance(part, str) else part for part in written]
    else:
        several = [written]
    values = tuple(dict.fromkeys(_checked(name, value, where) for value in several))
    if len(values) < 2:
        flag = f"--{name.replace('_', '-')} {_told(values[0])}" if values else f"--{name.replace('_', '-')}"
        raise UsageError(
            f"one value of {name}", where=where, expected=WRITTEN, todo=f"To have it fixed give {flag} instead"
        )
    return OneOf(values)


def _range(name: str, written: str, where: str) -> Between:
    bounds, colon, scale = written.partition(":")
    if colon and scale.strip() != "log":
        raise UsageError(f"{name}={quoted(written)[1:-1]}: unknown scale {quoted(scale)}", where=where, expected="log")
    kinds = get_args(config.types()[name]) or (config.types()[name],)
    if int not in kinds and float not in kinds:
        raise UsageError(f"a range of {name}, which is no number", where=where, expected=f"{name}=A,B,C")
    low, high = (_checked(name, _piece(part), where) for part in bounds.split("..", 1))
    if not isinstance(low, int | float) or not isinstance(high, int | float) or not low < high:
        raise UsageError(
            f"{name} from {_told(low)} to {_told(high)}", where=where, expected="two numbers, the lower one first"
        )
    if colon and low <= 0:
        raise UsageError(
            f"{name} from {low:g} on a logarithmic scale", where=where, expected="a lower end above 0",
            todo="Leave out :log, or raise the lower end",
        )  # fmt: skip
    return Between(low, high, log=bool(colon), whole=int in kinds)


def _piece(text: str) -> object:
    text = text.strip()
    if text == NONE:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _checked(name: str, value: object, where: str) -> object:
    try:
        return config.check_value(name, value)
    except UsageError as fault:
        raise UsageError(f"{name}: {fault.saw}", where=where, expected=fault.expected, todo=fault.todo) from None


def _told(value: object) -> str:
    return NONE if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _raise(faults: Sequence[UsageError]) -> None:
    if faults:
        first, *more = faults
        raise UsageError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
