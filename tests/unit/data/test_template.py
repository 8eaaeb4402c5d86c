"""Texts that are joined from several columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.data.growing import Columns, Disk
from whet.data.store import Held
from whet.data.template import Template, parse, rendered, template_for
from whet.errors import DataError, UsageError
from whet.records import Table

TABLE = Table(
    "t.csv",
    {"title": ["Lamp", None, "{body}"], "Body": ["bright", "", "a\tb"], "price": [3.0, 12.5, None]},
    ["row 1", "row 2", "row 3"],
)


def refused(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, where="--text")
    return caught.value.message


def missing(text: str) -> str:
    with pytest.raises(DataError) as caught:
        template_for(TABLE, text, where="--text")
    return caught.value.message


def test_names_and_what_stands_around_them_are_told_apart() -> None:
    found = parse("{title}\n{body} price: {price}")
    assert found == Template(("title", "body", "price"), ("", "\n", " price: ", ""))
    assert list(found.render(["Lamp", ""], ["bright", "b"], ["3", "4"])) == ["Lamp\nbright price: 3", "\nb price: 4"]


def test_a_text_without_braces_is_no_template() -> None:
    assert parse("title") is None
    assert parse(r"title\n") is None
    assert parse("") is None


def test_a_backslash_is_one() -> None:
    assert parse(r"{a}\n{n}") == Template(("a", "n"), ("", r"\n", ""))  # settings are resolved with newlines


def test_doubled_braces_are_braces() -> None:
    assert parse("{{{a}}} }}{{ {b}") == Template(("a", "b"), ("{", "} }{ ", ""))
    assert parse(r"\{{n {a}") == Template(("a",), (r"\{n ", ""))


def test_a_column_may_stand_twice_and_is_one_column() -> None:
    found = parse("{a}, {b}, {a}")
    assert found is not None
    assert found.columns == ("a", "b")
    assert list(found.render(["x"], ["y"], ["x"])) == ["x, y, x"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("{title", 1), ("title}", 6), ("{a} {b}} ", 8), ("{{title}", 8), ("{a} {}", 5), ("{a{b}}", 1), ("}", 1)],
)
def test_a_brace_without_its_other_half_is_told_with_its_place(text: str, place: int) -> None:
    assert refused(text) == (
        f"--text: a brace without its other half, or without a name, at character {place} of '{text}'. "
        "Expected {COLUMN} for the value of a column, {{ and }} for braces."
    )


def test_a_template_names_a_column() -> None:
    assert refused("a {{b}}") == (
        "--text: no column is named in 'a {{b}}'. Expected {COLUMN} for the value of a column, {{ and }} for braces."
    )


LITERALS = st.text(st.sampled_from("ab {}\n\t\\n텍"))
NAMES = st.text(st.characters(exclude_characters="{}"), min_size=1)
PARTS = st.lists(st.tuples(NAMES, LITERALS), min_size=1, max_size=4)


@given(LITERALS, PARTS)
def test_what_is_written_is_read_as_it_was(first: str, parts: list[tuple[str, str]]) -> None:
    template = Template(tuple(name for name, _ in parts), (first, *(literal for _, literal in parts)))
    assert parse(template.written) == template


@given(LITERALS, PARTS, st.data())
def test_a_rendered_text_holds_literals_and_values_as_they_are(
    first: str, parts: list[tuple[str, str]], data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.text(), min_size=len(parts), max_size=len(parts)))
    template = Template(tuple(name for name, _ in parts), (first, *(literal for _, literal in parts)))
    expected = first + "".join(value + literal for value, (_, literal) in zip(values, parts, strict=True))
    assert list(template.render(*([value] for value in values))) == [expected]


# ---------------------------------------------------------------- over a table


def test_values_are_spelled_as_texts_are_and_a_missing_one_is_empty() -> None:
    assert rendered(TABLE, "{title}|{Body}|{price}") == ("Lamp|bright|3.0", "||12.5", "{body}|a\tb|")


def test_dates_truth_values_and_whole_numbers_with_a_gap_are_spelled() -> None:
    table = Table("t", {"a": [1.0, None], "b": [True, False], "c": [date(2024, 5, 1), None]}, ["row 1", "row 2"])
    assert rendered(table, "{a} {b} {c}") == ("1 true 2024-05-01", " false ")


def test_a_list_cannot_stand_in_a_text() -> None:
    with pytest.raises(DataError) as caught:
        rendered(Table("t", {"a": ["x"], "b": [["y"]]}, ["row 1"]), "{a} {b}")
    assert caught.value.message == (
        "t, column 'b': type list instead of text: row 1. Expected text, or a single value."
    )


def test_names_become_those_of_the_table() -> None:
    found = template_for(TABLE, "{TITLE}: { body }", where="--text")
    assert found == Template(("title", "Body"), ("", ": ", ""))


def test_the_name_of_a_column_is_no_template_even_in_braces() -> None:
    table = Table("t", {"x": ["a"], "{x}": ["b"], "{": ["c"]}, ["row 1"])
    assert template_for(table, "{x}", where="--text") is None
    assert template_for(table, "{", where="--text") is None
    assert template_for(table, "{x}!", where="--text") == Template(("x",), ("", "!"))


def test_columns_that_are_not_there_are_told_at_once_with_the_nearest() -> None:
    listed = "'title' ('Lamp'), 'Body' ('bright'), 'price' ('3.0')"
    assert missing("{titel} {Body} {prise}") == (
        f"t.csv: no columns 'titel', 'prise' for the template '{{titel}} {{Body}} {{prise}}'. Expected some of "
        f"{listed}. Did you mean 'title'. Did you mean 'price'."
    )
    assert missing("{title} {w}") == (
        f"t.csv: no column 'w' for the template '{{title}} {{w}}'. Expected some of {listed}. "
        "Name a column that holds the whole text with --text."
    )


@pytest.mark.parametrize("written", ["{title}", "<{title}> {Body}: {price}.", "{Body}{Body}"])
def test_columns_on_the_disk_are_joined_as_those_in_memory(written: str, tmp_path: Path) -> None:
    columns = Columns(Disk(tmp_path, -1))
    made = {name: columns.new() for name in TABLE.columns}
    for name, values in TABLE.columns.items():
        made[name].extend(list(values))
    stored = replace(TABLE, columns={name: column.done() for name, column in made.items()})
    found = rendered(stored, written)
    assert isinstance(found, Held)
    assert tuple(found) == rendered(TABLE, written)
