"""Files of labelled text that were damaged at random, and texts of every kind: a result or one message, never a crash.

By hand, for more or other damages: python -m pytest -m slow tests/faults/test_fuzz.py
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import review_rows
from tests.flows.conftest import Command, Ended
from whet.data.clean import clean_text
from whet.data.columns import examples, find_columns
from whet.data.read import read
from whet.preparing import prepare

Rows = list[tuple[str, str]]

QUICK, LONG = 5_000, 100_000  # damages in all
SECONDS = 1.0  # that one may take

ENGLISH: Rows = review_rows()[:20]
KOREAN: Rows = [
    (f'{text}, "정말" {mark}', label)
    for text, mark in (("재미있다", "ㅋㅋㅋ"), ("별로였다\n두 줄", "ㅠㅠ"), ("볼 만하다", "😀"))
    for label in ("긍정", "부정")
    for _ in range(3)
]


# ---------------------------------------------------------------- files


def csv_bytes(rows: Rows, delimiter: str = ",") -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows([("text", "label"), *rows])
    return stream.getvalue().encode("utf-8", "surrogatepass")


def jsonl_bytes(rows: Rows, *, escaped: bool = False) -> bytes:
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=escaped) for text, label in rows]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def parquet_bytes(rows: Rows, compression: str = "snappy") -> bytes:
    stream = io.BytesIO()
    table = pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]})
    pq.write_table(table, stream, compression=compression)
    return stream.getvalue()


WHOLE: dict[str, list[bytes]] = {
    ".csv": [
        *(csv_bytes(ENGLISH), csv_bytes(KOREAN), csv_bytes(KOREAN, ";")),
        csv_bytes(KOREAN).decode().encode("cp949", "ignore"),
    ],
    ".tsv": [csv_bytes(ENGLISH, "\t"), csv_bytes(KOREAN, "\t")],
    ".jsonl": [jsonl_bytes(ENGLISH), jsonl_bytes(KOREAN), jsonl_bytes(KOREAN, escaped=True)],
    ".parquet": [parquet_bytes(ENGLISH), parquet_bytes(KOREAN, "none"), parquet_bytes(KOREAN, "zstd")],
    ".csv.gz": [gzip.compress(csv_bytes(KOREAN), mtime=0)],
}  # fmt: skip
KINDS = {"csv": (".csv", ".tsv", ".csv.gz"), "jsonl": (".jsonl",), "parquet": (".parquet",)}

# ---------------------------------------------------------------- damages


def flipped(data: bytes, draw: random.Random) -> bytes:
    """Some bits are others."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
    return bytes(out)


def replaced(data: bytes, draw: random.Random) -> bytes:
    """A byte is one of those that mean something."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 2, 4))):
        out[draw.randrange(len(out))] = draw.choice(b'",;\t\n\r\0\\{}[]:\x1a\xff\xfe\x80\xed')
    return bytes(out)


def cut(data: bytes, draw: random.Random) -> bytes:
    """The end is missing."""
    return data[: draw.randrange(len(data))]


def headless(data: bytes, draw: random.Random) -> bytes:
    """The beginning is missing."""
    return data[draw.randrange(len(data)) :]


def holed(data: bytes, draw: random.Random) -> bytes:
    """A part in the middle is missing."""
    start, end = sorted((draw.randrange(len(data)), draw.randrange(len(data))))
    return data[:start] + data[end:]


def grown(data: bytes, draw: random.Random) -> bytes:
    """Other bytes stand between."""
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.randbytes(draw.choice((1, 2, 16, 300))) + data[at:]


def doubled(data: bytes, draw: random.Random) -> bytes:
    """A block stands there twice, or very often."""
    start, end = sorted((draw.randrange(len(data)), draw.randrange(len(data) + 1)))
    return data[:start] + data[start:end] * draw.choice((2, 2, 20)) + data[end:]


def zeroed(data: bytes, draw: random.Random) -> bytes:
    """A block was never written, as after a power cut."""
    start, end = sorted((draw.randrange(len(data)), draw.randrange(len(data) + 1)))
    return data[:start] + bytes(end - start) + data[end:]


def spliced(data: bytes, draw: random.Random) -> bytes:
    """It goes on as another file."""
    other = draw.choice([whole for wholes in WHOLE.values() for whole in wholes])
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other)) :]


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flipped, replaced, cut, headless, holed, grown, doubled, zeroed, spliced,
)  # fmt: skip


def damaged(kind: str, draw: random.Random) -> tuple[str, bytes]:
    """The extension and the content of a file that was damaged once to three times; one in ten has another's name."""
    suffix = draw.choice(KINDS[kind])
    data = draw.choice(WHOLE[suffix])
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        data = draw.choice(DAMAGES)(data, draw) or data
    return (draw.choice(sorted(WHOLE)) if draw.random() < 0.1 else suffix), data


@pytest.fixture
def _parser_and_tokenizer_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of the command makes its parser and reads its tokenizer anew, which takes longer than a small file."""
    monkeypatch.setattr(typer.main, "get_command", cache(typer.main.get_command))
    monkeypatch.setattr(prepare, "load_cutter", cache(prepare.load_cutter))


def check_damaged(whet: Command, here: Path, kind: str, count: int) -> None:
    """`whet check` on damaged files, one in ten for a terminal; each fault is told with what repeats it."""
    whet("check", "sample:reviews-ko")  # what is loaded once is not the first file's time
    codes = dict.fromkeys((0, 3), 0)
    for number in range(count):
        suffix, data = damaged(kind, random.Random(f"{kind} {number}"))
        path = here / f"t{suffix}"
        path.write_bytes(data)
        as_json = number % 10 > 0
        began = time.process_time()
        ended = whet("check", path.name, *(("--json",) if as_json else ()))
        took = time.process_time() - began
        assert ended.code in codes, f"{kind} {number}: exit code {ended.code}: {ended.err}"
        assert "Traceback" not in ended.out + ended.err, f"{kind} {number}"
        assert has_fault(ended, as_json=as_json) == (ended.code == 3), f"{kind} {number}: {ended}"
        assert took < SECONDS, f"{kind} {number}: {took:.1f} s"
        codes[ended.code] += 1
        path.unlink()
    assert min(codes.values()) > count / 100, codes  # damages that are all seen or all missed would say little


def has_fault(ended: Ended, *, as_json: bool) -> bool:
    """Whether a command ended with one message, or `whet check` with a finding that is an error."""
    if not as_json:
        return bool(ended.errors) or "\n  error " in ended.out
    if ended.errors:
        return True
    found = [told for sides in ended.json["findings"].values() for told in sides.values()]
    return any(told["severity"] == "error" for told in found)


@pytest.mark.usefixtures("_parser_and_tokenizer_made_once")
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_data_or_one_message(whet: Command, here: Path, kind: str) -> None:
    check_damaged(whet, here, kind, -(-QUICK // len(KINDS)))


@pytest.mark.slow
@pytest.mark.usefixtures("_parser_and_tokenizer_made_once")
@pytest.mark.parametrize("kind", KINDS)
def test_very_many_damaged_files_are_data_or_one_message(whet: Command, here: Path, kind: str) -> None:
    check_damaged(whet, here, kind, -(-LONG // len(KINDS)))


# ---------------------------------------------------------------- texts and labels of every kind

# Every plane of Unicode alike often, with what is special in a format, and what no text should have.
PLANES = st.one_of(
    *(st.characters(min_codepoint=plane << 16, max_codepoint=(plane << 16) + 0xFFFF, codec=None, exclude_categories=())
      for plane in range(17)),
)  # fmt: skip
SPECIAL = st.sampled_from(
    ['"', ",", ";", "\t", "\r", "\n", "\r\n", "\0", "\ufeff", "\u2028", "\x85", "\x1a", "ㅋ", "e\u0301", " "]
)
ANY_TEXT = st.lists(PLANES | SPECIAL, max_size=12).map("".join)


def is_utf8(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def read_back(folder: Path, suffix: str, data: bytes) -> tuple[list[str], list[str]]:
    """Texts, as a model gets them, and labels of a file."""
    path = folder / f"t{suffix}"
    path.write_bytes(data)
    (table,) = read(path).tables.values()
    found = examples(table, find_columns(table, text="text", label="label"))
    return [clean_text(text) for text in found.texts], list(found.labels or ())


def rows_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Rows]:
    """At least two rows, whose labels are not blank."""
    return st.lists(st.tuples(texts, texts.filter(str.strip)), min_size=2, max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round-trips")


@given(rows=rows_of(ANY_TEXT.filter(is_utf8)), delimiter=st.sampled_from([",", "\t"]), packed=st.booleans())
def test_what_csv_and_tsv_files_have_comes_back(folder: Path, rows: Rows, delimiter: str, packed: bool) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    data = stream.getvalue().encode()
    suffix = {",": ".csv", "\t": ".tsv"}[delimiter] + (".gz" if packed else "")
    texts, labels = read_back(folder, suffix, gzip.compress(data) if packed else data)
    assert texts == [clean_text(text) for text, _ in rows]
    assert labels == [label for _, label in rows]


@given(rows=rows_of(ANY_TEXT), escaped=st.booleans())
def test_what_jsonl_files_have_comes_back(folder: Path, rows: Rows, escaped: bool) -> None:
    """Escaped, also lone surrogates."""
    if not escaped and not all(is_utf8(text + label) for text, label in rows):
        escaped = True
    texts, labels = read_back(folder, ".jsonl", jsonl_bytes(rows, escaped=escaped))
    # Two halves of a pair, each escaped, are one character.
    whole = [tuple(json.loads(json.dumps(value)) for value in row) for row in rows]
    assert texts == [clean_text(text) for text, _ in whole]
    assert labels == [label for _, label in whole]


@given(rows=rows_of(ANY_TEXT.filter(is_utf8)), compression=st.sampled_from(["none", "snappy", "zstd"]))
def test_what_parquet_files_have_comes_back(folder: Path, rows: Rows, compression: str) -> None:
    texts, labels = read_back(folder, ".parquet", parquet_bytes(rows, compression))
    assert texts == [clean_text(text) for text, _ in rows]
    assert labels == [label for _, label in rows]
