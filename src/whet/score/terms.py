"""TF-IDF of texts by terms that were fitted: what a linear model sees of a text, by numpy alone.

The numbers are those of scikit-learn's `TfidfVectorizer(sublinear_tf=True)`: lowered words of two letters or more
(`word`), or characters within words with a space on either side (`char_wb`), counted with those after them; 1 plus the
logarithm of the count, times idf; each text divided by its length. A test holds the two side by side.

Sizes in comments: B rows, F features.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from whet.records import Floats
from whet.score import sparse
from whet.score.sparse import Sparse

_words = re.compile(r"\b\w\w+\b").findall


@dataclass(frozen=True, slots=True)
class Terms:
    """`analyzer` and `ngrams`: what is counted, and how many of it in a row. `places`: where the feature of each term
    is."""

    analyzer: str
    ngrams: tuple[int, int]
    places: Mapping[str, int]
    idf: Floats  # [F]

    def in_order(self) -> list[str]:
        """The terms by their places [F]."""
        return sorted(self.places, key=self.places.__getitem__)

    def transform(self, texts: Sequence[str]) -> Sparse:
        """TF-IDF [B, F]; of a text without any of the terms nothing."""
        found, counts = array("q"), []
        place = self.places.get
        for text in texts:
            before = len(found)
            found.extend([at for term in pieces(text, self.analyzer, self.ngrams) if (at := place(term)) is not None])
            counts.append(len(found) - before)
        rows = np.repeat(np.arange(len(texts)), np.array(counts, np.int64))
        width = len(self.idf)
        places, often = np.unique(rows * width + np.array(found, np.int64), return_counts=True)
        counted = sparse.at(places, np.log(often) + 1, (len(texts), width))
        weighed = counted.with_data(counted.data * self.idf[counted.columns])
        lengths = np.sqrt(weighed.with_data(weighed.data * weighed.data).sums())
        return weighed.with_data(weighed.data / lengths[weighed.rows])


def pieces(text: str, analyzer: str, ngrams: tuple[int, int]) -> list[str]:
    """What is counted of a text."""
    lowered = text.lower()
    if analyzer == "word":
        words: list[str] = _words(lowered)
        return [" ".join(words[at : at + size]) for size in _sizes(ngrams) for at in range(len(words) - size + 1)]
    return [piece for word in lowered.split() for piece in _of_word(f" {word} ", ngrams)]


def _of_word(word: str, ngrams: tuple[int, int]) -> Iterator[str]:
    for size in _sizes(ngrams):
        yield from (word[at : at + size] for at in range(max(1, len(word) - size + 1)))
        if len(word) <= size:
            return  # longer pieces would be this one again


def _sizes(ngrams: tuple[int, int]) -> range:
    return range(ngrams[0], ngrams[1] + 1)
