"""What `whet predict --explain` shows of the words of a text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from tests.unit.cli.conftest import FakePipeline, prediction, printed
from whet.cli import highlight, show
from whet.cli.texts import Words
from whet.records import Attribution, Prediction

EN, KO = Words("en"), Words("ko")
WORDS = ((0, 6, 3.0), (7, 10, -0.1), (11, 16, -1.5), (16, 17, 0.9))
FOUND = Attribution("superb but awful\x1b", "positive", WORDS)


def test_predict_explain_marks_the_words_and_tells_their_weights(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "what a terrible film", "good", "--explain", "--lang", "en")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "what a +terrible+ film\n"
        "  prediction: negative (negative: 0.9686, positive: 0.0314)\n"
        "  for negative: terrible +10.15\n"
        "good\n"
        "  prediction: positive (negative: 0.0012, positive: 0.9988)\n"
    )
    assert pipeline.run.asked == [
        ["what a terrible film", "a terrible film", "what terrible film", "what a film", "what a terrible", "good", ""]
    ]


def test_predict_explains_the_label_that_is_asked_for(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "terrible", "--explain-label", "positive", "--lang", "ko")
    assert ended.out == (
        "-terrible-\n"
        "  예측: negative (negative 확률: 0.9686, positive 확률: 0.0314)\n"
        "  'positive' 반대 근거: terrible -10.15\n"
    )


def test_predict_refuses_to_explain_a_label_that_there_is_not(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "terrible", "--explain-label", "postive")
    assert ended.code == 2
    assert ended.err == (
        "error: explain: no label 'postive'. Expected one of negative, positive. Did you mean 'positive'.\n"
    )


def test_predict_explain_with_json_has_the_words(whet, pipeline: FakePipeline) -> None:
    (answer,) = json.loads(whet("predict", "last", "terrible film", "--explain", "--json").out)
    assert {key: answer[key] for key in ("text", "label", "truncated", "explained")} == {
        "text": "terrible film", "label": "negative", "truncated": False, "explained": "negative",
    }  # fmt: skip
    assert "logits" not in answer
    assert [(word["start"], word["end"]) for word in answer["words"]] == [(0, 8), (9, 13)]
    assert [word["weight"] for word in answer["words"]] == pytest.approx([10.153, 0.0], abs=1e-3)


def test_without_explain_there_are_no_words(whet, pipeline: FakePipeline) -> None:
    (answer,) = json.loads(whet("predict", "last", "terrible film", "--json").out)
    assert answer.keys() == {"text", "label", "score", "probabilities", "truncated"}


def test_predict_explain_as_csv_has_the_words_as_json(whet, pipeline: FakePipeline) -> None:
    page = whet("predict", "last", "terrible film", "--explain", "--format", "csv").out
    (row,) = csv.DictReader(io.StringIO(page, newline=""))
    assert row["explained"] == "negative"
    assert [word["start"] for word in json.loads(row["words"])] == [0, 9]


def test_a_table_shows_the_words_in_its_texts(whet, pipeline: FakePipeline) -> None:
    lines = whet("predict", "last", "a terrible film", "--explain", "--format", "table", "--lang", "en").out
    assert lines.splitlines()[1].split() == ["a", "+terrible+", "film", "negative", "0.9686", "0.0314"]


# ---------------------------------------------------------------- on a terminal


def terminal(**environment: str) -> Console:
    return Console(
        file=io.StringIO(), width=80, force_terminal=True, color_system="standard", highlight=False, markup=False,
        _environ={"TERM": "xterm", **environment}, no_color="NO_COLOR" in environment,
    )  # fmt: skip


def answered(found: Attribution) -> Prediction:
    return prediction(found.text, 0.9)


def drawn(found: Attribution, console: Console) -> list[str]:
    import dataclasses

    show.predictions(console, EN, [dataclasses.replace(answered(found), attribution=found)])
    return printed(console).splitlines()


def test_a_terminal_shows_weighty_words_in_colour_and_letters_that_move_the_cursor_escaped() -> None:
    first = drawn(FOUND, terminal())[0]
    assert first == "\x1b[1;32msuperb\x1b[0m but \x1b[31mawful\x1b[0m\x1b[32m\\x1b\x1b[0m"


def test_without_colours_they_stand_between_marks() -> None:
    lines = drawn(FOUND, terminal(NO_COLOR="1"))
    assert lines[0] == "+superb+ but -awful-+\\x1b+"
    assert "for positive: superb +3.00, \\x1b +0.90" in lines[2]
    assert "against positive: awful -1.50" in lines[3]


def test_both_texts_of_a_pair_are_shown_by_the_weightiest_word_of_both() -> None:
    found = Attribution("nice", "positive", ((0, 4, 0.2),), "superb", ((0, 6, 3.0),))
    assert drawn(found, terminal(NO_COLOR="1"))[:2] == ["nice", "+superb+"]


@pytest.mark.parametrize("weights", [[], [0.0], [0.009, -0.004]])
def test_where_no_word_counts_nothing_is_marked(weights: Sequence[float]) -> None:
    spans = ((0, 1), (2, 3))
    words = tuple((*span, weight) for span, weight in zip(spans, weights, strict=False))
    found = Attribution("a b", "positive", words)
    assert drawn(found, terminal(NO_COLOR="1"))[0] == "a b"
    assert list(highlight.reasons(EN, found)) == []


def test_of_a_number_words_raise_or_lower_it() -> None:
    found = Attribution("superb awful", None, ((0, 6, 1.25), (7, 12, -2.0)))
    assert list(highlight.reasons(EN, found)) == ["raises it: superb +1.25", "lowers it: awful -2.00"]
    assert list(highlight.reasons(KO, found)) == ["값을 높인 단어: superb +1.25", "값을 낮춘 단어: awful -2.00"]


def test_at_most_six_words_are_told() -> None:
    text = " ".join("abcdefgh")
    found = Attribution(text, "positive", tuple((2 * i, 2 * i + 1, 1.0 + i) for i in range(8)))
    assert list(highlight.reasons(EN, found)) == ["for positive: h +8.00, g +7.00, f +6.00, e +5.00, d +4.00, c +3.00"]
