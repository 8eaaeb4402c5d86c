"""Korean texts through whole jobs: files that macOS wrote, and encoders whose parts differ from BERT's."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyModel, review_rows
from tests.flows.conftest import BRIEF, Command, Job, events_of, weights_of, write_csv
from whet import pipeline
from whet.model import embedded
from whet.planning.measured import has_lighter
from whet.preparing import prepare
from whet.settings import config
from whet.system import runtime

GOOD = ("정말 재미있었고", "배우들의 연기도 훌륭했습니다", "다시 보고 싶어요")
BAD = ("시간이 아까운 영화였어요", "줄거리도 없고", "음악도 별로였습니다")


def korean_rows() -> list[tuple[str, str]]:
    """36 distinct rows of words that the tiny models know."""
    heads = ("이 영화는", "영화는", "정말", "다시", "ㅋㅋㅋ", "ㅠㅠ")
    return [
        (f"{head} {text}.", label)
        for head in heads
        for texts, label in ((GOOD, "긍정"), (BAD, "부정"))
        for text in texts
    ]


def apart(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def test_texts_that_macos_took_apart_train_the_same_model_and_get_the_same_answers(here: Path, job: Job) -> None:
    rows = korean_rows()
    for name, spelled in (("composed", str), ("apart", apart)):
        for side, part in (("train", rows[6:]), ("test", rows[:6])):
            write_csv(here / f"{name}-{side}.csv", [(spelled(text), label) for text, label in part])
    settings = {**BRIEF, "validation": "none", "baseline": True}
    runs = [
        job(f"{name}-train.csv", test=f"{name}-test.csv", output=name, **settings).run for name in ("composed", "apart")
    ]
    assert weights_of(runs[0].path) == weights_of(runs[1].path)
    assert runs[0].metrics["test"] == runs[1].metrics["test"]
    assert runs[0].metrics["baselines"]["tfidf"] == runs[1].metrics["baselines"]["tfidf"]
    text = "이 영화는 정말 재미있었고 ㅋㅋㅋ"
    composed, taken = runs[0].predict([text, apart(text)])
    assert (taken.text, composed.text) == (apart(text), text)
    # Side by side in a pack: on some processors a place in it decides the last bit.
    assert taken.probabilities == pytest.approx(composed.probabilities, abs=1e-6)


def test_check_shows_the_tokens_that_a_training_sees(whet: Command, here: Path, tiny_bert: Path) -> None:
    rows = ["\ud800 이 영화는", apart("이 영화는"), "이 영화는"]
    lines = [json.dumps({"text": text, "label": str(row % 2)}) for row, text in enumerate(rows)]
    (here / "odd.jsonl").write_text("\n".join(lines), encoding="utf-8")
    shown: list[Any] = []
    for row in range(3):
        ended = whet("check", "odd.jsonl", "--tokens", str(row), "--model", str(tiny_bert), "--json")
        assert (ended.code, ended.err) == (0, "")
        shown.append(ended.json["tokens"]["ids"])
    assert shown[0] == shown[1] == shown[2]  # BERT's own tokenizer drops U+FFFD


def klue(folder: Path, source: Path, kind: str) -> Path:
    """A random encoder with a single token type and, as klue/roberta-base is, RoBERTa beside BERT's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel, BertTokenizer

    known = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    specials = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
    words = [word for word in sorted(known, key=known.__getitem__) if word not in specials]
    tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate([*specials, *words])}, do_lower_case=False)
    tokenizer.model_max_length = 128
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model(
        kind, **sizes, vocab_size=len(tokenizer), max_position_embeddings=130, type_vocab_size=1, pad_token_id=1,
        bos_token_id=0, eos_token_id=2, tokenizer_class="BertTokenizer", initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["roberta", "bert"])
def test_an_encoder_with_one_token_type_trains_packed_and_answers_as_plain_transformers(
    here: Path, job: Job, tiny_model: TinyModel, kind: str
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = klue(here / "klue", tiny_model("bert"), kind)
    told = job(korean_csv(here), model=str(folder), **BRIEF)
    assert not [notice for notice in told.notices if "padded by length" in notice]
    run = pipeline.load(told.path)
    saved = json.loads((told.path / "model" / "config.json").read_text(encoding="utf-8"))
    assert saved["type_vocab_size"] == 1
    texts = ["이 영화는 정말 재미있었고", "", "시간이 아까운 영화였어요 ㅠㅠ"]
    tokenizer = AutoTokenizer.from_pretrained(told.path / "model")
    model = AutoModelForSequenceClassification.from_pretrained(told.path / "model").eval()
    with torch.no_grad():
        logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    expected = logits.softmax(dim=-1).tolist()
    for answer, row in zip(run.predict(texts), expected, strict=True):
        assert list(answer.probabilities.values()) == pytest.approx(row, abs=1e-5)


def test_a_training_in_korean_tells_nothing_in_english_and_its_report_neither(
    whet: Command, here: Path, tiny_bert: Path
) -> None:
    write_csv(here / "reviews.csv", [*review_rows(), ("", "positive")])
    ended = whet(
        "train", "reviews.csv", "--model", str(tiny_bert), "--epochs", "6", "--threads", "1", "--max-length", "6",
        "--evaluate-every", "2", "--early-stopping", "1", "--learning-rate", "0.3", "--device", "cpu",
        "--class-weights", "balanced", "--lang", "ko", "--output", "run", "--precision", "fp32",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    lines = [line for line in ended.err.splitlines() if line.startswith(("참고: ", "경고: "))]
    assert len(lines) > 8
    english = re.compile(r"\b(of|the|is|are|by|and|rows|texts|steps)\b")
    assert [line for line in lines if english.search(line) or not re.search("[가-힣]", line)] == []
    assert "참고: 장치 cpu, 스레드 1개: 직접 지정" in lines
    assert "참고: 학습 데이터: reviews.csv: 테스트를 뺀 나머지에서 검증 6행 제외" in lines
    assert [line for line in lines if line.startswith("참고: 학습 텍스트 49개 중 ")]
    assert [line for line in lines if "모델이 텍스트에서 아무것도 배우지 못했을 수 있습니다" in line]
    assert "평가: 테스트" in ended.err.splitlines()
    page = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert "<dd>cpu (직접 지정)</dd>" in page
    assert "61행 중 1행의 텍스트가 비어 있습니다(62번째 줄)" in page
    assert "모델이 텍스트에서 아무것도 배우지 못했을 수 있습니다" in page
    (told,) = {line["message"] for line in events_of(here / "run") if "learned nothing" in line.get("message", "")}
    assert told.endswith("or look at the data with whet check")


def korean_csv(folder: Path) -> str:
    return str(write_csv(folder / "reviews-ko.csv", korean_rows()))


DOUBT = "warning: the vocabulary of {model} does not have the words of these texts: "


def test_a_model_without_the_words_of_the_texts_is_warned_of_in_plan_and_train(
    whet: Command, here: Path, tiny_bert: Path
) -> None:
    arguments = (
        "sample:reviews-ko",
        "--model",
        str(tiny_bert),
        "--epochs",
        "0.5",
        "--max-length",
        "32",
        "--threads",
        "1",
    )
    planned = whet("plan", *arguments)
    trained = whet("train", *arguments, "--json")
    for ended in (planned, trained):
        assert ended.code == 0
        (line,) = [line for line in ended.err.splitlines() if line.startswith("warning: the vocabulary")]
        assert line.startswith(DOUBT.format(model=tiny_bert))
        assert line.endswith(
            "--model intfloat/multilingual-e5-small is the better choice (a small model of 100 languages, "
            "Korean among them)"
        )
    kept = [event for event in events_of(Path(trained.json["run"])) if event.get("severity") == "warning"]
    assert [event["message"].startswith("the vocabulary of") for event in kept] == [True]
    assert trained.json["metrics"]["baselines"]["tfidf"]["accuracy"] > 0.6
    assert trained.json["verdict"].startswith("TF-IDF + logistic regression wins: it beats the fine-tuned model by ")


def test_a_model_with_the_words_of_the_texts_is_not(whet: Command, here: Path, tiny_bert: Path) -> None:
    write_csv(here / "reviews.csv", review_rows())
    ended = whet("plan", "reviews.csv", "--model", str(tiny_bert), "--threads", "1")
    assert (ended.code, "vocabulary" in ended.err) == (0, False)


@pytest.mark.parametrize(("data", "there"), [("sample:reviews-ko", False), ("sample:reviews", True)])
def test_the_embedded_english_model_is_no_shorter_way_for_texts_whose_words_it_lacks(
    tiny_bert: Path, data: str, there: bool
) -> None:
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    events = prepare.settle(data, config.resolve({"model": str(tiny_bert)}), runtime.ALONE)
    with pytest.raises(StopIteration) as ended:
        while True:
            next(events)
    assert has_lighter(ended.value.value) is there


def test_without_a_hub_and_a_model_that_has_their_words_korean_texts_get_a_linear_model(
    whet: Command, here: Path
) -> None:
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    trained = whet("train", "sample:reviews-ko", "--budget", "5m", "--lang", "ko", "--json")
    assert trained.code == 0
    folder = Path(trained.json["run"])
    assert folder.name.startswith("reviews-ko-linear-")
    assert trained.json["metrics"]["test"]["accuracy"] > 0.6
    settings = json.loads((folder / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["model"]["value"] == "linear"
    assert settings["model"]["reason"].startswith("auto: the hub 127.0.0.1:9 cannot be reached (")
    told = [line for line in trained.err.splitlines() if line.startswith("경고: 모델 linear: ")]
    assert len(told) == 1
    assert "TF-IDF 선형 모델을 대신 학습합니다" in told[0]
    planned = whet("plan", "sample:reviews-ko", "--json")
    assert planned.json["model"] == "linear"
    refused = whet("tune", "sample:reviews-ko", "--trials", "2")
    assert (refused.code, refused.errors[0].startswith("a search with --model auto: the hub 127.0.0.1:9 ")) == (2, True)
    chosen = whet("plan", "sample:reviews-ko", "--epochs", "1", "--threads", "1", "--json")
    assert chosen.json["model"] == "embedded"


def test_check_counts_no_tokens_where_a_training_would_fit_a_linear_model(whet: Command, here: Path) -> None:
    if not embedded.is_installed():
        pytest.skip("the embedded model is not installed")
    checked = whet("check", "sample:reviews-ko", "--json")
    assert (checked.code, "unknown_tokens" in checked.json["findings"]) == (0, False)
    (told,) = [notice for notice in checked.json["notices"] if notice.startswith("model linear: ")]
    assert told.startswith("model linear: the hub 127.0.0.1:9 cannot be reached (")
    refused = whet("check", "sample:reviews-ko", "--tokens", "0")
    assert refused.code == 2
    assert refused.errors[0].startswith("--tokens with --model auto: model linear: the hub 127.0.0.1:9 ")
    asked = whet("check", "sample:reviews-ko", "--max-length", "64", "--tokens", "0", "--json")
    assert "unknown_tokens" in asked.json["findings"]
    assert "[UNK]" in asked.json["tokens"]["tokens"]
