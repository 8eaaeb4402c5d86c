"""The rows of a file answered into another one: none is lost, and a process that was killed is gone on from."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from tests.flows.conftest import Command, Ended, Job, Told
from tests.flows.test_linear import rows_of, write
from whet import pipeline
from whet.cli import main
from whet.data import spreadsheet
from whet.disk import resumable
from whet.errors import DataError
from whet.prediction import answering, predictor
from whet.prediction.written import Form
from whet.records import Prediction
from whet.run import Run
from whet.settings.config import resolve

FORMS = ("csv", "jsonl", "parquet")
TEXTS = ["A fine film.", "", "=1+1", "  ", "two\nlines", "a lone\rreturn", "NUL \0 and 한글", "an awful story", "\t"]
Linear = Callable[[str], Run]


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Linear:
    """A run of a linear model for a task, which is read and never changed."""

    @cache
    def fitted(task: str) -> Run:
        with contextlib.chdir(tmp_path_factory.mktemp("linear")):
            told = job(write(Path(f"{task}.jsonl"), rows_of(task)), model="linear", validation="0.2", test="0.2")
            return pipeline.load(told.path.resolve())

    return fitted


@pytest.fixture
def portions_of_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers come in portions of three rows, and each is recorded."""
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 3)
    monkeypatch.setattr(resumable, "EVERY", 0.0)


def lines(path: Path, rows: list[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        page = [spreadsheet.line(rows[0]), *(spreadsheet.line(map(str, row.values())) for row in rows)]
        path.write_text("".join(page), encoding="utf-8", newline="")
    else:
        write(path, rows)
    return str(path)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of answers, its texts as they were."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    with path.open(encoding="utf-8", newline="") as file:
        return [row | {"text": spreadsheet.original(row["text"])} for row in csv.DictReader(file, strict=True)]


# ---------------------------------------------------------------- no row is lost


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(TEXTS), min_size=1),
    given=st.sampled_from(["csv", "jsonl", "parquet"]),
    form=st.sampled_from(FORMS),
)
def test_every_row_of_a_file_is_answered_in_its_place(
    linear: Linear, portions_of_3: None, texts: list[str], given: str, form: Form
) -> None:
    run = linear("two")
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / f"in.{given}", Path(folder) / f"out.{form}"
        lines(file, [{"id": i, "text": text} for i, text in enumerate(texts)])
        order = answering.Order(file, out, form, resolve({}).settings)
        with answering.begun(order, run) as asked:
            assert asked.rows == len(texts)
            assert sum(map(len, asked.answer(run.predictor))) == len(texts)
        assert [row["text"] for row in read(out)] == texts
        assert [path.name for path in Path(folder).iterdir() if path.name.startswith("out")] == [out.name]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", ["two", "several", "value", "pair"])
def test_all_forms_have_the_answers_of_the_library(
    linear: Linear, whet: Command, here: Path, task: str, form: str, portions_of_3: None
) -> None:
    run = linear(task)
    rows = [{"sentence1": "=x", "sentence2": t} if task == "pair" else {"text": t} for t in TEXTS]
    ended = whet("predict", str(run.path), "--file", lines(here / "in.jsonl", rows), "--output", f"out.{form}")
    assert (ended.code, ended.out) == (0, ""), ended.err
    found = read(here / f"out.{form}")
    known: list[Prediction] = run.predict([("=x", t) if task == "pair" else t for t in TEXTS])  # type: ignore[arg-type]
    assert [row["text"] for row in found] == [one.text for one in known]
    if task == "several":
        labels = [json.loads(row["labels"]) if form == "csv" else row["labels"] for row in found]
        assert labels == [list(one.labels or ()) for one in known]
    elif task == "value":
        assert [float(row["value"]) for row in found] == [one.value for one in known]
    else:
        assert [row["label"] for row in found] == [one.label for one in known]
        assert [float(row["score"]) for row in found] == [one.score for one in known]


def test_a_file_that_changes_while_it_is_answered_is_told(linear: Linear, here: Path, portions_of_3: None) -> None:
    run, file = linear("two"), here / "in.jsonl"
    lines(file, [{"text": text} for text in TEXTS])
    order = answering.Order(file, here / "out.jsonl", "jsonl", resolve({}).settings)
    with pytest.raises(DataError, match=r"in\.jsonl: 1 rows, and 9 when it was read before"):  # noqa: SIM117
        with answering.begun(order, run) as asked:
            lines(file, [{"text": "one row"}])
            list(asked.answer(run.predictor))
    assert not (here / "out.jsonl").exists()


# ---------------------------------------------------------------- stopped, and gone on with


class Stop(BaseException):
    """A process that ends somewhere."""


def stopping(run: Run, portions: int) -> Any:
    """The predictor of a run, which ends with its process after so many portions."""

    class Stopping:
        labels = run.predictor.labels

        def stream(self, texts: Any, *, min_confidence: float | None) -> Iterator[list[Prediction]]:
            for number, answers in enumerate(run.predictor.stream(texts, min_confidence=min_confidence)):
                if number == portions:
                    raise Stop
                yield answers

    return Stopping()


@pytest.mark.parametrize("form", FORMS)
def test_an_order_that_was_stopped_ends_with_the_same_bytes(
    linear: Linear, here: Path, form: Form, portions_of_3: None
) -> None:
    run, file = linear("two"), here / "in.csv"
    lines(file, [{"id": i, "text": f"{text} {i}"} for i, text in enumerate(TEXTS * 3)])
    for name in ("whole", "stopped"):
        order = answering.Order(file, here / f"{name}.{form}", form, resolve({}).settings)
        for done in (0, 6, 15) if name == "stopped" else ():
            with contextlib.suppress(Stop), answering.begun(order, run) as asked:
                assert (asked.done, asked.changed) == (done, ())
                list(asked.answer(stopping(run, 2 if done == 0 else 3)))
        with answering.begun(order, run) as asked:
            assert asked.done == (24 if name == "stopped" else 0)
            list(asked.answer(run.predictor))
    assert (here / f"stopped.{form}").read_bytes() == (here / f"whole.{form}").read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("input", "the file"), ("model", "the model"), ("--min-confidence", "the options"),
        ("--explain", "the options"), ("--text", "the options"),
    ],
)  # fmt: skip
def test_another_input_model_or_option_begins_anew_and_says_so(
    linear: Linear, whet: Command, here: Path, change: str, told: str, portions_of_3: None
) -> None:
    run, file, out = linear("two"), here / "in.csv", here / "out.jsonl"
    lines(file, [{"more": "x", "text": f"{text} {i}"} for i, text in enumerate(TEXTS)])
    with (
        contextlib.suppress(Stop),
        answering.begun(answering.Order(file, out, "jsonl", resolve({}).settings), run) as a,
    ):
        list(a.answer(stopping(run, 2)))
    if change == "input":
        lines(file, [{"more": "x", "text": f"{text} {i + 1}"} for i, text in enumerate(TEXTS)])
    name = str(linear("three").path if change == "model" else run.path)
    more = {"--min-confidence": ["--min-confidence", "0.9"], "--explain": ["--explain"], "--text": ["--text", "text"]}
    ended = whet("predict", name, "--file", str(file), "--output", str(out), *more.get(change, []))
    assert ended.code == 0, ended.err
    first = ended.err.splitlines()[0]
    assert first == f"{out}: begins anew, for this is not as it was when it was begun: {told}"
    assert len(read(out)) == len(TEXTS)


def test_the_same_command_says_where_it_goes_on(linear: Linear, whet: Command, here: Path, portions_of_3: None) -> None:
    run, file, out = linear("two"), here / "in.txt", here / "out.csv"
    file.write_text("".join(f"A fine film, number {i}\n" for i in range(9)), encoding="utf-8")
    with contextlib.suppress(Stop), answering.begun(answering.Order(file, out, "csv", resolve({}).settings), run) as a:
        list(a.answer(stopping(run, 2)))
    ended = whet("predict", str(run.path), "--file", str(file), "--output", str(out), "--lang", "ko")
    assert ended.err.splitlines()[0] == f"{out}: 이미 예측한 9행 중 6행 다음부터 이어서 합니다"
    assert [row["text"] for row in read(out)] == [f"A fine film, number {i}" for i in range(9)]


def test_a_second_process_on_the_same_output_is_refused(linear: Linear, whet: Command, here: Path) -> None:
    run, file, out = linear("two"), here / "in.txt", here / "out.csv"
    file.write_text("A fine film\n")
    with answering.begun(answering.Order(file, out, "csv", resolve({}).settings), run):
        ended = whet("predict", str(run.path), "--file", str(file), "--output", str(out))
    assert (ended.code, ended.out) == (6, "")
    (message,) = ended.errors
    assert message.startswith(f"{out}.partial: process {os.getpid()} on ")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_process_that_is_killed_twice_ends_with_the_same_bytes(
    taught: Told, whet_process: Callable[..., Ended], here: Path, form: str
) -> None:
    with (here / "in.txt").open("w") as file:
        file.writelines(f"A fine film, number {i}\n" for i in range(60_000))
    command = ["predict", str(taught.path), "--file", "in.txt", "--quiet", "--output"]
    assert whet_process(*command, f"whole.{form}").code == 0
    rows = 0
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-m", "whet", *command, f"killed.{form}"], start_new_session=True)
        record, until = here / f"killed.{form}.partial" / resumable.RECORD, time.monotonic() + 200
        while not record.exists() or json.loads(record.read_text())["rows"] < rows + 4_096:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rows = json.loads(record.read_text())["rows"]
    assert whet_process(*command, f"killed.{form}").code == 0
    assert (here / f"killed.{form}").read_bytes() == (here / f"whole.{form}").read_bytes()


def test_parquet_and_a_sample_need_files(linear: Linear, whet: Command, here: Path) -> None:
    ended = whet("predict", "last", "a text", "--output", "out.parquet")
    assert (ended.code, ended.errors) == (
        2, ["parquet without a file of rows. Expected --file and --output with files, and no --json."]
    )  # fmt: skip
    (here / "in.csv").write_text("id,text\n1,a\n")
    for more in (["--file", "in.csv"], ["--output", "out.csv"], ["--file", "in.csv", "--output", "out.jsonl"]):
        ended = whet("predict", "last", "--like", "sample.csv", *more)
        assert (ended.code, ended.errors) == (
            2,
            [
                "--like: a sample submission cannot be filled in without a file of rows and one of answers. "
                "Expected --file with a file, and --output with one that ends in .csv."
            ],
        )


def test_an_interrupt_says_what_is_kept(
    linear: Linear, here: Path, portions_of_3: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = linear("two")
    (here / "in.txt").write_text("".join(f"A fine film, number {i}\n" for i in range(9)))
    stream = predictor.Predictor.stream

    def interrupted(self: Any, texts: Any, *, min_confidence: float | None) -> Iterator[list[Prediction]]:
        yield next(stream(self, texts, min_confidence=min_confidence))
        raise KeyboardInterrupt

    monkeypatch.setattr(predictor.Predictor, "stream", interrupted)
    assert main(["predict", str(run.path), "--file", "in.txt", "--output", "out.csv"]) == 130
    *_, kept, last = capsys.readouterr().err.splitlines()
    assert (kept, last) == ("3 of 9 rows are kept in out.csv.partial; the same command goes on there", "interrupted")
    assert sorted(path.name for path in here.iterdir()) == ["in.txt", "out.csv.partial"]


# ---------------------------------------------------------------- like a sample submission


def sample(here: Path, text: str) -> None:
    (here / "sample.csv").write_text(text, encoding="utf-8")


def submitted(whet: Command, run: Run, *more: str) -> Ended:
    return whet("predict", str(run.path), "--file", "test.csv", "--like", "sample.csv", "--output", "out.csv", *more)


@pytest.fixture
def rows(here: Path) -> list[str]:
    texts = ["A fine film.", "an awful story", "The acting was superb", ""]
    lines(here / "test.csv", [{"id": f"-{i:02}", "text": text} for i, text in enumerate(texts)])
    return texts


def test_a_sample_is_filled_in_with_labels_in_its_own_order(
    linear: Linear, whet: Command, here: Path, rows: list[str]
) -> None:
    run = linear("two")
    sample(here, "target,id\n?,-03\n?,-00\n?,-02\n?,-01\n")
    ended = submitted(whet, run)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert ended.err.splitlines() == ["target: filled with the label", "predictions written to out.csv: 4"]
    label = [one.label for one in run.predict(rows)]
    assert (here / "out.csv").read_text() == (
        f"target,id\n{label[3]},-03\n{label[0]},-00\n{label[2]},-02\n{label[1]},-01\n"
    )


def test_a_sample_of_numbers_between_0_and_1_is_filled_in_with_probabilities(
    linear: Linear, whet: Command, here: Path, rows: list[str]
) -> None:
    run = linear("two")
    shares = [one.probabilities for one in run.predict(rows)]
    sample(here, "id,target\n-00,0.5\n-01,0.5\n-02,0\n-03,1\n")
    ended = submitted(whet, run, "--lang", "en")
    assert ended.err.splitlines()[0] == "target: filled with the probability of positive"
    found = read_plain(here / "out.csv")
    assert [row["target"] for row in found] == [repr(share["positive"]) for share in shares]
    sample(here, "id,positive,negative\n-00,1,1\n-01,1,1\n-02,1,1\n-03,1,1\n")
    assert submitted(whet, run, "--quiet").err == ""
    found = read_plain(here / "out.csv")
    assert [row["negative"] for row in found] == [repr(share["negative"]) for share in shares]
    assert list(found[0]) == ["id", "positive", "negative"]


def test_a_sample_is_filled_in_with_numbers_of_a_regression(
    linear: Linear, whet: Command, here: Path, rows: list[str]
) -> None:
    run = linear("value")
    sample(here, "id,anything\n-00,0\n-01,0\n-02,0\n-03,0\n")
    assert submitted(whet, run).code == 0
    values = [repr(one.value) for one in run.predict(rows)]
    assert [row["anything"] for row in read_plain(here / "out.csv")] == values


def read_plain(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,target\n-00,?\n-01,?\n-01,?\n07,?\n",
            "sample.csv: ids that do not match: twice in sample.csv: '-01' (line 4); in sample.csv and not in "
            "test.csv: "
            "'07' (line 5); in test.csv and not in sample.csv: '-02', '-03'. Expected each row of test.csv once, by "
            "'id'.",
        ),
        (
            "key,target\n1,?\n",
            "sample.csv: no column of the sample is in the file. Expected an id that test.csv has too, and a column to "
            "fill in, among key, target.",
        ),
        (
            "id,text\n1,?\n",
            "sample.csv: every column of the sample is in the file. Expected an id that test.csv has too, and a column "
            "to fill in, among id, text.",
        ),
        (
            "id,positive,neutral\n-00,?,?\n",
            "sample.csv: no label of the run is called 'neutral'; no column is called 'negative'. Expected the ids, "
            "and a column for each of 'negative', 'positive'.",
        ),
    ],
)  # fmt: skip
def test_a_sample_that_does_not_match_is_told_in_one_message(
    linear: Linear, whet: Command, here: Path, rows: list[str], text: str, message: str
) -> None:
    sample(here, text)
    ended = submitted(whet, linear("two"))
    assert (ended.code, ended.errors) == (3, [message])
    assert not (here / "out.csv").exists()


def test_ids_that_stand_twice_in_the_file_are_told(linear: Linear, whet: Command, here: Path) -> None:
    lines(here / "test.csv", [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}])
    sample(here, "id,label\n1,?\n")
    ended = submitted(whet, linear("two"))
    assert ended.errors == [
        "sample.csv: ids that do not match: twice in test.csv: '1' (line 3). Expected each row of test.csv once, by "
        "'id'."
    ]


def test_several_labels_need_a_column_each(linear: Linear, whet: Command, here: Path, rows: list[str]) -> None:
    run = linear("several")
    sample(here, "id,tags\n-00,a b\n")
    ended = submitted(whet, run)
    assert ended.code == 3
    assert ended.errors[0].startswith("sample.csv: no label of the run is called 'tags'; no column is called ")
    names = list(run.labels.names)
    sample(here, ",".join(["id", *names]) + "\n" + "".join(f"-0{i}" + ",0" * len(names) + "\n" for i in range(4)))
    assert submitted(whet, run).code == 0
    shares = [one.probabilities for one in run.predict(rows)]
    assert [float(row[names[0]]) for row in read_plain(here / "out.csv")] == [share[names[0]] for share in shares]


def test_a_sample_is_filled_in_alike_after_a_stop(
    linear: Linear, whet: Command, here: Path, rows: list[str], portions_of_3: None
) -> None:
    run = linear("two")
    sample(here, "id,target\n-03,?\n-00,?\n-02,?\n-01,?\n")
    assert submitted(whet, run).code == 0
    whole = (here / "out.csv").read_bytes()
    order = answering.Order(Path("test.csv"), Path("out.csv"), "csv", resolve({}).settings, like=Path("sample.csv"))
    with contextlib.suppress(Stop), answering.begun(order, run) as asked:
        list(asked.answer(stopping(run, 1)))
    ended = submitted(whet, run)
    assert ended.err.startswith("out.csv: goes on behind row 3 of 4")
    assert (here / "out.csv").read_bytes() == whole
