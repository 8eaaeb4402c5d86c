"""The learning rate that suits what is trained.

Small matrices that begin at zero want a higher rate than the weights that they stand beside: ten times that of a whole
training over many models and data sets (Schulman et al. 2025, LoRA Without Regret), and 4e-4 to 5e-4 for RoBERTa in
the table of the paper they come from (Hu et al. 2021, arXiv 2106.09685). A head that is trained alone, with the rate of
a whole training, has hardly moved by its end: docs/log.md. Loads no torch.
"""

from __future__ import annotations

from whet.bilingual import said
from whet.config import Resolved

OF_A_PART = 5e-4


def fitting_rate(resolved: Resolved) -> tuple[Resolved, str]:
    """The job with the learning rate of LoRA, or of a head that is trained alone, and what is to be said of it; as it
    was, and '', where it has neither, or somebody chose the rate."""
    settings = resolved.settings
    part = "lora" if settings.lora is not None else "head" if settings.freeze == "encoder" else None
    if part is None or resolved.reasons["learning_rate"] != "default":
        return resolved, ""
    facts = {"rate": OF_A_PART, "default": settings.learning_rate}
    return resolved.with_value("learning_rate", OF_A_PART, said({}, f"rate of {part}")), said(facts, f"rate for {part}")
