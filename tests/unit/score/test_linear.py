from dataclasses import replace

import numpy as np
import pytest

from whet.labels import LabelSet
from whet.score import features, linear
from whet.score.features import Inputs

PRAISE = ["a lovely warm film", "warm and lovely", "a lovely cast", "such a warm story", "lovely songs"]
BLAME = ["a dreary cold film", "cold and dreary", "a dreary cast", "such a cold story", "dreary songs"]
TRAIN = [*PRAISE, *BLAME, "a cold one"]
TRAIN_IDS = np.array([1] * 5 + [0] * 6)
TEST = ["lovely", "warm lovely thing", "dreary", "cold dreary thing"]
TEST_IDS = np.array([1, 1, 0, 0])
TOPICS = LabelSet(("warm", "cold", "film", "never"), None, "", kind="several")
WORDS = ["warm", "cold", "film"]


def topics(rows, seed=0):
    """Texts of words by chance, and which of the topics they name."""
    rng = np.random.default_rng(seed)
    true = np.hstack([rng.random((rows, 3)) < (0.5, 0.2, 0.3), np.zeros((rows, 1), dtype=bool)])
    fill = ["it", "was", "there", "again"]
    texts = [" ".join([*(WORDS[c] for c in range(3) if row[c]), *rng.choice(fill, 3)]) for row in true]
    return Inputs(texts), true


def counted(rows, seed=0):
    """Texts whose value is the number of their words "very", and these values."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, rows)
    return Inputs([" ".join(["good"] * (4 - n) + ["very"] * n) for n in values]), values.astype(float)


def watched(monkeypatch, name):
    """The first argument of every call of a function of the module."""
    seen, kept = [], getattr(linear, name)
    monkeypatch.setattr(linear, name, lambda first, *others: seen.append(first) or kept(first, *others))
    return seen


# ---------------------------------------------------------------- one label


def test_the_strength_is_chosen_by_cross_validation_on_small_data_only(monkeypatch):
    chosen = watched(monkeypatch, "_classifier")
    linear.classes(Inputs(TRAIN), TRAIN_IDS, Inputs(TEST), nbsvm=False)
    assert chosen[:-1] == [*linear.STRENGTHS] * linear.FOLDS
    chosen.clear()
    monkeypatch.setattr(linear, "SEARCH_ROWS", 10)
    linear.classes(Inputs(TRAIN), TRAIN_IDS, Inputs(TEST), nbsvm=False)
    assert chosen == [10.0]


def test_a_class_with_two_rows_leaves_the_strength_at_its_default(monkeypatch):
    chosen = watched(monkeypatch, "_classifier")
    linear.classes(Inputs(TRAIN[:7]), TRAIN_IDS[:7], Inputs(TEST), nbsvm=False)
    assert chosen == [10.0]


def test_pairs_are_told_apart_by_what_their_texts_share():
    words = ["sun", "rain", "snow", "wind", "fog", "hail", "heat", "frost"]
    train = [(one, other) for one in words for other in (one, words[words.index(one) - 3])]
    ids = np.array([1, 0] * len(words))
    inputs = Inputs([f"the {one} today" for one, _ in train], [f"some {other} again" for _, other in train])
    test = Inputs(["the storm today", "the storm today"], ["some storm again", "some mist again"])
    assert linear.classes(inputs, ids, test, nbsvm=False)["tfidf"].tolist() == [1, 0]


# ---------------------------------------------------------------- several labels


def test_each_label_is_learnt_and_one_that_training_lacks_is_never_given():
    train, true = topics(200)
    test, expected = topics(50, seed=1)
    predicted, thresholds = linear.answers(train, true, test, TOPICS)
    assert (predicted == expected).mean() > 0.98
    assert not predicted[:, 3].any()
    assert thresholds[3] == 0.5
    assert ((thresholds > 0) & (thresholds < 1)).all()


def test_a_label_that_every_training_row_has_is_always_given():
    train, true = topics(60)
    true[:, 3] = True
    predicted, _ = linear.answers(train, true, Inputs(["", "film"]), TOPICS)
    assert predicted[:, 3].tolist() == [True, True]


def test_thresholds_do_not_hang_on_the_test_rows():
    train, true = topics(100)
    some = linear.answers(train, true, Inputs(["cold"]), TOPICS)
    other = linear.answers(train, true, topics(30, seed=2)[0], TOPICS)
    assert some[1].tolist() == other[1].tolist()


def test_thresholds_are_tuned_on_rows_that_the_models_have_not_seen(monkeypatch):
    tuned = []
    tune = linear.threshold.tune
    monkeypatch.setattr(linear.threshold, "tune", lambda found, true: tuned.append(found) or tune(found, true))
    train, true = topics(90)
    linear.answers(Inputs([f"row{i}" for i in range(90)]), true, train, TOPICS)
    # Each text is a word of its own: whoever has seen it knows its answers, and nobody else does.
    assert max(np.ptp(found[:30, 0]) for found in tuned) < 0.2


def test_the_strength_of_several_labels_is_searched_on_small_data_only(monkeypatch):
    chosen = watched(monkeypatch, "_quick")
    train, true = topics(60)
    linear.answers(train, true[:, :2], Inputs(["cold"]), LabelSet(TOPICS.names[:2], None, "", kind="several"))
    assert chosen[:-2] == [c for _ in range(linear.FOLDS) for c in linear.STRENGTHS for _ in range(2)]
    chosen.clear()
    monkeypatch.setattr(linear, "SEARCH_ROWS", 10)
    linear.answers(train, true[:, :2], Inputs(["cold"]), LabelSet(TOPICS.names[:2], None, "", kind="several"))
    assert chosen == [linear.DEFAULT_STRENGTH] * (linear.FOLDS + 1) * 2


def test_too_few_rows_for_folds_leave_the_thresholds_at_a_half():
    _, thresholds = linear.answers(Inputs(["warm", "cold"]), np.eye(2, 4, dtype=bool), Inputs(["warm"]), TOPICS)
    assert thresholds.tolist() == [0.5] * 4


# ---------------------------------------------------------------- values


def test_values_follow_the_words():
    train, true = counted(60)
    test, expected = counted(20, seed=1)
    assert np.corrcoef(linear.values(train, true, test), expected)[0, 1] > 0.95


def test_the_strength_of_ridge_regression_is_searched_on_small_data_only(monkeypatch):
    import sklearn.linear_model

    chosen, ridge = [], sklearn.linear_model.Ridge
    monkeypatch.setattr(sklearn.linear_model, "Ridge", lambda alpha: chosen.append(alpha) or ridge(alpha))
    train, true = counted(30)
    linear.values(train, true, train)
    assert chosen[:-1] == [*linear.STRENGTHS] * linear.FOLDS
    chosen.clear()
    monkeypatch.setattr(linear, "SEARCH_ROWS", 10)
    linear.values(train, true, train)
    assert chosen == [linear.DEFAULT_RIDGE]


# ---------------------------------------------------------------- nothing to learn from


def test_texts_without_a_word_and_targets_that_are_all_alike_teach_nothing():
    blank, words, answers = Inputs(["!", "?", "..."]), Inputs(["one", "two", "three"]), np.eye(3, 4, dtype=bool)
    assert linear.classes(blank, np.array([0, 1, 1]), words, nbsvm=True) is None
    assert linear.answers(blank, answers, words, TOPICS) is None
    assert linear.values(blank, np.arange(3.0), words) is None
    assert linear.classes(words, np.ones(3, dtype=np.int64), words, nbsvm=True) is None
    assert linear.answers(words, np.ones((3, 4), dtype=bool), words, TOPICS) is None
    assert linear.values(words, np.full(3, 0.1), words) is None


@pytest.mark.parametrize("rows", [2, 4])
def test_words_in_few_rows_do_not_break_cross_validation(rows):
    inputs = Inputs(["word", *["!"] * (rows - 1)])
    assert linear.values(inputs, np.arange(float(rows)), Inputs(["word"])).shape == (1,)
    predicted, thresholds = linear.answers(inputs, np.eye(rows, 4, dtype=bool), Inputs(["word"]), TOPICS)
    assert (predicted.shape, thresholds.tolist()) == ((1, 4), [0.5] * 4)


def test_rows_are_answered_by_models_that_did_not_learn_from_them():
    texts = [f"{'good' if i % 2 else 'bad'} film {i}" for i in range(40)]
    ids = np.arange(40) % 2
    flipped = ids.copy()
    flipped[[4, 7]] = 1 - ids[[4, 7]]
    shares = linear.held_back(Inputs(texts), flipped, 3)
    assert shares.shape == (40, 3)
    assert shares.sum(axis=1) == pytest.approx(np.ones(40))
    assert shares[:, 2].max() == 0  # a label that no row has
    assert (shares.argmax(axis=1) == ids).all()


def test_nothing_is_held_back_where_a_label_has_too_few_rows_or_no_text_has_a_word():
    assert linear.held_back(Inputs(["a film"] * 8), np.array([0, 0, 0, 0, 0, 0, 1, 1]), 2) is None
    assert linear.held_back(Inputs(["!"] * 8), np.arange(8) % 2, 2) is None
    assert linear.held_back(Inputs(["a film"] * 8), np.zeros(8, np.int64), 2) is None


@pytest.mark.parametrize("classes", [2, 3])
def test_a_row_of_weight_2_is_learnt_from_as_if_it_stood_there_twice(classes):
    ids = TRAIN_IDS if classes == 2 else np.arange(len(TRAIN)) % 3
    counts = np.array([2, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1])
    _, rows = features.fit(features.vectorizer(Inputs(TRAIN)), Inputs(TRAIN))
    twice = np.repeat(np.arange(len(TRAIN)), counts)
    weighted = linear._of_classes(rows, ids, 1.0, Inputs(TRAIN, weights=counts.astype(float)), classes)
    repeated = linear._of_classes(rows[twice], ids[twice], 1.0, Inputs(TRAIN), classes)
    for one, other in zip(weighted, repeated, strict=True):
        assert one == pytest.approx(other, abs=2e-3)


def test_weights_move_the_answers_of_every_kind_of_model():
    texts, true = topics(60)
    numbers, values = counted(60)
    kinds = (
        (Inputs(TRAIN), TRAIN_IDS, LabelSet(("bad", "good"), None, "")),
        (texts, true, TOPICS),
        (numbers, values, LabelSet(("n",), None, "", kind="value")),
    )
    for inputs, targets, labels in kinds:
        weights = np.linspace(0.1, 3.0, len(inputs))
        plain, alike, weighted = (
            linear.fit(replace(inputs, weights=each), targets, labels).logits(inputs)
            for each in (None, np.ones(len(inputs)), weights)
        )
        assert alike == pytest.approx(plain, abs=1e-9)
        assert np.abs(weighted - plain).max() > 1e-3
