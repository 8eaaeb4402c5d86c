"""A sequence classifier that takes batches laid end to end and pads nothing it need not pad."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from whet.data.batches import cut, encoded_of, evaluation_batches, filled, means_of, sequences_of, tokens_of
from whet.errors import TrainingError
from whet.labels import Kind, LabelSet
from whet.model import answers, kernels, lora, packed, threads
from whet.model.copies import to_device
from whet.model.dropout import DropoutStream, replace_dropouts, restore_dropouts, set_rate
from whet.model.encoder import FAMILIES, Family, SequenceModel, has_types, load_pretrained
from whet.model.exhausted import is_exhausted, left, save_memory
from whet.model.files import ModelFiles
from whet.model.flash import Found, find
from whet.model.levels import freeze
from whet.model.loss import Loss
from whet.model.packing import plan
from whet.model.precision import DTYPES, lowered
from whet.model.recompute import recompute_layers
from whet.model.trained import sizes
from whet.records import Batch, Bools, Encoded, Floats, Ints, Targets
from whet.sentences.bilingual import said
from whet.settings.config import Precision, Settings
from whet.system import runtime
from whet.system.runtime import quiet_libraries

CHECK_TOLERANCE = 1e-4
CHECK_LENGTHS = (5, 3, 8, 5)
BEYOND_REACH = 32  # tokens that two more texts of the check have beyond a family's reach,
CHECKED_AT_MOST = 160  # within this length: loading a large model should stay quick
EVALUATION_TOKENS = {"cpu": 4_096, "gpu": 65_536}


class Classifier:
    """Logits of batches, packed where the architecture allows it.

    `packed` tells which route was taken, `packing_reason` why, `even` whether on the other one only texts of one
    length are computed together, without padding, `flash` whether flash attention is used, and why. `model` is the
    plain transformers model; its parameters are trained in place.
    `pack_tokens` is what a pack of an evaluation may have, less after memory ran out in one.
    `plain_attention` is for tests and benchmarks: it leaves flash attention out. `tied`: whether its outputs
    are made with the word table, of which then every row has a gradient.
    """

    tied = False
    output_bytes = 0.0  # that a token of a step has on average in what the loss is made of, where that is much

    def __init__(
        self,
        model: SequenceModel,
        *,
        device: str,
        seed: int,
        precision: Precision = "fp32",
        plain_attention: bool = False,
    ) -> None:
        self.model = model.to(device)
        self.device = torch.device(device)
        self.stream = DropoutStream(seed)
        self.kind: Kind = answers.kind_of(self.model.config)
        self.scale = answers.Scale()  # of the numbers that it learns
        self.precision: Precision = "fp32"  # in which packed and single texts are compared
        self.packed = self.even = False
        self._recompute: bool | None = None  # None: nobody asked for it
        self._stock: str = self.model.config._attn_implementation
        self.packing_reason = self._try_packing()
        self.flash = Found(False, "plain attention was asked for") if plain_attention else self._try_flash(precision)
        self.precision = precision
        self.pack_tokens = EVALUATION_TOKENS["cpu" if self.device.type == "cpu" else "gpu"]
        replace_dropouts(self.model, self.stream)

    def logits(self, batch: Batch, precision: Precision | None = None) -> Tensor:
        """[B, C] in float32, in the order of the batch's rows; of a row of several sequences their mean. Computed in
        the precision of the training, or in another one."""
        with lowered(precision or self.precision, self.device):
            logits = self._packed(batch) if self.packed else self._padded(batch)
        return self._pooled(logits.float(), batch)

    @property
    def evaluation_precision(self) -> Precision:
        """On a CPU the one in which the saved model answers, so that scores are those of its answers to the last bit:
        an evaluation is the smaller part of a job. On a card it is that of the training."""
        return "fp32" if self.device.type == "cpu" else self.precision

    def begin(self, targets: Targets, loss: Loss) -> None:
        """Readies the head to learn these targets."""
        self.scale = answers.scale_to(targets, self.kind, self.model, loss)

    def fold(self) -> None:
        """From now on the model is a plain one, as it is to be saved: it answers in the units of its numbers, and what
        LoRA has learnt is in its weights."""
        answers.fold(self.model, self.scale)
        self.scale = answers.Scale()
        lora.merge(self.model)

    def cool(self, temperature: float) -> None:
        """From now on the model itself answers with its logits divided by this."""
        answers.cool(self.model, temperature)

    def recompute(self) -> bool:
        """From now on the layers are computed again in the backward pass, instead of keeping what it
        needs of them. False where the architecture does not let us."""
        if self._recompute is None:
            ours = self.packed and not self._is_registered
            self._recompute = ours or recompute_layers(self.model, self.stream)
        return self._recompute

    def release(self) -> None:
        """Leaves the model as plain transformers has it, with its own attention and dropout, for others to use."""
        restore_dropouts(self.model)
        self.model.get_input_embeddings().sparse = False
        if self._is_registered:
            self._use_attention(self._stock)

    def resume(self) -> None:
        """Takes it back for batches of ours."""
        replace_dropouts(self.model, self.stream)
        if self._is_registered:
            self._use_attention(packed.NAME)

    @property
    def _is_registered(self) -> bool:
        return self.packed and FAMILIES[self.model.config.model_type].registered

    @contextmanager
    def in_fp32(self) -> Iterator[None]:
        """A block in which logits are computed in fp32, whatever the training does."""
        kept, self.precision = self.precision, "fp32"
        try:
            yield
        finally:
            self.precision = kept

    def packs(self, encoded: Encoded, *, part: int = 0, parts: int = 1) -> Iterator[tuple[Ints, Floats]]:
        """Evaluation logits of all rows, pack by pack: row indices [B] and logits [B, C], numbers in their
        units. Of `parts` only every `parts`-th pack, from the 0-based `part` on."""
        self.model.eval()
        on_cpu = self.device.type == "cpu"
        at_once, budget = threads.at_once() if on_cpu else 1, EVALUATION_TOKENS["cpu" if on_cpu else "gpu"]
        packs = islice(evaluation_batches(encoded, tokens=budget, at_once=at_once * parts), part, None, parts)
        while waiting := list(islice(packs, at_once)):
            while waiting:
                waiting = [smaller for batch in waiting for smaller in cut(batch, self.pack_tokens)]
                found = self._tried(waiting[:at_once])
                if found is None:
                    at_once = 1 if self._must_be_alone(waiting[:at_once]) else at_once
                    continue
                yield from zip((batch.rows for batch in waiting[:at_once]), found, strict=True)
                waiting = waiting[at_once:]

    def all_logits(self, encoded: Encoded, *, part: int = 0, parts: int = 1) -> Floats:
        """Evaluation logits [B, C] in row order, of which the sum over all parts is the answer: zeros in the rows of
        other parts, and of a row of several sequences the share of those of this part in their mean."""
        sequences = sequences_of(encoded)  # they need not share a pack
        out = np.zeros((len(sequences), self.model.config.num_labels))
        for rows, logits in self.packs(sequences, part=part, parts=parts):
            out[rows] = logits
        return means_of(encoded, out)

    def _tried(self, batches: Sequence[Batch]) -> list[Floats] | None:
        """The answers to batches, computed side by side; None where memory ran out."""
        try:
            return threads.each(partial(self._answer, batches), len(batches))
        except (RuntimeError, MemoryError) as fault:
            if not is_exhausted(fault):
                raise
        return None

    def _must_be_alone(self, batches: Sequence[Batch]) -> bool:
        """After memory ran out in these: packs become smaller or, where they cannot, one is computed
        at a time. Raises TrainingError where one was."""
        save_memory(self.device)
        largest = max(len(batch.ids) for batch in batches)
        longest = max(int(tokens_of(encoded_of(batch)).max()) for batch in batches)
        if largest > longest:
            self.pack_tokens = max(longest, largest // 2)
            return False
        if len(batches) == 1:
            raise TrainingError(
                f"out of memory with a single text of {longest:,} tokens, and {left(self.device)}",
                todo="Lower --max-length, or take a smaller --model or fewer --layers",
            )
        return True

    def _answer(self, batches: Sequence[Batch], index: int) -> Floats:
        with torch.inference_mode():
            logits: Floats = self.logits(batches[index], self.evaluation_precision).cpu().double().numpy()
        if self.scale == answers.Scale():
            return logits
        return logits * self.scale.deviation + self.scale.mean

    def _packed(self, batch: Batch) -> Tensor:
        return self._family.head(self.model, self._states(batch))

    @property
    def _family(self) -> Family:
        return FAMILIES[self.model.config.model_type]

    def _states(self, batch: Batch, asked: Tensor | None = None) -> Tensor:
        """What the head reads of each sequence [N, D], or of the tokens that are asked for [M, D]."""
        family, sequences = self._family, len(batch.cu_seqlens) - 1
        if self.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            batch = filled(batch)  # its products are made ready for each number of tokens: docs/log.md, 2026-11-29
        given = batch.ids, family.positions(self.model, batch), *self._types(batch)
        ids, positions, *types = self.tensors(*given)
        most = kernels.most_weights(self.model.config.num_attention_heads) if self.device.type == "cpu" else None
        flash = self.precision != "fp32" and self.flash.usable
        packing = plan(batch.cu_seqlens, self.stream, self.device, most=most, flash=flash)
        packing = dataclasses.replace(packing, recompute=bool(self._recompute), asked=asked)
        states = family.encode(self.model, ids, positions, packing, *types)
        return states if asked is not None else states[:sequences]

    def _padded(self, batch: Batch) -> Tensor:
        """Groups of like length, each padded to its longest, or of one length."""
        parts, types = [], self._types(batch)
        for group in plan(batch.cu_seqlens, self.stream, torch.device("cpu"), even=self.even).groups:
            span = batch.ids[group.start : group.stop]
            real = np.ones((group.count, group.length), np.int64)
            if group.mask is not None:
                real = group.mask[:, 0, 0].numpy().astype(np.int64)
            ids = np.full(real.shape, self.model.config.pad_token_id or 0, np.int64)
            ids[real.astype(bool)] = span
            padded = [np.zeros(real.shape, np.int64) for _ in types]
            for laid, flat in zip(padded, types, strict=True):
                laid[real.astype(bool)] = flat[group.start : group.stop]
            tokens, mask, *laid_out = self.tensors(ids, real, *padded)
            named = dict(zip(("token_type_ids",), laid_out, strict=False))
            logits = self.model(input_ids=tokens, attention_mask=mask, **named).logits
            parts.append(self._read(logits, batch, slice(group.start, group.stop), real.astype(bool)))
        return torch.cat(parts)

    def _read(self, logits: Tensor, batch: Batch, tokens: slice, real: Bools) -> Tensor:
        """What is read of the answers of the plain model to padded sequences: at the `real` places [n, L] they are
        these tokens of the batch."""
        return logits

    def _pooled(self, logits: Tensor, batch: Batch) -> Tensor:
        """Logits of sequences [N, C] to those of rows [B, C]."""
        if batch.owners is None:
            return logits
        counts = np.bincount(batch.owners, minlength=len(batch.rows))
        order, lengths = self.tensors(np.argsort(batch.owners, kind="stable"), counts)
        # Adds each row's in their order, which index_add on a GPU does not. `unsafe`: that the counts add up need not
        # be checked, for which the host would wait.
        return torch.segment_reduce(logits[order], "mean", lengths=lengths, unsafe=True)

    def _types(self, batch: Batch) -> list[Ints]:
        """The type of each token [T], 1 from the second text of a pair on, where the model tells texts apart by it;
        else none."""
        if batch.seconds is None or not has_types(self.model.config):
            return []
        lengths = np.diff(batch.cu_seqlens)
        second = np.repeat(batch.cu_seqlens[:-1] + batch.seconds, lengths)
        return [(np.arange(len(batch.ids)) >= second).astype(np.int64)]

    def tensors(self, *values: Ints) -> list[Tensor]:
        """Whole numbers on the model's device."""
        there = [torch.from_numpy(np.ascontiguousarray(value, dtype=np.int64)) for value in values]
        return to_device(there, self.device)

    def labels(self, batch: Batch) -> Tensor:
        """What the logits are held against, on the model's device: ids [N], shares or marks [N, C], or numbers [N] on
        the scale that they are learnt on."""
        assert batch.labels is not None
        if self.kind == "one" and batch.labels.ndim == 1:
            return self.tensors(np.asarray(batch.labels, dtype=np.int64))[0]
        values = (batch.labels - self.scale.mean) / self.scale.deviation if self.kind == "value" else batch.labels
        return to_device([torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))], self.device)[0]

    def weights(self, batch: Batch) -> Tensor | None:
        """What each row counts in the training [N], on the model's device; None: all alike."""
        if batch.weights is None:
            return None
        return to_device([torch.from_numpy(np.ascontiguousarray(batch.weights, dtype=np.float32))], self.device)[0]

    def _try_flash(self, precision: Precision) -> Found:
        config, family = self.model.config, FAMILIES.get(self.model.config.model_type)
        if not self.packed or family is None:
            return Found(False, "flash attention is for packed batches")
        if not family.flash:
            return Found(False, f"{config.model_type} models add to their scores what flash attention cannot")
        window = family.reach(config) if family.reach else None
        width = config.hidden_size // config.num_attention_heads
        return find(self.device, DTYPES[precision], width=width, window=window)

    def _try_packing(self) -> str:
        """Switches packed attention on and compares it with single texts; back off where they
        differ, for an architecture may ignore a registered attention without an error."""
        kind = self.model.config.model_type
        if kind not in FAMILIES:
            # Layers that mix neighbouring places, such as those of FNet and ConvBERT, take padding for text.
            try:
                gap, scale = self._compare(None)
            except (AttributeError, IndexError, ValueError):
                # BART wants a token that ends a text (with transformers 5.3 an IndexError); CANINE has no vocabulary.
                return said({"kind": kind}, "not packed yet")
            self.even = not gap <= CHECK_TOLERANCE * max(1.0, scale)
            return said({"kind": kind, "gap": gap}, "padded differs" if self.even else "not packed yet")
        try:
            gap, scale = self._compare(FAMILIES[kind])
        except (AttributeError, ImportError, TypeError, NotImplementedError) as fault:
            # Another version of transformers may have moved a part or a function or taken other
            # arguments, and another device may lack an operation.
            reason = said({"kind": kind, "fault": f"{type(fault).__name__}: {fault}"}, "not packed here")
        else:
            if gap <= CHECK_TOLERANCE * max(1.0, scale):
                self.packed = True
                return f"packed and single texts agree to {gap:.0e}"
            reason = said({"gap": gap}, "packed differs")
        self._use_attention(self._stock)
        return reason

    def _use_attention(self, name: str) -> None:
        with quiet_libraries():
            self.model.set_attn_implementation(name)
        # Up to 5.3 the call refuses ModernBERT, whose layers look into the configuration all the same.
        self.model.config._attn_implementation = name

    def _compare(self, family: Family | None) -> tuple[float, float]:
        """The largest difference between packed and single texts, without a family padded ones, and the largest
        logit."""
        batch = _check_batch(self.model.config, family)
        spans = zip(batch.cu_seqlens[:-1], batch.cu_seqlens[1:], strict=True)
        self.model.eval()
        with torch.inference_mode():
            alone = torch.cat([self._alone(batch, int(a), int(b)) for a, b in spans])
            if family is not None and family.registered:
                packed.register()
                self._use_attention(packed.NAME)
            together = self._padded(batch) if family is None else self._together(batch)
        return float((together - alone).abs().max()), float(alone.abs().max())

    def _together(self, batch: Batch) -> Tensor:
        """What is compared of a packed batch with what the plain model answers."""
        return self._packed(batch)

    def _alone(self, batch: Batch, start: int, stop: int) -> Tensor:
        """What the plain model answers to one sequence of a batch."""
        given = [values[start:stop] for values in (batch.ids, *self._types(batch))]
        tensors = [values[None] for values in self.tensors(*given)]
        named = dict(zip(("input_ids", "token_type_ids"), tensors, strict=False))
        logits: Tensor = self.model(**named).logits
        return logits


def fresh(
    files: ModelFiles, labels: LabelSet, machine: runtime.Runtime, settings: Settings, *, seed: int
) -> tuple[Classifier, list[str]]:
    """A pretrained encoder with a new head on the device of a job, and what must be said about it.

    The head is drawn by the settings' seed and alike in every process of a job; dropout by `seed`.
    """
    with runtime.loading():
        model, told = load_pretrained(files, labels, layers=settings.layers)
    if settings.freeze is not None:
        freeze(model, settings.freeze)
    if settings.dropout is not None:
        set_rate(model, settings.dropout)
    if settings.lora is not None:
        lora.add(model, settings.lora)
    if asked := [f"--{name} {value}" for name in ("freeze", "lora") if (value := getattr(settings, name)) is not None]:
        trained, every = sizes(model)
        told.append(said({"trained": trained, "every": every, "asked": " ".join(asked)}, "trained in part"))
    if seed != settings.seed:
        runtime.apply(machine, seed)
    classifier = Classifier(model, device=machine.device, seed=seed, precision=machine.precision)
    lora.begin(model)
    if not classifier.packed:
        told.append(said({"reason": classifier.packing_reason}, "of one length" if classifier.even else "padded"))
    if classifier.flash.failed:
        told.append(said({"reason": classifier.flash.reason}, "in groups"))
    return classifier, told


def _check_batch(config: Any, family: Family | None) -> Batch:
    lengths = list(CHECK_LENGTHS)
    if family is not None and family.reach is not None:
        longest = min(family.reach(config) + BEYOND_REACH, CHECKED_AT_MOST, config.max_position_embeddings)
        lengths += [longest - 1, longest]  # one group, of which one text is padded
    generator = np.random.Generator(np.random.PCG64(0))
    cu_seqlens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    # The upper half of the vocabulary holds no special tokens in the models at hand.
    ids = generator.integers(config.vocab_size // 2, config.vocab_size, int(cu_seqlens[-1])).astype(np.int64)
    seconds = np.asarray(lengths, dtype=np.int64) // 2  # as if they were pairs
    return Batch(ids, cu_seqlens, np.arange(len(lengths), dtype=np.int64), None, seconds)
