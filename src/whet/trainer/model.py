"""The model of a script: is it one that whet trains, and how it becomes one of ours."""

from __future__ import annotations

import logging
from typing import Any

import torch

from whet.errors import ModelError, UsageError
from whet.model.answers import PROBLEMS
from whet.model.classifier import Classifier
from whet.trainer.arguments import TrainingArguments
from whet.trainer.rows import kind_of

# What a subclass may override in transformers' Trainer, and would override here in vain.
NOT_CALLED = (
    "training_step", "prediction_step", "evaluation_loop", "prediction_loop", "get_train_dataloader",
    "get_eval_dataloader", "get_test_dataloader", "_get_train_sampler", "create_optimizer", "create_scheduler",
    "create_optimizer_and_scheduler", "get_decay_parameter_names", "_inner_training_loop", "_save_checkpoint",
    "_maybe_log_save_evaluate",
)  # fmt: skip

logger = logging.getLogger("whet")


def checked_model(model: Any, device: torch.device) -> Any:
    """The model, in float32 on the device, in place. ModelError for anything but a sequence classifier."""
    config = getattr(model, "config", None)
    if config is None or not type(model).__name__.endswith("ForSequenceClassification"):
        raise ModelError(
            f"a model of type {type(model).__name__}",
            where="Trainer",
            expected="a sequence classifier of transformers",
            todo="Load it with AutoModelForSequenceClassification.from_pretrained(...)",
        )
    dtypes = {parameter.dtype for parameter in model.parameters()}
    if dtypes != {torch.float32}:
        names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        logger.warning("the weights are %s, and are trained in float32", names)
    return model.to(device=device, dtype=torch.float32)


def classifier_of(model: Any, targets: Any, args: TrainingArguments) -> Classifier:
    """Ours around it. The configuration is told what the labels are, as the model's own forward would tell it."""
    if model.config.problem_type is None and targets is not None:
        model.config.problem_type = PROBLEMS[kind_of(targets, model.config)]
    made = Classifier(model, device=args.machine.device, seed=args.seed, precision=args.machine.precision)
    if not made.packed:
        logger.warning("batches are padded to their longest text: %s", made.packing_reason)
    return made


def refuse_overrides(given: type, base: type) -> None:
    """UsageError for a subclass with a method that nothing here calls."""
    wrong = [name for name in NOT_CALLED if name in vars(given)]
    if wrong:
        raise UsageError(
            f"{given.__name__} overrides {', '.join(wrong)}, which whet.{base.__name__} does not call",
            where=given.__name__,
            expected="compute_loss, evaluate, predict, log, save_model or callbacks",
            todo="Use whet.steps for a training of your own",
        )
