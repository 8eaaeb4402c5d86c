"""A fine-tuned classifier as an ONNX graph, by torch's own exporter, and the same with 8-bit weights, by ONNX Runtime.

Loads torch, onnx and onnxruntime inside its functions.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from whet.artifacts.exported import BESIDE
from whet.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LARGEST = 1_900_000_000  # bytes of weights that a single file may have: protobuf ends at 2 GB
ROWS, LENGTH = 3, 11  # of the texts by which the graph is traced; other numbers of them go through it as well


def write(model: Any, file: Path) -> None:
    """The graph of a plain transformers classifier: token ids, mask and, where it tells texts of a pair apart by them,
    types [B, L] to logits [B, C], for any B and L. Raises ModelError for an architecture that cannot be exported."""
    import torch

    try:
        graph = _traced(model)
    except Exception as fault:  # noqa: BLE001  the exporter raises anything for what a model does
        cause = fault.__cause__ or fault  # its own message is about steps to take
        reason = f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"
        raise ModelError(
            f"{model.config.model_type} models cannot be exported with this PyTorch ({torch.__version__}): {reason}",
            where="whet export",
            todo="Use the model/ folder with torch, or another PyTorch",
        ) from None
    _save(graph, file, sum(each.nbytes for each in model.parameters()))


def _traced(model: Any) -> Any:
    """The graph as onnx has it in memory."""
    import torch

    from whet.model.encoder import has_types

    class Logits(torch.nn.Module):
        """The classifier without what it returns beside."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Tensor, attention_mask: Tensor, *types: Tensor) -> Tensor:
            named = dict(zip(INPUTS[2:], types, strict=False))
            logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **named).logits
            return logits

    names = INPUTS if has_types(model.config) else INPUTS[:2]
    given = tuple(torch.ones((ROWS, LENGTH), dtype=torch.int64) for _ in names)
    sizes = {0: "batch", 1: "length"}
    shapes = (sizes, sizes, (sizes,)) if len(names) == len(INPUTS) else (sizes, sizes)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            Logits().eval(), given, dynamo=True, dynamic_shapes=shapes, input_names=names, output_names=["logits"],
            verbose=False,
        )  # fmt: skip
    assert program is not None, "with dynamo=True it returns a program"
    return program.model_proto


def averaged(models: Sequence[Any], temperature: float) -> Any:
    """Several classifiers of one configuration as one, which answers with the mean of their logits, divided by the
    temperature."""
    import torch

    class Averaged(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.members, self.config = torch.nn.ModuleList(models), models[0].config

        def forward(self, **given: Tensor) -> SimpleNamespace:
            logits = [member(**given).logits for member in self.members]
            return SimpleNamespace(logits=torch.stack(logits).mean(dim=0) / temperature)

    return Averaged()


def quantise(source: Path, target: Path) -> None:
    """The same graph with weights of 8 bits, each column of a matrix on a scale of its own, and activations that are
    brought to 8 bits as they come. Weights take 7 of the bits: the products of processors without VNNI would overflow
    (ONNX Runtime's documentation, "Quantize ONNX models"), and answers differ between machines."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    large = source.with_name(source.name + BESIDE).exists()
    with _quiet():
        quantize_dynamic(
            source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
            use_external_data_format=large,
        )  # fmt: skip


def _save(graph: Any, file: Path, size: int) -> None:
    """Without what the exporter notes beside every node, which names files of this machine."""
    import onnx

    for each in (graph, *(part for kind in _parts(graph.graph) for part in kind)):
        del each.metadata_props[:]
    if size > LARGEST:
        onnx.save_model(graph, file, save_as_external_data=True, location=file.name + BESIDE)
    else:
        onnx.save_model(graph, file)


def _parts(graph: Any) -> Iterator[Any]:
    yield [graph]
    yield from (graph.node, graph.input, graph.output, graph.value_info)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the libraries' advice, which none but their authors can follow, off the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
