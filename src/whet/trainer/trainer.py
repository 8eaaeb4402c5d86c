"""`whet.Trainer`: transformers' Trainer for sequence classification, over whet's own loop.

The loop is `training/loop.py`, which knows nothing of this module: after each of its steps the callbacks are called,
and what they ask for is done.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from whet.data.batches import steps_per_epoch
from whet.errors import UsageError
from whet.model.classifier import Classifier
from whet.model.loss import Loss, loss_of
from whet.records import Ints, Notice, StepRecord
from whet.system import heap, runtime
from whet.trainer import checkpoints, events, scoring
from whet.trainer import rows as reading
from whet.trainer.arguments import TrainingArguments, arguments_of
from whet.trainer.loading import Loading, collator_of
from whet.trainer.loss import Asked, OfBatch, OfScript, inputs_of
from whet.trainer.model import checked_model, classifier_of, refuse_overrides
from whet.trainer.optimizer import Optimizing
from whet.trainer.recipe import Rates, recipe_of
from whet.trainer.unseen import Unseen
from whet.training import loop, memory
from whet.training.gradient import OnDevice, OnThreads
from whet.training.objective import Objective, objective_of
from whet.training.words import AllWords, Words

logger = logging.getLogger("whet")


@dataclass(slots=True)
class Tally:
    """What a training has come to since it began, and since it last told."""

    rows: int
    batches: int
    per_epoch: int
    """Steps."""
    started: float
    begun_at: int = 0
    """The step that it went on from."""
    losses: float = 0.0
    """Their sum since `told_at`,"""
    told_at: int = 0
    told: float = 0.0
    """and before."""


class Trainer(Loading, Optimizing):
    """Trains and evaluates the model of a transformers script, in place.

    Arguments, methods and what they return are those of `transformers.Trainer`, for a model of
    `AutoModelForSequenceClassification`. Rows are read once, and padding that the script added is left out. What would
    give other numbers than the script expects is refused with a WhetError; docs/guide.md says where numbers differ.
    """

    def __init__(
        self,
        model: Any = None,
        args: TrainingArguments | None = None,
        data_collator: Callable[[list[Any]], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[[], Any] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[[Any], dict[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        optimizers: tuple[Any, Any] = (None, None),
        optimizer_cls_and_kwargs: Any = None,
        preprocess_logits_for_metrics: Callable[[Tensor, Tensor], Any] | None = None,
        *,
        tokenizer: Any = None,
    ) -> None:
        from transformers.trainer_callback import TrainerControl

        self.args = arguments_of(args)
        if (model is None) == (model_init is None):
            raise UsageError("no model" if model is None else "model and model_init", where="Trainer",
                             expected="one of model and model_init")  # fmt: skip
        runtime.apply(self.args.machine, self.args.seed)
        self.model_init = model_init
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.processing_class = processing_class if processing_class is not None else tokenizer
        self.compute_loss_func, self.compute_metrics = compute_loss_func, compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.label_names = list(self.args.label_names or ["labels"])
        self.data_collator = collator_of(data_collator, self.processing_class)
        self._take(optimizers, optimizer_cls_and_kwargs, model_init)
        self._classifier: Classifier | None = None
        self._read_before: list[tuple[Any, reading.Rows]] = []
        self.is_in_train = False
        self.model = checked_model(model if model_init is None else model_init(), self.args.device)
        self.control = TrainerControl()
        self.callback_handler = events.handler_of(callbacks, self.model, self.processing_class, self.args)
        self.state = events.state_of(self.callback_handler, self.control, self.args, 0, 0)
        Path(self.args.output_dir).mkdir(parents=True, exist_ok=True)
        self.control = self.callback_handler.on_init_end(self.args, self.state, self.control)

    def __init_subclass__(cls) -> None:
        refuse_overrides(cls, Trainer)

    # ---------------------------------------------------------------- training

    def train(
        self, resume_from_checkpoint: str | bool | None = None, trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> Any:  # fmt: skip
        """Trains, with the evaluations and checkpoints that the arguments ask for; returns transformers' TrainOutput.
        With `resume_from_checkpoint` it goes on from a checkpoint of whet.Trainer, bit for bit as if it had not been
        stopped."""
        if self.train_dataset is None:
            raise UsageError("no train_dataset", where="Trainer", todo="Give Trainer(train_dataset=...)")
        if self.model_init is not None:
            runtime.apply(self.args.machine, self.args.seed)
            self.model, self._classifier = checked_model(self.model_init(), self.args.device), None
            self.callback_handler.model = self.model
            self.optimizer = self.lr_scheduler = None
        found = None
        if resume_from_checkpoint:
            found = checkpoints.to_resume(Path(self.args.output_dir), resume_from_checkpoint)
        heap.keep()
        classifier = self._classifier_of(self.train_dataset)
        with self._at_work(), memory.explained(classifier):
            self.is_in_train = True
            try:
                return self._train(found)
            finally:
                self.is_in_train = False
                self._read_before.clear()

    def _train(self, found: Path | None) -> Any:
        args, classifier = self.args, self._classifier_of(self.train_dataset)
        rows = self._rows(self.train_dataset, "train_dataset")
        targets = reading.checked(rows.targets, classifier.kind, self.model.config.num_labels, "train_dataset")
        drawn = self._drawn(args.seed) if self._draws_otherwise else None
        recipe = recipe_of(args, len(targets), self._loss(), drawn.per_epoch if drawn else None)
        steps = loop.count_steps(len(targets), recipe)
        objective = self._objective(rows)
        borrowed = self._borrowed(steps, objective.parameters) if self._brings_an_optimizer else None
        recipe = dataclasses.replace(
            recipe, drawn=drawn, optimizer=borrowed, schedule=borrowed.rate if borrowed else Rates(args, steps)
        )
        training = loop.Training(classifier, rows.encoded, targets, recipe, objective)
        unseen = Unseen(self.model, rows.encoded, 0.0 if borrowed else args.weight_decay)
        batches = drawn.batches if drawn else math.ceil(len(targets) / args.train_batch_size)
        per_epoch = drawn.per_epoch if drawn else steps_per_epoch(len(targets), recipe.batch_size)
        self.control.should_training_stop = False
        self.state = events.state_of(self.callback_handler, self.control, args, steps, math.ceil(steps / per_epoch))
        if found is not None:
            self.state = checkpoints.resumed(found, training, self.state, self.model, borrowed=borrowed is not None)
        step = self.state.global_step
        tally = Tally(len(targets), batches, per_epoch, time.time(), begun_at=step, told_at=step)
        self._event("on_train_begin")
        if args.eval_on_start:
            self.evaluate()
        for record in self._steps(training.records(), tally):
            unseen.step(record.learning_rate)
            self.state.total_flos = 6.0 * record.tokens * self.model.num_parameters(exclude_embeddings=True)
            tally.losses += record.loss
            self._event("on_step_end")
            self._as_asked(training, unseen, tally, record)
            if record.step % per_epoch == 0 or self.control.should_training_stop or record.step == steps:
                self._event("on_epoch_end")
                self._as_asked(training, unseen, tally, record)
        unseen.settle()
        return self._ended(tally)

    def _steps(self, records: Iterator[StepRecord | Notice], tally: Tally) -> Iterator[StepRecord]:
        """The steps of a training, with what transformers calls before each, until a callback stops it."""
        state, begun = self.state, False
        while not self.control.should_training_stop and state.global_step < state.max_steps:
            if not begun or state.global_step % tally.per_epoch == 0:
                self._event("on_epoch_begin")
            begun = True
            self._event("on_step_begin")
            record = _next_step(records)
            epoch, within = divmod(record.step - 1, tally.per_epoch)
            done = min((within + 1) * self.args.gradient_accumulation_steps, tally.batches)
            state.global_step, state.epoch = record.step, epoch + done / tally.batches
            yield record
            if self.control.should_epoch_stop and state.global_step % tally.per_epoch:
                raise UsageError(
                    "a callback set control.should_epoch_stop within an epoch",
                    where=f"step {state.global_step}",
                    expected="should_training_stop, or whole epochs",
                    todo="Set control.should_training_stop, or a smaller num_train_epochs or max_steps",
                )

    def _as_asked(self, training: loop.Training, unseen: Unseen, tally: Tally, record: StepRecord) -> None:
        """Logs, evaluates and saves, as the callbacks ask for."""
        if self.control.should_log and record.step > tally.told_at:
            mean = tally.losses / (record.step - tally.told_at)
            tally.told, tally.losses, tally.told_at = tally.told + tally.losses, 0.0, record.step
            self.log({"loss": mean, "grad_norm": training.norm, "learning_rate": record.learning_rate}, tally.started)
        if self.control.should_evaluate or self.control.should_save:
            unseen.settle()
        if self.control.should_evaluate:
            metrics = self.evaluate()
            is_best = events.is_best(self.args, self.state, metrics)
            self._judge(metrics)
            if self.args.save_strategy == "best":
                self.control.should_save = is_best
        if self.control.should_save:
            self._save_checkpoint_of(training)
            self._event("on_save")

    def _save_checkpoint_of(self, training: loop.Training) -> None:
        output, state = Path(self.args.output_dir), self.state
        folder = output / f"checkpoint-{state.global_step}"
        if state.best_global_step:
            best = output / f"checkpoint-{state.best_global_step}"
            if best == folder or best.exists():
                state.best_model_checkpoint = str(best)
        with checkpoints.begun(folder) as scratch:
            self.save_model(str(scratch), _internal_call=True)
            state.save_to_json(str(scratch / checkpoints.STATE))
            if not self.args.save_only_model:
                checkpoints.write_own(scratch, training.state())
        checkpoints.keep(output, self.args.save_total_limit, state.best_model_checkpoint)

    def _ended(self, tally: Tally) -> Any:
        from transformers.trainer_utils import TrainOutput

        state, args = self.state, self.args
        count = state.global_step - tally.begun_at
        mean = (tally.told + tally.losses) / max(count, 0.001)
        metrics = scoring.speed("train", tally.started, tally.rows * count / tally.per_epoch, count)
        metrics |= {"total_flos": state.total_flos, "train_loss": mean}
        self.log(metrics)
        if args.load_best_model_at_end and state.best_model_checkpoint is not None:
            checkpoints.load_weights(Path(state.best_model_checkpoint), self.model)
        checkpoints.keep(Path(args.output_dir), args.save_total_limit, state.best_model_checkpoint, ended=True)
        self._event("on_train_end")
        return TrainOutput(state.global_step, mean, metrics)

    # ---------------------------------------------------------------- loss

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch. A subclass may have its own, of `inputs["labels"]` and of `model(**inputs).logits`; it
        is then called with every batch whole."""
        outputs = model(**inputs)
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    @property
    def _brings_a_loss(self) -> bool:
        return self.compute_loss_func is not None or type(self).compute_loss is not Trainer.compute_loss

    def _loss(self) -> Loss:
        assert self._classifier is not None
        smoothing = 0.0 if self._classifier.kind == "several" else self.args.label_smoothing_factor
        return loss_of(self._classifier.kind, weights=None, focal=0.0, smoothing=smoothing)

    def _objective(self, rows: reading.Rows) -> Objective:
        """Of a training on these rows."""
        assert self._classifier is not None
        words = AllWords(self.model) if self._brings_an_optimizer else Words(self.model, rows.encoded)
        if self._brings_a_loss:
            return OfScript(self._classifier, words, self._of_batch(rows))
        if not self._brings_an_optimizer:
            return objective_of(self._classifier, rows.encoded, self._loss())
        kind = OnThreads if self._classifier.device.type == "cpu" else OnDevice
        return kind(self._classifier, words, self._loss())

    def _of_batch(self, rows: reading.Rows) -> OfBatch:
        """What the loss of a batch of these rows is, by the script where it has one."""
        from transformers.modeling_outputs import SequenceClassifierOutput

        own, asks = self._loss(), type(self).compute_loss is not Trainer.compute_loss

        def of_batch(places: Ints, logits: Tensor, labels: Tensor) -> Tensor:
            if asks:
                pad = self.model.config.pad_token_id or 0
                inputs = inputs_of(rows, places, labels, self.label_names[0], pad)
                found: Tensor = self.compute_loss(Asked(self.model, logits, own, inputs), inputs)
                return found
            if self.compute_loss_func is None:
                return own.total(logits, labels) / len(logits)
            count = torch.tensor(len(logits), device=logits.device)
            return self.compute_loss_func(SequenceClassifierOutput(logits=logits), labels, num_items_in_batch=count)

        return of_batch

    # ---------------------------------------------------------------- evaluation

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss, the metrics of `compute_metrics` and speed, each name with the prefix; of a dict of datasets those of
        each, by its name."""
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        if dataset is None:
            raise UsageError("no eval_dataset", where="Trainer", todo="Give Trainer(eval_dataset=...)")
        if isinstance(dataset, dict):
            found: dict[str, float] = {}
            for name, each in dataset.items():
                found |= self.evaluate(each, ignore_keys, f"{metric_key_prefix}_{name}")
            return found
        _, _, metrics = self._scored(dataset, "eval_dataset", metric_key_prefix)
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def predict(self, test_dataset: Any, ignore_keys: list[str] | None = None, metric_key_prefix: str = "test") -> Any:
        """transformers' PredictionOutput: logits [B, C] in the order of the rows, their labels where there are some,
        and metrics."""
        from transformers.trainer_utils import PredictionOutput

        predictions, labels, metrics = self._scored(test_dataset, "test_dataset", metric_key_prefix)
        self.control = self.callback_handler.on_predict(self.args, self.state, self.control, metrics)
        return PredictionOutput(predictions=predictions, label_ids=labels, metrics=metrics)

    def _scored(self, dataset: Any, name: str, prefix: str) -> tuple[Any, Any, dict[str, Any]]:
        """Predictions, labels and metrics of a dataset."""
        rows, classifier, size = self._rows(dataset, name), self._classifier_of(dataset), self.args.eval_batch_size
        started = time.time()
        self.callback_handler.eval_dataloader = range(math.ceil(len(rows.encoded) / size))
        with self._at_work():
            for found in scoring.predicted(classifier, rows, size):
                if found is None:
                    self._event("on_prediction_step")
                else:
                    logits = found
        labels, mean = None, None
        if rows.targets is not None:
            targets = reading.checked(rows.targets, classifier.kind, self.model.config.num_labels, name)
            labels = scoring.label_ids(rows.targets)
            mean = scoring.loss(classifier, self._of_batch(rows), logits, targets, size)
        predictions = scoring.processed(logits, labels, self.preprocess_logits_for_metrics)
        compute = None if self.args.prediction_loss_only else self.compute_metrics
        metrics = scoring.metrics_of(predictions, labels, compute, prefix, mean)
        return predictions, labels, metrics | scoring.speed(prefix, started, len(logits), math.ceil(len(logits) / size))

    # ---------------------------------------------------------------- the model

    def _classifier_of(self, dataset: Any) -> Classifier:
        """Ours around the script's model, made once: its kind is told by the first labels that it sees."""
        if self._classifier is None:
            name = "train_dataset" if dataset is self.train_dataset else "eval_dataset"
            targets = self._rows(dataset, name).targets
            self._classifier = classifier_of(self.model, targets, self.args)
        return self._classifier

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """A block in which the model is ours; outside of a training it is plain transformers' again afterwards."""
        if self.is_in_train:
            yield
            return
        if self._classifier is not None:
            self._classifier.resume()
        try:
            yield
        finally:
            if self._classifier is not None:
                self._classifier.release()


def _next_step(records: Iterator[StepRecord | Notice]) -> StepRecord:
    """The next step of a training; what it tells before goes to the logger `whet`."""
    for record in records:
        if isinstance(record, StepRecord):
            return record
        logger.log(logging.WARNING if record.severity == "warning" else logging.INFO, "%s", record.message)
    raise AssertionError("there are as many steps as were counted")
