from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.unit.cli.conftest import (
    Finished,
    Run,
    TokenView,
    binary_metrics,
    checked,
    many_metrics,
    page,
    prediction,
    printed,
    training_metrics,
)
from whet.cli import show, summary
from whet.cli.output import stdout_console
from whet.cli.texts import TEXTS, Words, one_line
from whet.labels import LabelSet
from whet.records import Columns, Finding
from whet.score.metrics import as_json
from whet.sentences.bilingual import Bilingual
from whet.settings import config

EN, KO = Words("en"), Words("ko")


def shown(draw, words: Words, *what: object, width: int = 80) -> str:
    console = page(width)
    draw(console, words, *what)
    lines = printed(console).splitlines()
    assert [line for line in lines if cell_len(line) > width] == []
    return "\n".join(lines)


def placeholders(text: str) -> set[str]:
    import string

    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_the_same_things(key: str) -> None:
    english, korean = TEXTS[key]
    assert english.strip()
    assert korean.strip()
    assert placeholders(english) == placeholders(korean)


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (0.0, "0 s", "0초"),
        (8.44, "8.4 s", "8.4초"),
        (42.2, "42 s", "42초"),
        (59.6, "1 min 00 s", "1분 00초"),
        (130, "2 min 10 s", "2분 10초"),
        (3900, "1 h 05 min", "1시간 05분"),
    ],
)
def test_durations_are_read_at_a_glance(seconds: float, english: str, korean: str) -> None:
    assert (EN.duration(seconds), KO.duration(seconds)) == (english, korean)


def test_the_look_at_the_data_shows_columns_rows_labels_and_findings() -> None:
    found = checked(
        Finding("duplicate_texts", "warning", "train", 3, "r.csv: 3 rows repeat", "Remove them", ("line 3",))
    )
    assert (
        shown(show.checked, EN, found)
        == r"""
reviews.csv  2,000 rows: train 1,500, test 500
Text:  review (the only column of long texts)
Label: sentiment (its name)

First rows
  row  label     text
    0  positive  A film to remember.
    1  negative  What a waste\nof time\x1b[2J.

Labels
  label     train          test
  negative    500  33.3 %   250  50.0 %
  positive  1,000  66.7 %   250  50.0 %

Findings
           count  finding
  warning      3  duplicate_texts, train
                  r.csv: 3 rows repeat.
                  Remove them.
  note: the columns are separated by ';'
""".strip()
    )


def test_the_look_at_the_data_in_korean() -> None:
    assert (
        shown(show.checked, KO, checked())
        == r"""
reviews.csv  2,000행: 학습 1,500, 테스트 500
텍스트: review (the only column of long texts)
라벨:   sentiment (its name)

처음 몇 행
  행  라벨      텍스트
   0  positive  A film to remember.
   1  negative  What a waste\nof time\x1b[2J.

라벨 분포
  라벨       학습          테스트
  negative    500  33.3 %     250  50.0 %
  positive  1,000  66.7 %     250  50.0 %

발견한 점
  고칠 점이 발견되지 않았습니다.
  참고: the columns are separated by ';'
""".strip()
    )


def test_a_korean_finding_shows_its_korean_and_a_message_in_one_language_is_shown_as_it_is() -> None:
    message, todo = Bilingual("r.csv: 3 rows repeat", "r.csv: 3행이 같습니다"), Bilingual("Remove them", "제거하세요")
    columns = Columns("a", Bilingual("given", "직접 지정"), "b", "its name")
    found = dataclasses.replace(
        checked(Finding("duplicate_texts", "warning", "test", 3, message, todo, ("line 3",))), columns=columns
    )
    korean, english = shown(show.checked, KO, found), shown(show.checked, EN, found)
    assert "duplicate_texts, 테스트\n              r.csv: 3행이 같습니다.\n              제거하세요." in korean
    assert "텍스트: a (직접 지정)\n라벨:   b (its name)" in korean
    assert "duplicate_texts, test\n                  r.csv: 3 rows repeat.\n                  Remove them." in english
    assert "Text:  a (given)" in english


@pytest.mark.parametrize("width", range(40, 60))
def test_no_letter_of_a_wide_script_is_lost_where_a_line_ends(width: int) -> None:
    message = "깨진 글자가 있는 행은 원본을 다시 저장하거나 실제 인코딩을 주고 적어도 한 번은 확인하세요 " * 3
    found = checked(Finding("mojibake", "warning", "train", 3, message))
    text = shown(show.checked, KO, found, width=width)
    assert message.replace(" ", "") in "".join(text.split())


def test_where_there_is_no_terminal_a_line_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    console = stdout_console()
    found = dataclasses.replace(checked(), notices=("이 줄은 아주 깁니다 " * 20 + "끝",))
    show.checked(console, KO, found)
    many = dataclasses.replace(prediction("a", 0.9), probabilities={f"label {i}": 0.05 for i in range(20)})
    show.predictions(console, EN, [many])
    lines = capsys.readouterr().out.splitlines()
    assert f"  참고: {'이 줄은 아주 깁니다 ' * 20}끝" in lines
    assert next(line for line in lines if line.startswith("  prediction: ")).endswith(", label 19: 0.0500)")


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_text_is_cut_at_the_width_of_the_terminal(width: int) -> None:
    found = dataclasses.replace(checked(), head=(("word " * 200, "a" * 60), ("긴 글 " * 100, "b")))
    first, second = [line for line in shown(show.checked, EN, found, width=width).splitlines() if line.endswith("…")]
    # A Hangul letter takes two cells, so that its line may end one cell early.
    assert cell_len(first) in (width - 1, width)
    assert cell_len(second) in (width - 1, width)
    assert first.startswith(f"    0  {'a' * 23}…  word word")
    assert second.startswith(f"    1  b{' ' * 23}  긴 글 긴")


def test_data_without_labels_says_so() -> None:
    found = dataclasses.replace(checked(), columns=Columns("review", "its name", None, "no column looks like one"))
    found = dataclasses.replace(found, rows={"train": 5}, label_counts={})
    text = shown(show.checked, EN, found)
    assert text.startswith("reviews.csv  5 rows\n")
    assert "Label: none (no column looks like one)" in text
    assert "Labels" not in text


def test_of_many_labels_twenty_are_shown() -> None:
    counts = {"train": {f"label {i:03d}": 2 for i in range(151)}}
    text = shown(show.checked, EN, dataclasses.replace(checked(), label_counts=counts))
    assert "label 019" in text
    assert "label 020" not in text
    assert "and 131 more labels" in text


def test_only_settings_that_differ_are_shown_with_their_reasons() -> None:
    resolved = config.resolve({"epochs": 3, "seed": 42, "quiet": True}).with_value("model", "embedded", "no hub")
    assert shown(show.settings, EN, resolved) == (
        "Settings that differ from the defaults\n"
        "  model   embedded  (no hub; default auto)\n"
        "  epochs  3         (given; default 2)"
    )
    assert shown(show.settings, EN, config.resolve({})) == ""


def test_tokens_show_their_ids_and_where_the_text_is_cut() -> None:
    view = TokenView(
        "a b c", ("[CLS]", "a", "b", "c", "[SEP]"), (101, 7, 8, 9, 102), (True, True, False, False, True), 3
    )
    assert shown(show.tokens, EN, view, 4) == (
        "\nTokens of row 4: 3 of 5 are kept\n"
        "  [CLS]:101 a:7 [cut here: 2 tokens left out] b:8 c:9 [SEP]:102\n"
        "  Texts are cut at 3 tokens (--max-length)."
    )


def test_a_text_that_fits_is_said_to_fit() -> None:
    view = TokenView("a", ("[CLS]", "a"), (101, 7), (True, True), 512)
    text = shown(show.tokens, EN, view, 0)
    assert "[cut" not in text
    assert text.endswith("  The text is not cut (at most 512 tokens).")


def test_a_prediction_is_its_text_its_label_and_every_probability() -> None:
    assert shown(show.predictions, EN, [prediction("good [bold] :smile:", 0.9988)]) == (
        "good [bold] :smile:\n  prediction: positive (negative: 0.0012, positive: 0.9988)"
    )


def test_a_korean_prediction_reads_as_a_sentence() -> None:
    answer = dataclasses.replace(
        prediction("정말 재미있게 봤어요.", 0.9988), label="긍정", probabilities={"부정": 0.0012, "긍정": 0.9988}
    )
    assert shown(show.predictions, KO, [answer]) == (
        "정말 재미있게 봤어요.\n  예측: 긍정 (부정 확률: 0.0012, 긍정 확률: 0.9988)"
    )


def test_a_text_that_was_cut_is_said_to_be() -> None:
    text = shown(show.predictions, EN, [prediction("long", 0.9, truncated=True)])
    assert text.endswith("\n  the text was longer than the model reads; part of it was cut")


def test_the_table_has_a_column_for_each_label() -> None:
    answers = [prediction("good", 0.9988), prediction("bad\n", 0.0314)]
    assert shown(show.predictions_table, EN, answers) == (
        "text   label     negative  positive\ngood   positive    0.0012    0.9988\nbad\\n  negative    0.9686    0.0314"
    )


END = Finished(Run(), training_metrics(), "The model beats TF-IDF by 9.0 points.")


def test_the_summary_of_two_labels() -> None:
    assert (
        shown(summary.finished, EN, END)
        == """
Result on 20 test rows
              model  TF-IDF  majority
  accuracy   0.9000  0.8100    0.5000
  precision  0.9123  0.9123    0.9123
  recall     0.8765  0.8765    0.8765
  F1         0.8941  0.8941    0.8941
  macro F1   0.8875  0.8875    0.8875
  MCC        0.8000  0.8000    0.8000
  precision, recall and F1 are those of positive

Confusion matrix: rows are true, columns predicted
            negative  positive
  negative         9         1
  positive         1         9

The model beats TF-IDF by 9.0 points.

Run     runs/reviews-embedded-1a2b3c
Model   runs/reviews-embedded-1a2b3c/model
Report  runs/reviews-embedded-1a2b3c/report.html
Time    training 2 min 10 s, evaluation 4.2 s

Next
  whet predict runs/reviews-embedded-1a2b3c "a text of your own"
  whet evaluate runs/reviews-embedded-1a2b3c DATA"""
    )


def test_intervals_another_baseline_and_the_score_that_decided_have_their_places() -> None:
    metrics = training_metrics()
    asked = {"metric": "neg_log_loss", "test": {**as_json(binary_metrics()), "roc_auc": None, "neg_log_loss": -0.25}}
    asked["test"] |= {"intervals": {"accuracy": [0.7444, 0.9556], "classes": {}}}  # type: ignore[operator]
    baselines = {**metrics["baselines"], "nbsvm": as_json(binary_metrics(0.85))}  # type: ignore[dict-item]
    end = Finished(Run(), {**metrics, **asked, "baselines": baselines}, "")
    text = shown(summary.finished, EN, end)
    assert (
        """
                  model   95 % interval  TF-IDF  NB-SVM  majority
  accuracy       0.9000  [0.744, 0.956]  0.8100  0.8500    0.5000
  precision      0.9123                  0.9123  0.9123    0.9123
"""
        in text
    )
    lines = [line.rstrip() for line in text.splitlines()]
    assert "  ROC AUC           n/a" in lines
    assert "  neg_log_loss  -0.2500" in lines
    assert "  ROC AUC       해당 없음" in shown(summary.finished, KO, end)


def test_a_report_that_was_not_written_is_not_named() -> None:
    end = Finished(Run(report=None), training_metrics(), "")
    assert "Model  runs/reviews-embedded-1a2b3c/model\nTime " in shown(summary.finished, EN, end)


def test_the_summary_in_korean_is_aligned() -> None:
    text = shown(summary.finished, KO, END)
    assert "테스트 20행의 결과" in text
    assert "  정확도     0.9000  0.8100     0.5000\n" in text
    assert "실행 폴더  runs/reviews-embedded-1a2b3c\n모델 폴더  runs/" in text
    assert "시간       학습 2분 10초, 평가 4.2초" in text
    assert '  whet predict runs/reviews-embedded-1a2b3c "직접 쓴 문장"' in text


def test_the_summary_tells_how_many_answers_are_explained_and_what_that_took() -> None:
    metrics = {**training_metrics(), "explanations": {"wrong": 66, "explained": 21}}
    metrics["seconds"] = {"train": 130.0, "evaluate": 4.25, "explain": 6.5}
    end = Finished(Run(), metrics, "")
    english, korean = shown(summary.result, EN, end, width=200), shown(summary.result, KO, end, width=200)
    path = "runs/reviews-embedded-1a2b3c/explanations.json"
    assert f"\nWords that 21 of 66 wrong answers hang on: in {path}\n" in english
    assert "training 2 min 10 s, evaluation 4.2 s, explanations 6.5 s" in english
    assert f"\n틀린 답 66개 중 21개의 근거 단어: {path}\n" in korean
    assert "학습 2분 10초, 평가 4.2초, 근거 확인 6.5초" in korean
    metrics["explanations"] = {"wrong": 0, "explained": 0}
    assert "hang on" not in shown(summary.result, EN, Finished(Run(), metrics, ""))


def doubting() -> Finished:
    """A run with all that is told of probabilities, slices and labels."""
    slices = [
        {"by": "length", "value": "3 to 90", "rows": 5, "accuracy": 1.0, "interval": [0.57, 1.0], "weaker": False},
        {"by": "leaked", "value": "no", "rows": 12, "accuracy": 0.5, "interval": [0.25, 0.75], "weaker": True},
        {"by": "shop", "value": "A\n", "rows": 7, "accuracy": 0.4, "interval": [0.2, 0.6], "weaker": True},
    ]
    answered = {"min_confidence": 0.9, "rows": 16, "coverage": 0.82, "accuracy": 0.981}
    calibration = {
        "temperature": 1.6249, "test": {"ece_before": 0.0604, "ece_after": 0.0213}, "answered": answered
    }  # fmt: skip
    found = {"train": {"rows": 900, "found": 31}, "test": {"rows": 60, "found": 6}}
    more = {"calibration": calibration, "slices": slices, "label_errors": found}
    return Finished(Run(), {**training_metrics(), **more}, "")


def test_the_summary_tells_of_probabilities_slices_and_doubted_labels() -> None:
    text = shown(summary.result, EN, doubting(), width=200)
    assert (
        "\nCalibration error (ECE) 0.0213; before the temperature of 1.62 it was 0.0604\n"
        "answering only above 0.90 confidence: 82 % of rows, 98.1 % right\n"
        "Weaker than the rest: also in train = no, 0.5000 (0.2500 to 0.7500) of 12 rows\n"
        "Weaker than the rest: shop = A\\n, 0.4000 (0.2000 to 0.6000) of 7 rows\n"
        "Labels that are likely wrong: 37 of 960 rows (train 31, test 6), in "
        "runs/reviews-embedded-1a2b3c/relabel.csv; edited and given back with --corrections they are taken\n"
    ) in text


def test_the_same_in_korean() -> None:
    text = shown(summary.result, KO, doubting(), width=200)
    assert (
        "\n보정 오차(ECE) 0.0213 (온도 1.62 적용 전 0.0604)\n"
        "확신도 0.90 이상만 답하면: 전체 행의 82%에 답하고, 그중 98.1%가 정답\n"
        "나머지보다 낮은 부분: 학습 데이터에도 있음 = 아니요, 정확도 0.5000 (0.2500~0.7500), 12행\n"
        "나머지보다 낮은 부분: shop = A\\n, 정확도 0.4000 (0.2000~0.6000), 7행\n"
        "라벨 오류가 의심되는 행: 960행 중 37행 (학습 31, 테스트 6). "
        "runs/reviews-embedded-1a2b3c/relabel.csv를 고쳐 --corrections로 주면 반영됩니다\n"
    ) in text


def test_where_nothing_is_so_sure_no_row_is_answered() -> None:
    end = doubting()
    none = {"min_confidence": 0.9, "rows": 0, "coverage": 0.0, "accuracy": None}
    found = {"reason": "too few", "test": {"ece_before": 0.05, "ece_after": 0.05}, "answered": none}
    text = shown(summary.result, EN, Finished(Run(), {**end.metrics, "calibration": found}, ""), width=200)
    assert "Calibration error (ECE) 0.0500; no temperature was fitted\n" in text
    assert "answering only above 0.90 confidence: no row\n" in text


def test_an_unsure_answer_is_called_so() -> None:
    unsure = dataclasses.replace(prediction("good", 0.51), label=None)
    assert shown(show.predictions, EN, [unsure]) == ("good\n  prediction: unsure (negative: 0.4900, positive: 0.5100)")
    assert "예측: 불확실 (" in shown(show.predictions, KO, [unsure])


def many(size: int) -> Finished:
    names = tuple(f"class {i}" for i in range(size))
    metrics = {"task": "multiclass", "test": as_json(many_metrics(names))}
    return Finished(Run(labels=LabelSet(names, None, "")), metrics, "")


def test_the_summary_of_four_labels_scores_each() -> None:
    text = shown(summary.finished, EN, many(4))
    assert "Result on 13 test rows\n  accuracy         0.9500\n  macro precision  0.9200\n" in text
    assert (
        "Each label\n  label    precision  recall      F1  rows\n  class 0     0.7500  0.5000  0.6000     3\n" in text
    )
    assert "           class 0  class 1  class 2  class 3\n  class 0        3        1        0        0\n" in text


def test_of_many_labels_the_confused_pairs_are_shown_in_place_of_the_matrix() -> None:
    text = shown(summary.finished, EN, many(30))
    assert "Most often confused\n  class 0 taken for class 1: 1\n" in text
    assert "and 10 more labels" in text
    assert "Confusion matrix" not in text


def test_without_test_rows_the_validation_is_the_result() -> None:
    end = Finished(Run(), {"validation": as_json(binary_metrics()), "test": None}, "")
    assert "Result on 20 validation rows (there were no test rows)" in shown(summary.finished, EN, end)


def test_without_any_scores_the_summary_says_so() -> None:
    assert "There were no test and no validation rows, so there is no score." in shown(
        summary.finished, EN, Finished(Run(), {}, "")
    )


def test_a_run_that_was_finished_before_is_said_to_be() -> None:
    text = shown(summary.finished, EN, dataclasses.replace(END, resumed_finished=True))
    assert text.startswith("This run was finished already, so nothing was trained; --fresh starts over.\n")


def test_a_run_folder_is_written_as_one_would_type_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert summary.short_path(tmp_path / "runs" / "a b") == "'runs/a b'"
    assert summary.short_path(Path("/elsewhere/run")) == "/elsewhere/run"


def test_what_could_move_the_cursor_is_escaped() -> None:
    assert one_line("a\tb\x1b[2J\u202e긍정") == "a\\tb\\x1b[2J\\u202e긍정"
