"""Cheap answers on the same test rows, and one sentence on who won.

Sizes in comments: B rows, C classes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from whet import durable
from whet.errors import MissingExtraError, OutputError, quoted
from whet.labels import LabelSet
from whet.records import Baselines, Ints, Metrics
from whet.score.metrics import as_json, classification, from_confusion

METHOD = "1"
"""Part of the cache key: raised whenever the same inputs would give other scores."""

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""The values of C, inverse regularisation, that cross-validation chooses from."""

FOLDS = 3
SEARCH_ROWS = 5000
"""Above this many rows the search would take longer than it gains, and C is DEFAULT_STRENGTH."""

DEFAULT_STRENGTH = 10.0
LOOK = 200  # texts that are timed to tell how long it will take,
PASSES, SEARCH_PASSES = 2.0, 7.0  # times whose analysis the training rows take, without and with the search
LIBRARIES = 100 * 2**20  # bytes that scikit-learn takes when it is loaded,
BYTES, DENSE_BYTES = 25, 160  # and for each training character, of words and of dense scripts (docs/log.md, 2026-11-24)
SEED = 0

Script = Literal["word", "char_wb"]


def baselines(
    train_texts: Sequence[str],
    train_labels: Ints,
    test_texts: Sequence[str],
    test_labels: Ints,
    labels: LabelSet,
    *,
    cache: Path | None,
) -> Baselines:
    """Scores of the most frequent training class and of TF-IDF + logistic regression on the test rows.

    Words and pairs of words; 1 to 3 characters within words where Hangul, Han or Kana prevail.
    Texts without a single word, or one training class, leave TF-IDF nothing to learn from: it then
    answers with the most frequent class. `seconds` is what the computation took when it was done.
    With `cache` the scores are kept in `cache/baselines`, and a damaged file there is written anew.
    Without scikit-learn raises MissingExtraError, where the cache cannot be written OutputError.
    """
    path = None
    if cache is not None:
        key = _key(train_texts, train_labels, test_texts, test_labels, labels)
        path = cache / "baselines" / f"{key}.json"
        known = _read(path, test_labels, labels)
        if known is not None:
            return known
    started = time.perf_counter()
    commonest = int(np.bincount(train_labels, minlength=len(labels)).argmax())
    constant = np.full(len(test_labels), commonest, dtype=np.int64)
    majority = classification(test_labels, constant, labels)
    predicted = _tfidf(train_texts, train_labels, test_texts)
    tfidf = majority if predicted is None else classification(test_labels, predicted, labels)
    seconds = time.perf_counter() - started
    found = Baselines(majority, tfidf, labels.names[commonest], seconds, cached=False)
    if path is not None:
        _write(path, found)
    return found


def expected_seconds(train_texts: Sequence[str], test_texts: Sequence[str]) -> float:
    """How long `baselines` will take without its cache, from a look at a few texts: most of it goes into
    counting words and their pairs, the rest grows with it. Needs no scikit-learn, which is slow to load."""
    looked_at = [train_texts[i] for i in np.linspace(0, len(train_texts) - 1, min(len(train_texts), LOOK)).astype(int)]
    dense = _analyzer(train_texts)["analyzer"] != "word"
    started = time.perf_counter()
    for text in looked_at:
        words = text.lower() if dense else re.findall(r"\b\w\w+\b", text.lower())
        Counter([*words, *map("".join if dense else " ".join, itertools.pairwise(words))])
    per_character = (time.perf_counter() - started) / max(1, sum(map(len, looked_at)))
    learnt = sum(map(len, train_texts)) * (SEARCH_PASSES if len(train_texts) <= SEARCH_ROWS else PASSES)
    return per_character * (learnt + sum(map(len, test_texts)))


def expected_bytes(train_texts: Sequence[str]) -> int:
    """Memory that `baselines` takes at its highest without its cache, LIBRARIES among it, which stay."""
    dense = _analyzer(train_texts)["analyzer"] != "word"
    return LIBRARIES + (DENSE_BYTES if dense else BYTES) * sum(map(len, train_texts))


def verdict(model: Metrics, baselines: Baselines, *, rows: int, lang: Literal["en", "ko"] = "en") -> str:
    """One sentence on who won, by accuracy on the same test rows.

    The rival is the better of the two baselines. A difference of at most sqrt(2 p (1 - p) / rows),
    p the mean of both accuracies, is called chance: one standard error as if the two had been
    scored on rows of their own, which is rough and, for answers to the same rows, cautious.
    """
    constant, tfidf, mine = baselines.majority.accuracy, baselines.tfidf.accuracy, model.accuracy
    facts = {
        "mine": f"{100 * mine:.1f}",
        "tfidf": f"{100 * tfidf:.1f}",
        "constant": f"{100 * constant:.1f}",
        "theirs": f"{100 * max(tfidf, constant):.1f}",
        "label": quoted(baselines.majority_label),
        "rows": f"{rows:,}",
        "row_word": "row" if rows == 1 else "rows",
        "seconds": _seconds(baselines.seconds, lang),
    }
    # Of the shown figures, so that the reader's own subtraction agrees.
    facts["points"] = f"{abs(float(facts['mine']) - float(facts['theirs'])):.1f}"
    sentences = SENTENCES[lang]
    if mine <= constant and tfidf <= constant:
        return sentences["neither"].format(**facts)
    rival = sentences["tfidf" if tfidf >= constant else "constant"].format(**facts)
    theirs = max(tfidf, constant)
    middle = (mine + theirs) / 2
    if abs(mine - theirs) <= math.sqrt(2 * middle * (1 - middle) / rows):
        outcome = "level"
    else:
        outcome = "model" if mine > theirs else "rival"
    return sentences[outcome].format(rival=rival, **facts)


# {rival} is TF-IDF, or always the same answer where that scores higher. It cannot be the latter in
# "rival": a model below the constant answer, with TF-IDF below it too, is "neither".
SENTENCES = {
    "en": {
        "tfidf": "TF-IDF + logistic regression",
        "constant": "always answering {label}",
        "model": "The fine-tuned model beats {rival} by {points} points "
        "({mine} % against {theirs} % of {rows} test {row_word}).",
        "rival": "{rival} wins: it beats the fine-tuned model by {points} points ({theirs} % against {mine} % of "
        "{rows} test {row_word}); it takes {seconds}, so prefer it, or give the model more rows, epochs or "
        "a larger model.",
        "level": "The fine-tuned model ({mine} %) and {rival} ({theirs} %) are level: at {rows} test {row_word} "
        "a difference of {points} points is within chance.",
        "neither": "Neither the fine-tuned model ({mine} %) nor TF-IDF + logistic regression ({tfidf} %) beats "
        "always answering {label} ({constant} % of {rows} test {row_word}); check the labels, or give the model "
        "more rows or epochs.",
    },
    "ko": {
        "tfidf": "TF-IDF + 로지스틱 회귀",
        "constant": "항상 {label}(으)로 답하는 방법",
        "model": "파인튜닝한 모델의 정확도가 {rival}보다 {points}%p 높습니다"
        "(테스트 {rows}건 기준 {mine}% 대 {theirs}%).",
        "rival": "{rival}의 정확도가 파인튜닝한 모델보다 {points}%p 높고(테스트 {rows}건 기준 {theirs}% 대 {mine}%) "
        "{seconds}면 끝나므로, 이쪽을 쓰거나 데이터나 에포크를 늘리거나 더 큰 모델을 써 보세요.",
        "level": "파인튜닝한 모델({mine}%)과 {rival}({theirs}%)의 정확도 차이 {points}%p는 "
        "테스트 {rows}건에서는 우연으로도 나올 수 있는 수준이라 우열을 가릴 수 없습니다.",
        "neither": "파인튜닝한 모델({mine}%)도 TF-IDF + 로지스틱 회귀({tfidf}%)도 항상 {label}(으)로 답하는 방법"
        "(테스트 {rows}건 기준 {constant}%)보다 낫지 않으니, 라벨을 확인하거나 데이터나 에포크를 늘려 보세요.",
    },
}


def _seconds(seconds: float, lang: Literal["en", "ko"]) -> str:
    whole = round(seconds)
    if lang == "ko":
        return f"{max(whole, 1)}초"
    return "less than a second" if whole == 0 else "1 second" if whole == 1 else f"{whole:,} seconds"


# ---------------------------------------------------------------- TF-IDF


def _tfidf(train_texts: Sequence[str], train_labels: Ints, test_texts: Sequence[str]) -> Ints | None:
    """Predicted class ids of the test texts, or None where there is nothing to learn from."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ModuleNotFoundError as fault:
        raise MissingExtraError(
            f"the baseline needs the package scikit-learn ({fault})",
            todo='Run: pip install "whet[train]", or leave the baseline out with --no-baseline',
        ) from None
    vectorizer = TfidfVectorizer(sublinear_tf=True, **_analyzer(train_texts))
    analyze = vectorizer.build_analyzer()
    if len(np.unique(train_labels)) < 2 or not any(analyze(text) for text in train_texts):
        return None
    with warnings.catch_warnings():
        # A fit that stops short of its tolerance is still a baseline.
        warnings.simplefilter("ignore")
        strength = _strength(vectorizer, train_texts, train_labels)
        fitted = _classifier(strength, train_labels).fit(vectorizer.fit_transform(train_texts), train_labels)
        predicted: Ints = fitted.predict(vectorizer.transform(test_texts)).astype(np.int64)
    return predicted


def _classifier(strength: float, train_labels: Ints) -> Any:
    """Logistic regression by liblinear, each class against the rest where there are more than two.

    On AG News a multinomial fit by L-BFGS takes 20 times longer for the same accuracy.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    single = LogisticRegression(C=strength, solver="liblinear", max_iter=1000, random_state=SEED)
    return single if len(np.unique(train_labels)) == 2 else OneVsRestClassifier(single)


def _strength(vectorizer: Any, texts: Sequence[str], labels: Ints) -> float:
    """The C of the highest accuracy in cross-validation, the smaller one of equals."""
    counts = np.bincount(labels)
    if len(texts) > SEARCH_ROWS or counts[counts > 0].min() < FOLDS:
        return DEFAULT_STRENGTH
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    hits = np.zeros(len(STRENGTHS), dtype=np.int64)
    analyze = vectorizer.build_analyzer()
    for learn, held in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(labels, labels):
        learn_texts = [texts[i] for i in learn]
        if not any(analyze(text) for text in learn_texts):
            return DEFAULT_STRENGTH
        fold = clone(vectorizer)
        learn_rows, held_rows = fold.fit_transform(learn_texts), fold.transform([texts[i] for i in held])
        for i, strength in enumerate(STRENGTHS):
            fitted = _classifier(strength, labels[learn]).fit(learn_rows, labels[learn])
            hits[i] += int((fitted.predict(held_rows) == labels[held]).sum())
    return STRENGTHS[int(hits.argmax())]


def _analyzer(texts: Sequence[str]) -> dict[str, object]:
    """What TF-IDF counts: by script, judged from at most 500 texts spread over the rows."""
    sample = [texts[i][:500] for i in np.linspace(0, len(texts) - 1, min(len(texts), 500)).astype(int)]
    letters = [c for text in sample for c in text if c.isalpha()]
    dense = sum(_is_dense(c) for c in letters)
    if dense > 0.3 * len(letters):
        # Particles cling to Korean words, and Chinese and Japanese have no spaces.
        return {"analyzer": "char_wb", "ngram_range": (1, 3)}
    return {"analyzer": "word", "ngram_range": (1, 2)}


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


# ---------------------------------------------------------------- cache


def _key(
    train_texts: Sequence[str], train_labels: Ints, test_texts: Sequence[str], test_labels: Ints, labels: LabelSet
) -> str:
    digest = hashlib.sha256(f"{METHOD} {labels.names!r} {labels.positive!r}".encode("utf-8", "surrogatepass"))
    for texts, ids in ((train_texts, train_labels), (test_texts, test_labels)):
        digest.update(f"\n{len(texts)}\n".encode())
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        digest.update(np.ascontiguousarray(ids, dtype="<i8").tobytes())
    return digest.hexdigest()


def _read(path: Path, test_labels: Ints, labels: LabelSet) -> Baselines | None:
    """What the cache file holds; None where there is none or it does not fit the test rows."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # ValueError: not UTF-8, or not JSON
        return None
    if not isinstance(document, dict):
        return None
    majority = _restored(document.get("majority"), test_labels, labels)
    tfidf = _restored(document.get("tfidf"), test_labels, labels)
    label, seconds = document.get("majority_label"), document.get("seconds")
    if majority is None or tfidf is None or label not in labels.names:
        return None
    if not isinstance(seconds, float) or not 0 <= seconds < math.inf:
        return None
    return Baselines(majority, tfidf, label, seconds, cached=True)


def _restored(scores: object, test_labels: Ints, labels: LabelSet) -> Metrics | None:
    """Metrics from their JSON, computed anew from the confusion matrix: one truth, easily checked."""
    confusion = scores.get("confusion") if isinstance(scores, dict) else None
    matrix = confusion.get("matrix") if isinstance(confusion, dict) else None
    classes, most = len(labels), len(test_labels)
    if not isinstance(matrix, list) or len(matrix) != classes:
        return None
    for row in matrix:
        if not isinstance(row, list) or len(row) != classes or not all(_is_count(n, most) for n in row):
            return None
    cells = np.array(matrix, dtype=np.int64)
    if not np.array_equal(cells.sum(axis=1), np.bincount(test_labels, minlength=classes)):
        return None
    metrics = from_confusion(cells, labels)
    return metrics if as_json(metrics) == scores else None


def _is_count(number: object, most: int) -> bool:
    return type(number) is int and 0 <= number <= most


def _write(path: Path, found: Baselines) -> None:
    document = {
        "majority": as_json(found.majority),
        "tfidf": as_json(found.tfidf),
        "majority_label": found.majority_label,
        "seconds": found.seconds,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, json.dumps(document))
    except OSError as fault:
        raise OutputError(
            f"the cache cannot be written: {fault.strerror}", where=str(path), todo="Free space or mend its permissions"
        ) from None
