"""The export/ folder of a fine-tuned classifier, as ONNX Runtime answers with it: load, verify. Loads neither torch nor
transformers, and onnxruntime inside a function.

Sequences go through the graph in packs of like length, sorted, so that a long text makes no other one longer; a pack
is computed by one thread, and several packs side by side. Quantised activations have one scale for all that is
computed together, so that a neighbour would change an answer: there each sequence goes alone.

Sizes in comments: B texts, N sequences, L tokens of the longest in a pack, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whet.artifacts import sidefile
from whet.artifacts.sidefile import Engine
from whet.data.batches import means_of, sequences_of
from whet.data.tokens import Cutter, encode_in_memory
from whet.errors import ModelError
from whet.labels import LabelSet
from whet.records import Bools, Encoded, Floats, Ints, Usage
from whet.system import machine, packages

FILES: Mapping[Engine, str] = {"onnx": "model.onnx", "int8": "model_int8.onnx"}
BESIDE = ".data"  # after the name of a graph: where the weights are that it has no room for
TABLE = "export.json"
PACK_TOKENS = 512  # of a pack, with its padding
PADDED = 1.25  # how much longer the longest of a pack may be than the shortest
# Of the answers to test texts. A rounding that falls the other way moves an int8 answer by a step of its scale.
TOLERANCES: Mapping[Engine, float] = {"onnx": 1e-4, "int8": 0.05}
KEYS: Mapping[Engine, str] = {"onnx": "logits", "int8": "int8"}  # of those answers in whet.json


@dataclass(frozen=True, slots=True)
class Exported:
    """A loaded export/ folder."""

    folder: Path
    engine: Engine
    session: Any
    cutter: Cutter
    labels: LabelSet
    usage: Usage
    padding: int
    """The token that fills up a pack."""
    threads: int

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        """Of texts, or pairs of them, [B, C], and which of them were cut [B]."""
        encoded = encode_in_memory(texts, self.cutter, pairs)
        return self.all_logits(encoded), encoded.truncated

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How many tokens each is [B], about."""
        return self.cutter.likely_tokens(texts, pairs)

    def prove(self, *, quick: bool = False) -> None:
        """Raises ModelError unless the test texts of its folder, or the first few of them, are answered as they were
        when it was written."""
        side = sidefile.read(self.folder)
        given = self.all_logits(sidefile.encoded(sidefile.canaries_of(side, quick=quick), self.cutter))
        sidefile.check_answers(self.folder, side, given, TOLERANCES[self.engine], key=KEYS[self.engine])

    def all_logits(self, encoded: Encoded) -> Floats:
        """[B, C] in the order of the texts; of a text of several sequences their mean."""
        sequences = sequences_of(encoded)
        found = packs(np.diff(sequences.offsets), alone=self.engine == "int8")
        out = np.zeros((len(sequences), len(self.labels)))
        if min(self.threads, len(found)) < 2:
            answers = [self._answer(sequences, rows) for rows in found]
        else:
            with ThreadPoolExecutor(min(self.threads, len(found))) as workers:
                answers = list(workers.map(lambda rows: self._answer(sequences, rows), found))
        for rows, answer in zip(found, answers, strict=True):
            out[rows] = answer
        return means_of(encoded, out)

    def _answer(self, sequences: Encoded, rows: Ints) -> Floats:
        """Logits [N, C] of one pack."""
        starts, stops = sequences.offsets[rows], sequences.offsets[rows + 1]
        places = np.arange(int((stops - starts).max()))  # [L]
        real = places < (stops - starts)[:, None]
        ids = np.full(real.shape, self.padding, np.int64)
        ids[real] = np.concatenate([sequences.ids[a:b] for a, b in zip(starts, stops, strict=True)])
        given = {"input_ids": ids, "attention_mask": real.astype(np.int64)}
        if any(each.name == "token_type_ids" for each in self.session.get_inputs()):
            given["token_type_ids"] = np.zeros_like(ids)
            if sequences.seconds is not None:
                given["token_type_ids"] += real & (places >= sequences.seconds[rows][:, None])
        logits: Floats = self.session.run(["logits"], given)[0].astype(np.float64)
        return logits


def packs(lengths: Ints, *, alone: bool) -> list[Ints]:
    """Which sequences of these lengths [N] are computed together, the longest first: one by one, or as many of like
    length as PACK_TOKENS has room for."""
    order = np.argsort(-lengths, kind="stable")
    ends: list[int] = []
    first = 0
    for place in range(1, len(order) + 1):
        longest = lengths[order[first]]
        fits = place < len(order) and not alone and (place + 1 - first) * longest <= PACK_TOKENS
        if not (fits and longest <= PADDED * lengths[order[place]]):
            ends.append(place)
            first = place
    return np.split(order, ends[:-1]) if len(order) else []


def load(folder: Path, *, engine: Engine | None = None, threads: int | None = None) -> Exported:
    """The model of an export/ folder, verified: its files must be those that were written, but for those of another
    engine, and its answers to the first test texts too. `engine`: the folder's default
    where it is None. `threads`: as many as there are cores where it is None.

    Raises ModelError for a folder that is not as it was, MissingExtraError without onnxruntime.
    """
    packages.require_onnx()
    side = sidefile.read(folder)
    chosen: Engine = side["default"] if engine is None else engine
    if chosen not in side["engines"]:
        raise ModelError(
            f"the folder has no model for {chosen}",
            where=str(folder),
            expected=" or ".join(side["engines"]),
            todo="Export the run again with --int8",
        )
    with ThreadPoolExecutor(1) as aside:
        coming = aside.submit(session_of, folder / FILES[chosen])
        others = [name for other, name in FILES.items() if other != chosen]
        sidefile.check_files(folder, besides=[*others, *(name + BESIDE for name in others)])
        session = coming.result()
    loaded = opened(folder, side, session, chosen, threads=threads)
    loaded.prove(quick=True)
    return loaded


def opened(
    folder: Path, side: Mapping[str, Any], session: object, engine: Engine, *, threads: int | None = None
) -> Exported:
    """A model with what the folder's whet.json says of it, not verified."""
    return Exported(
        folder, engine, session, sidefile.cutter_of(folder, side), sidefile.labels_of(side), sidefile.usage_of(side),
        side["padding"], machine.allowed_cores() if threads is None else threads,
    )  # fmt: skip


def session_of(file: Path) -> Any:
    """A graph that ONNX Runtime computes on the CPU, in the thread that asks it. Raises ModelError for a file that it
    cannot read."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as faults

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # a plan for every shape that comes, which would be kept
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except (
        faults.Fail, faults.InvalidArgument, faults.InvalidGraph, faults.InvalidProtobuf, faults.NoSuchFile,
        faults.NotImplemented, faults.RuntimeException,
    ) as fault:  # fmt: skip
        raise ModelError(
            f"ONNX Runtime cannot read it: {' '.join(str(fault).split())[:200]}", where=str(file)
        ) from None
