"""Files to tables: exact values, exact places, exact messages."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data import delimited, formats, jsonl
from whet.data.delimited import OpenText, read_delimited
from whet.data.formats import read_file, read_lines, read_parts
from whet.data.jsonl import read_jsonl
from whet.errors import DataError, MissingExtraError, UsageError
from whet.records import Table

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def table(path: Path, content: bytes | str, *, encoding: str = "utf-8") -> Table:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, encoding=encoding)[0]


def refusal(path: Path, content: bytes | str, *, encoding: str = "utf-8") -> DataError:
    with pytest.raises(DataError) as caught:
        table(path, content, encoding=encoding)
    assert caught.value.where == str(path)
    return caught.value


def opened(text: str) -> OpenText:
    return partial(io.StringIO, text)


def columns(text: str, *, tabs: bool = False) -> dict[str, list[object]]:
    return {
        name: list(values) for name, values in read_delimited(opened(text), where="t.csv", tabs=tabs)[0].columns.items()
    }


def fault(text: str, *, tabs: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        read_delimited(opened(text), where="t.csv", tabs=tabs)
    return caught.value.message


# ---------------------------------------------------------------- csv


def test_a_label_called_NA_stays_a_label() -> None:
    labels = ["NA", "null", "None", "nan", "n/a", "TRUE", "01", "1", "1.0", "1e3", " x ", ""]
    text = "text,label\n" + "".join(f"t,{label}\n" for label in labels)
    assert columns(text)["label"] == labels


def test_numbers_as_texts_stay_as_they_are_written() -> None:
    assert columns("text,label\n007,a\n4.50,b\n")["text"] == ["007", "4.50"]


def test_quoted_commas_line_ends_and_doubled_quotes_are_read_and_rows_stand_where_they_begin() -> None:
    read, notices = read_delimited(opened('text,label\r\n"a, ""b""\nc",x\r\n\r\nd "e" f,y\r\n'), where="t.csv")
    assert read.columns == {"text": ('a, "b"\nc', 'd "e" f'), "label": ("x", "y")}
    assert list(read.places) == ["line 2", "line 5"]
    assert notices == ()


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8"), min_size=1)), min_size=1
    )
)
def test_what_the_csv_module_writes_comes_back(rows: list[tuple[str, str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    assert columns(stream.getvalue()) == {"text": [t for t, _ in rows], "label": [label for _, label in rows]}


@given(st.text(st.sampled_from('ab,;"\t\r\n|\0'), max_size=40), st.booleans())
def test_any_text_is_a_full_table_or_a_data_error(text: str, tabs: bool) -> None:
    try:
        read, _ = read_delimited(opened(text), where="t", tabs=tabs)
    except DataError:
        return
    assert {len(values) for values in read.columns.values()} == {len(read.places)}


def test_ragged_rows_are_named_by_line_the_first_five_and_a_count() -> None:
    assert fault("text,label\na,1\nb,c,2\n") == (
        "t.csv: line 3 has 3 fields, the header has 2. Put quotes around a text that holds the separator."
    )
    many = fault("text,label\n" + "a\n" * 7)
    assert "line 2 has 1 field, the header has 2; line 3 has" in many
    assert "line 6 has 1 field, the header has 2; and 2 more such rows." in many
    assert "line 7" not in many


def test_an_extra_field_in_every_row_is_an_error_too() -> None:
    assert "line 2 has 3 fields, the header has 2" in fault("text,label\nx,a,1\ny,b,0\n")


def test_an_unclosed_quote_is_named_by_the_line_that_opens_it() -> None:
    assert fault('text,label\n"a,1\nb,2\n').startswith("t.csv: the quote opened at line 2 is never closed.")
    assert fault('text,label\n"a\nb","c\nd\n').startswith("t.csv: the quote opened at line 3 is never closed.")


def test_a_quote_that_a_later_quote_closes_by_accident_is_named_with_both_lines() -> None:
    assert fault('text,label\nok,0\n"a,1\n"b, c",2\n').startswith(
        "t.csv: the quote opened at line 3 is closed at line 4, but more text follows."
    )


def test_repeated_and_empty_column_names_are_refused_together() -> None:
    assert fault("a,b,a,\nx,1,y,2\n") == (
        "t.csv: the column name 'a' stands 2 times; column 4 has no name. Expected a name of its own for each column."
    )


def test_the_index_a_data_frame_wrote_is_left_out_and_said() -> None:
    read, notices = read_delimited(opened(",text,label\n7,a,x\n3,b,y\n"), where="t.csv")
    assert list(read.columns) == ["text", "label"]
    assert notices == ("the first column of t.csv has no name and numbers the rows; it is left out",)
    assert "column 1 has no name" in fault(",text\nz,a\n")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_has_no_rows(tmp_path: Path, content: str) -> None:
    assert refusal(tmp_path / "t.csv", content).saw == "has no rows: the file is empty"


def test_a_header_alone_has_no_rows() -> None:
    assert fault("text,label\n") == "t.csv: has no rows below its header."


def test_blank_lines_are_texts_only_where_there_is_one_column() -> None:
    assert columns("text,label\n\na,1\n\n") == {"text": ["a"], "label": ["1"]}
    assert columns("text\na\n\nb\n\n") == {"text": ["a", "", "b"]}


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_seen_and_said(mark: str, name: str) -> None:
    read, notices = read_delimited(opened(f"text{mark}label\na, b{mark}1\n"), where="t.csv")
    assert read.columns == {"text": ("a, b",), "label": ("1",)}
    assert notices == (f"t.csv has {name} between its columns, not commas",)


def test_a_semicolon_in_a_single_column_is_no_separator() -> None:
    assert columns("my;text\na\nb;c\n") == {"my;text": ["a", "b;c"]}


def test_a_long_field_is_read_and_the_limit_of_the_process_is_put_back() -> None:
    before = csv.field_size_limit(131_072)
    try:
        assert columns("text,label\n" + "x" * 300_000 + ",1\n")["text"] == ["x" * 300_000]
        assert csv.field_size_limit() == 131_072
    finally:
        csv.field_size_limit(before)


def test_nul_characters_are_kept() -> None:
    assert columns("text,label\na\0b,1\n")["text"] == ["a\0b"]


# ---------------------------------------------------------------- tsv


def test_tabs_separate_and_quoted_texts_are_unquoted() -> None:
    assert columns('text\tlabel\n"a\tb"\t1\n"say ""x"""\t2\n', tabs=True) == {
        "text": ["a\tb", 'say "x"'],
        "label": ["1", "2"],
    }


@pytest.mark.parametrize("text", ['"a" b', '"', '""a""'])
def test_quotes_in_a_tsv_that_quotes_nothing_are_part_of_its_texts(text: str) -> None:
    read, notices = read_delimited(opened(f"text\tlabel\n{text}\t1\nc\t0\n"), where="t.tsv", tabs=True)
    assert read.columns == {"text": (text, "c"), "label": ("1", "0")}
    assert notices == ("quotation marks in t.tsv are part of its texts: every line has all its columns without them",)


def test_quotes_that_would_glue_whole_lines_of_a_tsv_together_are_part_of_its_texts() -> None:
    assert columns('text\tlabel\n"a\t1\nb"\t0\n', tabs=True)["text"] == ['"a', 'b"']


def test_a_quoted_line_end_in_a_tsv_is_no_row() -> None:
    assert columns('text\tlabel\n"a\nb"\t1\n', tabs=True) == {"text": ["a\nb"], "label": ["1"]}


# ---------------------------------------------------------------- encodings


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert list(table(tmp_path / "t.csv", b"\xef\xbb\xbftext,label\na,1\n").columns) == ["text", "label"]


def test_bytes_that_are_not_utf8_are_named_with_line_and_likely_encodings(tmp_path: Path) -> None:
    korean = refusal(tmp_path / "t.csv", "text,label\nok,1\n재밌다,1\n".encode("cp949"))
    assert korean.saw == "not UTF-8: byte 0xc0 at line 3 does not fit"
    assert korean.todo == "Save the file as UTF-8, or give its encoding: --encoding cp949 reads '재밌다,1'"
    french = refusal(tmp_path / "t.csv", "text,label\ncafé,1\n".encode("latin-1"))
    assert french.saw == "not UTF-8: byte 0xe9 at line 2 does not fit"
    assert "--encoding latin-1 reads 'é,1'" in french.todo


@pytest.mark.parametrize(
    "text", ["정말 재밌어요 ㅋㅋㅋㅋㅋ ㅠㅠ", "뷁 같은 영화였지만 볼 만했다", "大衆 영화라서 그런지 무난하다 「강추」"]
)
def test_korean_in_cp949_is_told_from_latin_1(tmp_path: Path, text: str) -> None:
    said = refusal(tmp_path / "t.csv", f"text,label\n{text},1\n".encode("cp949"))
    assert said.todo.startswith("Save the file as UTF-8, or give its encoding: --encoding cp949 reads ")
    assert "latin-1" not in said.todo


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("这部电影真的很好看，我非常喜欢。", "gbk"), ("Àa Áb Âc", "latin-1"), ("この映画は本当に面白かった。", "euc_jp")],
)
def test_what_cp949_reads_by_chance_is_not_called_korean(tmp_path: Path, text: str, encoding: str) -> None:
    said = refusal(tmp_path / "t.csv", f"text,label\n{text},1\n".encode(encoding))
    assert "--encoding cp949 reads " in said.todo
    assert "--encoding latin-1 reads " in said.todo


def test_a_syllable_that_euc_kr_lacks_points_to_cp949(tmp_path: Path) -> None:
    said = refusal(tmp_path / "t.csv", "text,label\n뷁,1\n".encode("cp949"), encoding="euc-kr")
    assert said.todo == "Give --encoding cp949, which is what Windows writes: it has syllables that EUC-KR lacks"


def test_the_given_encoding_is_used(tmp_path: Path) -> None:
    assert table(tmp_path / "t.csv", "text,label\n재밌다,1\n".encode("cp949"), encoding="cp949").columns["text"] == (
        "재밌다",
    )
    assert table(tmp_path / "t.csv", "text,label\nx,1\n".encode("utf-16"), encoding="utf-16").columns["text"] == ("x",)


def test_a_utf16_file_is_recognised_by_its_mark(tmp_path: Path) -> None:
    said = refusal(tmp_path / "t.csv", "text,label\nx,1\n".encode("utf-16"))
    assert said.todo == "The file begins with the mark of UTF-16: give --encoding utf-16"


def test_a_damaged_place_in_utf8_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    said = refusal(tmp_path / "t.csv", "text,label\n정말 재밌다,1\n".encode() + b"a\xff,0\n")
    assert said.saw == "not UTF-8: byte 0xff at line 3 does not fit"
    assert "probably damaged" in said.todo


def test_an_unknown_encoding_is_a_usage_error(tmp_path: Path) -> None:
    for name in ("utf-88", "rot13"):
        with pytest.raises(UsageError, match="unknown encoding"):
            table(tmp_path / "t.csv", "text\na\n", encoding=name)


def test_bytes_that_do_not_fit_the_given_encoding_are_named(tmp_path: Path) -> None:
    said = refusal(tmp_path / "t.csv", b"text\n\xff\n", encoding="cp949")
    assert said.message.endswith(
        "not CP949: byte 0xff at line 2 does not fit. Save the file as UTF-8, or give its encoding with --encoding."
    )


# ---------------------------------------------------------------- jsonl


def test_jsonl_keeps_strings_and_integers_and_gives_none_for_a_missing_key() -> None:
    read = read_jsonl(opened('{"text": "a\\u2028b", "label": 1}\n\n{"text": "1.50", "more": true}\r\n'), where="t")
    assert read.columns == {"text": ["a\u2028b", "1.50"], "label": [1, None], "more": [None, True]}
    assert list(read.places) == ["line 1", "line 3"]


def test_numbers_with_a_fraction_stay_as_they_are_written() -> None:
    assert read_jsonl(opened('{"label": 1.50}\n{"label": 1.0}\n{"label": 1e999}'), where="t").columns["label"] == [
        "1.50",
        "1.0",
        "1e999",
    ]


def test_bad_lines_of_jsonl_are_named_together() -> None:
    lines = ['{"text": "a"}', "{'text': 1}", "[1]", '"x"', '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, "x"]
    with pytest.raises(DataError) as caught:
        read_jsonl(opened("\n".join(lines)), where="t.jsonl")
    assert caught.value.saw == (
        "line 2 is not JSON: Expecting property name enclosed in double quotes at character 2; "
        "line 3 holds a list, not an object; line 4 holds a single value, not an object; "
        "line 5 is not valid: the key 'a' stands twice; line 6 is not valid: NaN is not JSON; and 2 more such lines"
    )


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.text() | st.integers() | st.booleans(), min_size=1), min_size=1)
)
def test_what_json_writes_comes_back(rows: list[dict[str, object]]) -> None:
    read = read_jsonl(opened("\n".join(json.dumps(row) for row in rows)), where="t")
    for i, row in enumerate(rows):
        assert {name: values[i] for name, values in read.columns.items() if name in row} == row


def test_an_empty_jsonl_has_no_rows() -> None:
    with pytest.raises(DataError, match=r"^t: has no rows\.$"):
        read_jsonl(opened("\n\n"), where="t")


# ---------------------------------------------------------------- parquet


def test_parquet_keeps_its_types_and_decodes_dictionaries(tmp_path: Path) -> None:
    source = pa.table(
        {
            "text": ["a", None],
            "label": pa.array([1, 2], pa.int8()),
            "many": [[1], []],
            "name": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    pq.write_table(source, tmp_path / "t.parquet")
    read, notices = read_file(tmp_path / "t.parquet", encoding="utf-8")
    assert read.columns == {"text": ["a", None], "label": [1, 2], "many": [[1], []], "name": ["x", "y"]}
    assert list(read.places) == ["row 1", "row 2"]
    assert notices == ()


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.csv")
    read, notices = read_file(tmp_path / "t.csv", encoding="utf-8")
    assert read.columns == {"text": ["a"]}
    assert notices == (f"{tmp_path / 't.csv'} is a parquet file, whatever its name says",)
    assert refusal(tmp_path / "u.parquet", "text\na\n").saw == "not a parquet file, although it is named so"


def test_a_damaged_or_empty_parquet_is_a_data_error(tmp_path: Path) -> None:
    assert refusal(tmp_path / "t.parquet", b"PAR1 and no more").saw.startswith("a damaged parquet file: ")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "t.parquet")
    assert refusal(tmp_path / "t.parquet", (tmp_path / "t.parquet").read_bytes()).saw == "has no rows"
    assert refusal(tmp_path / "t.parquet", b"").saw == "has no rows: the file is empty"


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError) as caught:
        read_file(tmp_path / "t.parquet", encoding="utf-8")
    assert caught.value.todo == 'Run: pip install "whet[parquet]"'


# ---------------------------------------------------------------- file types


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.CSV.GZ"])
def test_gzip_is_known_by_its_first_bytes_not_by_its_name(tmp_path: Path, name: str) -> None:
    assert table(tmp_path / name, gzip.compress(b"text,label\na,1\n")).columns == {"text": ("a",), "label": ("1",)}
    assert table(tmp_path / name, b"text,label\na,1\n").columns == {"text": ("a",), "label": ("1",)}


def test_every_format_may_be_gzipped(tmp_path: Path) -> None:
    assert table(tmp_path / "t.tsv.gz", gzip.compress(b"text\tlabel\na\t1\n")).columns["label"] == ("1",)
    assert table(tmp_path / "t.ndjson.gz", gzip.compress(b'{"text": "a"}')).columns["text"] == ["a"]
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"]}), stream)
    assert table(tmp_path / "t.parquet.gz", gzip.compress(stream.getvalue())).columns["text"] == ["a"]


def test_a_cut_gzip_is_damaged(tmp_path: Path) -> None:
    said = refusal(tmp_path / "t.csv.gz", gzip.compress(b"text,label\na,1\n" * 99)[:-9])
    assert said.saw.startswith("a damaged gzip file: ")


@pytest.mark.parametrize(
    ("name", "content", "saw"),
    [
        ("t.pkl", b"anything", "unsupported file type .pkl"),
        ("t.csv", b"PK\x03\x04...", "unsupported file type .csv: a zip archive or an Excel workbook"),
        ("t.xlsx", b"PK\x03\x04...", "unsupported file type .xlsx: a zip archive or an Excel workbook"),
        ("t.csv", b"<!DOCTYPE html><html>", "unsupported file type .csv: a web page"),
        ("t.json", b"[]", "unsupported file type .json"),
        ("t", b"text,label", "unsupported file type without an extension"),
        (
            "t.csv.gz",
            gzip.compress(b"PK\x03\x04", mtime=0),
            "unsupported file type .csv: a zip archive or an Excel workbook",
        ),
        ("t.py.gz", gzip.compress(b"print()", mtime=0), "unsupported file type .py"),
    ],
)
def test_other_file_types_are_refused_by_name_and_by_first_bytes(
    tmp_path: Path, name: str, content: bytes, saw: str
) -> None:
    said = refusal(tmp_path / name, content)
    assert said.saw == saw
    assert said.expected == "csv, tsv, jsonl (or ndjson) or parquet, each also .gz, or a folder of class folders"


@given(
    st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".txt", ""]),
    st.sampled_from([b"", b"PAR1", b"\x1f\x8b\x08\x00", b'{"', b'"', b"\xff\xfe", b"text,label\n", b"\x80\x04"]),
    st.binary(max_size=60),
)
def test_any_bytes_are_a_table_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, head: bytes, rest: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    try:
        read = table(path, head + rest)
    except DataError as said:
        assert said.message.startswith(f"{path}: ")
        return
    assert {len(values) for values in read.columns.values()} == {len(read.places)}


class _Canary:
    opened: list[str] = []  # noqa: RUF012  filled by __reduce__ if the pickle is ever loaded

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _Canary.opened.append, ("opened",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_refused_whatever_its_name_and_never_opened(tmp_path: Path, protocol: int) -> None:
    said = refusal(tmp_path / "t.csv", pickle.dumps(_Canary(), protocol=protocol))
    assert said.saw == "unsupported file type .csv: a pickle, which is never opened"
    assert _Canary.opened == []


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / "t.csv", encoding="utf-8")
    assert caught.value.message == f"{tmp_path / 't.csv'}: cannot be read: Permission denied."


def test_a_quote_that_is_not_closed_in_a_large_file_does_not_fill_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "LONGEST", 100)
    path = tmp_path / "t.csv"
    path.write_text('text,label\na,1\n"b,2\n' + "c,3\n" * 1_000)
    with pytest.raises(DataError) as told:
        read_file(path, encoding="utf-8")
    assert told.value.saw == "the quote opened at line 3 is not closed within 100 characters"


@pytest.mark.parametrize("suffix", [".csv", ".txt"])
def test_bytes_that_do_not_fit_far_inside_a_file_are_told_with_their_line(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "AROUND", 50)
    path = tmp_path / f"t{suffix}"
    path.write_bytes(b"text,label\n" + b"a,1\n" * 999 + b"caf\xe9,2\n" + b"b,1\n" * 1_000)
    with pytest.raises(DataError) as told:
        read_file(path, encoding="utf-8") if suffix == ".csv" else list(read_lines(path, encoding="utf-8"))
    assert told.value.saw == "not UTF-8: byte 0xe9 at line 1001 does not fit"
    assert told.value.todo.startswith("Save the file as UTF-8, or give its encoding: --encoding ")


@given(st.text(max_size=30))
def test_lines_are_what_a_split_at_line_feeds_gives(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.txt"
        path.write_bytes(text.encode())
        lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
        assert list(read_lines(path, encoding="utf-8")) == (lines if lines[-1] else lines[:-1])


# ---------------------------------------------------------------- in parts


def in_parts(path: Path, encoding: str = "utf-8") -> tuple[list[Table], str]:
    """The parts of a file, three rows each, and what was wrong at their end."""
    found: list[Table] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (delimited, jsonl):
            patch.setattr(module, "PORTION", 3)
        try:
            found.extend(read_parts(path, encoding=encoding))
        except DataError as fault:
            return found, fault.message
    return found, ""


@given(
    st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.csv.gz"]),
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=10),
)
def test_the_parts_of_a_file_are_the_file(name: str, rows: list[tuple[str, str]]) -> None:
    page = io.StringIO()
    if name == "t.jsonl":
        page.writelines(json.dumps({"a": a} | ({"b": b} if b else {})) + "\n" for a, b in rows)
    else:
        csv.writer(page, delimiter="\t" if name == "t.tsv" else ",", quoting=csv.QUOTE_ALL).writerows(
            [("a", "b"), *rows]
        )
    content = page.getvalue().encode("utf-8", "replace")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        parts, wrong = in_parts(path)
        whole, _ = read_file(path, encoding="utf-8")
    assert wrong == ""
    assert [len(part.places) for part in parts[:-1]] == [3] * (len(parts) - 1)
    for column, values in whole.columns.items():
        given = [part.columns.get(column, [None] * len(part.places)) for part in parts]
        assert [value for part in given for value in part] == list(values)
    assert [place for part in parts for place in part.places] == list(whole.places)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ragged.csv", b"text,label\n" + b"a,1\n" * 7 + b"b\n" + b"c,1\n" * 4 + b"d,1,2\n"),
        ("open.csv", b"text,label\n" + b"a,1\n" * 7 + b'"b,1\n' + b"c,1\n" * 4),
        ("broken.jsonl", b'{"a": 1}\n' * 7 + b"no\n" + b'{"a": 1}\n' * 4 + b"[]\n"),
        ("latin.csv", b"text,label\n" + b"a,1\n" * 5_000 + b"caf\xe9,1\n"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_alike_after_the_rows_before_it(
    name: str, content: bytes, tmp_path: Path
) -> None:
    parts, wrong = in_parts(tmp_path / name) if (tmp_path / name).write_bytes(content) else ([], "")
    with pytest.raises(DataError) as whole:
        read_file(tmp_path / name, encoding="utf-8")
    assert wrong == whole.value.message
    assert sum(len(part.places) for part in parts) >= 6


def test_an_encoding_that_only_the_whole_file_tells_is_read_in_parts_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("text,label\n".encode("utf-16-le") + "한글,1\n".encode("utf-16-le") * 7)
    parts, wrong = in_parts(tmp_path / "t.csv", "utf-16")
    assert (wrong, [list(part.columns["text"]) for part in parts]) == ("", [["한글"] * 3, ["한글"] * 3, ["한글"]])
