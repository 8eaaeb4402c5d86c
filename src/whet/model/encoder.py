"""The only door to the model library: pretrained encoders with a head that classifies, or that tells hidden tokens.

What differs between architectures stands in one table, FAMILIES; an architecture that is not in it
still trains, by padding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from whet.disk import durable
from whet.errors import ModelError
from whet.labels import LabelSet
from whet.model import answers, deberta, head, modernbert, postnorm
from whet.model.files import ModelFiles, check_parts, code_in, read_config
from whet.model.packing import Packing
from whet.records import Batch, Ints
from whet.sentences.bilingual import said
from whet.system.runtime import quiet_libraries

# The model classes of transformers carry no types; this alias marks where one passes through.
SequenceModel = Any


class Encode(Protocol):
    """Token ids and positions [T] to what the head reads of each sequence [N, D], or of the tokens that the packing
    asks for [M, D]."""

    def __call__(
        self, model: SequenceModel, ids: Tensor, positions: Tensor, packing: Packing, *types: Tensor
    ) -> Tensor:
        """`types` [T] are given of pairs, to a model that has types of tokens."""


@dataclass(frozen=True, slots=True)
class Family:
    """What packing has to know of an architecture."""

    head: Callable[[SequenceModel, Tensor], Tensor]
    """What `encode` gave [N, D] to logits [N, C]."""
    positions: Callable[[SequenceModel, Batch], Ints]
    """Position id of each token [T]."""
    encode: Encode
    words: Callable[[SequenceModel, Tensor], Tensor]
    """Of a masked-language model: states of tokens [M, D] to what its decoder reads of them."""
    reach: Callable[[Any], int] | None = None
    """By the configuration, the tokens beyond which a token sees others differently or not at all."""
    registered: bool = False
    """Whether attention goes through the library's interface, where ours is registered."""
    flash: bool = True
    """Whether its attention is a plain one, which a flash kernel can compute."""


def _pooler_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.dropout(model.base_model.pooler(first[:, None])))
    return logits


def _sequence_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(first[:, None])
    return logits


def _distilbert_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.dropout(nn.functional.relu(model.pre_classifier(first))))
    return logits


def _bert_words(model: SequenceModel, states: Tensor) -> Tensor:
    transformed: Tensor = model.cls.predictions.transform(states)
    return transformed


def _roberta_words(model: SequenceModel, states: Tensor) -> Tensor:
    transformed: Tensor = model.lm_head.layer_norm(nn.functional.gelu(model.lm_head.dense(states)))
    return transformed


def _electra_words(model: SequenceModel, states: Tensor) -> Tensor:
    transformed: Tensor = model.generator_predictions(states)
    return transformed


def _distilbert_words(model: SequenceModel, states: Tensor) -> Tensor:
    transformed: Tensor = model.vocab_layer_norm(model.activation(model.vocab_transform(states)))
    return transformed


def _modernbert_words(model: SequenceModel, states: Tensor) -> Tensor:
    transformed: Tensor = model.head(states)
    return transformed


def _from_zero(model: SequenceModel, batch: Batch) -> Ints:
    return np.arange(len(batch.ids)) - np.repeat(batch.cu_seqlens[:-1], np.diff(batch.cu_seqlens))


def _after_padding(model: SequenceModel, batch: Batch) -> Ints:
    """RoBERTa counts on from its padding id, and does not count a padding token, which a text that
    spells it out brings along."""
    padding = int(model.config.pad_token_id)
    real = batch.ids != padding
    before = np.concatenate([[0], np.cumsum(real)])  # real tokens before each place
    counted = before[1:] - np.repeat(before[batch.cu_seqlens[:-1]], np.diff(batch.cu_seqlens))
    positions: Ints = padding + counted * real
    return positions


_ROBERTA = Family(_sequence_head, _after_padding, postnorm.encode_bert, _roberta_words)
FAMILIES = {
    "bert": Family(_pooler_head, _from_zero, postnorm.encode_bert, _bert_words),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(_sequence_head, _from_zero, postnorm.encode_bert, _electra_words),
    "distilbert": Family(_distilbert_head, _from_zero, postnorm.encode_distilbert, _distilbert_words),
    "modernbert": Family(
        modernbert.head, _from_zero, modernbert.encode, _modernbert_words, modernbert.reach, registered=True
    ),
    "deberta-v2": Family(deberta.head, _from_zero, deberta.encode, _bert_words, deberta.reach, flash=False),
}

# Parameters that a pretrained encoder may lack, because they belong to the new task.
HEAD_PARTS = ("classifier", "pooler", "pre_classifier", "score", "head")

VOCABULARIES = ("vocab.txt", "vocab.json", "*.model")
TOKENIZER_TODO = "Put the tokenizer's files beside the weights"


def load_pretrained(files: ModelFiles, labels: LabelSet, *, layers: int | None) -> tuple[SequenceModel, list[str]]:
    """The encoder with a head for these labels, in float32 on the CPU, and notices.

    `layers` keeps the first N layers. The head is drawn from torch's seeded generator. Of one that the folder
    brings the rows are kept whose labels have the same names, or all where its labels have no names and there
    are as many; a label is never given the row of a number, nor the other way. That is said. Raises ModelError for
    damaged weights, unknown architectures, encoder weights that are missing and a decoder without a padding token.
    """
    notices: list[str] = []
    with quiet_libraries():
        config = config_of(files.folder)
        before, numbers = head.names_of(config), answers.is_number(config)
        names = before or labels.names
        if layers is not None:
            config.num_hidden_layers = layers
            if getattr(config, "layer_types", None):
                config.layer_types = config.layer_types[:layers]
        _name(config, names)
        config.problem_type = answers.PROBLEMS[labels.kind]
    model, info = _from_folder(files.folder, config)
    lost = [key for key in info["missing_keys"] if not _in_head(key)]
    if lost:
        raise ModelError(
            f"weights are missing: {_named(lost)}", where=files.name, expected=f"a whole {config.model_type} encoder"
        )
    head.check_padding(model, files.name)
    is_new = any("classifier" in key or key.startswith("score.") for key in info["missing_keys"])
    replaced = bool(info["mismatched_keys"]) or (not is_new and numbers != (labels.kind == "value"))
    if names != labels.names or replaced:
        head.fit(model, () if is_new or replaced else names, labels)
        _name(model.config, labels.names)
    if replaced:
        notices.append(said({"model": files.name}, "head replaced"))
    elif before and not is_new:
        kept = head.kept_number(before[0], labels) if numbers else head.kept(before, labels)
        notices.append(said({"model": files.name, "kept": kept}, "fine-tuned before"))
    elif not is_new:
        facts = {"model": files.name, "count": len(labels)}
        notices.append(said(facts, "from a head of numbers" if numbers else "from a head of labels"))
    further = [key for key in info["unexpected_keys"] if ".layer." in key or ".layers." in key]
    if further and layers is None:
        notices.append(said({"model": files.name, "names": _named(further)}, "weights without place"))
    if code := code_in(files.folder):
        notices.append(said({"model": files.name, "names": _named(code)}, "code of a model"))
    return model, notices


def _name(config: Any, names: Sequence[str]) -> None:
    config.id2label = dict(enumerate(names))
    config.label2id = {name: i for i, name in enumerate(names)}


def load_masked(files: ModelFiles) -> tuple[SequenceModel, dict[str, Tensor], list[str]]:
    """The encoder with a head that tells hidden tokens, in float32 on the CPU; BERT's pooler, where the folder has one,
    which this head does not read and that of a classifier does, by its names in a saved model; and notices.

    A head that the folder lacks is drawn from torch's seeded generator; its output is tied to the word table where the
    architecture has it so. Raises ModelError like `load_pretrained`, and for an architecture without such a head.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    with quiet_libraries():
        config = config_of(files.folder)
    if config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES or config.is_encoder_decoder:
        raise ModelError(
            f"{config.model_type} models tell no hidden tokens",
            where=files.name,
            expected="an encoder that AutoModelForMaskedLM of transformers knows, such as BERT, RoBERTa or ModernBERT",
        )
    config.num_labels, config.problem_type = 2, None  # those of an earlier classifier name nothing here
    model, info = _from_folder(files.folder, config, "AutoModelForMaskedLM")
    own = f"{model.base_model_prefix}."
    lost = [key for key in info["missing_keys"] if key.startswith(own)]
    if lost:
        raise ModelError(
            f"weights are missing: {_named(lost)}", where=files.name, expected=f"a whole {config.model_type} encoder"
        )
    notices: list[str] = [said({"model": files.name}, "masked head made")] if info["missing_keys"] else []
    if code := code_in(files.folder):
        notices.append(said({"model": files.name, "names": _named(code)}, "code of a model"))
    poolers = [key for key in info["unexpected_keys"] if key.removeprefix(own).startswith("pooler.")]
    return model, {own + key.removeprefix(own): _weight(files.folder, key) for key in poolers}, notices


def _weight(folder: Path, name: str) -> Tensor:
    """A weight that a model folder has."""
    from safetensors import safe_open

    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, framework="pt") as weights:
            if name in weights.keys():  # noqa: SIM118  it is no mapping
                found: Tensor = weights.get_tensor(name).float()
                return found
    raise ModelError(f"{name} is not in the weights that name it", where=str(folder))


def load_saved(folder: Path) -> SequenceModel:
    """A model folder as it was saved. Raises ModelError when weights are missing or of other shape."""
    with quiet_libraries():
        config = config_of(folder)
    model, info = _from_folder(folder, config)
    broken = [*info["missing_keys"], *info["mismatched_keys"]]
    if broken:
        raise ModelError(f"weights are missing or of another shape: {_named(broken)}", where=str(folder))
    return model


def save(model: SequenceModel, folder: Path, beside: Mapping[str, Tensor] | None = None) -> None:
    """config.json and model.safetensors, as plain transformers writes and reads them. `beside`: further weights, which
    another head reads."""
    with quiet_libraries():
        weights = {**model.state_dict(), **beside} if beside else None
        model.save_pretrained(folder, state_dict=weights, safe_serialization=True)


def save_tokenizer(source: Path, folder: Path, *, max_length: int) -> None:
    """The tokenizer's files; tokenizer.json always among them. It gives types of tokens only to a model that has them:
    BERT's tokenizer would give klue/roberta-base, which has a single one, the type 1 of a second text."""
    with quiet_libraries():
        tokenizer = load_tokenizer(source)
        tokenizer.model_max_length = max_length
        if not has_types(config_of(source)):
            names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
            tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = names
        tokenizer.save_pretrained(folder)


def load_tokenizer(folder: Path) -> Any:
    """The plain transformers tokenizer of a model folder."""
    from transformers import AutoTokenizer

    try:
        with quiet_libraries():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as fault:  # noqa: BLE001  the library raises anything for what a file says
        raise ModelError(f"the tokenizer cannot be read: {_line(fault)}", where=str(folder)) from None


def make_tokenizer_json(folder: Path, cache: Path) -> Path:
    """A tokenizer.json under `cache`, for an older model that has only a vocabulary file; made once
    per content. Raises ModelError where there is none: transformers would go on with an empty one.
    """
    if not any(file for pattern in VOCABULARIES for file in folder.glob(pattern)):
        raise ModelError("no tokenizer.json and no vocabulary", where=str(folder), todo=TOKENIZER_TODO)
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in (".json", ".txt", ".model"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    made = cache / "tokenizers" / digest.hexdigest()[:32] / "tokenizer.json"
    if not made.is_file():
        tokenizer = load_tokenizer(folder)
        if not tokenizer.is_fast:
            raise ModelError("no tokenizer.json and no way to make one", where=str(folder), todo=TOKENIZER_TODO)
        made.parent.mkdir(parents=True, exist_ok=True)
        durable.write(made, tokenizer.backend_tokenizer.to_str(pretty=True))
    return made


def _from_folder(
    folder: Path, config: Any, kind: str = "AutoModelForSequenceClassification"
) -> tuple[SequenceModel, dict[str, list[str]]]:
    from safetensors import SafetensorError

    check_parts(folder)
    try:
        model, info = _pretrained(folder, config, kind)
    except SafetensorError as fault:
        raise ModelError(f"model.safetensors is damaged: {fault}", where=str(folder)) from None
    except Exception as fault:  # noqa: BLE001  the library raises anything for what a file says
        raise ModelError(f"the weights cannot be read: {_line(fault)}", where=str(folder)) from None
    _own(model)
    # transformers gives (name, shape in the file, shape of the model) for each of these.
    mismatched = [str(key[0]) for key in info["mismatched_keys"]]
    broken = [key for key in mismatched if not _in_head(key)]
    if broken:
        raise ModelError(f"weights of another shape than config.json says: {_named(broken)}", where=str(folder))
    # A finite sum, ten times cheaper to have, proves finite values; huge ones may have none.
    infinite = [
        name
        for name, value in model.state_dict().items()
        if not torch.isfinite(value.sum()) and not torch.isfinite(value).all()
    ]
    if infinite:
        raise ModelError(f"weights are not finite: {_named(infinite)}", where=str(folder))
    found = {name: sorted(info[name]) for name in ("missing_keys", "unexpected_keys")}
    return model, {**found, "mismatched_keys": mismatched}


def _pretrained(folder: Path, config: Any, kind: str) -> tuple[SequenceModel, dict[str, Any]]:
    import transformers

    with quiet_libraries():
        loaded: tuple[SequenceModel, dict[str, Any]] = getattr(transformers, kind).from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    return loaded


def _line(fault: Exception) -> str:
    """What a library says of a fault, on one short line."""
    return " ".join(str(fault).split())[:200] or type(fault).__name__


def _own(model: SequenceModel) -> None:
    """Gives every weight memory of its own. The mapped file puts them at any address, and a product
    may round otherwise by where a matrix lies: the same weights out of another file would not give
    the same bits. And a file that is replaced later must not change a loaded model."""
    for weight in model.parameters():
        weight.data = weight.data.clone()


def config_of(folder: Path) -> Any:
    """The configuration of a model folder. Raises ModelError."""
    from transformers import CONFIG_MAPPING, AutoConfig

    kind = read_config(folder)["model_type"]
    if kind not in CONFIG_MAPPING:
        raise ModelError(
            f"transformers knows no architecture {kind!r}",
            where=str(folder / "config.json"),
            todo="Upgrade transformers, or choose another model",
        )
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as fault:  # noqa: BLE001  the library raises anything for what a file says
        raise ModelError(_line(fault), where=str(folder / "config.json")) from None
    # A kernel from a hub is none of ours, under whatever name it was asked for.
    config._attn_implementation = config._experts_implementation = None
    return config


def _in_head(key: str) -> bool:
    return any(part in key.split(".") for part in HEAD_PARTS)


def has_types(config: Any) -> bool:
    """Whether a model tells the texts of a pair apart by the types of their tokens."""
    return (getattr(config, "type_vocab_size", None) or 0) > 1


def _named(keys: Sequence[str]) -> str:
    """The first three, and how many more there are."""
    first = ", ".join(sorted(keys)[:3])
    return said({"names": first, "count": len(keys) - 3}, "and more") if len(keys) > 3 else first
