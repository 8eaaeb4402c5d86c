"""From a model's name to a local folder with config, tokenizer and safetensors weights.

Needs neither torch nor transformers. Remote code is never run and pickled weights never read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whet.errors import ModelError, did_you_mean
from whet.hub import reach, snapshot
from whet.model import embedded
from whet.settings import values
from whet.settings.values import shown

TOKENIZER_FILES = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt",
    "vocab.json", "merges.txt", "*.model", "added_tokens.json",
)  # fmt: skip
# Architectures whose first position is the one after the padding id.
COUNT_AFTER_PADDING = (
    "roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "xlm-roberta-xl", "roberta-prelayernorm",
    "data2vec-text", "ibert", "xmod",
)  # fmt: skip
# Keys of a configuration that make the library load code, kernels or files that the folder or a hub brings along.
HOSTILE = re.compile(
    r"auto_map|trust_remote_code|model_file|transformers_weights|custom_\w+|use_kernels?|kernel_(config|mapping)"
    r"|\w*_implementation(_\w+)?"
)
AUTOSET = "_attn_implementation_autoset"  # which transformers 4.46 to 4.50 wrote into many a model's file
SIZES = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size", "num_labels", "dim",
    "n_layers", "n_heads", "hidden_dim", "embedding_size",
)  # fmt: skip
LARGEST = 2_000_000
# What transformers 5.3 takes at any type, where later versions do not: a text counts as true, and what is no number
# ends in the middle of a computation.
TYPES: Mapping[str, tuple[tuple[type, ...], tuple[str, ...]]] = {
    "true or false": ((bool,), (
        "is_decoder", "add_cross_attention", "tie_word_embeddings", "sinusoidal_pos_embds", "relative_attention",
        "position_biased_input", "norm_bias", "attention_bias", "mlp_bias", "classifier_bias",
    )),
    "a number": ((int, float), ("layer_norm_eps", "norm_eps")),
    "a whole number": ((int,), ("chunk_size_feed_forward",)),
    "a name": ((str,), ("hidden_act", "pooler_hidden_act")),
}  # fmt: skip
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "model-*.safetensors")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a pretrained encoder lies."""

    name: str
    """As the user knows it: `embedded`, a name on the hub, a folder."""
    folder: Path
    short_name: str
    """For run folders: `all-MiniLM-L6-v2`."""


def find(model: str, *, weights: bool = True) -> ModelFiles:
    """The files of `embedded`, of a local folder, or of a model on the hub (downloaded on first use): NAME, or
    `hf:NAME` where no folder is meant, each with `@REVISION` for a branch, a tag or a commit.

    A name with a slash that exists as a folder is that folder, of a run its model/. `weights=False` fetches only config
    and tokenizer. Raises ModelError when nothing is there, when the hub cannot be reached, and for
    models that need remote code or hold only pickled weights.
    """
    if model == "embedded":
        return ModelFiles(model, embedded.folder(), embedded.NAME)
    local = values.folder(model)
    is_hubs = model.startswith(snapshot.PREFIX)
    if local.is_dir() and not is_hubs:
        found = _in_folder(model, local.resolve())
    elif not is_hubs and (model.startswith((".", "/", "~")) or local.is_file()):
        raise ModelError(f"no such model folder: {model}", where="--model", todo=_nearest(local))
    else:
        short = snapshot.named(model).repository.split("/")[-1]
        found = ModelFiles(model, _from_hub(model, weights=weights), short)
    _check(found, weights=weights)
    return found


def _in_folder(model: str, folder: Path) -> ModelFiles:
    """Those of a folder; of a run, which they are called after, those in its model/ or of one of its members."""
    if (folder / "model").is_dir() and not (folder / "config.json").exists():
        return ModelFiles(model, folder / "model", folder.name)
    for whole, member in ((folder, ""), (folder.parent, f"-{folder.name}")):
        if whole.name == "model" and (whole.parent / "run.json").is_file():
            return ModelFiles(model, folder, whole.parent.name + member)
    return ModelFiles(model, folder, folder.name)


def read_config(folder: Path) -> dict[str, object]:
    """config.json of a model folder. Raises ModelError where it is missing, damaged or asks for
    remote code."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError("no config.json", where=str(folder), expected="a folder that transformers can load") from None
    except (ValueError, RecursionError) as fault:
        raise ModelError(f"config.json is damaged: {fault}", where=str(path)) from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError("config.json names no model_type", where=str(path))
    hostile = [key for key, value in _entries(config) if HOSTILE.fullmatch(key) and not _is_idle(key, value)]
    if hostile:
        raise ModelError(
            f"config.json has {', '.join(hostile)}, which would run foreign code",
            where=str(path),
            todo="Use a model of transformers' own architectures",
        )
    if config.get("quantization_config") is not None:
        raise ModelError("quantised weights (quantization_config)", where=str(path), expected="weights in full")
    for key in SIZES:
        if key in config and (type(size := config[key]) is not int or not 0 < size <= LARGEST):
            raise ModelError(f"{key} is {shown(size)}", where=str(path), expected=f"1 to {LARGEST:,}")
    for expected, (kinds, keys) in TYPES.items():
        for key in keys:
            if key in config and type(value := config[key]) not in kinds:
                raise ModelError(f"{key} is {shown(value)}", where=str(path), expected=expected)
    return config


def check_parts(folder: Path) -> None:
    """Raises ModelError where the index of weights in several files names one that is not in the folder."""
    path = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file() or not path.is_file():
        return
    try:
        names = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return  # no index at all, as the library will say
    strange = [name for name in names if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+\.safetensors", name)]
    if strange:
        raise ModelError(f"names {shown(strange[0])}", where=str(path), expected="safetensors files of this folder")


def code_in(folder: Path) -> list[str]:
    """Python files that a model brings with it, none of which is ever run."""
    return sorted(path.name for path in folder.glob("*.py"))


def _is_idle(key: str, value: object) -> bool:
    """Whether a key that could name code names none."""
    return value is None or value is False or (key == AUTOSET and value is True)


def _entries(document: object) -> Iterator[tuple[str, object]]:
    """Every key of a JSON document with its value, whatever it lies in; of label2id, whose keys are
    somebody's labels, none."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            known = {key: inner for key, inner in value.items() if key != "label2id"}
            yield from known.items()
            waiting += known.values()
        elif isinstance(value, list):
            waiting += value


def longest_input(folder: Path) -> int:
    """Tokens the model has positions for, special tokens included; from config.json alone."""
    config = read_config(folder)
    positions = config.get("max_position_embeddings", config.get("n_positions", 512))
    if not isinstance(positions, int):
        raise ModelError(f"max_position_embeddings is {positions!r}", where=str(folder / "config.json"))
    if config["model_type"] in COUNT_AFTER_PADDING:
        pad = config.get("pad_token_id", 1)
        return positions - (pad if isinstance(pad, int) else 1) - 1
    return positions


def count_layers(folder: Path) -> int | None:
    """Layers of the encoder by config.json; None where it does not say under a usual name."""
    config = read_config(folder)
    found = config.get("num_hidden_layers", config.get("n_layers"))
    return found if isinstance(found, int) else None


def _check(found: ModelFiles, *, weights: bool) -> None:
    read_config(found.folder)
    if not weights:
        return
    names = {path.name for path in found.folder.iterdir()}
    if "adapter_config.json" in names:
        raise ModelError("an adapter (adapter_config.json)", where=found.name, expected="the weights of a whole model")
    nowhere = sorted(path.name for path in found.folder.glob("model*.safetensors") if not path.is_file())
    if nowhere:
        raise ModelError(f"{nowhere[0]} is no file, nor does it lead to one", where=found.name, todo="Copy it there")
    if "model.safetensors" in names or "model.safetensors.index.json" in names:
        return
    pickled = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".h5")))
    saw = f"only pickled weights ({', '.join(pickled)})" if pickled else "no weights"
    raise ModelError(
        saw, where=found.name, expected="model.safetensors", todo="Choose a model with safetensors weights"
    )


def _from_hub(model: str, *, weights: bool) -> Path:
    from huggingface_hub.errors import HFValidationError

    named, wanted = snapshot.named(model), [*TOKENIZER_FILES, *(WEIGHT_FILES if weights else ())]
    try:
        cached = snapshot.cached(named, wanted)
    except HFValidationError:
        raise ModelError(
            f"{model!r} is no model name and no folder", where="--model", todo=_nearest(Path(model))
        ) from None
    if cached is not None and (not weights or any(cached.glob("model*.safetensors"))):
        return cached
    reason = reach.unreachable_because()
    if reason:
        raise ModelError(
            f"{model} is not in the local cache and the hub {reach.host()} cannot be reached ({reason})",
            where="--model",
            todo="Use --model embedded, a folder with the model's files, or connect once so that it is cached",
        )
    return snapshot.downloaded(named, wanted, where="--model")


def _nearest(path: Path) -> str:
    parent = path.parent
    names = [entry.name for entry in parent.iterdir() if entry.is_dir()] if parent.is_dir() else []
    return did_you_mean(path.name, names)
