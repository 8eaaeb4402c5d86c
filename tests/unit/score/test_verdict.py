import numpy as np
import pytest

from whet.labels import LabelSet
from whet.records import Baselines, ClassScore, SeveralScores, ValueScores
from whet.score.compare import Comparison, paired
from whet.score.metrics import classification
from whet.score.verdict import rival_of, verdict

BINARY = LabelSet(("neg", "pos"), "pos", "by name")


def answered(hits, rows=1000):
    """What somebody answers who has the first `hits` of `rows` right, and what is right."""
    true = np.arange(rows) % 2
    return np.where(np.arange(rows) < hits, true, 1 - true), true


def scored(hits, rows=1000):
    predicted, true = answered(hits, rows)
    return classification(true, predicted, BINARY)


def rivals(tfidf, majority=500, nbsvm=None, seconds=3.4, label="neg", rows=1000):
    best = None if nbsvm is None else scored(nbsvm, rows)
    return Baselines(scored(majority, rows), scored(tfidf, rows), label, seconds, cached=False, nbsvm=best)


def told(hits, tfidf, lang="en", rows=1000, **rival):
    """The verdict where the model has `hits` rows right, among them all that its best rival has, or the other way."""
    baselines = rivals(tfidf, rows=rows, **rival)
    best = rival_of(baselines, "one")
    predicted, true = answered(hits, rows)
    theirs, _ = answered(round(getattr(baselines, best).accuracy * rows), rows)
    return verdict(scored(hits, rows), baselines, paired(true, predicted, theirs, "one", best), lang=lang)


def test_the_model_wins():
    assert told(884, 811) == (
        "The fine-tuned model beats TF-IDF + logistic regression by 7.3 points [5.7, 9.0], p < 0.001 "
        "(88.4 % against 81.1 % of 1,000 test rows)."
    )


def test_tfidf_wins():
    assert told(811, 884) == (
        "TF-IDF + logistic regression wins: it beats the fine-tuned model by 7.3 points [5.7, 9.0], p < 0.001 "
        "(88.4 % against 81.1 % of 1,000 test rows); it takes 3 seconds, so prefer it, or give "
        "the model more rows, epochs or a larger model."
    )


def test_the_points_are_the_difference_of_the_shown_figures():
    assert told(1679, 1489, rows=1821, majority=911) == (
        "The fine-tuned model beats TF-IDF + logistic regression by 10.4 points [9.1, 11.9], p < 0.001 "
        "(92.2 % against 81.8 % of 1,821 test rows)."
    )


def test_the_best_of_the_baselines_is_the_rival_and_of_equals_tfidf():
    assert "beats NB-SVM by 5.2 points" in told(884, 811, nbsvm=832)
    assert "beats TF-IDF + logistic regression by 7.3 points" in told(884, 811, nbsvm=811)
    assert told(811, 700, nbsvm=884).startswith("NB-SVM wins: it beats the fine-tuned model by 7.3 points")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "less than a second,"), (1.2, "1 second,"), (61.0, "61 seconds,")]
)
def test_the_time_of_tfidf_reads_naturally(seconds, words):
    assert f"it takes {words}" in told(811, 884, seconds=seconds)


def test_a_small_difference_is_called_chance_whoever_is_ahead():
    assert told(812, 811) == (
        "The fine-tuned model (81.2 %) and TF-IDF + logistic regression (81.1 %) are level: "
        "at 1,000 test rows a difference of +0.1 points [+0.0, +0.3], p = 0.737, is within chance."
    )
    assert "are level" in told(811, 812)


def test_the_yardstick_is_whether_the_paired_interval_holds_0():
    # Where one has all right that the other has, eight more are no chance; where both have others right, 30 are.
    assert "beats" in told(808, 800)
    true, mine, theirs = np.zeros(1000, int), np.arange(1000) < 230, np.arange(1000) >= 800
    sentence = verdict(scored(770), rivals(800), paired(true, mine * 1, theirs * 1, "one", "tfidf"))
    assert "a difference of -3.0 points [-7.1, +1.0], p = 0.145, is within chance" in sentence


def test_nobody_beats_the_majority_class():
    assert told(500, 430, majority=500) == (
        "Neither the fine-tuned model (50.0 %) nor TF-IDF + logistic regression (43.0 %) beats always answering 'neg' "
        "(50.0 % of 1,000 test rows); check the labels, or give the model more rows or epochs."
    )


def test_a_majority_above_tfidf_is_the_rival():
    assert told(960, 850, majority=900, label="ham") == (
        "The fine-tuned model beats always answering 'ham' by 6.0 points [4.6, 7.5], p < 0.001 "
        "(96.0 % against 90.0 % of 1,000 test rows)."
    )


def test_a_label_with_braces_stays_text():
    assert "always answering '{seconds}'" in told(960, 850, majority=900, label="{seconds}")


@pytest.mark.parametrize(
    ("hits", "tfidf", "majority", "sentence"),
    [
        (
            884, 811, 500,
            "파인튜닝한 모델의 정확도가 TF-IDF + 로지스틱 회귀보다 7.3%p 높습니다"
            "(95% 신뢰구간 5.7~9.0%p, p < 0.001, 테스트 1,000건 기준 88.4% 대 81.1%).",
        ),
        (
            811, 884, 500,
            "TF-IDF + 로지스틱 회귀의 정확도가 파인튜닝한 모델보다 7.3%p 높고"
            "(95% 신뢰구간 5.7~9.0%p, p < 0.001, 테스트 1,000건 기준 88.4% 대 81.1%) "
            "3초면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        ),
        (
            812, 811, 500,
            "파인튜닝한 모델(81.2%)과 TF-IDF + 로지스틱 회귀(81.1%)의 정확도 차이 +0.1%p"
            "(95% 신뢰구간 +0.0~+0.3%p, p = 0.737)는 테스트 1,000건에서는 "
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


# ---------------------------------------------------------------- several labels


def several(f1, support=500, labels=10):
    """Scores of labels that all have this F1, their precision, and their recall."""
    score = ClassScore(f1, f1, f1, support)
    classes = {f"label {i}": score for i in range(labels)}
    halves = dict.fromkeys(classes, 0.5)
    return SeveralScores(5427, 0.3, f1, 0.9, f1, f1, f1, f1, f1, f1, 0.1, classes, halves)


def told_of_several(mine, tfidf, lang="en", majority=0.0):
    rivals = Baselines(several(majority), several(tfidf), "", 29.6, cached=False)
    difference, best = mine - max(tfidf, majority), rival_of(rivals, "several")
    found = Comparison(best, "macro_f1", difference, (difference - 0.01, difference + 0.02), 0.0234, None)
    return verdict(several(mine), rivals, found, lang=lang)


@pytest.mark.parametrize(
    ("mine", "tfidf", "majority", "sentence"),
    [
        (
            0.461, 0.388, 0.0,
            "The fine-tuned model beats TF-IDF + logistic regression by 7.3 points of macro F1 [6.3, 9.3], p = 0.023 "
            "(46.1 % against 38.8 % on 5,427 test rows).",
        ),
        (
            0.388, 0.461, 0.0,
            "TF-IDF + logistic regression wins: it beats the fine-tuned model by 7.3 points of macro F1 [5.3, 8.3], "
            "p = 0.023 "
            "(46.1 % against 38.8 % on 5,427 test rows); it takes 30 seconds, so prefer it, or give the "
            "model more rows, epochs or a "
            "larger model.",
        ),
        (
            0.461, 0.46, 0.0,
            "The fine-tuned model (macro F1 46.1 %) and TF-IDF + logistic regression (46.0 %) are level: at 5,427 test "
            "rows a difference of +0.1 points [-0.9, +2.1], p = 0.023, is within chance.",
        ),
        (
            0.0, 0.0, 0.0,
            "Neither the fine-tuned model (macro F1 0.0 %) nor TF-IDF + logistic regression (0.0 %) beats each label's "
            "more frequent answer (0.0 % on 5,427 test rows); check the labels, or give the model more rows or epochs.",
        ),
        (
            0.8, 0.5, 0.6,
            "The fine-tuned model beats each label's more frequent answer by 20.0 points of macro F1 [19.0, 22.0], "
            "p = 0.023 "
            "(80.0 % against 60.0 % on 5,427 test rows).",
        ),
    ],
)  # fmt: skip
def test_several_labels_are_compared_by_macro_f1(mine, tfidf, majority, sentence):
    assert told_of_several(mine, tfidf, majority=majority) == sentence


@pytest.mark.parametrize(
    ("mine", "tfidf", "sentence"),
    [
        (
            0.461, 0.388,
            "파인튜닝한 모델의 매크로 F1이 TF-IDF + 로지스틱 회귀보다 7.3%p 높습니다"
            "(95% 신뢰구간 6.3~9.3%p, p = 0.023, 테스트 5,427건 기준 46.1% 대 38.8%).",
        ),
        (
            0.388, 0.461,
            "TF-IDF + 로지스틱 회귀의 매크로 F1이 파인튜닝한 모델보다 7.3%p 높고"
            "(95% 신뢰구간 5.3~8.3%p, p = 0.023, 테스트 5,427건 기준 46.1% 대 38.8%) "
            "30초면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        ),
        (
            0.461, 0.46,
            "파인튜닝한 모델(46.1%)과 TF-IDF + 로지스틱 회귀(46.0%)의 매크로 F1 차이 +0.1%p"
            "(95% 신뢰구간 -0.9~+2.1%p, p = 0.023)는 테스트 5,427건에서는 "
            "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        ),
        (
            0.0, 0.0,
            "파인튜닝한 모델(매크로 F1 0.0%)도 TF-IDF + 로지스틱 회귀(0.0%)도 라벨마다 더 흔한 쪽으로만 답하는 방법"
            "(테스트 5,427건 기준 0.0%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 늘려 보세요.",
        ),
    ],
)  # fmt: skip
def test_the_verdict_on_several_labels_in_korean(mine, tfidf, sentence):
    assert told_of_several(mine, tfidf, "ko") == sentence


# ---------------------------------------------------------------- values


def told_of_values(mine, tfidf, lang="en"):
    mean, cheap, model = (ValueScores(1379, pearson, pearson, 1.0, 1.0) for pearson in (0.0, tfidf, mine))
    rivals = Baselines(mean, cheap, "2.7", 0.2, cached=False)
    difference, best = mine - max(tfidf, 0.0), rival_of(rivals, "value")
    found = Comparison(best, "pearson", difference, (difference - 0.015, difference + 0.015), 0.0001, None)
    return verdict(model, rivals, found, lang=lang)


@pytest.mark.parametrize(
    ("mine", "tfidf", "sentence"),
    [
        (
            0.853, 0.7,
            "The fine-tuned model beats TF-IDF + ridge regression by 0.153 in Pearson's correlation "
            "[0.138, 0.168], p < 0.001 (0.853 against 0.700 on 1,379 test rows).",
        ),
        (
            0.7, 0.853,
            "TF-IDF + ridge regression wins: it beats the fine-tuned model by 0.153 in Pearson's correlation "
            "[0.138, 0.168], p < 0.001 (0.853 against 0.700 on 1,379 test rows); it takes less than a "
            "second, so prefer it, or give the model "
            "more rows, "
            "epochs or a larger model.",
        ),
        (
            0.71, 0.7,
            "The fine-tuned model (Pearson's correlation 0.710) and TF-IDF + ridge regression (0.700) are level: at "
            "1,379 test rows a difference of +0.010 [-0.005, +0.025], p < 0.001, is within chance.",
        ),
        (
            -0.1, -0.2,
            "Neither the fine-tuned model (Pearson's correlation -0.100) nor TF-IDF + ridge regression (-0.200) beats "
            "always answering the mean (0.000 on 1,379 test rows); check the values, or give the model more rows or "
            "epochs.",
        ),
        (
            0.3, -0.2,
            "The fine-tuned model beats always answering the mean by 0.300 in Pearson's correlation [0.285, 0.315], "
            "p < 0.001 (0.300 against 0.000 on 1,379 test rows).",
        ),
    ],
)  # fmt: skip
def test_values_are_compared_by_their_correlation(mine, tfidf, sentence):
    assert told_of_values(mine, tfidf) == sentence


@pytest.mark.parametrize(
    ("mine", "tfidf", "sentence"),
    [
        (
            0.853, 0.7,
            "파인튜닝한 모델의 피어슨 상관계수가 TF-IDF + 릿지 회귀보다 0.153 높습니다"
            "(95% 신뢰구간 0.138~0.168, p < 0.001, 테스트 1,379건 기준 0.853 대 0.700).",
        ),
        (
            0.7, 0.853,
            "TF-IDF + 릿지 회귀의 피어슨 상관계수가 파인튜닝한 모델보다 0.153 높고"
            "(95% 신뢰구간 0.138~0.168, p < 0.001, 테스트 1,379건 기준 0.853 대 0.700) "
            "1초면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        ),
        (
            0.71, 0.7,
            "파인튜닝한 모델(0.710)과 TF-IDF + 릿지 회귀(0.700)의 피어슨 상관계수 차이 +0.010"
            "(95% 신뢰구간 -0.005~+0.025, p < 0.001)은(는) 테스트 1,379건에서는 "
            "우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        ),
        (
            -0.1, -0.2,
            "파인튜닝한 모델(피어슨 상관계수 -0.100)도 TF-IDF + 릿지 회귀(-0.200)도 항상 평균값으로 답하는 방법"
            "(테스트 1,379건 기준 0.000)보다 낫지 않으니, 데이터의 값을 확인하거나 데이터나 에포크를 늘려 보세요.",
        ),
    ],
)  # fmt: skip
def test_the_verdict_on_values_in_korean(mine, tfidf, sentence):
    assert told_of_values(mine, tfidf, "ko") == sentence
