import builtins
import dataclasses
import warnings

import numpy as np
import pytest

from whet.errors import MissingExtraError
from whet.labels import LabelSet
from whet.score.baseline import among, baselines
from whet.score.features import Inputs

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
THREE = LabelSet(("bad", "good", "plain"), None, "")
PRAISE = ["a lovely warm film", "warm and lovely", "a lovely cast", "such a warm story", "lovely songs"]
BLAME = ["a dreary cold film", "cold and dreary", "a dreary cast", "such a cold story", "dreary songs"]
TRAIN = [*PRAISE, *BLAME, "a cold one"]
TRAIN_IDS = np.array([1] * 5 + [0] * 6)
TEST = ["lovely", "warm lovely thing", "dreary", "cold dreary thing"]
TEST_IDS = np.array([1, 1, 0, 0])


def run(cache=None, train=TRAIN, train_ids=TRAIN_IDS, test=TEST, test_ids=TEST_IDS, labels=BINARY, pairs=None):
    second, test_second = pairs or (None, None)
    return baselines(Inputs(train, second), train_ids, Inputs(test, test_second), test_ids, labels, cache=cache)


def test_the_majority_of_the_training_rows_answers_every_test_row():
    found = run(test=["x", "y", "z"], test_ids=np.array([0, 1, 1]))
    assert found.majority_label == "neg"
    assert found.majority.confusion == ((1, 0), (2, 0))


def test_of_two_equally_frequent_classes_the_first_is_the_majority():
    assert run(train=TRAIN[:10], train_ids=TRAIN_IDS[:10]).majority_label == "neg"


def test_tfidf_learns_words_that_the_majority_cannot_know():
    found = run()
    assert (found.tfidf.accuracy, found.majority.accuracy) == (1.0, 0.5)
    assert (found.tfidf.positive, found.cached) == ("pos", False)
    assert found.seconds > 0


def test_nbsvm_learns_too_and_can_be_left_out():
    assert run().nbsvm.accuracy == 1.0
    found = baselines(Inputs(TRAIN), TRAIN_IDS, Inputs(TEST), TEST_IDS, BINARY, cache=None, nbsvm=False)
    assert (found.nbsvm, list(found.answers)) == (None, ["majority", "tfidf"])


def test_the_answers_are_those_that_the_scores_are_of():
    found = run(test_ids=np.array([1, 0, 0, 0]))
    assert {name: each.tolist() for name, each in found.answers.items()} == {
        "majority": [0, 0, 0, 0], "tfidf": [1, 1, 0, 0], "nbsvm": [1, 1, 0, 0],
    }  # fmt: skip
    assert found.tfidf.accuracy == 0.75


def test_some_of_the_rows_are_scored_by_their_answers_alone():
    found = among(run(), np.array([True, False, False, True]), np.array([1, 1]), BINARY)
    assert (found.majority.confusion, found.tfidf.confusion) == (((0, 0), (2, 0)), ((0, 0), (1, 1)))
    assert found.answers["nbsvm"].tolist() == [1, 0]
    some = np.array([True, False, True])
    train, test = TRAIN * 4, ["a warm film", "a cold film", "songs"]
    several = run(train=train, train_ids=named(train), test=test, test_ids=named(test), labels=SEVERAL)
    part = among(several, some, named(test)[some], SEVERAL)
    assert (part.tfidf.rows, part.tfidf.thresholds) == (2, several.tfidf.thresholds)
    assert part.tfidf.accuracy == 1.0
    assert set(part.majority.thresholds.values()) == {0.5}


def test_three_classes_are_told_apart():
    train = [*PRAISE, *BLAME, "it is on today", "on today and tomorrow", "on today again"]
    ids = np.array([1] * 5 + [0] * 5 + [2] * 3)
    found = run(
        train=train, train_ids=ids, test=["lovely", "dreary", "today"], test_ids=np.array([1, 0, 2]), labels=THREE
    )
    assert (found.tfidf.accuracy, found.nbsvm.accuracy) == (1.0, 1.0)


def test_korean_is_judged_by_pieces_of_words():
    praise = ["재미있었어요", "정말 재미있네요", "재미있는 영화", "너무 재미있다"]
    blame = ["지루했어요", "정말 지루하네요", "지루한 영화", "너무 지루하다"]
    found = run(
        train=[*praise, *blame], train_ids=np.array([1] * 4 + [0] * 4),
        test=["재미있더라", "재미있음", "지루하더라", "지루함"], test_ids=TEST_IDS,
    )  # fmt: skip
    assert found.tfidf.accuracy == 1.0


def test_texts_without_a_word_leave_the_majority():
    found = run(train=["!", "?", "...", ""], train_ids=np.array([0, 1, 1, 1]))
    assert found.tfidf == found.nbsvm == found.majority
    assert found.majority_label == "pos"


def test_one_training_class_leaves_the_majority():
    found = run(train=PRAISE, train_ids=np.ones(5, dtype=np.int64))
    assert found.tfidf == found.majority


def test_words_in_one_row_alone_do_not_break_cross_validation():
    train = ["word", *["!"] * 5]
    found = run(train=train, train_ids=np.array([1, 1, 1, 0, 0, 0]))
    assert found.tfidf.rows == 4


def test_no_warning_escapes(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression.fit

    def loud(self, *args):
        warnings.warn("did not converge", stacklevel=1)
        return fit(self, *args)

    monkeypatch.setattr(LogisticRegression, "fit", loud)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run().tfidf.accuracy == 1.0


def test_two_computations_are_equal():
    first, second = run(), run()
    assert dataclasses.replace(first, seconds=0.0) == dataclasses.replace(second, seconds=0.0)


def test_a_missing_scikit_learn_is_named_with_the_way_out(monkeypatch):
    imported = builtins.__import__

    def without(name, *args):
        if name.startswith("sklearn"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return imported(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError) as caught:
        run()
    assert caught.value.message == (
        "the baseline needs the package scikit-learn (No module named 'sklearn.feature_extraction.text'). "
        'Run: pip install "whet[train]", or leave the baseline out with --no-baseline.'
    )


# ---------------------------------------------------------------- other kinds

SEVERAL = LabelSet(("warm", "film", "cold"), None, "", kind="several")
VALUE = LabelSet(("stars",), None, "", kind="value")


def named(texts):
    """Which of the three words each text has."""
    return np.array([[name in text for name in SEVERAL.names] for text in texts])


def test_the_majority_of_several_labels_is_the_more_frequent_answer_of_each():
    true = np.array([[1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=bool)
    found = run(train=PRAISE[:4], train_ids=true, test=["x", "y"], test_ids=true[:2], labels=SEVERAL)
    assert found.majority_label == "warm"
    assert found.majority.accuracy == 0.0
    assert [found.majority.classes[name].recall for name in SEVERAL.names] == [1.0, 0.0, 0.0]
    assert set(found.majority.thresholds.values()) == {0.5}


def test_the_majority_of_rare_labels_is_none():
    true = np.eye(3, dtype=bool)
    found = run(train=PRAISE[:3], train_ids=true, test=["x"], test_ids=true[:1], labels=SEVERAL)
    assert (found.majority_label, found.majority.micro_f1) == ("", 0.0)


def test_tfidf_learns_several_labels_with_their_thresholds():
    train, test = TRAIN * 4, ["a warm film", "a cold film", "songs"]
    found = run(train=train, train_ids=named(train), test=test, test_ids=named(test), labels=SEVERAL)
    assert found.tfidf.accuracy == 1.0
    assert all(0 < found.tfidf.thresholds[name] < 1 for name in SEVERAL.names)
    assert list(found.tfidf.classes) == list(SEVERAL.names)


def test_the_majority_of_values_is_their_mean():
    found = run(train_ids=np.arange(11.0), test_ids=np.array([5.0, 6.0, 4.0, 5.0]), labels=VALUE)
    assert found.majority_label == "5"
    assert (found.majority.pearson, found.majority.mae) == (0.0, 0.5)


def test_tfidf_learns_values():
    found = run(train_ids=TRAIN_IDS * 4.0 + 1, test_ids=np.array([5.0, 4.5, 1.5, 1.0]), labels=VALUE)
    assert found.tfidf.pearson > 0.9
    assert found.tfidf.rmse < found.majority.rmse


def test_nothing_to_learn_from_leaves_the_constant_answer_of_every_kind():
    blank = ["!", "?", "..."]
    several = run(train=blank, train_ids=np.eye(3, dtype=bool), test_ids=named(TEST), labels=SEVERAL)
    value = run(train=blank, train_ids=np.arange(3.0), test_ids=np.arange(4.0), labels=VALUE)
    assert several.tfidf == several.majority
    assert value.tfidf == value.majority


def test_pairs_are_scored_by_both_texts():
    words = ["sun", "rain", "snow", "wind", "fog", "hail", "heat", "frost"]
    first = [word for word in words for _ in range(2)]
    second = [other for i, word in enumerate(words) for other in (word, words[i - 3])]
    test, test_second = ["the storm", "the mist"], ["a storm", "a dog"]
    like = {"train": first, "test": test, "pairs": (second, test_second)}
    one = run(**like, train_ids=np.array([1, 0] * 8), test_ids=np.array([1, 0]))
    value = run(**like, train_ids=np.array([5.0, 1.0] * 8), test_ids=np.array([4.0, 1.0]), labels=VALUE)
    assert (one.tfidf.accuracy, value.tfidf.pearson) == (1.0, pytest.approx(1.0))
    assert one.nbsvm is None


def test_the_answers_do_not_hang_on_how_many_rows_are_answered_at_a_time(monkeypatch):
    before = run().tfidf
    monkeypatch.setattr("whet.score.features.PART_ROWS", 3)
    assert run().tfidf == before
