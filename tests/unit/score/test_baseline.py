import builtins
import dataclasses
import json
import warnings

import numpy as np
import pytest

from whet import durable
from whet.errors import MissingExtraError, OutputError
from whet.labels import LabelSet
from whet.records import Baselines
from whet.score import baseline
from whet.score.baseline import baselines, verdict
from whet.score.metrics import classification

BINARY = LabelSet(("neg", "pos"), "pos", "by name")
THREE = LabelSet(("bad", "good", "plain"), None, "")
PRAISE = ["a lovely warm film", "warm and lovely", "a lovely cast", "such a warm story", "lovely songs"]
BLAME = ["a dreary cold film", "cold and dreary", "a dreary cast", "such a cold story", "dreary songs"]
TRAIN = [*PRAISE, *BLAME, "a cold one"]
TRAIN_IDS = np.array([1] * 5 + [0] * 6)
TEST = ["lovely", "warm lovely thing", "dreary", "cold dreary thing"]
TEST_IDS = np.array([1, 1, 0, 0])


def run(cache=None, train=TRAIN, train_ids=TRAIN_IDS, test=TEST, test_ids=TEST_IDS, labels=BINARY):
    return baselines(train, train_ids, test, test_ids, labels, cache=cache)


def scored(hits, rows=1000, labels=BINARY):
    """Metrics of a model that has `hits` of `rows` right."""
    true = np.arange(rows) % 2
    predicted = np.where(np.arange(rows) < hits, true, 1 - true)
    return classification(true, predicted, labels)


def rivals(tfidf, majority=500, seconds=3.4, label="neg"):
    return Baselines(scored(majority), scored(tfidf), label, seconds, cached=False)


# ---------------------------------------------------------------- scores


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


def test_three_classes_are_told_apart():
    train = [*PRAISE, *BLAME, "it is on today", "on today and tomorrow", "on today again"]
    ids = np.array([1] * 5 + [0] * 5 + [2] * 3)
    found = run(
        train=train, train_ids=ids, test=["lovely", "dreary", "today"], test_ids=np.array([1, 0, 2]), labels=THREE
    )
    assert found.tfidf.accuracy == 1.0


def test_korean_is_judged_by_pieces_of_words():
    praise = ["재미있었어요", "정말 재미있네요", "재미있는 영화", "너무 재미있다"]
    blame = ["지루했어요", "정말 지루하네요", "지루한 영화", "너무 지루하다"]
    found = run(
        train=[*praise, *blame], train_ids=np.array([1] * 4 + [0] * 4),
        test=["재미있더라", "재미있음", "지루하더라", "지루함"], test_ids=TEST_IDS,
    )  # fmt: skip
    assert found.tfidf.accuracy == 1.0


@pytest.mark.parametrize(
    ("texts", "analyzer"),
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
def test_the_script_decides_what_is_counted(texts, analyzer):
    assert baseline._analyzer(texts)["analyzer"] == analyzer


def test_the_strength_is_chosen_by_cross_validation_on_small_data_only(monkeypatch):
    chosen = []
    classifier = baseline._classifier
    monkeypatch.setattr(baseline, "_classifier", lambda c, ids: chosen.append(c) or classifier(c, ids))
    run()
    assert chosen[:-1] == [*baseline.STRENGTHS] * baseline.FOLDS
    chosen.clear()
    monkeypatch.setattr(baseline, "SEARCH_ROWS", 10)
    run()
    assert chosen == [10.0]


def test_a_class_with_two_rows_leaves_the_strength_at_its_default(monkeypatch):
    chosen = []
    classifier = baseline._classifier
    monkeypatch.setattr(baseline, "_classifier", lambda c, ids: chosen.append(c) or classifier(c, ids))
    run(train=TRAIN[:7], train_ids=TRAIN_IDS[:7])
    assert chosen == [10.0]


def test_texts_without_a_word_leave_the_majority():
    found = run(train=["!", "?", "...", ""], train_ids=np.array([0, 1, 1, 1]))
    assert found.tfidf == found.majority
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


# ---------------------------------------------------------------- cache


def cache_file(folder):
    (file,) = (folder / "baselines").iterdir()
    return file


def test_the_second_call_reads_the_cache_and_fits_nothing(tmp_path, monkeypatch):
    first = run(tmp_path)
    monkeypatch.setattr(baseline, "_tfidf", lambda *_: pytest.fail("fitted again"))
    assert run(tmp_path) == dataclasses.replace(first, cached=True)
    assert cache_file(tmp_path).suffix == ".json"


@pytest.mark.parametrize(
    "other",
    [
        {"train": [*TRAIN[:-1], "a cold two"]},
        {"train_ids": np.array([1] * 6 + [0] * 5)},
        {"test": [*TEST[:-1], "cold"]},
        {"test_ids": np.array([1, 1, 0, 1])},
        {"labels": LabelSet(("neg", "pos"), "neg", "asked for")},
        {"labels": LabelSet(("부정", "긍정"), "긍정", "by name")},
        {"train": [TRAIN[0] + TRAIN[1][:1], TRAIN[1][1:], *TRAIN[2:]]},
    ],
)
def test_any_other_input_is_computed_anew(tmp_path, other):
    run(tmp_path)
    assert not run(tmp_path, **other).cached


def test_a_new_method_is_computed_anew(tmp_path, monkeypatch):
    run(tmp_path)
    monkeypatch.setattr(baseline, "METHOD", "next")
    assert not run(tmp_path).cached


def damaged(document, path, value):
    *parents, last = path
    place = document
    for key in parents:
        place = place[key]
    place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: b"",
        lambda document: json.dumps(document).encode()[:-9],
        lambda document: b"\xff\xfe",
        lambda document: b"[]",
        lambda document: damaged(document, ("tfidf",), None),
        lambda document: damaged(document, ("tfidf", "accuracy"), 0.99),
        lambda document: damaged(document, ("tfidf", "confusion"), []),
        lambda document: damaged(document, ("tfidf", "confusion", "matrix"), [[1, 1]]),
        lambda document: damaged(document, ("tfidf", "confusion", "matrix", 0), [3, 3]),
        lambda document: damaged(document, ("tfidf", "confusion", "matrix"), [[0, 0], [0, 0]]),
        lambda document: damaged(document, ("tfidf", "confusion", "matrix", 0), [10**30, 2]),
        lambda document: damaged(document, ("majority", "confusion", "matrix", 0), [True, True]),
        lambda document: damaged(document, ("majority_label",), "other"),
        lambda document: damaged(document, ("seconds",), float("nan")),
        lambda document: damaged(document, ("seconds",), None),
    ],
)
def test_a_damaged_cache_file_is_ignored_and_written_anew(tmp_path, damage):
    first = run(tmp_path)
    file = cache_file(tmp_path)
    file.write_bytes(damage(json.loads(file.read_text())))
    again = run(tmp_path)
    assert (again.cached, again.tfidf, again.majority) == (False, first.tfidf, first.majority)
    assert run(tmp_path).cached


def test_a_write_that_fails_names_the_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OutputError, match="the cache cannot be written: No space left on device"):
        run(tmp_path)
    assert list((tmp_path / "baselines").iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "baselines").write_text("a file in its place")
    with pytest.raises(OutputError, match="the cache cannot be written"):
        run(tmp_path)


# ---------------------------------------------------------------- verdict


def told(hits, tfidf, lang="en", **rival):
    return verdict(scored(hits), rivals(tfidf, **rival), rows=1000, lang=lang)


def test_the_model_wins():
    assert told(884, 811) == (
        "The fine-tuned model beats TF-IDF + logistic regression by 7.3 points "
        "(88.4 % against 81.1 % of 1,000 test rows)."
    )


def test_tfidf_wins():
    assert told(811, 884) == (
        "TF-IDF + logistic regression wins: it beats the fine-tuned model by 7.3 points (88.4 % against 81.1 % of "
        "1,000 test rows); it takes 3 seconds, so prefer it, or give the model more rows, epochs or a larger model."
    )


def test_the_points_are_the_difference_of_the_shown_figures():
    model, rival = scored(1679, 1821), Baselines(scored(911, 1821), scored(1489, 1821), "neg", 1.0, False)
    assert verdict(model, rival, rows=1821) == (
        "The fine-tuned model beats TF-IDF + logistic regression by 10.4 points "
        "(92.2 % against 81.8 % of 1,821 test rows)."
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "less than a second,"), (1.2, "1 second,"), (61.0, "61 seconds,")]
)
def test_the_time_of_tfidf_reads_naturally(seconds, words):
    assert f"it takes {words}" in told(811, 884, seconds=seconds)


def test_a_small_difference_is_called_chance_whoever_is_ahead():
    assert told(812, 811) == (
        "The fine-tuned model (81.2 %) and TF-IDF + logistic regression (81.1 %) are level: "
        "at 1,000 test rows a difference of 0.1 points is within chance."
    )
    assert "are level" in told(811, 812)


def test_the_yardstick_is_one_standard_error_of_the_difference():
    # At p = 0.8 and 1,000 rows: sqrt(2 * 0.8 * 0.2 / 1000) = 1.79 points.
    assert "are level" in told(808, 792)
    assert "beats" in told(810, 790)


def test_nobody_beats_the_majority_class():
    assert told(500, 430, majority=500) == (
        "Neither the fine-tuned model (50.0 %) nor TF-IDF + logistic regression (43.0 %) beats always answering 'neg' "
        "(50.0 % of 1,000 test rows); check the labels, or give the model more rows or epochs."
    )


def test_a_majority_above_tfidf_is_the_rival():
    assert told(960, 850, majority=900, label="ham") == (
        "The fine-tuned model beats always answering 'ham' by 6.0 points (96.0 % against 90.0 % of 1,000 test rows)."
    )


def test_a_label_with_braces_stays_text():
    assert "always answering '{seconds}'" in told(960, 850, majority=900, label="{seconds}")


@pytest.mark.parametrize(
    ("hits", "tfidf", "majority", "sentence"),
    [
        (
            884, 811, 500,
            "파인튜닝한 모델의 정확도가 TF-IDF + 로지스틱 회귀보다 7.3%p 높습니다(테스트 1,000건 기준 88.4% 대 81.1%).",
        ),
        (
            811, 884, 500,
            "TF-IDF + 로지스틱 회귀의 정확도가 파인튜닝한 모델보다 7.3%p 높고(테스트 1,000건 기준 88.4% 대 81.1%) "
            "3초면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        ),
        (
            812, 811, 500,
            "파인튜닝한 모델(81.2%)과 TF-IDF + 로지스틱 회귀(81.1%)의 정확도 차이 0.1%p는 테스트 1,000건에서는 "
            "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        ),
        (
            480, 430, 500,
            "파인튜닝한 모델(48.0%)도 TF-IDF + 로지스틱 회귀(43.0%)도 항상 '부정'(으)로 답하는 방법"
            "(테스트 1,000건 기준 50.0%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 늘려 보세요.",
        ),
    ],
)  # fmt: skip
def test_the_verdict_in_korean(hits, tfidf, majority, sentence):
    assert told(hits, tfidf, "ko", majority=majority, label="부정") == sentence
