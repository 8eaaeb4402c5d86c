"""What a script asks of a Trainer beside training and scoring: its history, its files, its callbacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from whet.errors import UsageError, did_you_mean
from whet.trainer import checkpoints, events
from whet.trainer.arguments import TrainingArguments

# What else transformers' Trainer has, and what to do instead.
ELSEWHERE = {
    "hyperparameter_search": "Train a Trainer for each trial, or search with whet.TextClassifier in scikit-learn",
    "push_to_hub": "Call trainer.model.push_to_hub(...) and the same of the tokenizer",
    "create_model_card": "whet.train writes one",
    "training_step": "Train with trainer.train(), or step by step with whet.steps",
    "prediction_step": "Call trainer.predict",
    "evaluation_loop": "Call trainer.evaluate or trainer.predict",
    "accelerator": "There is one process; the device is trainer.args.device",
    "init_hf_repo": "Call trainer.model.push_to_hub(...)",
    "floating_point_ops": "trainer.state.total_flos has those of the training",
    "store_flos": "trainer.state.total_flos has them",
    "deepspeed": "There is none here",
}


class Outer:
    """The part of `whet.Trainer` that does not train."""

    args: TrainingArguments
    model: Any
    processing_class: Any
    state: Any
    """transformers' TrainerState,"""
    control: Any
    """its TrainerControl,"""
    callback_handler: Any
    """and its CallbackHandler."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        todo = ELSEWHERE.get(name)
        if todo is None and (
            mean := did_you_mean(name, [each for each in dir(type(self)) if not each.startswith("_")])
        ):
            todo = f"{mean}?"
        raise AttributeError(f"whet.Trainer has no {name!r}. {todo or ''}".strip())

    @property
    def model_wrapped(self) -> Any:
        """The model, which nothing is wrapped around."""
        return self.model

    @property
    def label_smoother(self) -> Any:
        """transformers', where the arguments ask for one; for a `compute_loss` that was copied from its Trainer."""
        from transformers import trainer_pt_utils

        library: Any = trainer_pt_utils
        share = self.args.label_smoothing_factor
        return library.LabelSmoother(epsilon=share) if share else None

    def get_num_trainable_parameters(self) -> int:
        """Numbers that are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)

    def get_learning_rates(self) -> list[float]:
        """Of each group of an optimiser of the script's own."""
        if getattr(self, "optimizer", None) is None:
            raise UsageError("no optimizer", where="Trainer", todo="Create it first: trainer.create_optimizer()")
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    @property
    def tokenizer(self) -> Any:
        """As `processing_class` was called before."""
        return self.processing_class

    def _event(self, name: str) -> None:
        self.control = getattr(self.callback_handler, name)(self.args, self.state, self.control)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds to the history of the state, and tells the callbacks."""
        if self.state.epoch is not None:
            logs["epoch"] = self.state.epoch
        self.state.log_history.append({**logs, "step": self.state.global_step})
        self.control = self.callback_handler.on_log(self.args, self.state, self.control, logs)

    def save_model(self, output_dir: str | os.PathLike[str] | None = None, _internal_call: bool = False) -> None:
        """The model and its tokenizer, as plain transformers reads them."""
        checkpoints.save(Path(output_dir or self.args.output_dir), self.model, self.processing_class)

    def save_state(self) -> None:
        """The state as trainer_state.json in the output folder."""
        self.state.save_to_json(str(Path(self.args.output_dir) / checkpoints.STATE))

    def log_metrics(self, split: str, metrics: dict[str, float]) -> None:
        """Prints them, as transformers does."""
        _printing().log_metrics(self, split, metrics)

    def metrics_format(self, metrics: dict[str, float]) -> dict[str, Any]:
        return dict(_printing().metrics_format(metrics))

    def save_metrics(self, split: str, metrics: dict[str, float], combined: bool = True) -> None:
        """Writes them to files of the output folder, as transformers does."""
        _printing().save_metrics(self, split, metrics, combined)

    def add_callback(self, callback: Any) -> None:
        events.refuse_unheard([callback], self.args)
        self.callback_handler.add_callback(callback)

    def pop_callback(self, callback: Any) -> Any:
        return self.callback_handler.pop_callback(callback)

    def remove_callback(self, callback: Any) -> None:
        self.callback_handler.remove_callback(callback)

    def is_world_process_zero(self) -> bool:
        return True

    def is_local_process_zero(self) -> bool:
        return True


def _printing() -> Any:
    """transformers' functions that print and write metrics, which carry no types."""
    from transformers import trainer_pt_utils

    return trainer_pt_utils
