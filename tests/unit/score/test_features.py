import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.score.features import Inputs, analyzer, fit, for_scipy, has_words, overlaps, transform, vectorizer

FIRST = ["a lovely warm film", "a dreary film", "plain words"]
SECOND = ["a lovely warm film", "such a film", "nothing alike"]
PAIRS = Inputs(FIRST, SECOND)


@pytest.mark.parametrize(
    ("texts", "counted"),
    [
        (["a plain English text", "another"], "word"),
        (["영화가 재미있다"], "char_wb"),
        (["映画は面白い"], "char_wb"),
        (["カタカナ"], "char_wb"),
        (["Великолепный фильм"], "word"),
        (["a long English text about the film 기생충"], "word"),
        (["123 !?", ""], "word"),
    ],
)
def test_the_script_decides_what_is_counted(texts, counted):
    assert analyzer(texts)["analyzer"] == counted


def test_the_script_of_pairs_is_judged_from_both_texts():
    assert vectorizer(Inputs(["abc"], ["영화가 재미있다"])).analyzer == "char_wb"


def test_features_of_texts_are_their_tfidf():
    words = vectorizer(Inputs(FIRST))
    assert np.array_equal(fit(words, Inputs(FIRST))[1].toarray(), words.transform(FIRST).toarray())


def test_features_of_pairs_are_both_texts_their_product_difference_and_likeness():
    words = vectorizer(PAIRS)
    terms, learnt = fit(words, PAIRS)
    found = learnt.toarray()
    first, second = words.transform(FIRST).toarray(), words.transform(SECOND).toarray()
    size = first.shape[1]
    assert found.shape == (3, 4 * size + 1 + 3 * 4)
    parts = (first, second, first * second, abs(first - second))
    assert found[:, : 4 * size] == pytest.approx(np.hstack(parts))
    assert found[:, 4 * size] == pytest.approx((first * second).sum(axis=1))
    assert found[:, 4 * size + 1 :] == pytest.approx(overlaps(PAIRS, (3, 5)))
    assert np.array_equal(for_scipy(transform(terms, PAIRS)).toarray(), found)


def test_equal_texts_are_wholly_alike_and_others_not_at_all():
    found = overlaps(Inputs(["Red car", "red"], ["red CAR", "blue"]), (3,))
    assert found.tolist() == [[1.0] * 8, [0, 0, 0, 1.0, 0, 0, 0, 0.5]]


def test_overlaps_of_a_small_case_worked_out_by_hand():
    # Words: 2 of 5 in both texts, of 4 and of 3. Pieces of 12 characters: none in the second, which is shorter.
    found = overlaps(Inputs(["a red car x!!"], ["a red bus"]), (12,))
    assert found[0].tolist() == [2 / 5, 2 / 4, 2 / 3, 3 / 4, 0, 0, 0, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=5))
def test_overlaps_are_shares_and_turned_pairs_have_them_turned(pairs):
    inputs = Inputs([one for one, _ in pairs], [other for _, other in pairs])
    assert inputs.second is not None
    found, turned = overlaps(inputs, (2,)), overlaps(Inputs(inputs.second, inputs.texts), (2,))
    assert len(found) == len(pairs)
    if pairs:
        assert found.min() >= 0
        assert found.max() <= 1
        assert np.array_equal(found[:, [0, 2, 1, 3, 4, 6, 5, 7]], turned)


def test_empty_texts_have_nothing_in_common_and_no_features():
    inputs = Inputs(["", "word"], ["", ""])
    words = vectorizer(inputs)
    found = fit(words, inputs)[1].toarray()
    assert np.isfinite(found).all()
    assert found[0].tolist() == [0.0] * found.shape[1]


def test_words_may_stand_in_the_second_texts_alone():
    assert has_words(vectorizer(Inputs(["!"], ["word"])), Inputs(["!"], ["word"]))
    assert not has_words(vectorizer(Inputs(["!"], ["?"])), Inputs(["!"], ["?"]))


def test_rows_are_taken_with_their_second_texts():
    assert PAIRS.take(np.array([2, 0])) == Inputs(["plain words", FIRST[0]], ["nothing alike", SECOND[0]])
    assert Inputs(FIRST).take(np.array([1])) == Inputs(["a dreary film"])
    assert (len(PAIRS), len(PAIRS.every()), len(Inputs(FIRST).every())) == (3, 6, 3)
