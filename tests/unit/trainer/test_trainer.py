"""whet.Trainer as scripts use it: callbacks, checkpoints, the model that they go on with, and what is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import EarlyStoppingCallback, TrainerCallback

import whet
from tests.conftest import TinyModel
from tests.unit.trainer import scripts
from whet.errors import DataError, ModelError, UsageError


def trainer_of(folder: Path, output: Path, given: dict[str, Any] | None = None, **more: Any) -> whet.Trainer:
    """24 rows to train on, 12 to evaluate on, three steps an epoch."""
    rows = scripts.rows_of(folder, 36, padded=32)
    model = more.pop("model", None) or scripts.model_of(folder, dropout=more.pop("dropout", 0.0))
    data = {"train_dataset": rows[:24], "eval_dataset": rows[24:], "compute_metrics": scripts.accuracy}
    return scripts.quiet(scripts.ours(model, output, given or {}, **{**data, **more}))  # type: ignore[no-any-return]


class Heard(TrainerCallback):
    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_") and name not in ("on_init_end", "on_prediction_step"):

            def heard(args: Any, state: Any, control: Any, **_: Any) -> None:
                self.events.append(f"{name} {state.global_step}")

            return heard
        return super().__getattribute__(name)


# ---------------------------------------------------------------- callbacks


def test_callbacks_hear_what_they_hear_of_transformers(tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    given = {"logging_steps": 2, "save_strategy": "epoch"}
    rows = scripts.rows_of(tiny_bert, 36, padded=32)
    ours, theirs = Heard(), Heard()
    for make, heard in ((scripts.ours, ours), (scripts.theirs, theirs)):
        trainer = make(
            scripts.model_of(tiny_bert), tmp_path / make.__name__, given, train_dataset=rows[:24],
            eval_dataset=rows[24:], callbacks=[heard],
        )  # fmt: skip
        scripts.quiet(trainer).train()
        trainer.predict(rows[24:])
    # Between a gradient and its step nobody is called here.
    never = ("on_pre_optimizer_step", "on_optimizer_step")
    assert ours.events == [event for event in theirs.events if not event.startswith(never)]


def test_a_callback_stops_the_training(tiny_bert: Path, tmp_path: Path) -> None:
    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop = state.global_step == 4

    trainer = trainer_of(tiny_bert, tmp_path, callbacks=[Stop()])
    assert trainer.train().global_step == 4
    assert trainer.state.epoch == pytest.approx(4 / 3)


def test_early_stopping_stops_and_the_best_weights_come_back(tiny_bert: Path, tmp_path: Path) -> None:
    scores = iter([0.5, 0.9, 0.4, 0.3, 0.2, 0.1])
    kept: list[Any] = []

    class Keep(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
            kept.append(copy.deepcopy(model.state_dict()))

    given = {
        "num_train_epochs": 6, "save_strategy": "epoch", "load_best_model_at_end": True,
        "metric_for_best_model": "made", "save_total_limit": 1,
    }  # fmt: skip
    trainer = trainer_of(
        tiny_bert, tmp_path, given, callbacks=[EarlyStoppingCallback(2), Keep()],
        compute_metrics=lambda _: {"made": next(scores)},
    )  # fmt: skip
    assert trainer.train().global_step == 12
    assert (trainer.state.best_metric, trainer.state.best_model_checkpoint) == (0.9, str(tmp_path / "checkpoint-6"))
    assert all(torch.equal(tensor, kept[1][name]) for name, tensor in trainer.model.state_dict().items())
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-6"]


def test_a_metric_that_is_not_computed_is_named(tiny_bert: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_bert, tmp_path, {"metric_for_best_model": "f1"})
    with pytest.raises(
        UsageError, match=r"metric_for_best_model='f1'. Expected one of epoch, eval_accuracy, eval_loss"
    ):
        trainer.train()


def test_a_callback_that_leaves_an_epoch_early_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    class Leave(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_epoch_stop = True

    with pytest.raises(UsageError, match=r"step 1: a callback set control\.should_epoch_stop within an epoch"):
        trainer_of(tiny_bert, tmp_path, callbacks=[Leave()]).train()


def test_tensorboard_is_written_where_logging_dir_says(tiny_bert: Path, tmp_path: Path) -> None:
    given = {"report_to": "tensorboard", "logging_dir": str(tmp_path / "logs"), "num_train_epochs": 1}
    rows = scripts.rows_of(tiny_bert, 16, padded=32)
    scripts.quiet(
        scripts.ours(scripts.model_of(tiny_bert), tmp_path, given, train_dataset=rows, eval_dataset=rows)
    ).train()
    assert [path.name.startswith("events.out.tfevents") for path in (tmp_path / "logs").iterdir()] == [True]


# ---------------------------------------------------------------- the model afterwards


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_the_model_of_the_script_is_trained_and_is_plain_transformers_again(
    kind: str, tiny_model: TinyModel, tmp_path: Path
) -> None:
    folder = tiny_model(kind)
    model = scripts.model_of(folder, dropout=0.1)
    before, modules = copy.deepcopy(model.state_dict()), [type(module) for module in model.modules()]
    attention = model.config._attn_implementation
    trainer = trainer_of(folder, tmp_path, {"eval_strategy": "no"}, model=model)
    trainer.train()
    assert trainer.model is model
    assert [type(module) for module in model.modules()] == modules
    assert model.config._attn_implementation == attention
    assert not model.get_input_embeddings().sparse
    assert any(not torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    rows = scripts.rows_of(folder, 3)
    predicted = trainer.predict(rows).predictions
    copied = copy.deepcopy(model).eval()
    with torch.inference_mode():
        alone = [copied(input_ids=torch.tensor([row["input_ids"]])).logits[0].numpy() for row in rows]
    assert predicted == pytest.approx(np.stack(alone), abs=1e-5)


def test_two_trainings_with_dropout_end_alike(tiny_bert: Path, tmp_path: Path) -> None:
    ended = [trainer_of(tiny_bert, tmp_path / str(i), dropout=0.3) for i in range(2)]
    losses = [trainer.train().training_loss for trainer in ended]
    assert losses[0] == losses[1]
    for name, tensor in ended[0].model.state_dict().items():
        assert torch.equal(tensor, ended[1].model.state_dict()[name])


def test_what_is_saved_loads_in_plain_transformers(tiny_bert: Path, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_bert, tmp_path, tokenizer=scripts.tokenizer_of(tiny_bert))
    trainer.train()
    trainer.save_model(tmp_path / "saved")
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    text = scripts.tokenizer_of(tmp_path / "saved")(["a superb film"], return_tensors="pt")
    with torch.inference_mode():
        assert torch.equal(loaded(**text).logits, trainer.model.eval()(**text).logits)
    assert trainer.tokenizer is trainer.processing_class


def test_weights_of_half_precision_are_trained_in_whole(
    tiny_bert: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = trainer_of(tiny_bert, tmp_path, model=scripts.model_of(tiny_bert).half())
    assert {parameter.dtype for parameter in trainer.model.parameters()} == {torch.float32}
    assert "the weights are float16, and are trained in float32" in caplog.messages


# ---------------------------------------------------------------- checkpoints


def test_a_training_goes_on_from_a_checkpoint_with_the_same_bits(tiny_bert: Path, tmp_path: Path) -> None:
    given = {"save_strategy": "steps", "save_steps": 4}
    whole = trainer_of(tiny_bert, tmp_path / "whole", given, dropout=0.3)
    whole.train()
    again = trainer_of(tiny_bert, tmp_path / "whole", given, dropout=0.3)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-4"))
    assert again.state.global_step == 6
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    assert scripts.told(again)[:-1] == scripts.told(whole)[:-1]


def test_a_model_whose_file_has_other_names_for_its_weights_goes_on_too(tiny_bert: Path, tmp_path: Path) -> None:
    # bert-base-uncased has gamma and beta in its file, and some versions of transformers save them so again.
    folder = tmp_path / "old"
    scripts.model_of(tiny_bert).save_pretrained(folder)
    scripts.tokenizer_of(tiny_bert).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in weights.items()
    }
    save_file(old, folder / "model.safetensors", {"format": "pt"})
    given = {"save_strategy": "epoch", "load_best_model_at_end": True}
    trainer_of(folder, tmp_path / "out", given).train()
    again = trainer_of(folder, tmp_path / "out", given)
    assert again.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3")).global_step == 6


def test_true_goes_on_from_the_newest_checkpoint(tiny_bert: Path, tmp_path: Path) -> None:
    given = {"save_strategy": "epoch", "num_train_epochs": 2}
    trainer_of(tiny_bert, tmp_path, given).train()
    again = trainer_of(tiny_bert, tmp_path, given)
    assert again.train(resume_from_checkpoint=True).global_step == 6
    assert json.loads((tmp_path / "checkpoint-6" / "trainer_state.json").read_text())["global_step"] == 6


def test_a_checkpoint_that_cannot_be_gone_on_from_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkpoint to go on from"):
        trainer_of(tiny_bert, tmp_path / "none").train(resume_from_checkpoint=True)
    trainer_of(tiny_bert, tmp_path, {"save_strategy": "epoch", "save_only_model": True}).train()
    with pytest.raises(UsageError, match=r"no checkpoint that whet\.Trainer can go on from"):
        trainer_of(tiny_bert, tmp_path).train(resume_from_checkpoint=True)
    trainer_of(tiny_bert, tmp_path, {"save_strategy": "epoch"}).train()
    with pytest.raises(UsageError, match=r"a checkpoint of a training of 6 steps\. Expected 9, as rows"):
        trainer_of(tiny_bert, tmp_path, {"num_train_epochs": 3}).train(resume_from_checkpoint=True)
    (tmp_path / "checkpoint-6" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        trainer_of(tiny_bert, tmp_path).train(resume_from_checkpoint=True)


# ---------------------------------------------------------------- evaluation


def test_several_datasets_are_each_evaluated_under_their_names(tiny_bert: Path, tmp_path: Path) -> None:
    rows = scripts.rows_of(tiny_bert, 20, padded=32)
    trainer = trainer_of(tiny_bert, tmp_path, eval_dataset={"near": rows[:10], "far": rows[10:]})
    found = trainer.evaluate()
    assert {"eval_near_loss", "eval_far_accuracy", "eval_far_runtime", "eval_near_samples_per_second"} <= found.keys()
    assert trainer.evaluate(rows[:10])["eval_loss"] == pytest.approx(found["eval_near_loss"])


def test_rows_without_labels_have_predictions_and_no_loss(tiny_bert: Path, tmp_path: Path) -> None:
    rows = [{"input_ids": row["input_ids"]} for row in scripts.rows_of(tiny_bert, 5)]
    found = trainer_of(tiny_bert, tmp_path).predict(rows)
    assert (found.predictions.shape, found.label_ids) == ((5, 2), None)
    assert found.metrics.keys() == {"test_runtime", "test_samples_per_second", "test_steps_per_second"}


def test_predictions_pass_through_what_the_script_makes_of_them(tiny_bert: Path, tmp_path: Path) -> None:
    trainer = trainer_of(
        tiny_bert, tmp_path, preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
        compute_metrics=lambda given: {"right": (given.predictions == given.label_ids).mean()},
    )  # fmt: skip
    found = trainer.predict(scripts.rows_of(tiny_bert, 6))
    assert found.predictions.shape == (6,)
    assert found.metrics["test_right"] == (found.predictions == found.label_ids).mean()


# ---------------------------------------------------------------- what is refused


def test_what_whet_cannot_honour_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    model = scripts.model_of(tiny_bert)
    args = whet.TrainingArguments(str(tmp_path), use_cpu=True)
    with pytest.raises(UsageError, match=r"Expected whet\.TrainingArguments\. Import it from whet, like the Trainer"):
        whet.Trainer(model, object())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"a model of type BertModel\. Expected a sequence classifier of transformers"):
        whet.Trainer(model.base_model, args)
    with pytest.raises(UsageError, match=r"no model\. Expected one of model and model_init"):
        whet.Trainer(args=args)
    with pytest.raises(UsageError, match="no train_dataset"):
        whet.Trainer(model, args).train()
    with pytest.raises(UsageError, match="no eval_dataset"):
        whet.Trainer(model, args).evaluate()
    with pytest.raises(DataError, match="train_dataset: no labels"):
        whet.Trainer(model, args, train_dataset=[{"input_ids": [5]}]).train()
    with pytest.raises(AttributeError, match=r"whet\.Trainer has no 'evaluat'\. Did you mean 'evaluate'\?"):
        _ = whet.Trainer(model, args).evaluat


def test_a_subclass_with_a_method_that_nobody_calls_is_refused_when_it_is_written() -> None:
    with pytest.raises(UsageError, match=r"Own overrides training_step, which whet\.Trainer does not call"):

        class Own(whet.Trainer):
            def training_step(self) -> None: ...


def test_model_init_makes_the_model_anew_for_each_training(tiny_bert: Path, tmp_path: Path) -> None:
    rows = scripts.rows_of(tiny_bert, 16, padded=32)
    args = whet.TrainingArguments(**scripts.options(tmp_path, eval_strategy="no", num_train_epochs=1))
    trainer = whet.Trainer(args=args, model_init=lambda: scripts.model_of(tiny_bert), train_dataset=rows)
    scripts.quiet(trainer)
    first, second = trainer.train(), trainer.train()
    assert first.training_loss == second.training_loss
