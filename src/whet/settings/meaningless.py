"""What a linear model does not know: tokens, steps, devices, processes. Which settings mean nothing to it."""

from __future__ import annotations

from whet.errors import UsageError
from whet.sentences.bilingual import said
from whet.settings.config import Resolved, Settings

LINEAR = "linear"  # as --model has it
SETTINGS = (
    "max_length", "truncation", "layers", "freeze", "lora", "epochs", "budget", "batch_size", "learning_rate", "llrd",
    "ema", "dropout", "weight_decay", "warmup", "max_grad_norm", "class_weights", "sampling", "focal",
    "label_smoothing", "evaluate_every", "early_stopping", "seeds", "keep", "checkpoint_every", "mirror",
    "require_gpu", "learning_curve", "teacher", "unlabelled", "unlabelled_rows",
)  # fmt: skip
OTHERS = {"device": ("auto", "cpu"), "precision": ("auto", "fp32")}  # than these mean nothing either


def check(resolved: Resolved, processes: int) -> tuple[Resolved, list[str]]:
    """The job, and what must be said. Of a linear model settings that mean nothing to it raise UsageError, but for
    those of a recipe, which nobody can take back: they are left out, and that is said."""
    settings, reasons = resolved.settings, resolved.reasons
    if settings.model != LINEAR:
        return resolved, []
    if processes > 1:
        saw = f"{processes} processes with --model linear"
        raise UsageError(saw, where="torchrun", expected="a single process, which fits it")
    names = asked(resolved)
    refused = [name for name in names if reasons[name] in ("given", reasons["model"])]
    if refused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in refused)
        raise UsageError(
            f"{flags} with --model linear",
            expected="settings of a model that has no tokens and no steps, and is fitted on the CPU",
            todo=f"Leave out {flags}",
        )
    for name in names:
        resolved = resolved.with_value(name, Settings.__dataclass_fields__[name].default, "default")
    return resolved, [said({"names": ", ".join(names)}, "left out for a linear model")] if names else []


def asked(resolved: Resolved) -> list[str]:
    """The settings that mean nothing to a linear model, and that somebody or a recipe chose."""
    settings, reasons = resolved.settings, resolved.reasons
    names = [name for name in SETTINGS if reasons[name] != "default" and getattr(settings, name) not in (None, False)]
    return names + [name for name, known in OTHERS.items() if getattr(settings, name) not in known]
