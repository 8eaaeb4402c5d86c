"""The optimiser and the schedule that a script brings with it, in the place of whet's AdamW.

They hold the parameters of the model itself, so that the word table is trained as a whole and not by the rows in use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from whet.errors import UsageError
from whet.trainer.arguments import TrainingArguments
from whet.trainer.checkpoints import NUMBERS
from whet.trainer.outer import Outer
from whet.trainer.recipe import scheduler_of
from whet.training.optim import Fall

# As transformers has them: no decay on these, nor on layer norms.
NO_DECAY = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]
METHODS = (
    "create_optimizer", "create_scheduler", "create_optimizer_and_scheduler", "get_decay_parameter_names",
    "get_optimizer_cls_and_kwargs",
)  # fmt: skip


class Optimizing(Outer):
    """The part of `whet.Trainer` that a script may have its own optimiser and schedule by: `optimizers=`, and the
    methods of transformers' Trainer that make them."""

    optimizer: Any = None
    lr_scheduler: Any = None
    optimizer_cls_and_kwargs: Any = None
    _made_scheduler = False

    def _take(self, optimizers: tuple[Any, Any], kind: Any, model_init: Any) -> None:
        """What a script gives at the beginning; UsageError for what would train nothing, or otherwise than it says."""
        self.optimizer, self.lr_scheduler = optimizers
        self.optimizer_cls_and_kwargs = kind
        if self.optimizer is None and self.lr_scheduler is not None:
            raise UsageError("a scheduler without its optimizer", where="Trainer",
                             todo="Give both: optimizers=(optimizer, scheduler)")  # fmt: skip
        if self.optimizer is not None and (model_init is not None or kind is not None):
            other = "model_init, which makes another model" if kind is None else "optimizer_cls_and_kwargs"
            raise UsageError(f"an optimizer, and {other}", where="Trainer", expected="one of the two",
                             todo="Make the optimizer in create_optimizer of a subclass")  # fmt: skip

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW with the numbers of the arguments, unless there is an optimiser; it is then the one that trains."""
        if self.optimizer is None:
            decayed = set(self.get_decay_parameter_names(model or self.model))
            named = [each for each in (model or self.model).named_parameters() if each[1].requires_grad]
            groups = [
                {"params": [p for name, p in named if name in decayed], "weight_decay": self.args.weight_decay},
                {"params": [p for name, p in named if name not in decayed], "weight_decay": 0.0},
            ]
            kind, numbers = self.optimizer_cls_and_kwargs or self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer = kind(groups, **numbers)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """That of `lr_scheduler_type`, unless there is one."""
        if self.lr_scheduler is None:
            self.lr_scheduler = scheduler_of(self.args, optimizer or self.optimizer, num_training_steps)
            self._made_scheduler = True
        return self.lr_scheduler

    def create_optimizer_and_scheduler(self, num_training_steps: int) -> None:
        """Both."""
        self.create_optimizer()
        self.create_scheduler(num_training_steps=num_training_steps)

    def get_decay_parameter_names(self, model: Any) -> list[str]:
        """Of the parameters that the weight decay is for: no biases, no norms."""
        from transformers import trainer_pt_utils

        library: Any = trainer_pt_utils
        return list(library.get_parameter_names(model, [nn.LayerNorm], NO_DECAY))

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: Any = None) -> tuple[Any, dict[str, Any]]:
        """torch's AdamW, and what it is given beside the parameters."""
        numbers = {"lr": args.learning_rate, "betas": (args.adam_beta1, args.adam_beta2), "eps": args.adam_epsilon}
        return torch.optim.AdamW, numbers | ({"fused": True} if args.optim == "adamw_torch_fused" else {})

    @property
    def _brings_an_optimizer(self) -> bool:
        overrides = any(getattr(type(self), name) is not getattr(Optimizing, name) for name in METHODS)
        return overrides or self.optimizer is not None or self.optimizer_cls_and_kwargs is not None

    def _judge(self, metrics: Mapping[str, float]) -> None:
        """Hands what was evaluated to a schedule that waits for it."""
        if not isinstance(self.lr_scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            return
        name = self.args.metric_for_best_model or "loss"
        name = name if name.startswith("eval_") else f"eval_{name}"
        if name not in metrics:
            raise UsageError(f"ReduceLROnPlateau waits for {name}", where="Trainer",
                             expected=f"one of {', '.join(sorted(metrics))}",
                             todo="Name it in metric_for_best_model")  # fmt: skip
        self.lr_scheduler.step(metrics[name])

    def _borrowed(self, steps: int, parameters: Sequence[nn.Parameter]) -> Borrowed:
        """Optimiser and schedule of a training of so many steps, made where the script did not."""
        if self._made_scheduler:
            self.lr_scheduler, self._made_scheduler = None, False
        self.create_optimizer_and_scheduler(num_training_steps=steps)
        self.callback_handler.optimizer, self.callback_handler.lr_scheduler = self.optimizer, self.lr_scheduler
        return Borrowed(self.optimizer, self.lr_scheduler, parameters)


class Borrowed:
    """A torch optimiser as a `Stepping`, and its schedule as a `Schedule`."""

    def __init__(self, optimizer: Any, scheduler: Any, parameters: Sequence[nn.Parameter]) -> None:
        self._optimizer, self._scheduler, self._parameters = optimizer, scheduler, parameters
        self._waits = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        known = {id(parameter) for parameter in parameters}
        strange = [p for group in optimizer.param_groups for p in group["params"] if id(p) not in known]
        if any(parameter.requires_grad for parameter in strange):
            raise UsageError(
                f"an optimizer with {len(strange)} parameters that are none of the model's",
                where="Trainer",
                expected="those of the model that is trained",
                todo="Make it of trainer.model.parameters(), or by create_optimizer in a subclass",
            )

    def norm(self) -> Tensor:
        return get_total_norm(self._gradients())

    def step(self, learning_rate: float, divisor: float) -> None:
        if divisor != 1.0:
            for gradient in self._gradients():
                gradient.div_(divisor)
        self._optimizer.step()
        if not self._waits:
            self._scheduler.step()

    def rate(self, step: int, *, steps: int, warmup: int, peak: float, fall: Fall | None = None) -> float:
        """That of the first group, which is the one that is told; each group has its own."""
        return float(self._optimizer.param_groups[0]["lr"])

    def state(self) -> dict[str, Tensor]:
        """The tensors of the optimiser, and all else of both as JSON in bytes."""
        held = self._optimizer.state_dict()
        tensors = {f"{place}.{name}": value for place, name, value in _parts(held) if isinstance(value, Tensor)}
        others = [[place, name, value] for place, name, value in _parts(held) if not isinstance(value, Tensor)]
        numbers = {"groups": held["param_groups"], "others": others, "schedule": self._scheduler.state_dict()}
        try:
            told = json.dumps(numbers)
        except TypeError as fault:
            raise UsageError(
                f"{type(self._optimizer).__name__} or its schedule holds what no checkpoint can: {fault}",
                where="Trainer",
                expected="tensors and numbers",
                todo="Give save_only_model=True, or save_strategy='no'",
            ) from None
        return tensors | {NUMBERS: torch.frombuffer(bytearray(told.encode()), dtype=torch.uint8)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        numbers = json.loads(bytes(state[NUMBERS].tolist()))
        held: dict[int, dict[str, Any]] = {}
        for place, name, value in numbers["others"]:
            held.setdefault(int(place), {})[name] = value
        for key, tensor in state.items():
            place, _, name = key.partition(".")
            if key != NUMBERS:
                held.setdefault(int(place), {})[name] = tensor
        self._optimizer.load_state_dict({"state": held, "param_groups": numbers["groups"]})
        self._scheduler.load_state_dict(_as_before(numbers["schedule"], self._scheduler.state_dict()))

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self._parameters if parameter.grad is not None]


def _parts(held: Mapping[str, Any]) -> list[tuple[int, str, Any]]:
    return [(place, name, value) for place, each in held["state"].items() for name, value in each.items()]


def _as_before(read: Any, like: Any) -> Any:
    """What was read of JSON, where every name is a text, in the form of the state that a schedule has: the milestones
    of a MultiStepLR are numbers."""
    if isinstance(read, dict) and isinstance(like, dict):
        names = {str(name): name for name in like}
        known = {names.get(name, name): value for name, value in read.items()}
        return type(like)({name: _as_before(value, like.get(name)) for name, value in known.items()})
    if isinstance(read, list) and isinstance(like, list) and len(read) == len(like):
        return [_as_before(value, other) for value, other in zip(read, like, strict=True)]
    return read
