"""whet.Trainer and transformers.Trainer on the same job: the same history, weights and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.conftest import TinyModel
from tests.unit.trainer import scripts

pytest.importorskip("accelerate", reason="transformers' Trainer needs it")


def compared(ours: Any, theirs: Any) -> None:
    """Both train, and have come to the same."""
    ended = scripts.quiet(ours).train(), scripts.quiet(theirs).train()
    assert ended[0].global_step == ended[1].global_step
    assert ended[0].training_loss == pytest.approx(ended[1].training_loss, rel=1e-4)
    assert len(scripts.told(ours)) == len(scripts.told(theirs))
    for mine, other in zip(scripts.told(ours), scripts.told(theirs), strict=True):
        assert mine == pytest.approx(other, rel=1e-3, abs=1e-6)
    weights = theirs.model.state_dict()
    for name, tensor in ours.model.state_dict().items():
        if name.endswith("key.bias"):
            continue  # it moves all scores of a query alike: Adam makes whole steps of what is a rounding
        torch.testing.assert_close(tensor, weights[name], rtol=0, atol=2e-4, msg=name)
    rows = ours.eval_dataset
    found, wanted = ours.predict(rows), theirs.predict(rows)
    assert found.predictions == pytest.approx(wanted.predictions, abs=1e-3)
    assert found.predictions.dtype == wanted.predictions.dtype
    assert (found.label_ids == wanted.label_ids).all()
    assert found.label_ids.dtype == wanted.label_ids.dtype
    assert found.metrics.keys() - {"test_model_preparation_time"} == wanted.metrics.keys() - {
        "test_model_preparation_time"
    }


@pytest.mark.parametrize(
    "given",
    [
        {"per_device_eval_batch_size": 5, "eval_on_start": True, "logging_strategy": "epoch", "data_seed": 11},
        {"warmup_steps": 500},  # more than there are, as many a copied script has it
        {"warmup_steps": 0.25, "lr_scheduler_type": "cosine", "max_grad_norm": 0.1},
        {"lr_scheduler_type": "constant", "max_grad_norm": 0.0, "train_sampling_strategy": "sequential"},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 2, "label_smoothing_factor": 0.2},
        {"max_steps": 7, "logging_steps": 3, "logging_first_step": True, "eval_delay": 1.5, "optim": "adamw_torch"},
        {"num_train_epochs": 1.5, "eval_strategy": "steps", "eval_steps": 2, "adam_beta1": 0.8, "adam_epsilon": 1e-5},
    ],
    ids=lambda given: "-".join(given) or "defaults",
)
def test_every_argument_that_is_honoured_does_what_it_does_in_transformers(
    given: dict[str, Any], tiny_bert: Path, tmp_path: Path
) -> None:
    rows = scripts.rows_of(tiny_bert, 45, padded=32)
    data = {"train_dataset": rows[:33], "eval_dataset": rows[33:], "compute_metrics": scripts.accuracy}
    ours = scripts.ours(scripts.model_of(tiny_bert), tmp_path / "ours", given, **data)
    theirs = scripts.theirs(scripts.model_of(tiny_bert), tmp_path / "theirs", given, **data)
    compared(ours, theirs)


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "electra", "modernbert", "deberta-v2", "mpnet"])
def test_on_every_architecture(kind: str, tiny_model: TinyModel, tmp_path: Path) -> None:
    folder = tiny_model(kind)
    rows = scripts.rows_of(folder, 30)
    data = {"train_dataset": rows[:20], "eval_dataset": rows[20:], "processing_class": scripts.tokenizer_of(folder)}
    ours = scripts.ours(scripts.model_of(folder), tmp_path / "ours", {"learning_rate": 3e-4}, **data)
    theirs = scripts.theirs(scripts.model_of(folder), tmp_path / "theirs", {"learning_rate": 3e-4}, **data)
    compared(ours, theirs)


@pytest.mark.parametrize(("task", "labels"), [("one", 2), ("several", 3), ("value", 1)])
def test_on_every_kind_of_labels_which_the_model_tells_by_them(
    task: str, labels: int, tiny_bert: Path, tmp_path: Path
) -> None:
    rows = scripts.rows_of(tiny_bert, 30, task=task)
    data = {"train_dataset": rows[:20], "eval_dataset": rows[20:], "processing_class": scripts.tokenizer_of(tiny_bert)}
    ours = scripts.ours(scripts.model_of(tiny_bert, labels=labels), tmp_path / "ours", {}, **data)
    theirs = scripts.theirs(scripts.model_of(tiny_bert, labels=labels), tmp_path / "theirs", {}, **data)
    compared(ours, theirs)
    assert ours.model.config.problem_type == theirs.model.config.problem_type is not None


def test_of_pairs_of_texts(tiny_bert: Path, tmp_path: Path) -> None:
    tokenizer = scripts.tokenizer_of(tiny_bert)
    texts = [text for text, _ in scripts.review_rows()[:24]]
    rows = [
        {**tokenizer(text, other, padding="max_length", max_length=64), "label": index % 2}
        for index, (text, other) in enumerate(zip(texts, reversed(texts), strict=True))
    ]
    data = {"train_dataset": rows[:16], "eval_dataset": rows[16:]}
    ours = scripts.ours(scripts.model_of(tiny_bert), tmp_path / "ours", {}, **data)
    theirs = scripts.theirs(scripts.model_of(tiny_bert), tmp_path / "theirs", {}, **data)
    compared(ours, theirs)


def test_with_frozen_layers(tiny_bert: Path, tmp_path: Path) -> None:
    def frozen() -> Any:
        model = scripts.model_of(tiny_bert)
        for parameter in model.base_model.parameters():
            parameter.requires_grad = False
        return model

    rows = scripts.rows_of(tiny_bert, 30, padded=32)
    data = {"train_dataset": rows[:20], "eval_dataset": rows[20:]}
    ours, theirs = (
        make(frozen(), tmp_path / name, {}, **data) for make, name in ((scripts.ours, "a"), (scripts.theirs, "b"))
    )
    compared(ours, theirs)


def test_a_loss_of_the_scripts_own_is_called_with_whole_batches(tiny_bert: Path, tmp_path: Path) -> None:
    weights = torch.tensor([1.0, 5.0])

    def weighted(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(outputs.logits, labels, weight=weights)

    rows = scripts.rows_of(tiny_bert, 30, padded=32)
    data = {"train_dataset": rows[:21], "eval_dataset": rows[21:], "compute_loss_func": weighted}
    ours = scripts.ours(scripts.model_of(tiny_bert), tmp_path / "ours", {}, **data)
    theirs = scripts.theirs(scripts.model_of(tiny_bert), tmp_path / "theirs", {}, **data)
    compared(ours, theirs)


def test_a_subclass_with_compute_loss_trains_by_it(tiny_bert: Path, tmp_path: Path) -> None:
    import whet

    def made(base: Any) -> Any:
        class Weighted(base):  # type: ignore[misc]
            def compute_loss(
                self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
            ) -> Any:
                labels = inputs.pop("labels")
                outputs = model(**inputs)
                logits = outputs.get("logits").view(-1, self.model.config.num_labels)
                loss = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]))(logits, labels.view(-1))
                return (loss, outputs) if return_outputs else loss

        return Weighted

    rows = scripts.rows_of(tiny_bert, 30, padded=32)
    data = {"train_dataset": rows[:21], "eval_dataset": rows[21:]}
    given = scripts.options(tmp_path)
    ours = made(whet.Trainer)(model=scripts.model_of(tiny_bert), args=whet.TrainingArguments(**given), **data)
    theirs = made(transformers.Trainer)(
        model=scripts.model_of(tiny_bert), args=transformers.TrainingArguments(**given), **data
    )
    compared(ours, theirs)


def test_accumulated_steps_are_those_of_one_larger_batch(tiny_bert: Path, tmp_path: Path) -> None:
    rows = scripts.rows_of(tiny_bert, 42, padded=32)
    data = {"train_dataset": rows[:32], "eval_dataset": rows[32:]}
    accumulated = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    ours = scripts.ours(scripts.model_of(tiny_bert), tmp_path / "ours", accumulated, **data)
    theirs = scripts.theirs(scripts.model_of(tiny_bert), tmp_path / "theirs", {}, **data)
    compared(ours, theirs)


def test_words_that_no_training_text_has_decay_as_transformers_has_them_decay(tiny_bert: Path, tmp_path: Path) -> None:
    rows = scripts.rows_of(tiny_bert, 20, padded=32)
    seen = {token for row in rows for token in row["input_ids"]}
    model = scripts.model_of(tiny_bert)
    table = model.get_input_embeddings().weight
    unseen = next(token for token in range(len(table)) if token not in seen)
    before = table[unseen].detach().clone()
    scripts.quiet(scripts.ours(model, tmp_path, {"eval_strategy": "no"}, train_dataset=rows)).train()
    factor = 1.0
    for step in range(6):
        factor *= 1 - 1e-3 * (6 - step) / 6 * 0.1
    torch.testing.assert_close(table[unseen].detach(), before * factor)
