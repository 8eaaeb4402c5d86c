"""The model/ folder of a linear model on TF-IDF: save, load, verify. Loads neither torch nor transformers.

`model.safetensors` has the weights, the bias and the weight of each term, `vocabulary.json` the terms in the order of
the features, and `whet.json` (`sidefile`) what they are for.

Sizes in comments: B rows, F terms, C labels, K columns of weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.artifacts import sidefile
from whet.artifacts.sidefile import Canary
from whet.data.clean import clean_text
from whet.data.cuts import likely_tokens
from whet.data.store import mapped
from whet.errors import ModelError
from whet.labels import LabelSet
from whet.records import Bools, Floats, Ints, Usage
from whet.score import features
from whet.score.features import Inputs
from whet.score.fitted import Linear
from whet.score.terms import Terms

WEIGHTS, VOCABULARY = "model.safetensors", "vocabulary.json"
TOLERANCE = 1e-5  # of the answers to the test texts, which are written with six decimals
OWN_TERMS = 24  # in the test text that is made of them

Arrays = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class LinearArtifact:
    """A loaded model/ folder."""

    folder: Path
    model: Linear
    labels: LabelSet
    usage: Usage

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None) -> tuple[Floats, Bools]:
        """Of texts, or pairs of them, [B, C], and which of them were cut [B], which none is."""
        return self.model.logits(seen(texts, pairs)), np.zeros(len(texts), np.bool_)

    def sizes(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Ints:
        """How many tokens each is [B], about: it reads all of a text."""
        return likely_tokens(texts, pairs)

    def prove(self, *, quick: bool = False) -> None:
        """Raises ModelError unless the test texts of its folder, or the first few of them, are answered as they were
        when it was saved."""
        side = sidefile.read(self.folder)
        given = self.model.logits(_asked(sidefile.canaries_of(side, quick=quick)))
        sidefile.check_answers(self.folder, side, given, TOLERANCE)


def seen(texts: Sequence[str], pairs: Sequence[str] | None) -> Inputs:
    """Texts as a model sees them."""
    return Inputs(mapped(texts, clean_text), None if pairs is None else mapped(pairs, clean_text))


def save(folder: Path, model: Linear, labels: LabelSet, *, card: str, usage: Usage) -> None:
    """Writes the folder whole or not at all. `card`: the text of README.md. Raises OutputError where the disk is full
    or locked."""
    from safetensors.numpy import save_file

    terms = model.terms.in_order()
    arrays = {"weights": model.weights, "bias": model.bias, "idf": model.terms.idf}
    with sidefile.new_folder(folder, card) as scratch:
        save_file({name: np.ascontiguousarray(each, np.float64) for name, each in arrays.items()}, scratch / WEIGHTS)
        _write(scratch / VOCABULARY, terms, indent=0)
        canaries = _canaries(terms, pair=usage.inputs.pair is not None)
        answered = model.logits(_asked(canaries))
        counted = {"analyzer": model.terms.analyzer, "ngrams": list(model.terms.ngrams)}
        side = sidefile.content("linear", counted, labels, usage, canaries=canaries, logits=answered)
        _write(scratch / sidefile.NAME, side, indent=1)


def load(folder: Path) -> LinearArtifact:
    """The model of a folder, verified: its files must be those that were saved, and its answers to the test texts too.
    Raises ModelError otherwise."""
    side = sidefile.verified(folder)
    labels, usage = sidefile.labels_of(side), sidefile.usage_of(side)
    terms, arrays = _terms(folder / VOCABULARY), _arrays(folder / WEIGHTS)
    is_pair = usage.inputs.pair is not None
    _check_shapes(folder / WEIGHTS, arrays, len(terms), labels, is_pair=is_pair)
    first, last = side["ngrams"]
    counted = Terms(side["analyzer"], (first, last), {term: at for at, term in enumerate(terms)}, arrays["idf"])
    thresholds = None
    if labels.kind == "several":
        thresholds = np.array([usage.thresholds[name] for name in labels.names])
    temperature = 1.0 if usage.temperature is None else usage.temperature
    model = Linear(counted, arrays["weights"], arrays["bias"], labels.kind, len(labels), thresholds, temperature)
    loaded = LinearArtifact(folder, model, labels, usage)
    loaded.prove()
    return loaded


def _canaries(terms: Sequence[str], *, pair: bool) -> list[Canary]:
    """Test texts. One is made of the model's own terms, for it may know no other word of them."""
    some = [terms[place] for place in np.linspace(0, len(terms) - 1, min(len(terms), OWN_TERMS)).astype(int)]
    return sidefile.canaries(" ".join(some), pair=pair)


def _asked(canaries: Sequence[Canary]) -> Inputs:
    texts, *pairs = (list(column) for column in zip(*canaries, strict=True))
    return seen(texts, pairs[0] if pairs else None)


def _write(path: Path, content: object, *, indent: int) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=indent), encoding="utf-8")


def _terms(path: Path) -> list[str]:
    """The vocabulary. Raises ModelError where the file has none."""
    try:
        terms = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"no {VOCABULARY}", where=str(path.parent)) from None
    except (ValueError, RecursionError) as fault:
        raise ModelError(f"damaged: {fault}", where=str(path)) from None
    if not isinstance(terms, list) or not terms or not all(isinstance(term, str) for term in terms):
        raise ModelError("no list of terms", where=str(path))
    if len(set(terms)) < len(terms):
        raise ModelError("a term stands twice", where=str(path))
    return terms


def _arrays(path: Path) -> dict[str, Floats]:
    """The numbers. Raises ModelError where the file has none."""
    try:
        found = _read(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"no {WEIGHTS}", where=str(path.parent)) from None
    except (OSError, ValueError, RecursionError) as fault:
        raise ModelError(f"damaged: {fault}", where=str(path)) from None
    wrong = [name for name, each in found.items() if not np.isfinite(each).all()]
    if wrong or found.keys() != {"weights", "bias", "idf"}:
        saw = f"no finite numbers: {', '.join(wrong)}" if wrong else f"has {', '.join(sorted(found)) or 'nothing'}"
        raise ModelError(saw, where=str(path), expected="weights, bias and idf as float64")
    return found


def _read(raw: bytes) -> dict[str, Floats]:
    """The arrays of a safetensors file, all of them float64: the length of its header in 8 bytes, the header, which is
    JSON, and the numbers (https://huggingface.co/docs/safetensors, "Format"). Raises ValueError for anything else. That
    package itself is not asked: what answers does without it."""
    start = 8 + int.from_bytes(raw[:8], "little")
    if start > len(raw):
        raise ValueError("its header is cut off")
    header = json.loads(raw[8:start])
    found = {}
    for name, told in header.items() if isinstance(header, dict) else ():
        match told:
            case {"dtype": "F64", "shape": [*shape], "data_offsets": [int(first), int(last)]}:
                sizes = all(type(size) is int and size >= 0 for size in shape)
                if not (sizes and 0 <= first <= last <= len(raw) - start and last - first == 8 * math.prod(shape)):
                    raise ValueError(f"{name} is not as large as it says")
                found[name] = np.frombuffer(raw, "<f8", math.prod(shape), start + first).reshape(shape)
            case _ if name != "__metadata__":
                raise ValueError(f"{name} is not in float64")
    return found


def _check_shapes(path: Path, arrays: Arrays, terms: int, labels: LabelSet, *, is_pair: bool) -> None:
    """Raises ModelError unless weights are [F, K], of pairs as many as both have features, bias [K] and idf [F]."""
    columns = 1 if labels.kind == "one" and len(labels) == 2 else len(labels)
    rows = 4 * terms + features.EXTRA if is_pair else terms
    expected = {"weights": (rows, columns), "bias": (columns,), "idf": (terms,)}
    wrong = [f"{name} {arrays[name].shape}" for name in expected if arrays[name].shape != expected[name]]
    if wrong:
        raise ModelError(
            f"has {', '.join(wrong)}",
            where=str(path),
            expected=", ".join(f"{name} {shape}" for name, shape in expected.items())
            + f" for {terms:,} terms and {len(labels)} labels",
        )
