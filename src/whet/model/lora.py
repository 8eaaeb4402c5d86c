"""Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685) by peft: small products beside frozen ones, merged at the end.

Each linear map W of the encoder's layers gets two matrices, A [R, in] and B [out, R], that are trained in its place:
what it gives is (W + SCALE B A) x. The head, whatever comes after the layers, is trained whole, for a new one is
random. All linear maps of the layers, and a scale of 2 whatever the rank, are what comparisons with whole trainings
recommend (Biderman et al. 2024, arXiv 2405.09673).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from whet.errors import UsageError
from whet.model.levels import layers_of, levels
from whet.system.runtime import quiet_libraries

SCALE = 2  # what peft calls lora_alpha, over the rank
ADAPTER = "default"  # what it calls the only set of matrices


def add(model: Any, rank: int) -> None:
    """Gives a model that is not yet trained its small matrices, and freezes all else but the head; parts that are
    frozen before get none. B is not zero until `begin`, so that whoever compares two ways through the model before sees
    whether both go through it. Raises UsageError for a rank with which there would be nothing to spare, and where
    everything below the head is frozen."""
    with quiet_libraries():
        from peft import LoraConfig, LoraModel

    trained = [each for each in model.parameters() if each.requires_grad]
    head = [each for each, level in zip(trained, levels(model, flag="--lora"), strict=True) if level == 0]
    inside = {id(part) for layer in layers_of(model) for part in layer.modules()}
    maps = {
        name: part
        for name, part in model.named_modules()
        if id(part) in inside and type(part) is nn.Linear and part.weight.requires_grad
    }
    if not maps:
        raise UsageError(
            "no layer is left to be trained",
            where="--lora",
            expected="linear maps in layers that are not frozen",
            todo="Leave out --lora, or freeze less",
        )
    most = min(min(part.weight.shape) for part in maps.values()) // 2
    if rank > most:
        raise UsageError(f"rank {rank}", where="--lora", expected=f"1 to {most}, half the width of the model")
    config = LoraConfig(
        r=rank, lora_alpha=SCALE * rank, lora_dropout=0.0, target_modules=list(maps), init_lora_weights=False
    )
    with quiet_libraries():
        LoraModel(model, config, ADAPTER)
    for part in _parts(model).values():
        part.forward = partial(_forward, part)
    for parameter in head:
        parameter.requires_grad_(True)


def begin(model: Any) -> None:
    """From now on each B is zero, as a training begins: the model answers what it would without."""
    with torch.no_grad():
        for part in _parts(model).values():
            for matrix in part.lora_B.values():
                matrix.weight.zero_()


def merge(model: Any) -> None:
    """Makes it the plain model again, with the small products added to its weights, in place."""
    for name, part in _parts(model).items():
        part.merge()
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, part.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config


def _forward(part: Any, x: Tensor) -> Tensor:
    """What a linear map gives with its matrices. On a CPU the small product is added in place: the three tensors that
    peft makes on its way are let go at once, and leave holes between what is kept that nothing fits."""
    if x.ndim != 2 or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        given: Tensor = type(part).forward(part, x)
        return given
    whole: Tensor = part.base_layer(x)
    return whole.addmm_(part.lora_A[ADAPTER](x), part.lora_B[ADAPTER].weight.t(), alpha=part.scaling[ADAPTER])


def _parts(model: Any) -> dict[str, Any]:
    """The linear maps with matrices of their own, by their names."""
    if not hasattr(model, "peft_config"):
        return {}
    from peft.tuners.lora import LoraLayer

    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLayer)}
