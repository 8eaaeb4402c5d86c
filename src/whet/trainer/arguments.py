"""`whet.TrainingArguments`: the arguments of a transformers script, as they are spelt today and were before."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import math
import os
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.errors import UsageError, did_you_mean
from whet.settings.config import PrecisionName
from whet.system import runtime
from whet.trainer.table import ARGUMENTS, NO_PADDING, RENAMED, SWITCHES, Argument

if TYPE_CHECKING:
    import torch

WHERE = "TrainingArguments"
AT_LEAST_ONE = ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps")

logger = logging.getLogger("whet")


class TrainingArguments:
    """What `transformers.TrainingArguments` has as attributes, for `whet.Trainer`.

    Every name that it has or had is understood; `trainer/table.py` says what becomes of each: used, kept, of no meaning
    here (one line to the logger `whet`), or refused. Unknown names, values of another type and what is refused raise
    UsageError, all at once.
    """

    # Those that more is done with than to be read; the others, too, are attributes.
    output_dir: Any
    warmup_steps: Any
    warmup_ratio: Any
    logging_strategy: Any
    eval_strategy: Any
    save_strategy: Any
    do_eval: Any
    eval_steps: Any
    disable_tqdm: Any
    metric_for_best_model: Any
    greater_is_better: Any
    report_to: Any

    # transformers' own has over a hundred parameters, which the table holds; no other signature here is open.
    def __init__(self, output_dir: str | os.PathLike[str] | None = None, **given: Any) -> None:
        if output_dir is not None:
            given["output_dir"] = os.fspath(output_dir)
        values, faults = _renamed(given)
        for name, argument in ARGUMENTS.items():
            value, fault = _checked(name, argument, values.get(name, argument.default))
            setattr(self, name, value)
            if fault is not None:
                faults.append(fault)
        if faults:
            first, *more = faults
            raise UsageError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
        self._given = frozenset(values)
        self._settle()

    def __init_subclass__(cls) -> None:
        """UsageError for a dataclass of further arguments, whose constructor would be the whole of it."""
        if inspect.get_annotations(cls) and "__init__" not in vars(cls):
            raise UsageError(
                f"{cls.__name__} adds fields to whet.TrainingArguments, which is no dataclass",
                where=cls.__name__,
                todo="Derive it from transformers.TrainingArguments, which whet.Trainer takes too",
            )

    def _settle(self) -> None:
        """What follows from several arguments, as transformers has it."""
        from transformers.trainer_utils import IntervalStrategy, SaveStrategy

        self.output_dir = str(Path(self.output_dir or "trainer_output").expanduser())
        if self.warmup_ratio is not None:
            self.warmup_steps = self.warmup_steps or self.warmup_ratio
        self.logging_strategy = IntervalStrategy(self.logging_strategy)
        self.eval_strategy = IntervalStrategy(self.eval_strategy)
        self.save_strategy = SaveStrategy(self.save_strategy)
        self.do_eval = self.do_eval or self.eval_strategy != "no"
        if self.eval_strategy == "steps" and not self.eval_steps:
            self.eval_steps = self.logging_steps
        if self.disable_tqdm is None:
            self.disable_tqdm = False
        if self.load_best_model_at_end and self.metric_for_best_model is None:
            self.metric_for_best_model = "loss"
        if self.greater_is_better is None and self.metric_for_best_model is not None:
            self.greater_is_better = not self.metric_for_best_model.endswith("loss")
        self.report_to = _trackers([self.report_to] if isinstance(self.report_to, str) else self.report_to or [])
        if self.logging_dir and "tensorboard" not in self.report_to:
            _hint("logging_dir", "nothing is written there without report_to='tensorboard'")
        self._check_together()

    def _check_together(self) -> None:
        for strategy, steps in (("logging", self.logging_steps), ("eval", self.eval_steps), ("save", self.save_steps)):
            if getattr(self, f"{strategy}_strategy") == "steps" and not steps > 0:
                raise UsageError(f"{strategy}_steps={steps!r}", where=WHERE, expected="more than 0")
        if self.fp16 and self.bf16:
            raise UsageError("fp16=True with bf16=True", where=WHERE, expected="one of the two")
        if not self.load_best_model_at_end or self.save_strategy == "best":
            return
        if self.eval_strategy != self.save_strategy:
            raise UsageError(
                f"load_best_model_at_end=True with eval_strategy={self.eval_strategy.value!r} and "
                f"save_strategy={self.save_strategy.value!r}",
                where=WHERE,
                expected="the same for both, so that what was judged best is also saved",
            )
        if self.eval_strategy == "steps" and self.save_steps % self.eval_steps > 1e-9:
            raise UsageError(
                f"load_best_model_at_end=True with save_steps={self.save_steps:g} and eval_steps={self.eval_steps:g}",
                where=WHERE,
                expected="save_steps that are a multiple of eval_steps",
            )

    def __getattr__(self, name: str) -> Any:
        if name in RENAMED:
            return getattr(self, RENAMED[name])
        mean = did_you_mean(name, ARGUMENTS)
        raise AttributeError(f"whet.TrainingArguments has no {name!r}. {mean}{'?' if mean else ''}".strip())

    def __repr__(self) -> str:
        given = [name for name in sorted(self._given) if "token" not in name]
        return f"TrainingArguments({', '.join(f'{name}={getattr(self, name)!r}' for name in given)})"

    @cached_property
    def machine(self) -> runtime.Runtime:
        """The device, threads and precision of the training. Several processes raise UsageError."""
        if (count := runtime.ranks().count) > 1:
            raise UsageError(
                f"whet.Trainer in {count} processes, each of which would train on all rows",
                where="torchrun",
                todo="Start the script with python, or train with: torchrun -m whet train",
            )
        found = runtime.choose("cpu" if self.use_cpu else "auto", None, precision="fp32")
        asked: PrecisionName = "fp16" if self.fp16 else "bf16" if self.bf16 else "fp32"
        if asked == "fp16" and found.device == "cpu":
            _hint("fp16", "a CPU is quicker in fp32, which is taken")
            return found
        return found if asked == "fp32" else runtime.choose("cpu" if self.use_cpu else "auto", None, precision=asked)

    @property
    def device(self) -> torch.device:
        import torch

        return torch.device(self.machine.device)

    @property
    def n_gpu(self) -> int:
        return int(self.machine.device != "cpu")

    @property
    def train_batch_size(self) -> int:
        return int(self.per_device_train_batch_size)

    @property
    def eval_batch_size(self) -> int:
        return int(self.per_device_eval_batch_size)

    @property
    def world_size(self) -> int:
        return 1

    @property
    def process_index(self) -> int:
        return 0

    @property
    def should_save(self) -> bool:
        return True

    @property
    def should_log(self) -> bool:
        return True

    def get_warmup_steps(self, num_training_steps: int) -> int:
        """Steps of warm-up: `warmup_steps` below 1 is a share of all steps."""
        given = float(self.warmup_steps)
        return int(given) if given >= 1 else math.ceil(num_training_steps * given - 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without tokens of a hub."""
        values = {name: getattr(self, name) for name in ARGUMENTS if not name.endswith("_token")}
        return {name: getattr(value, "value", value) for name, value in values.items()}

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, default=str)

    def to_sanitized_dict(self) -> dict[str, Any]:
        """What a tracker can hold."""
        return {
            name: value if isinstance(value, (bool, int, float, str)) else str(value)
            for name, value in self.to_dict().items()
        }


def arguments_of(given: Any) -> TrainingArguments:
    """The arguments of a Trainer. Those of transformers, as `HfArgumentParser` makes them, are read over: what differs
    from its defaults is what was given; fields that a subclass adds are attributes as they were there."""
    if given is None:
        return TrainingArguments("tmp_trainer")
    if isinstance(given, TrainingArguments):
        return given
    if "transformers.training_args" not in {kind.__module__ for kind in type(given).__mro__}:
        raise UsageError(
            f"args of type {type(given).__module__}.{type(given).__name__}",
            where="Trainer",
            expected="whet.TrainingArguments",
            todo="Import it from whet, like the Trainer",
        )
    fields = {each.name: each for each in dataclasses.fields(given)}
    values = {
        name: getattr(given, name)
        for name, field in fields.items()
        if field.init and name in ARGUMENTS and getattr(given, name) != _default(field)
    }
    for name in ("accelerator_config", "dataloader_pin_memory"):  # which transformers fills
        values.pop(name, None)
    if not values.get("fsdp"):
        values.pop("fsdp_config", None)  # likewise
    made = TrainingArguments(**values)
    for name in fields.keys() - ARGUMENTS.keys():
        if not name.startswith("_") and not hasattr(made, name):
            setattr(made, name, getattr(given, name))
    return made


def _trackers(names: list[str]) -> list[str]:
    """Those of these names: `all` are the ones that are installed, and `none` is none."""
    if names == ["all"]:
        from transformers.integrations.integration_utils import get_available_reporting_integrations

        available: Any = get_available_reporting_integrations
        return list(available())
    return [name for name in names if name != "none"]


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _renamed(given: dict[str, Any]) -> tuple[dict[str, Any], list[UsageError]]:
    """Values under the names of today, a hint for each old spelling, and a fault for each unknown name."""
    values: dict[str, Any] = {}
    faults: list[UsageError] = []
    for name, value in given.items():
        if name in SWITCHES:
            new, word = SWITCHES[name]
            if value:
                values[new] = word
                _hint(name, f"read as {new}={word!r}")
            continue
        new = RENAMED.get(name, name)
        if new != name:
            _hint(name, f"read as {new}")
        if new not in ARGUMENTS:
            todo = did_you_mean(name, [*ARGUMENTS, *RENAMED, *SWITCHES])
            faults.append(UsageError(f"unknown argument {name!r}", where=WHERE, todo=todo))
        elif new in values:
            faults.append(UsageError(f"{name} and {new}, which are one", where=WHERE, expected="one of them"))
        else:
            values[new] = value
    return values, faults


def _checked(name: str, argument: Argument, value: Any) -> tuple[Any, UsageError | None]:
    """The value as transformers' Trainer would have it, and what is wrong with it; says of an idle one why it is."""
    default = argument.default
    value = getattr(value, "value", value)  # of an enumeration of transformers
    if value is None and default is not None and argument.fate == "used":
        value = "no" if argument.choices and "no" in argument.choices else default
    same = value == default or (default is None and value in (False, "", [], {}))
    if argument.fate == "refused" and not same:
        saw = f"{name}={value!r}: {argument.why}"
        return value, UsageError(saw, where=WHERE, expected=f"{default!r}", todo=argument.todo)
    if argument.fate == "idle" and not same:
        _hint(name, argument.why)
    if argument.fate != "used" or same:
        return value, None
    if argument.choices and value not in argument.choices:
        expected = " or ".join(repr(choice) for choice in argument.choices)
        return value, UsageError(f"{name}={value!r}", where=WHERE, expected=expected, todo=argument.todo)
    if value == "group_by_length":
        _hint(name, NO_PADDING)
    return value, _wrong_number(name, default, value)


def _wrong_number(name: str, default: Any, value: Any) -> UsageError | None:
    if isinstance(default, bool) and not isinstance(value, bool):
        return UsageError(f"{name}={value!r}", where=WHERE, expected="True or False")
    if isinstance(default, int | float) and not isinstance(default, bool):
        kinds = int if isinstance(default, int) else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            return UsageError(f"{name}={value!r}", where=WHERE, expected=f"a number such as {default!r}")
        least = 1 if name in AT_LEAST_ONE else 0
        if value < least and name != "max_steps":
            return UsageError(f"{name}={value!r}", where=WHERE, expected=f"at least {least}")
    return None


@cache
def _hint(name: str, why: str) -> None:
    """Said once a process."""
    logger.warning("%s: %s", name, why)
