"""When nobody chose a model and none can be had that has the words of the texts, a linear one is fitted; and what a
linear model has more of than a network: rows to learn from. Loads no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from whet.data.rows import apart, both
from whet.data.split import sample
from whet.inputs.reading import Labelled
from whet.model import choice
from whet.records import Notice, Splits
from whet.sentences.bilingual import joined, said, word
from whet.settings import meaningless
from whet.settings.config import Resolved, Settings
from whet.system import machine, runtime

# Validation rows of a linear model, which decide between two fits and give a temperature. A tenth of a large table
# would be many more, which are better learnt from.
JUDGED = 2_000


def settled(
    resolved: Resolved, rows: Labelled, splits: Splits, ranks: runtime.Ranks, *, own_loss: bool
) -> tuple[Resolved, Splits, list[Notice]]:
    """The job and its sides, as they are where a linear model is asked for, or taken unasked; and what must be said.
    `own_loss`: whether somebody gave a loss, which a network alone has."""
    said_of_model = list[Notice]()
    if not own_loss:
        resolved, said_of_model = instead(resolved, splits.train.texts, ranks)
    if resolved.settings.model != meaningless.LINEAR:
        return resolved, splits, []
    splits, said_of_rows = with_more_rows(rows, splits, resolved.settings)
    return resolved, splits, said_of_model + said_of_rows


def instead(resolved: Resolved, texts: Sequence[str], ranks: runtime.Ranks) -> tuple[Resolved, list[Notice]]:
    """The job, with a linear model where `--model auto` could only take a network without the words of the training
    texts. Not where somebody chose what a network alone has, such as epochs; a budget is no such thing."""
    if resolved.settings.model != "auto" or ranks.count > 1 or set(meaningless.asked(resolved)) - {"budget"}:
        return resolved, []
    reason = choice.wordless(texts, device=device_seen(resolved.settings))
    if not reason:
        return resolved, []
    resolved = resolved.with_value("model", meaningless.LINEAR, joined(word("auto"), reason, between=": "))
    return resolved, [Notice(said({"model": meaningless.LINEAR, "reason": reason}, "chosen model"), "warning")]


def device_seen(settings: Settings) -> str:
    """`gpu` or `cpu`, as far as can be told without torch, for the choice of a model."""
    return "gpu" if settings.device != "cpu" and machine.nvidia().cards > 0 else "cpu"


def with_more_rows(rows: Labelled, splits: Splits, settings: Settings) -> tuple[Splits, list[Notice]]:
    """The sides of a linear model. Of validation rows that were drawn by default JUDGED stay, and of the
    others those are learnt from that share no text and no group with these, unless somebody chose how many to learn
    from."""
    validation, train = splits.validation, splits.train
    default = Settings.__dataclass_fields__["validation"].default
    chosen = settings.validation != default or settings.train_rows is not None
    if validation is None or chosen or len(validation.texts) <= JUDGED:
        return splits, []
    kept = sample(validation, JUDGED, "validation rows of a linear model", settings.seed)
    more = apart(both(rows.sides["train"], train, validation), kept)
    if len(more.texts) <= len(train.texts):  # of sides from elsewhere, or where all is of one group
        return splits, []
    facts = {"kept": len(kept.texts), "drawn": len(validation.texts)}
    return dataclasses.replace(splits, train=more, validation=kept), [Notice(said(facts, "rows judged by"))]
