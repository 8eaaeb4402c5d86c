"""Scripts that bring parts of their own: optimisers, schedules, samplers, data loaders and losses. Where transformers'
Trainer takes the same script, both come to the same numbers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional as F
from torch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler
from transformers import TrainerCallback

import whet
from tests.unit.trainer import scripts
from tests.unit.trainer.test_same_numbers import compared
from whet.errors import UsageError
from whet.trainer.events import UNHEARD
from whet.trainer.model import NOT_CALLED
from whet.trainer.outer import ELSEWHERE

pytest.importorskip("accelerate", reason="transformers' Trainer needs it")

Make = Callable[[Any], type]


def both(folder: Path, output: Path, made: Make, given: dict[str, Any] | None = None, **more: Any) -> tuple[Any, Any]:
    """The same script with either Trainer as its base: 33 rows to train on, 12 to evaluate on."""
    rows = more.pop("rows", None) or scripts.rows_of(folder, 45, padded=32)
    data = {"train_dataset": rows[:33], "eval_dataset": rows[33:], "compute_metrics": scripts.accuracy, **more}
    found = []
    for library in (whet, transformers):
        args = library.TrainingArguments(**scripts.options(output / library.__name__, **(given or {})))  # type: ignore[attr-defined]
        base = made(library.Trainer)  # type: ignore[attr-defined]
        found.append(base(model=scripts.model_of(folder), args=args, **data))
    return found[0], found[1]


def alone(folder: Path, output: Path, made: Make | None = None, **more: Any) -> Any:
    """The script with whet's Trainer."""
    rows = scripts.rows_of(folder, 36, padded=32)
    given = scripts.options(output, **more.pop("given", {}))
    data = {"train_dataset": rows[:24], "eval_dataset": rows[24:], **more}
    base = whet.Trainer if made is None else made(whet.Trainer)
    model = data.pop("model", None) or scripts.model_of(folder)
    return scripts.quiet(base(model=model, args=whet.TrainingArguments(**given), **data))


# ---------------------------------------------------------------- optimisers and schedules


OPTIMIZERS: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "sgd": lambda model: (torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), None),
    "adamw with its own decay": lambda model: (torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.3), None),
    "layers at rates of their own": lambda model: (
        torch.optim.AdamW([
            {"params": model.base_model.parameters(), "lr": 1e-4},
            {"params": model.classifier.parameters(), "lr": 5e-3},
        ]),
        None,
    ),
    "the head alone": lambda model: (torch.optim.Adam(model.classifier.parameters(), lr=1e-2), None),
    "a schedule too": lambda model: _with_one_cycle(torch.optim.AdamW(model.parameters(), lr=1e-3)),
    "a schedule of milestones": lambda model: _with_milestones(torch.optim.AdamW(model.parameters(), lr=1e-3)),
}  # fmt: skip


def _with_one_cycle(optimizer: Any) -> tuple[Any, Any]:
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=20)


def _with_milestones(optimizer: Any) -> tuple[Any, Any]:
    schedules = torch.optim.lr_scheduler
    parts = [
        schedules.LinearLR(optimizer, total_iters=2),
        schedules.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.1),
    ]
    return optimizer, schedules.SequentialLR(optimizer, parts, milestones=[2])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_the_script_train_as_they_do_in_transformers(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    rows = scripts.rows_of(tiny_bert, 45, padded=32)
    data = {"train_dataset": rows[:33], "eval_dataset": rows[33:], "compute_metrics": scripts.accuracy}
    given = {"warmup_steps": 2, "max_grad_norm": 0.5}
    trainers = []
    for make in (scripts.ours, scripts.theirs):
        model = scripts.model_of(tiny_bert)
        trainers.append(make(model, tmp_path / make.__name__, given, optimizers=OPTIMIZERS[name](model), **data))
    compared(*trainers)
    assert trainers[0].lr_scheduler.get_last_lr() == pytest.approx(trainers[1].lr_scheduler.get_last_lr())


def test_create_optimizer_of_a_subclass_makes_the_optimizer(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Lower(base):  # type: ignore[misc]
            def create_optimizer(self, model: Any = None) -> Any:
                super().create_optimizer()
                for group in self.optimizer.param_groups:
                    group["lr"] *= 0.5
                return self.optimizer

            def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
                self.lr_scheduler = transformers.get_cosine_schedule_with_warmup(
                    self.optimizer, 2, num_training_steps, num_cycles=1
                )
                return self.lr_scheduler

        return Lower

    compared(*both(tiny_bert, tmp_path, made))


def test_what_decays_is_for_a_subclass_to_say(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class OnlyTheHead(base):  # type: ignore[misc]
            def get_decay_parameter_names(self, model: Any) -> list[str]:
                return [name for name in super().get_decay_parameter_names(model) if "classifier" in name]

        return OnlyTheHead

    compared(*both(tiny_bert, tmp_path, made, {"weight_decay": 0.5, "learning_rate": 5e-3}))


def test_whets_own_optimizer_and_the_one_that_a_script_asks_for_by_name_agree(tiny_bert: Path, tmp_path: Path) -> None:
    plain = alone(tiny_bert, tmp_path / "plain")
    named = alone(tiny_bert, tmp_path / "named", optimizer_cls_and_kwargs=(torch.optim.AdamW, {"lr": 1e-3}))
    asked = alone(tiny_bert, tmp_path / "asked")
    asked.create_optimizer()
    losses = [trainer.train().training_loss for trainer in (plain, named, asked)]
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-5)
    assert plain.optimizer is None
    assert asked.get_learning_rates() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ("polynomial", {"power": 2.0, "lr_end": 1e-5}),
        ("cosine_with_restarts", {"num_cycles": 2}),
        ("inverse_sqrt", {"timescale": 4}),
        ("cosine_with_min_lr", {"min_lr_rate": 0.1}),
    ],
)
def test_every_shape_of_a_schedule_is_that_of_transformers(
    shape: str, more: dict[str, Any], tiny_bert: Path, tmp_path: Path
) -> None:
    given = {"lr_scheduler_type": shape, "lr_scheduler_kwargs": more, "warmup_steps": 2}
    compared(*both(tiny_bert, tmp_path, lambda base: base, given))


def test_a_schedule_with_numbers_that_it_does_not_know_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lr_scheduler_type='cosine' with lr_scheduler_kwargs={'power': 2}: .*power"):
        alone(tiny_bert, tmp_path, given={"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"power": 2}}).train()


def test_a_schedule_that_waits_for_an_evaluation_is_told_it(tiny_bert: Path, tmp_path: Path) -> None:
    trainers = []
    rows = scripts.rows_of(tiny_bert, 45, padded=32)
    for make in (scripts.ours, scripts.theirs):
        model = scripts.model_of(tiny_bert)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0, factor=0.5)
        trainers.append(
            make(
                model, tmp_path / make.__name__, {"num_train_epochs": 4, "metric_for_best_model": "accuracy"},
                optimizers=(optimizer, plateau), train_dataset=rows[:33], eval_dataset=rows[33:],
                compute_metrics=scripts.accuracy,
            )
        )  # fmt: skip
    compared(*trainers)
    assert trainers[0].optimizer.param_groups[0]["lr"] == trainers[1].optimizer.param_groups[0]["lr"] < 2e-3


@pytest.mark.parametrize("name", ["sgd", "a schedule too", "a schedule of milestones", "layers at rates of their own"])
def test_a_training_with_an_own_optimizer_goes_on_with_the_same_bits(
    name: str, tiny_bert: Path, tmp_path: Path
) -> None:
    def trainer() -> Any:
        model = scripts.model_of(tiny_bert, dropout=0.3)
        given = {"save_strategy": "steps", "save_steps": 4}
        return alone(tiny_bert, tmp_path, model=model, optimizers=OPTIMIZERS[name](model), given=given)

    whole, again = trainer(), trainer()
    whole.train()
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    for key, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[key]), key
    assert scripts.told(again)[:-1] == scripts.told(whole)[:-1]
    with pytest.raises(UsageError, match=r"with the script's own optimizer\. Expected one with whet's AdamW\. Train"):
        alone(tiny_bert, tmp_path).train(resume_from_checkpoint=True)


def test_optimizers_that_would_train_nothing_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    model, other = scripts.model_of(tiny_bert), scripts.model_of(tiny_bert)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    with pytest.raises(UsageError, match=r"parameters that are none of the model's\. Expected .*trainer\.model\.param"):
        alone(tiny_bert, tmp_path, model=model, optimizers=(optimizer, None)).train()
    args = whet.TrainingArguments(str(tmp_path), use_cpu=True)
    with pytest.raises(UsageError, match=r"an optimizer, and model_init.*create_optimizer of a subclass"):
        whet.Trainer(args=args, model_init=lambda: model, optimizers=(optimizer, None))
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer)
    with pytest.raises(UsageError, match=r"a scheduler without its optimizer.*optimizers=\(optimizer, scheduler\)"):
        whet.Trainer(model, args, optimizers=(None, schedule))


def test_callbacks_are_given_the_optimizer_of_the_script(tiny_bert: Path, tmp_path: Path) -> None:
    heard: list[float] = []

    class Rates(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            heard.append(given["optimizer"].param_groups[0]["lr"])

    model = scripts.model_of(tiny_bert)
    trainer = alone(
        tiny_bert, tmp_path, model=model, optimizers=(torch.optim.SGD(model.parameters(), lr=0.6), None),
        callbacks=[Rates()],
    )  # fmt: skip
    trainer.train()
    assert heard == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


# ---------------------------------------------------------------- samplers and data loaders


def weights_of(rows: Any) -> list[float]:
    return [5.0 if row["labels"] else 1.0 for row in rows]


def test_a_weighted_sampler_draws_what_it_draws_in_transformers(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Balanced(base):  # type: ignore[misc]
            def _get_train_sampler(self, train_dataset: Any = None) -> Any:
                return WeightedRandomSampler(
                    weights_of(self.train_dataset), 27, generator=torch.Generator().manual_seed(9)
                )

        return Balanced

    ours, theirs = both(tiny_bert, tmp_path, made)
    compared(ours, theirs)
    assert ours.state.global_step == 8  # 27 rows an epoch, of 33


def test_a_data_loader_of_a_subclass_decides_rows_and_batches(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Loads(base):  # type: ignore[misc]
            def get_train_dataloader(self) -> Any:
                generator = torch.Generator().manual_seed(4)
                return DataLoader(
                    self.train_dataset, batch_size=self.args.train_batch_size, collate_fn=self.data_collator,
                    sampler=WeightedRandomSampler(weights_of(self.train_dataset), 33, generator=generator),
                    drop_last=True,
                )  # fmt: skip

        return Loads

    ours, theirs = both(tiny_bert, tmp_path, made, {"per_device_train_batch_size": 6})
    compared(ours, theirs)
    assert ours.state.global_step == 10


def test_a_data_loader_without_a_seed_of_its_own_draws_from_that_of_the_arguments(
    tiny_bert: Path, tmp_path: Path
) -> None:
    def made(base: Any) -> type:
        class Loads(base):  # type: ignore[misc]
            def get_train_dataloader(self) -> Any:
                return DataLoader(self.train_dataset, 8, shuffle=True, collate_fn=self.data_collator)

        return Loads

    compared(*both(tiny_bert, tmp_path, made, {"eval_strategy": "no"}))


def test_the_last_batch_is_dropped_where_the_arguments_say_so(tiny_bert: Path, tmp_path: Path) -> None:
    given = {"dataloader_drop_last": True, "num_train_epochs": 3}
    # An evaluation loses no row; that of transformers would, if its last batch were not whole.
    rows = scripts.rows_of(tiny_bert, 41, padded=32)
    ours, theirs = both(tiny_bert, tmp_path, lambda base: base, given, rows=rows)
    compared(ours, theirs)
    assert ours.state.global_step == 12


def test_a_training_with_an_own_sampler_goes_on_with_the_same_bits(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Random(base):  # type: ignore[misc]
            def _get_train_sampler(self, train_dataset: Any = None) -> Any:
                return RandomSampler(train_dataset)

        return Random

    given = {"save_strategy": "steps", "save_steps": 4}
    whole, again = (alone(tiny_bert, tmp_path, made, given=given) for _ in range(2))
    whole.train()
    torch.rand(3)  # what else draws is not heard
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-4"))
    for key, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[key]), key


def test_a_batch_can_be_looked_at_before_the_training(tiny_bert: Path, tmp_path: Path) -> None:
    rows = [{**row, "text": "a film"} for row in scripts.rows_of(tiny_bert, 12)]
    trainer = alone(
        tiny_bert, tmp_path, train_dataset=rows, eval_dataset=rows[:5], processing_class=scripts.tokenizer_of(tiny_bert)
    )
    loader = trainer.get_train_dataloader()
    batch = next(iter(loader))
    assert (len(loader), trainer.num_examples(loader), batch["input_ids"].shape[0]) == (2, 12, 8)
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids", "labels"}
    (whole,) = trainer.get_eval_dataloader()
    assert whole["labels"].tolist() == [row["labels"] for row in rows[:5]]
    assert [len(batch["labels"]) for batch in trainer.get_test_dataloader(rows)] == [8, 4]


def test_loaders_that_whet_cannot_follow_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    def loads(loader: Callable[[Any], Any], method: str) -> Make:
        return lambda base: type("Loads", (base,), {method: lambda self, *_: loader(self)})

    with pytest.raises(
        UsageError, match=r"get_train_dataloader returned a list\. Expected a DataLoader over a dataset"
    ):
        alone(tiny_bert, tmp_path, loads(lambda self: [1], "get_train_dataloader")).train()
    shuffled = loads(lambda self: DataLoader(self.eval_dataset, 4, shuffle=True), "get_eval_dataloader")
    with pytest.raises(UsageError, match=r"get_eval_dataloader with a RandomSampler\. Expected rows in their order"):
        alone(tiny_bert, tmp_path, shuffled).evaluate()
    outside = loads(lambda self: [1, 40], "_get_train_sampler")
    with pytest.raises(UsageError, match=r"drew row 40\. Expected rows 0 to 23"):
        alone(tiny_bert, tmp_path, outside).train()
    none = {"dataloader_drop_last": True, "per_device_train_batch_size": 64}
    with pytest.raises(UsageError, match=r"a data loader without a batch\. Lower per_device_train_batch_size"):
        alone(tiny_bert, tmp_path, given=none).train()


# ---------------------------------------------------------------- losses


def test_a_loss_may_use_columns_of_its_own_and_the_inputs(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Weighted(base):  # type: ignore[misc]
            def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
                labels, weight = inputs.pop("labels"), inputs.pop("weight")
                outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
                each = F.cross_entropy(outputs.logits, labels, reduction="none")
                loss = (each * weight * inputs["attention_mask"].sum(1)).mean() / 10
                return (loss, outputs) if return_outputs else loss

        return Weighted

    rows = [{**row, "weight": 1.0 + index % 3} for index, row in enumerate(scripts.rows_of(tiny_bert, 45, padded=32))]
    compared(*both(tiny_bert, tmp_path, made, {"remove_unused_columns": False}, rows=rows))


def test_a_student_learns_from_columns_of_a_datasets_dataset(tiny_bert: Path, tmp_path: Path) -> None:
    from datasets import Dataset

    def made(base: Any) -> type:
        class Student(base):  # type: ignore[misc]
            def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
                teacher, share = inputs.pop("teacher"), inputs.pop("share")
                outputs = model(**inputs)
                soft = F.kl_div(outputs.logits.log_softmax(-1), teacher.softmax(-1), reduction="none").sum(-1)
                loss = (share * soft).mean() + outputs.loss
                return (loss, outputs) if return_outputs else loss

        return Student

    rows = [
        {**row, "teacher": [float(index % 4), 1.0 - index % 3], "share": 0.5 + index % 2}
        for index, row in enumerate(scripts.rows_of(tiny_bert, 45, padded=32))
    ]
    data = {"train_dataset": Dataset.from_list(rows[:33]), "eval_dataset": Dataset.from_list(rows[33:])}
    compared(*both(tiny_bert, tmp_path, made, {"remove_unused_columns": False}, rows=rows, **data))


def test_a_loss_that_builds_on_that_of_the_trainer_trains_by_it(tiny_bert: Path, tmp_path: Path) -> None:
    def made(base: Any) -> type:
        class Penalised(base):  # type: ignore[misc]
            def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
                loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
                loss = loss + 0.1 * outputs.logits.square().mean()
                return (loss, outputs) if return_outputs else loss

        return Penalised

    compared(*both(tiny_bert, tmp_path, made))


def asking(call: Callable[[Any, Any], Any]) -> Make:
    class Asking:
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            return call(model, inputs)

    return lambda base: type("Asking", (Asking, base), {})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model, inputs: model(**inputs).loss + model(**inputs).loss, r"calls the model twice\. .*whet\.steps"),
        (lambda model, inputs: model(**{**inputs, "input_ids": inputs["input_ids"] + 1}).loss, "model with input_ids"),
        (lambda model, inputs: model(inputs["input_ids"] + 1).loss, "model with inputs of its own"),
        (lambda model, inputs: model(**inputs, output_hidden_states=True).loss, "model with output_hidden_states"),
    ],
    ids=["twice", "other tokens", "other tokens by place", "hidden states"],
)
def test_a_loss_that_asks_the_model_for_more_than_one_plain_pass_is_refused(
    call: Any, message: str, tiny_bert: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        alone(tiny_bert, tmp_path, asking(call)).train()


# ---------------------------------------------------------------- arguments, callbacks and methods


def test_arguments_that_transformers_parsed_are_read_over(tiny_bert: Path, tmp_path: Path) -> None:
    @dataclasses.dataclass
    class Mine(transformers.TrainingArguments):
        gamma: float = 2.0

    given = [
        "--output_dir", str(tmp_path / "out"), "--learning_rate", "1e-3", "--num_train_epochs", "1", "--seed", "3",
        "--eval_strategy", "epoch", "--save_strategy", "no", "--use_cpu", "--disable_tqdm", "true", "--gamma", "3",
        "--warmup_steps", "0.5", "--metric_for_best_model", "accuracy", "--report_to", "none",
    ]  # fmt: skip
    (parsed,) = transformers.HfArgumentParser(Mine).parse_args_into_dataclasses(given)
    rows = scripts.rows_of(tiny_bert, 20, padded=32)
    data = {"train_dataset": rows[:16], "eval_dataset": rows[16:], "compute_metrics": scripts.accuracy}
    ours, theirs = (
        scripts.quiet(library.Trainer(model=scripts.model_of(tiny_bert), args=parsed, **data))  # type: ignore[attr-defined]
        for library in (whet, transformers)
    )
    compared(ours, theirs)
    assert (ours.args.gamma, ours.args.learning_rate, ours.args.greater_is_better) == (3.0, 1e-3, True)
    with pytest.raises(UsageError, match=r"neftune_noise_alpha=5: no noise.*transformers' Trainer"):
        whet.Trainer(
            scripts.model_of(tiny_bert),
            transformers.TrainingArguments(str(tmp_path), neftune_noise_alpha=5, use_cpu=True),
        )


def test_a_dataclass_of_further_arguments_is_refused_when_it_is_written() -> None:
    with pytest.raises(UsageError, match=r"Mine adds fields.*Derive it from transformers\.TrainingArguments"):

        @dataclasses.dataclass
        class Mine(whet.TrainingArguments):
            gamma: float = 2.0


def test_callbacks_that_nobody_would_call_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    class Clips(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None: ...

    with pytest.raises(UsageError, match=r"Clips has on_pre_optimizer_step, which .* Rename it to on_step_end"):
        alone(tiny_bert, tmp_path, callbacks=[Clips])
    trainer = alone(tiny_bert, tmp_path)
    with pytest.raises(UsageError, match="on_pre_optimizer_step"):
        trainer.add_callback(Clips())

    class Counts(TrainerCallback):
        def on_substep_end(self, args: Any, state: Any, control: Any, **_: Any) -> None: ...

    alone(tiny_bert, tmp_path, callbacks=[Counts])  # there are none without accumulation
    with pytest.raises(UsageError, match="Counts has on_substep_end"):
        alone(tiny_bert, tmp_path, callbacks=[Counts], given={"gradient_accumulation_steps": 2})


@pytest.mark.parametrize(
    ("name", "todo"),
    [
        ("hyperparameter_search", "Train a Trainer for each trial, or search with whet.TextClassifier in scikit-learn"),
        ("push_to_hub", r"Call trainer\.model\.push_to_hub"),
        ("accelerator", r"the device is trainer\.args\.device"),
        ("evaluation_loop", r"Call trainer\.evaluate or trainer\.predict"),
    ],
)
def test_what_the_trainer_lacks_says_what_to_do(name: str, todo: str, tiny_bert: Path, tmp_path: Path) -> None:
    trainer = alone(tiny_bert, tmp_path)
    assert not hasattr(trainer, name)
    with pytest.raises(AttributeError, match=rf"whet\.Trainer has no '{name}'\. .*{todo}"):
        getattr(trainer, name)


def test_each_method_that_is_overridden_in_vain_has_its_own_advice() -> None:
    with pytest.raises(
        UsageError,
        match=r"Own overrides prediction_step, evaluation_loop, which whet\.Trainer does not call\. Instead of "
        r"prediction_step, change predictions by preprocess_logits_for_metrics; Instead of evaluation_loop, override",
    ):

        class Own(whet.Trainer):
            def prediction_step(self) -> None: ...

            def evaluation_loop(self) -> None: ...


def test_what_a_script_writes_and_prints_after_a_training(
    tiny_bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = alone(tiny_bert, tmp_path, compute_metrics=scripts.accuracy)
    found = trainer.train()
    trainer.log({"mine": 1.5})
    trainer.log_metrics("train", found.metrics)
    trainer.save_metrics("train", found.metrics)
    trainer.save_metrics("eval", trainer.evaluate())
    trainer.save_state()
    assert "train_loss" in capsys.readouterr().out
    assert trainer.state.log_history[-2] == {"mine": 1.5, "epoch": 2.0, "step": 6}
    state = json.loads((tmp_path / "trainer_state.json").read_text())
    assert (state["global_step"], state["log_history"][-2]["mine"]) == (6, 1.5)
    both_sides = json.loads((tmp_path / "all_results.json").read_text())
    assert both_sides["train_loss"] == found.training_loss
    assert json.loads((tmp_path / "eval_results.json").read_text())["eval_accuracy"] == both_sides["eval_accuracy"]
    assert trainer.get_num_trainable_parameters() == sum(p.numel() for p in trainer.model.parameters())


def test_the_guide_names_what_is_refused() -> None:
    told = (Path(__file__).parents[3] / "docs" / "guide.md").read_text(encoding="utf-8")
    section = told[told.index("## From Trainer to whet") : told.index("## Recipes")]
    for name in (
        "training_step",
        "prediction_step",
        "evaluation_loop",
        *UNHEARD,
        "hyperparameter_search",
        "accelerator",
    ):
        assert f"`{name}`" in section, name
    assert {"hyperparameter_search", "accelerator"} <= ELSEWHERE.keys()
    assert not [name for name in NOT_CALLED if hasattr(whet.Trainer, name)]
