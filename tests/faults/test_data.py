"""D: labelled text that is damaged, odd or not what it says it is.

Exit code 3 and one message with the place, or a result in which nothing was lost; before that nothing on the disk.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import review_rows
from tests.faults.conftest import names, told
from tests.flows.conftest import BRIEF, Command, Ended, Job, Told, python, write_csv
from whet.data.clean import clean_text


@pytest.fixture
def check(whet: Command, here: Path) -> Callable[..., Ended]:
    """`whet check` on bytes, in a folder that has nothing else and must have nothing else afterwards."""

    def run(name: str, content: bytes, *arguments: str) -> Ended:
        (here / name).write_bytes(content)
        ended = whet("check", name, *arguments)
        assert names(here) == [name]
        return ended

    return run


# ---------------------------------------------------------------- D4, D5: bytes


@pytest.mark.parametrize(
    ("text", "encoding", "byte", "advice"),
    [
        ("재밌다", "cp949", "c0", "Save the file as UTF-8, or give its encoding: --encoding cp949 reads '재밌다,b'"),
        ("café", "latin-1", "e9", "Save the file as UTF-8, or give its encoding: --encoding latin-1 reads 'é,b'"),
        ("“ok”", "cp1252", "93", "Save the file as UTF-8, or give its encoding: --encoding cp1252 reads '“ok”,b'"),
        ("재밌다", "utf-16", "ff", "The file begins with the mark of UTF-16: give --encoding utf-16"),
    ],
)
def test_a_file_in_another_encoding_is_never_guessed_and_the_option_is_named(
    check: Callable[..., Ended], text: str, encoding: str, byte: str, advice: str
) -> None:
    """D4"""
    content = f"text,label\nfine,a\n{text},b\n".encode(encoding)
    line = 1 if encoding == "utf-16" else 3
    told(check("t.csv", content), 3, f"t.csv: not UTF-8: byte 0x{byte} at line {line} does not fit. {advice}.")
    ended = check("t.csv", content, "--encoding", encoding, "--json")
    assert (ended.code, ended.json["head"][1]) == (0, [text, "b"])


def test_one_wrong_byte_in_100_000_rows_is_named_with_its_line(check: Callable[..., Ended]) -> None:
    """D5. There is no option to skip such a row: which row is damaged is told, and the user's to decide."""
    lines = [f"a text with the number {row},{row % 2}".encode() for row in range(100_000)]
    lines[77_776] += b"\xff"
    ended = check("t.csv", b"text,label\n" + b"\n".join(lines) + b"\n")
    told(
        ended, 3,
        "t.csv: not UTF-8: byte 0xff at line 77778 does not fit. Save the file as UTF-8, or give its encoding: "
        "--encoding latin-1 reads 'ÿ'.",
    )  # fmt: skip


# ---------------------------------------------------------------- D6, D7: characters


def odd_rows(mark: str) -> list[tuple[str, str]]:
    return [
        (text.replace("of", f"{mark}of") if row < 9 else text, label) for row, (text, label) in enumerate(review_rows())
    ]


@pytest.mark.parametrize(("mark", "same"), [("\0", ""), ("\ud800", "\ufffd")])
def test_characters_that_no_text_has_are_counted_and_learnt_and_answered_as_what_they_become(
    here: Path, job: Job, mark: str, same: str
) -> None:
    """D6, D7"""
    runs = []
    for name, character in (("odd", mark), ("clean", same)):
        lines = [json.dumps({"text": text, "label": label}) for text, label in odd_rows(character)]
        (here / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        runs.append(job(f"{name}.jsonl", output=name, validation="none", test="none", **BRIEF))
    odd, clean = runs
    said = (
        "odd.jsonl: NUL characters or lone surrogates in 9 of 60 texts; "
        "they are removed, or become U+FFFD, in training and prediction alike"
    )
    assert said in odd.notices
    assert not [notice for notice in clean.notices if "NUL" in notice]
    assert [step.loss for step in odd.steps] == [step.loss for step in clean.steps]
    text = f"The story {mark}of this one was wonderful."
    (answer,), (expected,) = odd.run.predict([text]), clean.run.predict([clean_text(text)])
    assert answer.text == text
    assert answer.probabilities == expected.probabilities


def test_a_lone_surrogate_goes_through_the_whole_command(whet: Command, here: Path, tiny_bert: Path) -> None:
    """D7. What is written as UTF-8, parquet among it, has U+FFFD."""
    lines = [json.dumps({"text": text, "label": label}) for text, label in odd_rows("\ud800")]
    (here / "odd.jsonl").write_text("\n".join(lines), encoding="utf-8")
    ended = whet("train", "odd.jsonl", "--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--json")
    assert (ended.code, ended.errors) == (0, [])
    answered = whet("predict", ended.json["run"], "--file", "odd.jsonl", "--output", "answers.jsonl")
    assert (answered.code, answered.errors) == (0, [])
    assert len((here / "answers.jsonl").read_bytes().decode("utf-8").splitlines()) == 60


# ---------------------------------------------------------------- D8, D9, D13: what looks like something else

LOOKALIKES = ("NA", "None", "null", "nan", "n/a", "", "01", "1", "1.0", "True", "true", " x", "x", "é", "e\u0301")


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_labels_that_look_like_gaps_numbers_or_each_other_stay_byte_for_byte(
    whet: Command, here: Path, kind: str
) -> None:
    """D8, D9. That some differ by white space or composition alone is for `whet check` to say."""
    labels = [label for label in LOOKALIKES if label]
    rows = [(text, label) for label in labels for text in ("12345", "4.50", f"text of {label}")]
    write(here / f"t.{kind}", rows)
    ended = whet("check", f"t.{kind}", "--json", "--text", "text")
    assert ended.code == 0
    assert ended.json["label_counts"]["train"] == dict.fromkeys(sorted(labels), 3)
    assert [text for text, _ in ended.json["head"][:2]] == ["12345", "4.50"]  # D13


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    """A table of the columns text and label as the standard library or pyarrow writes it."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]}), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, delimiter="\t" if path.suffix == ".tsv" else ",", quoting=csv.QUOTE_ALL)
            table.writerows([("text", "label"), *rows])


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_numbers_as_texts_are_texts(here: Path, job: Job, kind: str) -> None:
    """D13. They are what was trained on, digit for digit, and what the answers have."""
    rows = [(f"{row}.50" if row % 2 else f"00{row}", ("a", "b")[row % 2]) for row in range(20)]
    write(here / f"t.{kind}", rows)
    run = job(f"t.{kind}", text="text", **BRIEF).run
    kept = pq.read_table(run.path / "predictions.parquet").column("text").to_pylist()
    assert set(kept) <= {text for text, _ in rows}
    assert kept


# ---------------------------------------------------------------- D11, D12: gaps


@pytest.mark.parametrize(("kind", "places"), [("csv", "lines"), ("jsonl", "lines"), ("parquet", "rows")])
def test_rows_without_label_are_named(whet: Command, here: Path, kind: str, places: str) -> None:
    """D11"""
    rows = [(text, "" if row in (6, 18, 19) else label) for row, (text, label) in enumerate(review_rows())]
    write(here / f"t.{kind}", rows)
    first = {"csv": ("line 8", "line 20", "line 21"), "jsonl": ("line 7", "line 19", "line 20")}
    told(
        whet("train", f"t.{kind}"), 3,
        f"t.{kind}, column 'label': 3 rows without label: {', '.join(first.get(kind, ('row 7', 'row 19', 'row 20')))}. "
        "Expected a label in every row. Fill them in or drop these rows.",
    )  # fmt: skip
    assert names(here) == [f"t.{kind}"]


def test_empty_texts_get_an_answer_each(whet: Command, taught: Told, here: Path) -> None:
    """D12"""
    texts = ["", "Is it true?", "   ", "\u3000", ""]
    write_csv(here / "texts.csv", [(str(row), text) for row, text in enumerate(texts)], header="id,text")
    ended = whet("predict", str(taught.path), "--file", "texts.csv", "--json")
    assert [answer["text"] for answer in ended.json] == texts


# ---------------------------------------------------------------- D17, D27: size

PEAK = """
import resource, sys
from whet.cli import main
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = main(["check", sys.argv[1], "--json"])
print(code, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory in kilobytes")
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_text_of_50_mb_is_read_within_eight_times_its_size(here: Path, kind: str) -> None:
    """D17. Python's csv stops at 131,072 characters unless it is told otherwise, and keeps a field in four bytes a
    character while it reads it. No text is cut while it is read: a model reads its beginning."""
    rows = [("long " * 10_000_000, "a"), *(("short", "ab"[row % 2]) for row in range(9))]
    write(here / f"t.{kind}", rows)
    before = os.times()
    ended = python("-c", PEAK, f"t.{kind}")
    # Its own time, for other tests run beside it.
    assert os.times().children_user - before.children_user < 30
    code, grown = map(int, ended.out.splitlines()[-1].split())
    assert code == 0
    assert grown < 8 * 50_000_000


def test_a_text_of_2_mb_is_answered_as_quickly_as_its_beginning(taught: Told) -> None:
    """D27"""
    run = taught.run
    text = "The story of this one was wonderful, I thought so all evening. " * 32_000
    assert len(text) > 2_000_000
    run.predict(["warm"])
    began = time.process_time()
    (answer,) = run.predict([text])
    assert time.process_time() - began < 0.5
    (head,) = run.predict([text[:20_000]])
    assert (answer.truncated, answer.probabilities) == (True, head.probabilities)


# ---------------------------------------------------------------- D24


def test_data_of_which_one_byte_changed_are_other_data(whet: Command, here: Path, tiny_bert: Path) -> None:
    """D24. Without --output they are another run (C8 holds it for a run that was stopped)."""
    write_csv(here / "reviews.csv", review_rows())
    arguments = ("--model", str(tiny_bert), "--epochs", "1", "--threads", "1", "--no-baseline", "--json")
    first = whet("train", "reviews.csv", *arguments)
    content = bytearray((here / "reviews.csv").read_bytes())
    content[content.index(b"wonderful")] ^= 1
    (here / "reviews.csv").write_bytes(content)
    second = whet("train", "reviews.csv", *arguments)
    assert (first.code, second.code) == (0, 0)
    assert first.json["run"] != second.json["run"]
    third = whet("train", "reviews.csv", *arguments, "--output", first.json["run"])
    assert third.code == 2
    assert third.errors[0].startswith(f"--output: {first.json['run']} holds a run of other data or another model")


# ---------------------------------------------------------------- D25

LINES = {
    '{"text": "a", "label": "x"': "line 2 is not JSON: Expecting ',' delimiter at character 27",
    "{'text': 'a'}": "line 2 is not JSON: Expecting property name enclosed in double quotes at character 2",
    '["a", "x"]': "line 2 holds a list, not an object",
    '{"text": "a", "label": 1e}': "line 2 is not JSON: Expecting ',' delimiter at character 25",
    '{"text": "a", "label": Infinity}': "line 2 is not valid: Infinity is not JSON",
    '{"text": ' + "[" * 100_000: "line 2 is not valid: it is nested too deeply",
    '{"text": "a", "label": ' + "9" * 5_000 + "}": "line 2 is not valid: a number of 5,000 digits",
    '{"text": "a", "text": "b"}': "line 2 is not valid: the key 'text' stands twice",
}


@pytest.mark.parametrize(("line", "message"), LINES.items(), ids=range(len(LINES)))
def test_a_line_that_is_no_row_is_named(check: Callable[..., Ended], line: str, message: str) -> None:
    """D25"""
    content = f'{{"text": "one", "label": "y"}}\n{line}\n'.encode()
    told(
        check("t.jsonl", content),
        3,
        f't.jsonl: {message}. Expected one object a line, {{"text": "...", "label": "..."}}.',
    )


@pytest.mark.parametrize(("value", "kind"), [(["a"], "list"), ({"a": 1}, "dict")])
def test_a_text_that_is_a_list_or_an_object_is_named(check: Callable[..., Ended], value: Any, kind: str) -> None:
    """D25"""
    rows = [{"text": "one", "label": "y"}, {"text": value, "label": "x"}]
    content = "\n".join(map(json.dumps, rows)).encode()
    told(
        check("t.jsonl", content), 3,
        f"t.jsonl, column 'text': type {kind} instead of text: line 2. Expected text, or a single value.",
    )  # fmt: skip


# ---------------------------------------------------------------- D26


@pytest.mark.parametrize("rows", range(2, 11))
def test_fewer_rows_than_a_batch_train_in_one_step_an_epoch(here: Path, job: Job, rows: int) -> None:
    """D26"""
    write_csv(here / "few.csv", review_rows()[:rows])
    ended = job("few.csv", test="none", validation="none", **{**BRIEF, "epochs": 3.0})
    assert [(step.step, step.steps, step.epoch) for step in ended.steps] == [(1, 3, 1.0), (2, 3, 2.0), (3, 3, 3.0)]


def test_a_single_row_is_no_training_data(whet: Command, here: Path) -> None:
    """D26"""
    write_csv(here / "few.csv", review_rows()[:1])
    told(
        whet("train", "few.csv"), 3,
        "few.csv: only one label in the training rows: 'positive'. Expected two labels or more, so that there is "
        "something to tell apart. Add rows of another class, or name another column with --label.",
    )  # fmt: skip


# ---------------------------------------------------------------- D28, D29: no table at all


class Canary:
    """Leaves a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return os.mkdir, ("opened",)


@pytest.mark.parametrize("name", ["t.pkl", "t.csv", "t.jsonl", "t.parquet", "t.csv.gz"])
def test_a_pickle_by_any_name_is_refused_and_not_opened(check: Callable[..., Ended], name: str) -> None:
    """D28"""
    import pickle

    kind = Path(name.removesuffix(".gz")).suffix
    told(
        check(name, pickle.dumps(Canary())), 3,
        f"{name}: unsupported file type {kind}: a pickle, which is never opened. "
        "Expected csv, tsv, jsonl (or ndjson) or parquet, each also .gz, or a folder of class folders.",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["script.py", "t.zip", "t.txt", "t.xlsx"])
def test_other_types_are_refused(check: Callable[..., Ended], name: str) -> None:
    """D28"""
    ended = check(name, b"open('opened', 'w')\n")
    assert ended.code == 3
    assert ended.errors[0].startswith(f"{name}: unsupported file type {Path(name).suffix}. Expected csv, tsv, jsonl")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
@pytest.mark.parametrize("kind", ["fifo", "device", "loop"])
def test_what_never_ends_is_refused_at_once(whet: Command, here: Path, kind: str) -> None:
    """D29"""
    path = Path("/dev/zero") if kind == "device" else here / "t.csv"
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "loop":
        path.symlink_to("t.csv")
    began = time.monotonic()
    ended = whet("check", str(path))
    assert time.monotonic() - began < 1
    assert (ended.code, ended.out) == (3, "")
    expected = "cannot be read: Too many levels of symbolic links" if kind == "loop" else "not a regular file"
    assert ended.errors[0].startswith(f"{path}: {expected}")
