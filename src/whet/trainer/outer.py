"""What a script asks of a Trainer beside training and scoring: its history, its files, its callbacks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from whet.errors import did_you_mean
from whet.trainer import checkpoints
from whet.trainer.arguments import TrainingArguments


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
        mean = did_you_mean(name, [each for each in dir(type(self)) if not each.startswith("_")])
        raise AttributeError(f"whet.Trainer has no {name!r}. {mean}{'?' if mean else ''}".strip())

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
