"""The head of a model: what the labels of a new job keep of one that was fine-tuned before, and what it needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from whet.errors import ModelError, quoted
from whet.labels import LabelSet
from whet.sentences.bilingual import Bilingual, joined, said

UNNAMED = re.compile(r"LABEL_\d+")  # what the library calls labels that nobody named
SPREAD = 0.02  # of the weights of a new row, where the configuration does not say
LISTED = 5  # labels that a notice names


def names_of(config: Any) -> tuple[str, ...]:
    """The labels that a model was fine-tuned for, by its configuration; empty where it names none."""
    found = tuple(str(config.id2label[i]) for i in sorted(config.id2label or {}))
    named = len(set(found)) == len(found) and not any(UNNAMED.fullmatch(name) for name in found)
    return found if named else ()


def fit(model: Any, before: Sequence[str], labels: LabelSet) -> None:
    """Gives a model with an output for each label of `before` one for each of `labels`, in their order. The rows of
    names that both have are kept to the bit; others are drawn from torch's random numbers."""
    path, old = output(model)
    new = nn.Linear(old.in_features, len(labels), bias=old.bias is not None)
    nn.init.normal_(new.weight, std=getattr(model.config, "initializer_range", SPREAD))
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    kept = [(to, before.index(name)) for to, name in enumerate(labels.names) if name in before]
    with torch.no_grad():
        for to, origin in kept:
            new.weight[to] = old.weight[origin]
            if new.bias is not None:
                new.bias[to] = old.bias[origin]
    owner, _, name = path.rpartition(".")
    setattr(model.get_submodule(owner), name, new)
    model.num_labels = len(labels)


def kept(before: Sequence[str], labels: LabelSet) -> Bilingual:
    """What is to be said of it."""
    both = sum(name in before for name in labels.names)
    new = [name for name in labels.names if name not in before]
    dropped = [name for name in before if name not in labels.names]
    parts = [said({"both": both, "count": len(labels)}, "head kept")]
    parts += [
        said({"names": _listed(names)}, key)
        for key, names in (("new labels", new), ("dropped labels", dropped))
        if names
    ]
    return joined(*parts, between="; ")


def kept_number(before: str, labels: LabelSet) -> Bilingual:
    """The same of a head whose only output is a number: as a label it is known by its name, that of its column."""
    facts = {"before": quoted(before), "name": quoted(labels.names[0])}
    return said(facts, "head of the number kept" if before in labels.names else "head of another number")


def check_padding(model: Any, name: str) -> None:
    """Raises ModelError for a decoder that cannot tell which token of a padded text is the last, which its head reads.
    `name`: of the model, as the user knows it."""
    if hasattr(model, "score") and model.config.pad_token_id is None:
        raise ModelError(
            f"{model.config.model_type} models read the last token before the padding, and config.json names no "
            "padding token",
            where=name,
            expected="a pad_token_id",
            todo="Add one to its config.json: the id of a token that no text has, such as that of the end of a text",
        )


def has_learnt(model: Any) -> bool:
    """Whether the head was trained before: a new one begins without biases."""
    bias = output(model)[1].bias
    return bias is not None and bool(bias.any())


def output(model: Any) -> tuple[str, nn.Linear]:
    """The layer whose outputs are the logits, and where it is: the last linear one beside the encoder, as in every
    architecture that classifies sequences."""
    beside = [(path, part) for path, part in model.named_modules() if path.split(".")[0] != model.base_model_prefix]
    return [(path, part) for path, part in beside if isinstance(part, nn.Linear)][-1]


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(map(quoted, names[:LISTED]))
    return said({"names": first, "count": len(names) - LISTED}, "and more") if len(names) > LISTED else first
