"""In which numbers a training computes, and why in these."""

from __future__ import annotations

from whet.sentences.bilingual import said
from whet.settings.config import Precision, PrecisionName

# torch's own questions to the processor, by what makes its products of that precision fast.
PROCESSOR_HAS = {
    "bf16": ("_is_avx512_bf16_supported", "_is_amx_tile_supported"),
    "fp16": ("_is_amx_fp16_supported",),
}
NOT_MADE_FOR_LESS = said({}, "not made for less")


def choose(asked: PrecisionName, device: str) -> tuple[Precision, str]:
    """For a training on this device, and why. Loads torch."""
    import torch

    cuda = device.startswith("cuda")
    # Without emulation: an older card computes bf16 by way of fp32, which is slower than fp32 itself.
    native = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    if asked == "auto":
        if device == "cpu" and _has("bf16"):
            return "bf16", said({}, "processor has bf16")
        if not cuda:
            return "fp32", NOT_MADE_FOR_LESS
        return ("bf16", said({}, "bf16 is there")) if native else ("fp16", said({}, "no bf16"))
    if cuda and asked == "bf16" and not native:
        return asked, said({}, "emulated")
    if device == "cpu" and asked in PROCESSOR_HAS:
        return asked, said({}, "processor is quick" if _has(asked) else "processor is slow")
    return asked, said({}, "given")


def _has(precision: Precision) -> bool:
    """Whether the processor has instructions for products of this precision."""
    import torch

    # Another version of torch may know fewer of these questions.
    return any(getattr(torch.cpu, name, bool)() for name in PROCESSOR_HAS[precision])
