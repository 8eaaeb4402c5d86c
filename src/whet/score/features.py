"""What linear models see of a text, or of a pair of texts: TF-IDF, fitted by scikit-learn.

Sizes in comments: B rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from whet.errors import MissingExtraError
from whet.records import Floats, Ints
from whet.score import sparse
from whet.score.sparse import Sparse
from whet.score.terms import Terms

# Lengths of the pieces of characters that are looked for in both texts of a pair: by words, by dense scripts.
PIECES = {"word": (3, 5), "char_wb": (1, 2)}

EXTRA = 1 + 4 * 3  # features of a pair beside those of its words: the cosine, and `overlaps`

PART_ROWS = 10_000
"""Rows to be answered whose features are held at a time."""


@dataclass(frozen=True, slots=True)
class Inputs:
    texts: Sequence[str]  # [B] the first ones of pairs
    second: Sequence[str] | None = None  # [B] those of pairs
    weights: Floats | None = None  # [B] what each row counts where it is learnt from; None: all alike

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Ints) -> Inputs:
        second = None if self.second is None else [self.second[i] for i in rows]
        return Inputs([self.texts[i] for i in rows], second, None if self.weights is None else self.weights[rows])

    def parts(self) -> Iterator[Inputs]:
        """The same rows, so many at a time that their features take little memory."""
        for start in range(0, len(self), PART_ROWS):
            part = slice(start, start + PART_ROWS)
            yield Inputs(self.texts[part], None if self.second is None else self.second[part])

    def every(self) -> Sequence[str]:
        """All texts: [B], of pairs the first ones and then the second ones [2 B]."""
        return self.texts if self.second is None else [*self.texts, *self.second]


class Analyzer(TypedDict):
    """As scikit-learn's vectorizer takes it."""

    analyzer: str
    ngram_range: tuple[int, int]


def vectorizer(inputs: Inputs) -> Any:
    """TF-IDF, not yet fitted, that counts what suits the script of the texts. Without scikit-learn raises
    MissingExtraError."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ModuleNotFoundError as fault:
        raise MissingExtraError(
            f"the baseline needs the package scikit-learn ({fault})",
            todo='Run: pip install "whet[train]", or leave the baseline out with --no-baseline',
        ) from None
    return TfidfVectorizer(sublinear_tf=True, **analyzer(inputs.every()))


def has_words(words: Any, inputs: Inputs) -> bool:
    """Whether there is anything to count."""
    analyze = words.build_analyzer()
    return any(analyze(text) for text in inputs.every())


def fit(words: Any, inputs: Inputs) -> tuple[Terms, Any]:
    """Fits the vectorizer to the texts; returns its terms and the features of the texts as scikit-learn takes them."""
    counted = words.fit_transform(inputs.every())
    terms = Terms(words.analyzer, words.ngram_range, words.vocabulary_, words.idf_)
    if inputs.second is None:
        return terms, counted
    from scipy.sparse import vstack

    counted.sort_indices()
    found, start = [], 0
    for part in inputs.parts():
        one, other = (_of_scipy(counted[at + start : at + start + len(part)]) for at in (0, len(inputs)))
        found.append(for_scipy(_of_pairs(terms, one, other, part)))
        start += len(part)
    return terms, vstack(found, format="csr")


def transform(terms: Terms, inputs: Inputs) -> Sparse:
    """Features [B, F] of texts by terms that were fitted.

    Of a pair: TF-IDF of either text, of each word the product and the difference of both, the cosine of both,
    and which share of words and of pieces of words stands in both.
    """
    first = terms.transform(inputs.texts)
    return first if inputs.second is None else _of_pairs(terms, first, terms.transform(inputs.second), inputs)


def for_scipy(features: Sparse) -> Any:
    """The same as scikit-learn takes it."""
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum(np.bincount(features.rows, minlength=features.shape[0]))])
    return csr_matrix((features.data, features.columns, starts), shape=features.shape)


def _of_scipy(matrix: Any) -> Sparse:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return Sparse(rows, matrix.indices.astype(np.int64), matrix.data, matrix.shape)


def _of_pairs(terms: Terms, first: Sparse, second: Sparse, inputs: Inputs) -> Sparse:
    common = sparse.product(first, second)
    cosine = common.sums()[:, None]  # both have the length 1
    alike = sparse.of_dense(np.hstack([cosine, overlaps(inputs, PIECES[terms.analyzer])]))
    return sparse.beside([first, second, common, sparse.distance(first, second), alike])


def overlaps(inputs: Inputs, pieces: Sequence[int]) -> Floats:
    """Of words, and of pieces of so many characters, for each pair: the shares that both texts have, of those
    of either, of the first and of the second, and the smaller number by the larger one."""
    assert inputs.second is not None
    rows = []
    for first, second in zip(map(str.lower, inputs.texts), map(str.lower, inputs.second), strict=True):
        row = _shares(set(re.findall(r"\w+", first)), set(re.findall(r"\w+", second)))
        for size in pieces:
            row += _shares(_pieces(first, size), _pieces(second, size))
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(len(rows), 4 * (1 + len(pieces)))


def analyzer(texts: Sequence[str]) -> Analyzer:
    """What TF-IDF counts: by script, judged from at most 500 texts spread over the rows."""
    sample = [texts[i][:500] for i in np.linspace(0, len(texts) - 1, min(len(texts), 500)).astype(int)]
    letters = [c for text in sample for c in text if c.isalpha()]
    dense = sum(_is_dense(c) for c in letters)
    if dense > 0.3 * len(letters):
        # Particles cling to Korean words, and Chinese and Japanese have no spaces.
        return {"analyzer": "char_wb", "ngram_range": (1, 3)}
    return {"analyzer": "word", "ngram_range": (1, 2)}


def _pieces(text: str, size: int) -> set[str]:
    return {text[i : i + size] for i in range(len(text) - size + 1)}


def _shares(first: set[str], second: set[str]) -> list[float]:
    common, sizes = len(first & second), (len(first), len(second))
    either = sum(sizes) - common
    return [common / max(1, below) for below in (either, *sizes)] + [min(sizes) / max(1, *sizes)]


def _is_dense(letter: str) -> bool:
    """Hangul, Han or Kana."""
    code = ord(letter)
    return (
        0x1100 <= code <= 0x11FF  # Hangul Jamo
        or 0x3040 <= code <= 0x31FF  # Kana, Bopomofo, Hangul compatibility Jamo
        or 0x3400 <= code <= 0x9FFF  # Han
        or 0xAC00 <= code <= 0xD7FF  # Hangul syllables
        or 0xF900 <= code <= 0xFAFF  # Han, compatibility
        or 0xFF66 <= code <= 0xFFDC  # half-width Kana and Hangul
        or 0x20000 <= code <= 0x3FFFF  # Han, supplementary
    )
