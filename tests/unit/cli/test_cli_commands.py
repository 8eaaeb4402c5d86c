from __future__ import annotations

import csv
import io
import json
import re
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.cli.conftest import FakePipeline, checked, prediction, training_metrics
from whet.cli import main, reference
from whet.cli.demo import SENTENCES
from whet.cli.jobs import command_line
from whet.inputs import unseen
from whet.records import Finding, Inputs, Prediction
from whet.settings import config
from whet.settings.config import Settings

# ---------------------------------------------------------------- check


def test_check_shows_the_data_on_stdout(whet, pipeline: FakePipeline) -> None:
    ended = whet("check", "reviews.csv", "--text", "review", "--lang", "en")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("reviews.csv  2,000 rows: train 1,500, test 500\n")
    name, data, resolved, *more = pipeline.calls[0]
    assert (name, data, resolved.settings.text, more) == ("check_data", "reviews.csv", "review", [False, None])


def test_check_counts_all_tokens_and_writes_the_cleaned_table_where_it_is_asked_to(
    whet, pipeline: FakePipeline
) -> None:
    assert whet("check", "reviews.csv", "--exact", "--fix", "clean.csv").code == 0
    assert pipeline.calls[0][3:] == (True, "clean.csv")


def test_check_shows_the_tokens_of_a_row(whet, pipeline: FakePipeline) -> None:
    ended = whet("check", "reviews.csv", "--tokens", "4")
    assert "Tokens of row 4: 3 of 5 are kept" in ended.out
    assert pipeline.calls[1][0] == "show_tokens"
    assert pipeline.calls[1][3] == 4


def test_check_with_json_is_one_document(whet, pipeline: FakePipeline) -> None:
    document = json.loads(whet("check", "reviews.csv", "--json", "--tokens", "0").out)
    assert document["columns"] == {
        "text": "review", "text_reason": "the only column of long texts", "label": "sentiment",
        "label_reason": "its name", "pair": None, "pair_reason": "", "kind": "one", "kind_reason": "",
        "text_parts": [], "pair_parts": [], "separator": None, "labels": [],
    }  # fmt: skip
    assert document["rows"] == {"train": 1500, "test": 500}
    assert document["head"][1] == ["What a waste\nof time\x1b[2J.", "negative"]
    assert document["findings"] == {"duplicate_texts": {}, "html": {}}
    assert document["tokens"]["ids"] == [101, 7, 8, 9, 102]


def test_check_ends_with_the_exit_code_of_data_where_it_found_an_error(whet, pipeline: FakePipeline) -> None:
    pipeline.found = checked(Finding("unknown_labels", "error", "test", 1, "a label that train lacks", "Drop the row"))
    ended = whet("check", "reviews.csv")
    assert ended.code == 3
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    start = lines.index("error 1 unknown_labels, test")
    assert lines[start + 1 : start + 3] == ["a label that train lacks.", "Drop the row."]


def test_check_ends_well_where_the_error_is_allowed(whet, pipeline: FakePipeline) -> None:
    pipeline.found = checked(Finding("empty_texts", "error", "train", 1, "an empty text"))
    assert whet("check", "reviews.csv", "--allow", "empty_texts,texts_in_train").code == 0
    assert whet("check", "reviews.csv", "--allow", "texts_in_train").code == 3


# ---------------------------------------------------------------- train and evaluate


def test_train_shows_progress_on_stderr_and_the_summary_on_stdout(whet, pipeline: FakePipeline) -> None:
    ended = whet("train", "reviews.csv", "--epochs", "3", "--lang", "en")
    assert ended.code == 0
    assert ended.err.startswith("Settings that differ from the defaults\n  epochs  3  (given; default 2)\n")
    assert "step 200/300 epoch 1.33 loss 0.412 3,210 tokens/s 1 min 40 s left\n" in ended.err
    assert ended.out.startswith("\nResult on 20 test rows\n")
    assert "The model beats TF-IDF by 9.0 points.\n" in ended.out
    assert "step" not in ended.out


def test_train_quiet_says_warnings_only(whet, pipeline: FakePipeline) -> None:
    ended = whet("train", "reviews.csv", "--epochs", "3", "--quiet")
    assert ended.err == "warning: 12 of 1,500 texts are cut at 512 tokens\n"
    assert "Result on 20 test rows" in ended.out


def test_train_with_json_is_one_document(whet, pipeline: FakePipeline) -> None:
    ended = whet("train", "reviews.csv", "--json")
    assert json.loads(ended.out) == {
        "run": "runs/reviews-embedded-1a2b3c",
        "metrics": training_metrics(),
        "verdict": "The model beats TF-IDF by 9.0 points.",
    }
    assert "step 100/300" in ended.err


def test_train_hands_on_the_command_that_repeats_it(whet, pipeline: FakePipeline) -> None:
    whet("train", "my reviews.csv", "--num_train_epochs", "3", "--no_baseline", "--fresh", "--quiet", "--lang", "ko")
    assert pipeline.calls[0][3] == "whet train 'my reviews.csv' --epochs 3 --no-baseline --fresh"


def test_a_command_line_gives_the_settings_back() -> None:
    given = {"epochs": 1.5, "learning_rate": 5e-5, "baseline": False, "recipe": "demo", "json": True}
    assert command_line(None, given) == [
        "whet", "train", "--epochs", "1.5", "--learning-rate", "5e-05", "--no-baseline", "--recipe", "demo",
    ]  # fmt: skip
    # Without it the job would be refused for what it was allowed to go on with.
    assert command_line("a.csv", {"allow": "texts_in_train"}) == ["whet", "train", "a.csv", "--allow", "texts_in_train"]


def test_evaluate_shows_the_scores_on_other_data(whet, pipeline: FakePipeline) -> None:
    ended = whet("evaluate", "last", "other.csv", "--label", "sentiment")
    assert (ended.code, ended.err) == (0, "scoring other.csv\nnote: text: review (given)\n")
    assert ended.out.startswith("\nResult on 20 rows of other.csv\n  accuracy   0.9000\n  precision  0.9123\n")
    assert ended.out.endswith("\nTime  3.5 s\n")
    assert pipeline.calls[0] == ("load", "last")
    assert pipeline.calls[1][2] == "other.csv"


def test_evaluate_with_json_is_what_the_library_answers(whet, pipeline: FakePipeline) -> None:
    document = json.loads(whet("evaluate", "last", "other.csv", "--json").out)
    assert document["test"]["confusion"] == {"labels": ["negative", "positive"], "matrix": [[9, 1], [1, 9]]}


def test_evaluate_shows_what_is_required_and_ends_well_where_it_is_met(whet, pipeline: FakePipeline) -> None:
    ended = whet("evaluate", "last", "other.csv", "--require", "accuracy>=0.85", "--lang", "en", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert "Requirements, by the 95 % interval\n  met  accuracy >= 0.85  0.9000  (0.8500 to 0.9500)\n" in ended.out


def test_evaluate_ends_with_8_where_the_interval_does_not_reach_what_is_required(whet, pipeline: FakePipeline) -> None:
    ended = whet("evaluate", "last", "other.csv", "--require", "accuracy>=0.88,accuracy>=0.99", "--quiet", "--json")
    assert ended.code == 8
    assert ended.err == (
        "error: accuracy >= 0.88 is not met: 0.9000, of whose 95 % interval 0.8500 to 0.9500 the lower end counts. "
        "The score alone meets it: more rows narrow the interval.\n"
        "error: accuracy >= 0.99 is not met: 0.9000, of whose 95 % interval 0.8500 to 0.9500 the lower end counts.\n"
    )
    document = json.loads(ended.out)
    assert document["test"]["accuracy"] == 0.9
    assert document["requirements"][0] == {
        "requirement": "accuracy >= 0.88", "score": 0.9, "low": 0.85, "high": 0.95, "met": False, "alone": True,
    }  # fmt: skip


def test_a_requirement_that_cannot_be_read_loads_nothing(whet, pipeline: FakePipeline) -> None:
    ended = whet("evaluate", "last", "other.csv", "--require", "accuracy>0.9")
    assert (ended.code, pipeline.calls) == (2, [])
    assert ended.err.startswith("error: --require: cannot read 'accuracy>0.9'. Expected NAME>=NUMBER or ")


# ---------------------------------------------------------------- predict


def test_predict_answers_texts_in_their_order(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "good", "terrible", "good")
    assert ended.err == ""
    assert ended.out == (
        "good\n  prediction: positive (negative: 0.0012, positive: 0.9988)\n"
        "terrible\n  prediction: negative (negative: 0.9686, positive: 0.0314)\n"
        "good\n  prediction: positive (negative: 0.0012, positive: 0.9988)\n"
    )


def test_predict_with_json_is_a_list(whet, pipeline: FakePipeline) -> None:
    assert json.loads(whet("predict", "last", "긍정", "--json").out) == [
        {
            "text": "긍정",
            "label": "positive",
            "score": 0.9988,
            "probabilities": {"negative": 0.0012, "positive": 0.9988},
            "truncated": False,
        }
    ]


def test_predict_writes_a_table(whet, pipeline: FakePipeline) -> None:
    assert whet("predict", "last", "good", "--format", "table").out == (
        "text  label     negative  positive\ngood  positive    0.0012    0.9988\n"
    )


def test_predict_writes_jsonl(whet, pipeline: FakePipeline) -> None:
    lines = whet("predict", "last", "좋아요", "terrible", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["positive", "negative"]
    assert lines[0].startswith('{"text": "좋아요", "label"')


def test_predict_writes_csv_that_reads_back_exactly(whet, pipeline: FakePipeline) -> None:
    text = 'He said "no",\nand left'
    rows = list(csv.DictReader(io.StringIO(whet("predict", "last", text, "--format", "csv").out, newline="")))
    assert rows == [
        {
            "text": text,
            "label": "positive",
            "score": "0.9988",
            "truncated": "false",
            "probability negative": "0.0012",
            "probability positive": "0.9988",
        }
    ]


def test_predict_reads_a_text_a_line_and_keeps_empty_lines(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes("\ufeff첫째\r\n\r\nsecond\u2028half\n".encode())
    whet("predict", "last", "--file", str(path), "--json")
    assert pipeline.run.asked == [["첫째", "", "second\u2028half"]]


def test_predict_reads_a_column(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("id,review\n1,NA\n2,007\n")
    whet("predict", "last", "--file", str(path), "--text", "review", "--json")
    assert pipeline.run.asked == [["NA", "007"]]


@pytest.mark.parametrize("header", ["id,text", "text"])
def test_predict_finds_the_column_called_text_and_a_lone_column(
    whet, pipeline: FakePipeline, tmp_path: Path, header: str
) -> None:
    path = tmp_path / "texts.csv"
    path.write_text(f"{header}\n{'1,' if ',' in header else ''}good\n")
    whet("predict", "last", "--file", str(path), "--json")
    assert pipeline.run.asked == [["good"]]


def test_predict_names_the_columns_where_the_one_asked_for_is_not_there(
    whet, pipeline: FakePipeline, tmp_path: Path
) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("id,review\n1,good\n")
    ended = whet("predict", "last", "--file", str(path), "--text", "reviews")
    assert ended.code == 3
    assert ended.err.startswith("error: --text: no column 'reviews'. Expected one of ")
    assert ended.err.endswith(" Did you mean 'review'.\n")
    assert pipeline.calls == [("load", "last")]


def test_predict_reads_standard_input(whet, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("좋아요\nbad".encode("cp949"))))
    whet("predict", "last", "--encoding", "cp949", "--json")
    assert pipeline.run.asked == [["좋아요", "bad"]]


def test_predict_without_any_text_says_where_texts_come_from(
    whet, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.StringIO()
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    ended = whet("predict", "last")
    assert ended.code == 2
    assert ended.err == (
        "error: no text to predict. Expected texts after RUN, --file FILE, or a text a line on standard input. "
        'Write: whet predict RUN "a text of your own".\n'
    )
    assert pipeline.calls == [("load", "last")]


def test_predict_with_an_empty_file_is_a_fault_of_the_data(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.touch()
    ended = whet("predict", "last", "--file", str(path))
    assert (ended.code, ended.err) == (3, f"error: {path}: no text. Expected a text a line.\n")


def test_predict_with_a_file_that_is_not_there_names_the_nearest(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").touch()
    ended = whet("predict", "last", "--file", str(tmp_path / "text.txt"))
    assert ended.code == 3
    assert ended.err.startswith(f"error: no such file: {tmp_path / 'text.txt'}")
    assert ended.err.endswith(f"Did you mean '{tmp_path / 'texts.txt'}'.\n")


def test_predict_takes_texts_from_one_place(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "good", "--file", "texts.txt")
    assert (ended.code, ended.err) == (
        2,
        "error: texts after RUN and --file. Expected one of the two. Leave out one of them.\n",
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("out.jsonl", '{"text": "good", '),
        ("out.csv", "text,label,score,truncated,"),
        ("out.txt", "good\n  prediction: positive (negative: 0.0012, positive: 0.9988)\n"),
    ],
)
def test_predict_writes_a_file_in_the_form_of_its_ending(
    whet, pipeline: FakePipeline, tmp_path: Path, name: str, start: str
) -> None:
    path = tmp_path / name
    ended = whet("predict", "last", "good", "--output", str(path))
    assert (ended.code, ended.out, ended.err) == (0, "", f"predictions written to {path}: 1\n")
    assert path.read_text(encoding="utf-8").startswith(start)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.txt"])
def test_predictions_of_several_chunks_are_one_file(whet, pipeline: FakePipeline, tmp_path: Path, name: str) -> None:
    texts = ["good", "so so", "terrible", "good again", "the end"]
    ended = whet("predict", "last", *texts, "--output", str(tmp_path / name))
    assert ended.err == f"predictions written to {tmp_path / name}: 5\n"
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert [written.count(text) for text in ("good", "terrible", "text,label")] == [2, 1, int(name == "out.csv")]
    assert whet("predict", "last", *texts, "--format", name.replace("out.", "").replace("txt", "lines")).out == written


def test_predictions_leave_before_the_last_ones_are_computed(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    sizes: list[int] = []

    def stream(texts: Sequence[str], *, min_confidence: float | None) -> Iterator[list[Prediction]]:
        for text in texts:
            yield [prediction(text * 100_000, 0.9)]
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))

    pipeline.run = SimpleNamespace(  # type: ignore[assignment]  # stands in
        predictor=SimpleNamespace(stream=stream), inputs=Inputs("text"), chosen=SimpleNamespace(reason="")
    )
    assert whet("predict", "last", "a", "b", "c", "--output", str(tmp_path / "out.jsonl")).code == 0
    assert sizes == sorted(set(sizes)) and sizes[0] > 0


def test_an_interrupted_prediction_leaves_no_file(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    def stream(texts: Sequence[str], *, min_confidence: float | None) -> Iterator[list[Prediction]]:
        yield [prediction(texts[0], 0.9)]
        raise KeyboardInterrupt

    pipeline.run = SimpleNamespace(  # type: ignore[assignment]  # stands in
        predictor=SimpleNamespace(stream=stream), inputs=Inputs("text"), chosen=SimpleNamespace(reason="")
    )
    assert whet("predict", "last", "a", "b", "--output", str(tmp_path / "out.jsonl")).code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("t.csv", "text,label\n" + "a,1\n" * 2_500 + "b\n" + "c,1\n" * 9, "line 2502 has 1 field, the header has 2"),
        ("t.jsonl", '{"text": "a"}\n' * 2_500 + "no\n" + '{"text": "c"}\n' * 9, "line 2501 is not JSON: Expecting "),
        ("t.jsonl", '{"text": "a"}\n' * 2_500 + '{"text": ["c"]}\n', "type list instead of text: line 2501"),
    ],
)
def test_what_is_wrong_late_in_a_file_is_told_before_the_first_answer(
    whet, pipeline: FakePipeline, tmp_path: Path, name: str, content: str, wrong: str
) -> None:
    (tmp_path / name).write_text(content)
    for more in ((), ("--output", str(tmp_path / "out.jsonl"))):
        ended = whet("predict", "last", "--file", str(tmp_path / name), *more)
        assert (ended.code, ended.out) == (3, "")
        assert wrong in ended.err and ended.err.startswith(f"error: {tmp_path / name}")
    assert pipeline.run.asked == []
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_file_is_answered_row_by_row_and_how_far_is_told(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(2_500)]
    path, out = tmp_path / "t.csv", tmp_path / "out.jsonl"
    path.write_text("\n".join(["id,text", *(f"{i},{text}" for i, text in enumerate(texts))]) + "\n")
    ended = whet("predict", "last", "--file", str(path), "--output", str(out))
    assert ended.code == 0, ended.err
    assert [json.loads(line)["text"] for line in out.read_text().splitlines()] == texts
    *far, last = ended.err.splitlines()
    assert [line.split(" rows answered, ")[0] for line in far] == [f"{250 * i:,} of 2,500" for i in range(1, 11)]
    assert last == f"predictions written to {out}: 2,500"
    quiet = whet("predict", "last", "--file", str(path), "--format", "jsonl", "--quiet")
    assert (quiet.err, quiet.out) == ("", out.read_text())


def test_a_file_that_is_answered_does_not_lie_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with path.open("w") as file:
        for i in range(10_000):
            file.write(json.dumps({"text": f"{i} " + "many words " * 90}) + "\n")
    asked = unseen.Rows(unseen.to_predict(path, Settings(), Inputs("text")))
    tracemalloc.start()
    assert sum(1 for _ in asked) == 10_000
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 6_000_000 < path.stat().st_size


def test_predict_to_a_folder_that_is_not_there_is_told(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "out.csv"
    ended = whet("predict", "last", "good", "--output", str(path))
    assert ended.code == 7
    assert ended.err == (
        f"error: --output: No such file or directory: {path}. Name a file in a folder that can be written to.\n"
    )


def test_predict_to_a_file_below_a_file_is_told(whet, pipeline: FakePipeline, tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("text\n")
    path = tmp_path / "reviews.csv" / "out.csv"
    ended = whet("predict", "last", "good", "--output", str(path))
    assert ended.code == 7
    assert ended.err == f"error: --output: Not a directory: {path}. Name a file in a folder that can be written to.\n"


def test_predict_to_a_file_that_another_predict_has_begun_says_what_to_do_and_leaves_its_rows(
    whet, pipeline: FakePipeline, tmp_path: Path
) -> None:
    path, begun = tmp_path / "out.csv", tmp_path / "out.csv.partial"
    begun.mkdir()
    (begun / "rows").write_text("text,label\n")
    ended = whet("predict", "last", "good", "--output", str(path))
    assert ended.code == 7
    assert ended.err == (
        f"error: --output: {begun} is a folder, in which a predict --file that was interrupted keeps its rows. "
        "Let that command go on first, remove the folder, or name another file.\n"
    )
    assert [entry.name for entry in begun.iterdir()] == ["rows"]
    assert not path.exists()


@pytest.mark.parametrize("encoding", ["cp949", "ascii", "utf-8"])
def test_lines_of_json_are_json_in_whatever_encoding_they_are_written(
    encoding: str, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["predict", "last", "한글 😀 café", "good", "--format", "jsonl"]) == 0
    monkeypatch.undo()
    out.seek(0)
    lines = out.read().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["한글 😀 café", "good"]
    assert ("\\u" in lines[0]) == (encoding != "utf-8")


def test_predict_asks_for_a_form_before_it_loads_anything(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "good", "--output", "out.xlsx")
    assert ended.err == (
        "error: --output: 'out.xlsx' does not say how the predictions are to be written. "
        "Expected a file that ends in .jsonl, .csv, .parquet or .txt. Or give --format.\n"
    )
    ended = whet("predict", "last", "good", "--format", "cvs")
    assert ended.err == (
        "error: --format: 'cvs' is not known. Expected lines or table or jsonl or csv or parquet. Did you mean 'csv'.\n"
    )
    assert pipeline.calls == []


# ---------------------------------------------------------------- demo


def test_the_demo_shows_each_command_before_what_it_prints(whet, pipeline: FakePipeline) -> None:
    ended = whet("demo", "--lang", "en")
    assert ended.code == 0
    lines = ended.out.splitlines()
    commands = [line for line in lines if line.startswith("$ ")]
    assert commands == [
        "$ whet check sample:reviews",
        "$ whet train --recipe demo",
        "$ whet predict runs/reviews-embedded-1a2b3c \\",
    ]
    shown = [lines.index(command) for command in commands]
    assert shown[0] < lines.index("First rows") < shown[1] < lines.index("Result on 20 test rows") < shown[2]
    assert lines[shown[2] + 1] == f'    "{SENTENCES[0]}" \\'
    assert lines[-2:] == [
        '  whet predict runs/reviews-embedded-1a2b3c "a text of your own"',
        "  whet evaluate runs/reviews-embedded-1a2b3c DATA",
    ]


def test_the_demo_announces_a_command_that_can_be_copied_whatever_its_folder_is_called(whet, pipeline) -> None:
    lines = whet("demo", "--output", "my demo", "--threads", "2", "--lang", "en").out.splitlines()
    assert "$ whet train --recipe demo --output 'my demo' --threads 2" in lines


def test_the_demo_trains_by_its_recipe_and_predicts_the_four_sentences(whet, pipeline: FakePipeline) -> None:
    ended = whet("demo", "--fresh")
    trained = next(call for call in pipeline.calls if call[0] == "follow")
    assert trained[1] == "sample:reviews"
    assert trained[2] == config.resolve({"recipe": "demo", "fresh": True})
    assert trained[2].settings.model == "embedded"
    assert trained[3] == "whet train --recipe demo --fresh"
    assert pipeline.run.asked == [list(SENTENCES)]
    assert "What a terrible film. I wasted my time watching it.\n  prediction: negative (" in ended.out
    assert "First rows" not in ended.err


def test_the_demo_with_json_is_one_document(whet, pipeline: FakePipeline) -> None:
    document = json.loads(whet("demo", "--json").out)
    assert document["run"] == "runs/reviews-embedded-1a2b3c"
    assert [answer["label"] for answer in document["predictions"]] == ["positive", "negative", "positive", "positive"]


# ---------------------------------------------------------------- generated pages


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_generated_page_is_what_the_program_says(name: str) -> None:
    written = (reference.DOCS / name).read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), f"docs/{name} is stale; run: {reference.REGENERATE}"


def test_the_page_of_commands_is_the_help(whet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = reference.cli_page()
    for arguments in (
        ["--help"],
        ["demo", "-h"],
        ["check", "-h"],
        ["train", "--help-all"],
        ["evaluate", "-h"],
        ["predict", "-h"],
    ):
        assert f"```text\n{whet(*arguments).out.rstrip()}\n```" in page


def test_the_page_of_settings_has_every_setting() -> None:
    page = reference.settings_page()
    for setting in config.fields():
        assert len(re.findall(rf"^\| `--{setting.name.replace('_', '-')}[`/]", page, re.MULTILINE)) == 1, setting.name
    assert (
        "| `--max-length` | `N`, at least 3 | 512: the reference job's, and what most models read | Tokens a text "
        "may have; longer ones are counted, and cut as --truncation says. | Shorter is faster and cuts more texts. | "
        "yes | `max_seq_length`, `max_seq_len` |" in page
    )
    assert "| `--quiet` |  | off: a job of minutes should show that it lives | Only results, no progress. |" in page


def test_a_stale_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    assert reference.main(["--write"]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("old")
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "docs/cli.md differs from the program. Run: python -m whet.cli.reference --write\n"
    )
    assert reference.main([]) == 2


# ---------------------------------------------------------------- the real pipeline


def test_the_pipeline_has_every_name_that_the_commands_call() -> None:
    real = pytest.importorskip("whet.pipeline")
    for name in ("follow", "check_data", "show_tokens", "load", "evaluate_run", "Finished"):
        assert callable(getattr(real, name)), name
