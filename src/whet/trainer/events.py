"""The callbacks of a script, called by transformers' own CallbackHandler with its TrainerState and TrainerControl."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from whet.errors import UsageError
from whet.trainer.arguments import TrainingArguments

UNHEARD = ("on_pre_optimizer_step", "on_optimizer_step", "on_substep_end")


def handler_of(callbacks: Sequence[Any] | None, model: Any, tokenizer: Any, args: TrainingArguments) -> Any:
    """Those that decide when to log, evaluate and save, that report, the script's, and one that shows progress."""
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks
    from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

    refuse_unheard(callbacks or (), args)
    handler: Any = CallbackHandler
    known: Any = get_reporting_integration_callbacks
    reporting = [_reporter(kind, args) for kind in known(args.report_to)]
    made = handler([DefaultFlowCallback, *reporting, *(callbacks or ())], model, tokenizer, None, None)
    made.add_callback(_progress(args))
    return made


def refuse_unheard(callbacks: Iterable[Any], args: TrainingArguments) -> None:
    """UsageError for callbacks, or classes of them, that wait for what nobody calls: gradient and step are one here."""
    from transformers.trainer_callback import TrainerCallback

    plain: Any = TrainerCallback
    names = UNHEARD if args.gradient_accumulation_steps > 1 else UNHEARD[:2]
    for each in callbacks:
        kind = each if isinstance(each, type) else type(each)
        if kind.__module__.startswith("transformers."):
            continue
        if wrong := [name for name in names if getattr(kind, name, None) is not getattr(plain, name, None)]:
            raise UsageError(
                f"the callback {kind.__name__} has {', '.join(wrong)}, which whet.Trainer does not call",
                where="Trainer",
                expected="on_step_begin and on_step_end, which are called around each step of the optimiser",
                todo="Rename it to on_step_end; gradients are gone then, and grad_norm is in what on_log is given",
            )


def state_of(handler: Any, control: Any, args: TrainingArguments, steps: int, epochs: int) -> Any:
    """The TrainerState of a training that begins; of none, with 0 steps."""
    from transformers.trainer_callback import ExportableState, TrainerState

    kept: Any = [each for each in (*handler.callbacks, control) if isinstance(each, ExportableState)]
    state: Any = TrainerState(stateful_callbacks=kept, train_batch_size=args.train_batch_size)
    state.max_steps, state.num_train_epochs = steps, epochs
    state.compute_steps(args, steps)
    return state


def is_best(args: TrainingArguments, state: Any, metrics: dict[str, float]) -> bool:
    """Whether these are better than all before, by the metric that the arguments name; the state remembers it."""
    if args.metric_for_best_model is None:
        return False
    name = args.metric_for_best_model
    name = name if name.startswith("eval_") else f"eval_{name}"
    if name not in metrics:
        raise UsageError(
            f"metric_for_best_model={args.metric_for_best_model!r}",
            where="TrainingArguments",
            expected=f"one of {', '.join(sorted(metrics))}",
            todo="Return it from compute_metrics",
        )
    found, before = metrics[name], state.best_metric
    if before is not None and not (found > before if args.greater_is_better else found < before):
        return False
    state.best_metric, state.best_global_step = found, state.global_step
    return True


def _reporter(kind: Any, args: TrainingArguments) -> Any:
    reporter = kind()
    if args.logging_dir and hasattr(reporter, "logging_dir"):
        reporter.logging_dir = args.logging_dir
    return reporter


def _progress(args: TrainingArguments) -> Any:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback
    from transformers.utils.import_utils import is_in_notebook

    if args.disable_tqdm:
        return PrinterCallback
    if is_in_notebook():
        from transformers.utils.notebook import NotebookProgressCallback

        return NotebookProgressCallback
    return ProgressCallback
