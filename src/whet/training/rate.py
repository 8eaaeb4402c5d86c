"""The learning rate that suits what is trained.

Small matrices that begin at zero want a higher rate than the weights that they stand beside: ten times that of a whole
training over many models and data sets (Schulman et al. 2025, LoRA Without Regret), and 4e-4 to 5e-4 for RoBERTa in
the table of the paper they come from (Hu et al. 2021, arXiv 2106.09685). Loads no torch.
"""

from __future__ import annotations

from whet.bilingual import said
from whet.config import Resolved

OF_LORA = 5e-4


def fitting_rate(resolved: Resolved) -> tuple[Resolved, str]:
    """The job with the learning rate of LoRA, and what is to be said of it; as it was, and '', where it has none, or
    somebody chose the rate."""
    if resolved.settings.lora is None or resolved.reasons["learning_rate"] != "default":
        return resolved, ""
    facts = {"rate": OF_LORA, "default": resolved.settings.learning_rate}
    return resolved.with_value("learning_rate", OF_LORA, said({}, "rate of lora")), said(facts, "rate for lora")
