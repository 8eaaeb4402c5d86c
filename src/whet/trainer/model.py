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

ANOTHER = "use whet.steps for a training of your own, or transformers' Trainer"
# What a subclass may override in transformers' Trainer, and would override here in vain; what to do instead.
NOT_CALLED = {
    "training_step": f"give the loss by compute_loss, or {ANOTHER}",
    "prediction_step": "change predictions by preprocess_logits_for_metrics",
    "evaluation_loop": "override evaluate or predict",
    "prediction_loop": "override evaluate or predict",
    "_inner_training_loop": ANOTHER,
    "_maybe_log_save_evaluate": "override log, evaluate or save_model, or give a callback",
    "_save_checkpoint": "override save_model, or give a callback with on_save",
    "_save": "override save_model",
    "_save_optimizer_and_scheduler": "give a callback with on_save",
    "_load_from_checkpoint": "load weights into the model before",
    "_load_best_model": "give a callback with on_train_end",
    "_get_eval_sampler": "leave it out: an evaluation takes the rows in their order",
    "_prepare_inputs": "change rows in the dataset or the data_collator",
    "get_batch_samples": "override get_train_dataloader",
    "_wrap_model": "change the model before",
    "_determine_best_metric": "return the score from compute_metrics, by the name in metric_for_best_model",
    "autocast_smart_context_manager": "give bf16=True or fp16=True",
    "compute_loss_context_manager": "give bf16=True or fp16=True",
    "floating_point_ops": "leave it out",
    "hyperparameter_search": "search around the Trainer, by model_init and a Trainer for each trial",
}

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
        how = (
            "only texts of one length are computed together"
            if made.even
            else "batches are padded to their longest text"
        )
        logger.warning("%s: %s", how, made.packing_reason)
    return made


def refuse_overrides(given: type, base: type) -> None:
    """UsageError for a subclass with a method that nothing here calls."""
    wrong = [name for name in NOT_CALLED if name in vars(given)]
    if wrong:
        raise UsageError(
            f"{given.__name__} overrides {', '.join(wrong)}, which whet.{base.__name__} does not call",
            where=given.__name__,
            todo="; ".join(f"Instead of {name}, {NOT_CALLED[name]}" for name in wrong),
        )
