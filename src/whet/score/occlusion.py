"""Why a text is answered as it is: what each of its words counts, found by leaving it out.

Any predictor will do: it is asked for the logits of the text and of copies of it that lack a word each. Imports no
torch. Leaving parts out to see what they do: Li, Monroe and Jurafsky 2016, arXiv:1612.08220; why words are left out
and not masked: docs/decisions/0022.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

import numpy as np

from whet.errors import UsageError, did_you_mean
from whet.labels import LabelSet
from whet.records import Attribution, Floats, Prediction, WordWeight

MOST_COPIES = 128  # of one text, or pair
ASKED_AT_ONCE = 2_048  # copies that a predictor is given at a time

Texts = Iterable[str | tuple[str, str]]
Span = tuple[int, int]

# Han and Kana are written without spaces: each letter counts as a word.
_ALONE = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_PIECE = re.compile(rf"{_ALONE}|(?:(?!{_ALONE})\S)+")


class Answering(Protocol):
    """What is asked: `predictor.Predictor`, or anything that answers texts alike."""

    @property
    def labels(self) -> LabelSet: ...

    def predict(
        self, texts: Texts, *, logits: bool = False, min_confidence: float | None = None
    ) -> list[Prediction]: ...


def attributions(predictor: Answering, texts: Texts, *, label: str | None = None) -> list[Attribution]:
    """What the words of each text, or pair of texts, count for the label that it is answered with, or for `label`."""
    found = [answer.attribution for chunk in stream(predictor, texts, label=label) for answer in chunk]
    return [each for each in found if each is not None]  # all of them: for the type checker


def stream(
    predictor: Answering, texts: Texts, *, label: str | None = None, min_confidence: float | None = None
) -> Iterator[list[Prediction]]:
    """Predictions in the order of the texts, each with its attribution, in portions of bounded memory.

    A word's weight is by how much the label's log-odds fall when it is left out, of a regression by how much the
    number does. Of several labels the likeliest is explained, of an answer below `min_confidence` too. A lone string,
    and a label that the predictor does not know, raise UsageError.
    """
    if isinstance(texts, str):
        raise UsageError("one string instead of a list of texts", where="explain", todo="Write explain([text])")
    _check_label(label, predictor.labels)
    asked: list[tuple[str, ...]] = []
    spans: list[list[list[Span]]] = []
    copies = 0
    for row in texts:
        parts = (row,) if isinstance(row, str) else tuple(row)
        asked.append(parts)
        spans.append(shared_out([word_spans(part) for part in parts]))
        copies += 1 + sum(map(len, spans[-1]))
        if copies >= ASKED_AT_ONCE:
            yield _explained(predictor, asked, spans, label, min_confidence)
            asked, spans, copies = [], [], 0
    if asked:
        yield _explained(predictor, asked, spans, label, min_confidence)


def word_spans(text: str) -> list[Span]:
    """Where each word stands: what is between white space, less the punctuation and symbols at its ends, which are
    words of their own."""
    found: list[Span] = []
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        first, last = start, end
        while first < end and _is_mark(text[first]):
            first += 1
        while last > first and _is_mark(text[last - 1]):
            last -= 1
        found += [(a, b) for a, b in pairwise((start, first, last, end)) if a < b]
    return found


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PS"


def shared_out(spans: Sequence[Sequence[Span]], most: int = MOST_COPIES) -> list[list[Span]]:
    """The words of a text, or of both of a pair; where there are more than `most`, neighbours become one span."""
    total = sum(map(len, spans))
    return [_joined(part, max(1, most * len(part) // max(total, 1)) if total > most else most) for part in spans]


def _joined(spans: Sequence[Span], most: int) -> list[Span]:
    if len(spans) <= most:
        return list(spans)
    ends = [len(spans) * i // most for i in range(most + 1)]
    return [(spans[a][0], spans[b - 1][1]) for a, b in pairwise(ends)]


def without(text: str, span: Span) -> str:
    """The text less a span, and less one of the spaces that would meet there or end it."""
    before, after = text[: span[0]], text[span[1] :]
    if (not before or before[-1].isspace()) and after[:1].isspace():
        after = after[1:]
    elif not after and before[-1:].isspace():
        before = before[:-1]
    return before + after


def _explained(
    predictor: Answering,
    asked: Sequence[tuple[str, ...]],
    spans: Sequence[Sequence[Sequence[Span]]],
    label: str | None,
    min_confidence: float | None,
) -> list[Prediction]:
    """All copies of these rows in one call."""
    copies: list[tuple[str, ...]] = []
    for parts, found in zip(asked, spans, strict=True):
        copies.append(parts)
        copies += [
            (*parts[:side], without(parts[side], span), *parts[side + 1 :])
            for side, words in enumerate(found)
            for span in words
        ]
    alone = all(len(copy) == 1 for copy in copies)
    rows: Texts = [copy[0] for copy in copies] if alone else copies  # type: ignore[assignment]  # pairs
    answers = predictor.predict(rows, logits=True, min_confidence=min_confidence)
    explained, start = [], 0
    for parts, found in zip(asked, spans, strict=True):
        count = 1 + sum(map(len, found))
        part = answers[start : start + count]
        logits = np.array([answer.logits for answer in part], dtype=np.float64)
        attribution = _attribution(parts, found, logits, predictor.labels, label)
        explained.append(replace(part[0], logits=None, attribution=attribution))
        start += count
    return explained


def _attribution(
    parts: tuple[str, ...], spans: Sequence[Sequence[Span]], logits: Floats, labels: LabelSet, label: str | None
) -> Attribution:
    """From the logits [1 + W, C] of a row and of its copies."""
    index = int(logits[0].argmax()) if label is None else labels.names.index(label)
    odds = log_odds(logits, index, labels)
    weights = iter((odds[0] - odds[1:]).tolist())
    words: list[tuple[WordWeight, ...]] = [tuple((*span, next(weights)) for span in part) for part in spans]
    named = None if labels.kind == "value" else labels.names[index]
    if len(parts) == 1:
        return Attribution(parts[0], named, words[0])
    return Attribution(parts[0], named, words[0], parts[1], words[1])


def log_odds(logits: Floats, index: int, labels: LabelSet) -> Floats:
    """Log-odds [B] of one label from logits [B, C]; of a regression the numbers."""
    chosen: Floats = logits[:, index]
    if labels.kind != "one":
        return chosen  # each label is answered on its own
    others = np.delete(logits, index, axis=1)
    top = others.max(axis=1)
    rest: Floats = top + np.log(np.exp(others - top[:, None]).sum(axis=1))
    return chosen - rest


def _check_label(label: str | None, labels: LabelSet) -> None:
    if label is None:
        return
    if labels.kind == "value":
        raise UsageError(
            f"the label {label!r} of a regression", where="explain", todo="Leave it out: a number is explained"
        )
    if label not in labels.names:
        raise UsageError(
            f"no label {label!r}",
            where="explain",
            expected=f"one of {', '.join(labels.names)}",
            todo=did_you_mean(label, labels.names),
        )
