"""TrainingArguments: the spellings of today and of earlier years, and what becomes of each."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
import transformers

import whet
from whet.errors import UsageError
from whet.trainer import arguments
from whet.trainer.table import ARGUMENTS, RENAMED, SWITCHES


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    arguments._hint.cache_clear()


def hints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "whet"]


def fault_of(**given: Any) -> str:
    with pytest.raises(UsageError) as caught:
        whet.TrainingArguments("out", **given)
    return str(caught.value)


def test_every_argument_of_the_installed_transformers_is_in_the_table() -> None:
    names = {field.name for field in dataclasses.fields(transformers.TrainingArguments) if field.init}
    assert names - ARGUMENTS.keys() == set()


def test_the_defaults_are_those_of_transformers() -> None:
    theirs = {field.name: field.default for field in dataclasses.fields(transformers.TrainingArguments)}
    unlike = {
        name: (argument.default, theirs[name])
        for name, argument in ARGUMENTS.items()
        if argument.fate == "used"
        and name in theirs
        and argument.default != getattr(theirs[name], "value", theirs[name])
    }
    # Both mean that there is no number of steps.
    assert {name: pair for name, pair in unlike.items() if pair != (0.0, 0)} == {}


def test_nothing_is_said_of_arguments_that_are_not_given(caplog: pytest.LogCaptureFixture) -> None:
    whet.TrainingArguments("out")
    whet.TrainingArguments("out", dataloader_pin_memory=True, fp16=False, gradient_checkpointing=False, fsdp="")
    assert hints(caplog) == []


def test_old_spellings_are_read_as_those_of_today_with_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    args = whet.TrainingArguments(
        output_dir="out", overwrite_output_dir=True, evaluation_strategy="epoch", per_gpu_train_batch_size=4,
        per_gpu_eval_batch_size=6, no_cuda=True, warmup_ratio=0.1, group_by_length=True, logging_dir="logs",
    )  # fmt: skip
    assert (args.eval_strategy, args.train_batch_size, args.eval_batch_size, args.use_cpu) == ("epoch", 4, 6, True)
    assert (args.evaluation_strategy, args.no_cuda, args.do_eval) == ("epoch", True, True)
    assert args.get_warmup_steps(50) == 5
    assert hints(caplog) == [
        "evaluation_strategy: read as eval_strategy",
        "per_gpu_train_batch_size: read as per_device_train_batch_size",
        "per_gpu_eval_batch_size: read as per_device_eval_batch_size",
        "no_cuda: read as use_cpu",
        "group_by_length: read as train_sampling_strategy='group_by_length'",
        "train_sampling_strategy: no batch is padded here, so that there is nothing to save by an order of lengths; "
        "rows are shuffled",
        "overwrite_output_dir: checkpoints of an earlier training are replaced by those of this one",
        "logging_dir: nothing is written there without report_to='tensorboard'",
    ]


def test_what_means_nothing_here_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        whet.TrainingArguments("out", dataloader_num_workers=4, push_to_hub=True)
    assert hints(caplog) == [
        "dataloader_num_workers: rows are read once, before the training, and no process beside it prepares batches",
        "push_to_hub: whet.Trainer uploads nothing; call model.push_to_hub() afterwards",
    ]


def test_what_would_change_the_numbers_is_refused_all_at_once() -> None:
    own = "Give the Trainer one of your own: optimizers=(optimizer, scheduler or None)"
    assert fault_of(optim="adafactor", lr_scheduler_type="greedy", neftune_noise_alpha=5) == (
        "TrainingArguments: lr_scheduler_type='greedy'. Expected 'linear' or 'cosine' or 'cosine_with_restarts' or "
        "'polynomial' or 'constant' or 'constant_with_warmup' or 'inverse_sqrt' or 'cosine_with_min_lr' or "
        f"'cosine_warmup_with_min_lr' or 'warmup_stable_decay'. {own}. TrainingArguments: optim='adafactor'. Expected "
        f"'adamw_torch' or 'adamw_torch_fused' or 'adamw_hf'. {own}. TrainingArguments: neftune_noise_alpha=5: no "
        "noise is added to embeddings. Expected None. Leave it out, or train with transformers' Trainer."
    )


@pytest.mark.parametrize("name", [name for name, argument in ARGUMENTS.items() if argument.fate == "refused"])
def test_each_refused_argument_names_its_reason(name: str) -> None:
    argument = ARGUMENTS[name]
    value = (not argument.default) if isinstance(argument.default, bool) else ["given"]
    assert fault_of(**{name: value}) == (
        f"TrainingArguments: {name}={value!r}: {argument.why}. Expected {argument.default!r}. {argument.todo}."
    )
    assert argument.todo


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    assert fault_of(learning_rte=1e-5) == (
        "TrainingArguments: unknown argument 'learning_rte'. Did you mean 'learning_rate'."
    )
    assert fault_of(zzzzqq=1) == "TrainingArguments: unknown argument 'zzzzqq'."


def test_two_spellings_of_one_argument_are_refused() -> None:
    assert fault_of(eval_strategy="epoch", evaluation_strategy="steps") == (
        "TrainingArguments: evaluation_strategy and eval_strategy, which are one. Expected one of them."
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"learning_rate": "5e-5"}, "learning_rate='5e-5'. Expected a number such as 5e-05."),
        ({"per_device_train_batch_size": 0}, "per_device_train_batch_size=0. Expected at least 1."),
        ({"seed": 1.5}, "seed=1.5. Expected a number such as 42."),
        ({"weight_decay": -0.1}, "weight_decay=-0.1. Expected at least 0."),
        ({"fp16": "yes"}, "fp16='yes'. Expected True or False."),
        ({"eval_strategy": "batch"}, "eval_strategy='batch'. Expected 'no' or 'steps' or 'epoch'."),
        ({"fp16": True, "bf16": True}, "fp16=True with bf16=True. Expected one of the two."),
        ({"eval_strategy": "steps", "eval_steps": -1}, "eval_steps=-1. Expected more than 0."),
        (
            {"load_best_model_at_end": True, "eval_strategy": "epoch"},
            "load_best_model_at_end=True with eval_strategy='epoch' and save_strategy='steps'. Expected the same for "
            "both, so that what was judged best is also saved.",
        ),
        (
            {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 4, "save_steps": 6},
            "load_best_model_at_end=True with save_steps=6 and eval_steps=4. Expected save_steps that are a multiple "
            "of eval_steps.",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(given: dict[str, Any], told: str) -> None:
    assert fault_of(**given) == f"TrainingArguments: {told}"


def test_what_follows_from_several_arguments_follows_as_in_transformers() -> None:
    for given in (
        {"load_best_model_at_end": True, "eval_strategy": "epoch", "save_strategy": "epoch"},
        {"metric_for_best_model": "eval_loss"},
        {"metric_for_best_model": "accuracy"},
        {"eval_strategy": "steps", "logging_steps": 20},
        {"warmup_steps": 7},
        {"report_to": "all"},
        {"report_to": ["all"]},
        {"report_to": "none"},
        {"report_to": ["tensorboard"]},
    ):
        ours = whet.TrainingArguments("out", **given)
        theirs = transformers.TrainingArguments("out", use_cpu=True, **given)  # type: ignore[arg-type]
        for name in (
            "metric_for_best_model", "greater_is_better", "eval_steps", "do_eval", "eval_strategy", "save_strategy",
            "logging_strategy", "report_to", "output_dir",
        ):  # fmt: skip
            assert getattr(ours, name) == getattr(theirs, name), (given, name)
        assert ours.get_warmup_steps(100) == theirs.get_warmup_steps(100)


def test_fp16_on_a_cpu_is_fp32_and_said_and_bf16_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    assert whet.TrainingArguments("out", fp16=True, use_cpu=True).machine.precision == "fp32"
    assert hints(caplog) == ["fp16: a CPU is quicker in fp32, which is taken"]
    assert whet.TrainingArguments("out", bf16=True, use_cpu=True).machine.precision == "bf16"
    assert str(whet.TrainingArguments("out", use_cpu=True).device) == "cpu"


def test_several_processes_are_refused_for_each_would_train_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RESTART_COUNT": "0"
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="2 processes, each of which would train on all rows"):
        _ = whet.TrainingArguments("out").machine


def test_an_attribute_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(AttributeError) as caught:
        _ = whet.TrainingArguments("out").learning_rat
    assert str(caught.value) == "whet.TrainingArguments has no 'learning_rat'. Did you mean 'learning_rate'?"


def test_they_can_be_changed_and_written_down() -> None:
    args = whet.TrainingArguments("out", learning_rate=1e-5, hub_token="secret")
    args.num_train_epochs = 7
    assert args.to_dict()["num_train_epochs"] == 7
    assert "secret" not in args.to_json_string()
    assert args.to_sanitized_dict()["report_to"] == "[]"
    assert repr(args) == "TrainingArguments(learning_rate=1e-05, output_dir='out')"


def test_every_old_spelling_leads_to_an_argument() -> None:
    assert set(RENAMED.values()) | {new for new, _ in SWITCHES.values()} <= ARGUMENTS.keys()
    assert not (RENAMED.keys() | SWITCHES.keys()) & ARGUMENTS.keys()


def test_hints_are_warnings_of_the_logger_whet(caplog: pytest.LogCaptureFixture) -> None:
    whet.TrainingArguments("out", tf32=True)
    assert [record.levelno for record in caplog.records if record.name == "whet"] == [logging.WARNING]
