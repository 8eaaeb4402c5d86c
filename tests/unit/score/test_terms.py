"""What a linear model sees of a text: the numbers of scikit-learn, without it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse as scipy_sparse

from tests.conftest import review_rows
from whet.score import features, sparse
from whet.score.features import Inputs
from whet.score.sparse import Sparse
from whet.score.terms import Terms, pieces

ENGLISH = [text for text, _ in review_rows()]
SOME = (
    "재미있는 영화였어요",
    "这家餐厅 很差",
    "Straße İstanbul ǅ",
    "a b ab_c 3.50",
    "👍🏽 ㅋㅋㅋ",
    "ﬁn e\u0301t\u00e9",
)
MIXED = [*SOME] * 3
ANY = st.text(st.characters(), max_size=30)  # of every plane, halves of surrogate pairs too
KNOWN = st.sampled_from([*ENGLISH[:6], *MIXED, "", " \x1c\u2028\u3000 ", "a", "aa AA Aa\x00aa"])
TEXTS = st.lists(ANY | KNOWN | st.lists(KNOWN, max_size=3).map(" ".join), min_size=1, max_size=5)
KINDS = {"word": (1, 2), "char_wb": (1, 3)}


def fitted(kind: str, more: list[str]) -> tuple[object, Terms]:
    """scikit-learn's vectorizer and ours, of the same terms."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, analyzer=kind, ngram_range=KINDS[kind])
    return words, features.fit(words, Inputs([*ENGLISH[:8], *MIXED, *more]))[0]


@pytest.mark.parametrize("kind", KINDS)
@given(learnt=TEXTS, asked=TEXTS)
@settings(max_examples=60)
def test_texts_of_every_plane_have_the_numbers_of_scikit_learn(kind: str, learnt: list[str], asked: list[str]) -> None:
    words, ours = fitted(kind, learnt)
    analyze = words.build_analyzer()  # type: ignore[attr-defined]
    for text in asked:
        assert sorted(pieces(text, kind, KINDS[kind])) == sorted(analyze(text))
    expected = words.transform([*asked, *learnt])  # type: ignore[attr-defined]
    found = ours.transform([*asked, *learnt])
    assert found.shape == expected.shape
    assert np.abs(features.for_scipy(found) - expected).max() <= 1e-15
    assert len(found.data) == expected.nnz


@pytest.mark.parametrize("kind", KINDS)
@given(first=TEXTS, second=TEXTS)
@settings(max_examples=30)
def test_pairs_have_the_products_and_distances_of_scipy(kind: str, first: list[str], second: list[str]) -> None:
    size = min(len(first), len(second))
    inputs = Inputs(first[:size], second[:size])
    words, ours = fitted(kind, [])
    one, other = (words.transform(side) for side in (first[:size], second[:size]))  # type: ignore[attr-defined]
    common = one.multiply(other)
    alike = np.hstack([common.sum(axis=1).reshape(-1, 1), features.overlaps(inputs, features.PIECES[kind])])
    expected = scipy_sparse.hstack([one, other, common, abs(one - other), scipy_sparse.csr_matrix(alike)], format="csr")
    found = features.transform(ours, inputs)
    assert found.shape == expected.shape
    assert np.abs(features.for_scipy(found) - expected).max() <= 1e-12
    assert (np.diff(found.places()) > 0).all()
    weights = np.random.default_rng(0).normal(size=(found.shape[1], 3))
    assert found @ weights == pytest.approx(expected @ weights, abs=1e-12)


def test_pairs_that_are_fitted_have_the_features_that_they_are_answered_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "PART_ROWS", 7)  # 20 rows: the last part is smaller
    inputs = Inputs(ENGLISH[:20], ENGLISH[20:40])
    terms, learnt = features.fit(features.vectorizer(inputs), inputs)
    answered = features.for_scipy(features.transform(terms, inputs))
    assert learnt.shape == answered.shape == (20, 4 * len(terms.idf) + features.EXTRA)
    assert np.abs(learnt - answered).max() < 1e-15


def test_texts_that_share_no_term_are_rows_of_zeros() -> None:
    terms = Terms("word", (1, 2), {"good": 0}, np.array([2.0]))
    found = terms.transform(["", "bad", "Good good"])
    assert (found.rows.tolist(), found.columns.tolist(), found.data.tolist()) == ([2], [0], [1.0])
    assert (found @ np.array([[3.0, -1.0]])).tolist() == [[0.0, 0.0], [0.0, 0.0], [3.0, -1.0]]
    assert terms.transform([]).shape == (0, 1)
    assert (terms.transform([]) @ np.array([[3.0]])).shape == (0, 1)


def test_the_terms_are_told_in_the_order_of_their_features() -> None:
    assert Terms("word", (1, 2), {"b": 1, "a": 2, "c": 0}, np.ones(3)).in_order() == ["c", "b", "a"]


def test_matrices_beside_each_other_keep_the_order_of_rows_and_columns() -> None:
    first = Sparse(np.array([0, 1]), np.array([1, 0]), np.array([2.0, 3.0]), (2, 2))
    found = sparse.beside([first, sparse.of_dense(np.array([[0.0, 5.0], [6.0, 0.0]]))])
    assert found.shape == (2, 4)
    assert (found.places().tolist(), found.data.tolist()) == ([1, 3, 4, 6], [2.0, 5.0, 3.0, 6.0])
