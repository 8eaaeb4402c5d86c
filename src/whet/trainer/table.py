"""Every argument that transformers' TrainingArguments has or had since 4.0, and what becomes of it here.

`used`: it does here what it does there. `kept`: there too it is only for the script, or a library beside, to read.
`idle`: it means nothing here, which is said in a line, for its `why`. `refused`: without it a training would have other
numbers than the script's author expects, so a value other than the default is an error. RENAMED has the old spellings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Fate = Literal["used", "kept", "idle", "refused"]


@dataclass(frozen=True, slots=True)
class Argument:
    """A default and what becomes of another value."""

    default: Any
    fate: Fate = "used"
    why: str = ""
    """A clause that follows its name and a colon."""
    choices: tuple[Any, ...] = ()
    """The values it may have, where these are words."""
    todo: str = ""
    """What to do instead of another value."""


def _idle(why: str, *names: str, default: Any = None) -> dict[str, Argument]:
    return {name: Argument(default, "idle", why) for name in names}


def _refused(why: str, todo: str, *names: str, default: Any = None) -> dict[str, Argument]:
    return {name: Argument(default, "refused", why, todo=todo) for name in names}


def _kept(*names: str, default: Any = None) -> dict[str, Argument]:
    return {name: Argument(default, "kept") for name in names}


INTERVALS = ("no", "steps", "epoch")
# Those of transformers.SchedulerType that are a function of the step.
SCHEDULES = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
    "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay",
)  # fmt: skip
ADAMW = ("adamw_torch", "adamw_torch_fused", "adamw_hf")
NO_LOADER = "rows are read once, before the training, and no process beside it prepares batches"
ONE_PROCESS = "whet.Trainer trains in one process; `torchrun -m whet train` does in several"
NOTHING_SENT = "whet.Trainer uploads nothing; call model.push_to_hub() afterwards"
NO_PADDING = "no batch is padded here, so that there is nothing to save by an order of lengths; rows are shuffled"
OWN_OPTIMIZER = "Give the Trainer one of your own: optimizers=(optimizer, scheduler or None)"
THEIRS = "Leave it out, or train with transformers' Trainer"
MEMORY = "a step that memory does not hold is computed in parts, of itself"
COMPILED = "the model is run by whet's own kernels"
PLAIN_PRECISION = "an evaluation is computed as the training is"

ARGUMENTS: dict[str, Argument] = {
    "output_dir": Argument(None),
    **_kept("do_train", "do_eval", "do_predict", default=False),
    # How long, how much, how fast.
    "per_device_train_batch_size": Argument(8),
    "per_device_eval_batch_size": Argument(8),
    "gradient_accumulation_steps": Argument(1),
    "num_train_epochs": Argument(3.0),
    "max_steps": Argument(-1),
    "learning_rate": Argument(5e-5),
    "weight_decay": Argument(0.0),
    "adam_beta1": Argument(0.9),
    "adam_beta2": Argument(0.999),
    "adam_epsilon": Argument(1e-8),
    "max_grad_norm": Argument(1.0),
    "lr_scheduler_type": Argument("linear", choices=SCHEDULES, todo=OWN_OPTIMIZER),
    "lr_scheduler_kwargs": Argument(None),
    "warmup_steps": Argument(0.0),
    "warmup_ratio": Argument(None),
    "label_smoothing_factor": Argument(0.0),
    "optim": Argument("adamw_torch_fused", choices=ADAMW, todo=OWN_OPTIMIZER),
    # When what is told, judged, saved.
    "logging_strategy": Argument("steps", choices=INTERVALS),
    "logging_steps": Argument(500.0),
    "logging_first_step": Argument(False),
    "eval_strategy": Argument("no", choices=INTERVALS),
    "eval_steps": Argument(None),
    "eval_delay": Argument(0.0),
    "eval_on_start": Argument(False),
    "save_strategy": Argument("steps", choices=(*INTERVALS, "best")),
    "save_steps": Argument(500.0),
    "save_total_limit": Argument(None),
    "save_only_model": Argument(False),
    "load_best_model_at_end": Argument(False),
    "metric_for_best_model": Argument(None),
    "greater_is_better": Argument(None),
    "prediction_loss_only": Argument(False),
    "report_to": Argument("none"),
    "disable_tqdm": Argument(None),
    # Seeds, devices, numbers.
    "seed": Argument(42),
    "data_seed": Argument(None),
    "dataloader_drop_last": Argument(False),
    "train_sampling_strategy": Argument("random", choices=("random", "sequential", "group_by_length")),
    "use_cpu": Argument(False),
    "fp16": Argument(False),
    "bf16": Argument(False),
    "label_names": Argument(None),
    "remove_unused_columns": Argument(True),
    # For the script, and for what reads the arguments.
    **_kept("run_name", "resume_from_checkpoint", "logging_dir", "trackio_space_id", "trackio_bucket_id"),
    **_kept("log_level", "log_level_replica", default="passive"),
    "project": Argument("huggingface", "kept"),
    "local_rank": Argument(-1, "kept"),
    **_kept("logging_nan_inf_filter", "log_on_each_node", "skip_memory_metrics", default=True),
    **_kept("use_cache", "save_on_each_node", "average_tokens_across_devices", default=False),
    # What whet does anyway, or has no part for.
    **_idle("checkpoints of an earlier training are replaced by those of this one", "overwrite_output_dir"),
    **_idle("weights are always saved as safetensors", "save_safetensors", default=True),
    **_idle(NO_LOADER, "dataloader_num_workers", default=0),
    **_idle(NO_LOADER, "dataloader_pin_memory", "dataloader_in_order", default=True),
    **_idle(
        NO_LOADER, "dataloader_persistent_workers", "dataloader_prefetch_factor", "dataloader_multiprocessing_context"
    ),
    **_idle(NO_PADDING, "length_column_name", default="length"),
    **_idle(
        MEMORY,
        "gradient_checkpointing",
        "gradient_checkpointing_kwargs",
        "activation_checkpointing",
        "activation_checkpointing_kwargs",
        "auto_find_batch_size",
        "torch_empty_cache_steps",
        "eval_accumulation_steps",
    ),
    **_idle(
        COMPILED,
        "torch_compile",
        "torch_compile_backend",
        "torch_compile_mode",
        "torchdynamo",
        "use_liger_kernel",
        "liger_kernel_config",
        "use_ipex",
        "jit_mode_eval",
        "tf32",
        "use_mps_device",
    ),
    **_idle(
        "precision is that of fp16=True or bf16=True",
        "fp16_opt_level",
        "fp16_backend",
        "half_precision_backend",
        "mixed_precision",
    ),
    **_idle(PLAIN_PRECISION, "fp16_full_eval", "bf16_full_eval", default=False),
    **_idle("with one number of threads a training on a CPU is always the same", "full_determinism"),
    **_idle(
        ONE_PROCESS,
        "ddp_find_unused_parameters",
        "ddp_bucket_cap_mb",
        "ddp_broadcast_buffers",
        "ddp_static_graph",
        "ddp_backend",
        "ddp_timeout",
        "ddp_timeout_delta",
        "accelerator_config",
        "tpu_num_cores",
        "tpu_metrics_debug",
        "dispatch_batches",
        "split_batches",
        "xpu_backend",
        "ray_scope",
        "mp_parameters",
        "parallelism_config",
    ),
    **_idle(
        NOTHING_SENT,
        "push_to_hub",
        "hub_token",
        "hub_private_repo",
        "hub_model_id",
        "hub_strategy",
        "hub_always_push",
        "hub_revision",
        "push_to_hub_model_id",
        "push_to_hub_organization",
        "push_to_hub_token",
    ),
    **_idle("tokens are not counted here", "include_num_input_tokens_seen", "include_tokens_per_second"),
    **_idle(
        "it belongs to other models or tools",
        "past_index",
        "debug",
        "enable_jit_checkpoint",
        "generation_max_length",
        "generation_num_beams",
        "predict_with_generate",
        "sortish_sampler",
        "trackio_static_space_id",
        "eval_use_gather_object",
    ),
    # What would change the numbers.
    **_refused("no noise is added to embeddings", THEIRS, "neftune_noise_alpha"),
    **_refused("AdamW is the optimiser", OWN_OPTIMIZER, "adafactor", "optim_args", "optim_target_modules"),
    **_refused(
        ONE_PROCESS,
        "Train with torchrun -m whet train",
        "deepspeed",
        "fsdp",
        "fsdp_config",
        "sharded_ddp",
        "fsdp_min_num_params",
    ),
    **_refused(
        "compute_metrics is given all predictions at once",
        "Compute the metrics of all",
        "batch_eval_metrics",
        default=False,
    ),
    **_refused("predictions are one array", "Leave it out", "eval_do_concat_batches", default=True),
    **_refused(
        "compute_metrics is given predictions and labels",
        "Take inputs from the dataset, which has the same order",
        "include_for_metrics",
        "include_inputs_for_metrics",
    ),
    **_refused(
        "a training goes on with the rows that it has not seen", "Leave it out", "ignore_data_skip", default=False
    ),
    **_refused(
        "callbacks begin anew",
        "Keep what a callback must remember in a file",
        "restore_callback_states_from_checkpoint",
        default=False,
    ),
}

RENAMED = {
    "evaluation_strategy": "eval_strategy",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "no_cuda": "use_cpu",
}
# Old switches that became a word of another argument: the value of that where they are true.
SWITCHES = {
    "group_by_length": ("train_sampling_strategy", "group_by_length"),
    "evaluate_during_training": ("eval_strategy", "steps"),
}
