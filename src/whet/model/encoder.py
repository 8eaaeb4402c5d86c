"""The only door to the model library: pretrained encoders with a classification head.

What differs between architectures stands in one table, FAMILIES; an architecture that is not in it
still trains, by padding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from whet.errors import ModelError
from whet.labels import LabelSet
from whet.model.files import ModelFiles, read_config
from whet.runtime import quiet_libraries

# The model classes of transformers carry no types; this alias marks where one passes through.
SequenceModel = Any


@dataclass(frozen=True, slots=True)
class Family:
    """What packing has to know of an architecture."""

    head: Callable[[SequenceModel, Tensor], Tensor]
    """First-token states [N, D] to logits [N, C]."""
    first_position: Callable[[SequenceModel], int] = lambda model: 0
    """Position id of a sequence's first token."""


def _pooler_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.dropout(model.base_model.pooler(first[:, None])))
    return logits


def _sequence_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(first[:, None])
    return logits


def _distilbert_head(model: SequenceModel, first: Tensor) -> Tensor:
    logits: Tensor = model.classifier(model.dropout(nn.functional.relu(model.pre_classifier(first))))
    return logits


def _after_padding(model: SequenceModel) -> int:
    # RoBERTa counts positions from the one after its padding id.
    return int(model.config.pad_token_id) + 1


_ROBERTA = Family(_sequence_head, _after_padding)
FAMILIES = {
    "bert": Family(_pooler_head),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(_sequence_head),
    "distilbert": Family(_distilbert_head),
}

# Parameters that a pretrained encoder may lack, because they belong to the new task.
HEAD_PARTS = ("classifier", "pooler", "pre_classifier", "score", "head")


def longest_input(folder: Path) -> int:
    """Tokens the model has positions for, special tokens included; from config.json alone."""
    config = read_config(folder)
    positions = config.get("max_position_embeddings", config.get("n_positions", 512))
    if not isinstance(positions, int):
        raise ModelError(f"max_position_embeddings is {positions!r}", where=str(folder / "config.json"))
    if config["model_type"] in ("roberta", "xlm-roberta", "camembert"):
        pad = config.get("pad_token_id", 1)
        return positions - (pad if isinstance(pad, int) else 1) - 1
    return positions


def load_pretrained(files: ModelFiles, labels: LabelSet, *, layers: int | None) -> tuple[SequenceModel, list[str]]:
    """The encoder with a new head for these labels, in float32 on the CPU, and notices.

    `layers` keeps the first N layers. The head is drawn from torch's seeded generator. Raises
    ModelError for damaged weights, unknown architectures and encoder weights that are missing.
    """
    from transformers import AutoConfig

    notices: list[str] = []
    with quiet_libraries():
        config = AutoConfig.from_pretrained(files.folder, local_files_only=True, trust_remote_code=False)
        if layers is not None:
            if layers > config.num_hidden_layers:
                raise ModelError(
                    f"--layers {layers}, but {files.name} has {config.num_hidden_layers}",
                    where="--layers",
                    expected=f"1 to {config.num_hidden_layers}",
                )
            config.num_hidden_layers = layers
        config.id2label = dict(enumerate(labels.names))
        config.label2id = {name: i for i, name in enumerate(labels.names)}
        config.problem_type = "single_label_classification"
    model, info = _from_folder(files.folder, config)
    lost = [key for key in info["missing_keys"] if not _in_head(key)]
    if lost:
        raise ModelError(
            f"weights are missing: {', '.join(sorted(lost)[:3])} and {max(0, len(lost) - 3)} more",
            where=files.name,
            expected=f"a whole {config.model_type} encoder",
        )
    if info["mismatched_keys"]:
        notices.append(f"{files.name} was fine-tuned for other labels; its head is replaced by a new one")
    return model, notices


def load_saved(folder: Path) -> SequenceModel:
    """A model folder as it was saved. Raises ModelError when weights are missing or of other shape."""
    from transformers import AutoConfig

    read_config(folder)
    with quiet_libraries():
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model, info = _from_folder(folder, config)
    broken = [*info["missing_keys"], *(str(key) for key in info["mismatched_keys"])]
    if broken:
        raise ModelError(f"weights are missing or misshapen: {', '.join(broken[:3])}", where=str(folder))
    return model


def save(model: SequenceModel, folder: Path) -> None:
    """config.json and model.safetensors, as plain transformers writes and reads them."""
    with quiet_libraries():
        model.save_pretrained(folder, safe_serialization=True)


def save_tokenizer(source: Path, folder: Path, *, max_length: int) -> None:
    """The tokenizer's files; tokenizer.json always among them."""
    with quiet_libraries():
        tokenizer = load_tokenizer(source)
        tokenizer.model_max_length = max_length
        tokenizer.save_pretrained(folder)


def load_tokenizer(folder: Path) -> Any:
    """The plain transformers tokenizer of a model folder."""
    from transformers import AutoTokenizer

    with quiet_libraries():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def tokenizer_json(folder: Path, cache: Path) -> Path:
    """The folder's tokenizer.json; made once under `cache` where an older model has only a
    vocabulary file."""
    own = folder / "tokenizer.json"
    if own.is_file():
        return own
    made = cache / "tokenizers" / folder.name / "tokenizer.json"
    if not made.is_file():
        tokenizer = load_tokenizer(folder)
        if not tokenizer.is_fast:
            raise ModelError("no tokenizer.json and no way to make one", where=str(folder))
        made.parent.mkdir(parents=True, exist_ok=True)
        tokenizer.backend_tokenizer.save(str(made))
    return made


def _from_folder(folder: Path, config: Any) -> tuple[SequenceModel, dict[str, Sequence[Any]]]:
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    try:
        with quiet_libraries():
            model, info = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except SafetensorError as fault:
        raise ModelError(f"model.safetensors is damaged: {fault}", where=str(folder)) from None
    except (ValueError, OSError, RuntimeError) as fault:
        raise ModelError(str(fault).splitlines()[0][:200], where=str(folder)) from None
    broken = [str(key) for key in info["mismatched_keys"] if not _in_head(str(key))]
    if broken:
        raise ModelError(f"weights of another shape than config.json says: {', '.join(broken[:3])}", where=str(folder))
    infinite = [name for name, value in model.state_dict().items() if not torch.isfinite(value).all()]
    if infinite:
        raise ModelError(f"weights are not finite: {', '.join(infinite[:3])}", where=str(folder))
    return model, info


def _in_head(key: str) -> bool:
    return any(part in key.split(".") or part in key.split("'")[-1].split(".") for part in HEAD_PARTS)
