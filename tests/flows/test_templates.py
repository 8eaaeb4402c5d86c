"""Texts that are joined from several columns, from the table to answers by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import whet as library
from tests.conftest import review_rows
from tests.flows.conftest import BRIEF, TEACH, Command, Job, weights_of
from whet import pipeline

TEMPLATE = r"{title}\n{body} {{price}}: {price}"
PARTS = ["title", "body", "price"]


def goods() -> list[tuple[str, str, str, str]]:
    """Title, body, price and label; what is said of a thing is in its body, and some have no title or price."""
    rows = review_rows()
    return [
        ("" if i % 9 == 0 else f"Thing {i}", text, "" if i % 7 == 0 else str(i / 4), label)
        for i, (text, label) in enumerate(rows)
    ]


def joined(title: str, body: str, price: str) -> str:
    return f"{title}\n{body} {{price}}: {price}"


def write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def quoted(row: tuple[str, ...]) -> str:
        return ",".join('"' + value.replace('"', '""') + '"' for value in row)

    path.write_text("\n".join(map(quoted, [header, *rows])) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def table(here: Path) -> str:
    return write(here / "goods.csv", (*PARTS, "label"), list(goods()))


def test_a_run_on_a_template_is_the_run_on_the_joined_texts(table: str, here: Path, job: Job) -> None:
    told = job(table, text=TEMPLATE, **TEACH, output="run")
    plain = [(joined(title, body, price), label) for title, body, price, label in goods()]
    same = job(write(here / "joined.csv", ("text", "label"), plain), **TEACH, output="same")
    assert weights_of(told.path) == weights_of(same.path)
    assert told.run.metrics["test"] == same.run.metrics["test"]
    assert told.checked.columns.text_parts == tuple(PARTS)
    side = json.loads((told.path / "model" / "whet.json").read_text(encoding="utf-8"))
    assert side["columns"] == {"text": "{title}\n{body} {{price}}: {price}", "pair": None, "text_parts": PARTS}
    assert (
        "\nA text is `{title}\\n{body} {{price}}: {price}`, joined from" in (told.path / "model/README.md").read_text()
    )


def test_files_with_the_same_columns_are_joined_alike(table: str, here: Path, job: Job, whet: Command) -> None:
    run = job(table, text=TEMPLATE, **TEACH, output="run").run
    new = goods()[:12]
    moved = [(label, price, body, title) for title, body, price, label in new]
    file = write(here / "new.csv", ("label", "Price", "body", "title"), list(moved))
    ended = whet("predict", "run", "--file", file, "--format", "jsonl")
    assert ended.code == 0
    answers = [json.loads(line) for line in ended.out.splitlines()]
    texts = [joined(title, body, price) for title, body, price, _ in new]
    assert [answer["text"] for answer in answers] == texts
    expected = run.predict(texts)
    assert [answer["label"] for answer in answers] == [answer.label for answer in expected]
    scored = whet("evaluate", "run", file, "--json")
    assert scored.code == 0
    right = sum(answer.label == row[3] for answer, row in zip(expected, new, strict=True))
    assert scored.json["test"]["accuracy"] == pytest.approx(right / 12)
    whole = whet("predict", "run", "{title} as it is", "--format", "jsonl")
    assert json.loads(whole.out)["text"] == "{title} as it is"


def test_a_test_file_is_joined_alike_and_one_that_lacks_a_column_is_refused(
    table: str, here: Path, job: Job, whet: Command
) -> None:
    test = write(here / "test.csv", ("Title", "body", "price", "label"), list(goods()[:20]))
    told = job(table, text=TEMPLATE, test=test, allow="texts_in_train", **BRIEF)
    assert told.run.metrics["test"]["rows"] == 20
    leaked = next(finding for finding in told.checked.findings if finding.code == "texts_in_train")
    assert leaked.count == 20  # equal to those of train: joined alike
    lacking = write(here / "short.csv", ("title", "text", "label"), [row[:2] + row[3:] for row in goods()])
    ended = whet("train", table, "--text", TEMPLATE, "--test", lacking)
    assert ended.code == 3
    assert ended.errors[0].startswith(f"{lacking}: no columns 'body', 'price' for the template ")


def test_the_library_takes_newlines_as_they_are(tiny_bert: Path) -> None:
    rows = [
        {"title": title or None, "body": body, "price": i if i % 7 else None, "label": label}
        for i, (title, body, _, label) in enumerate(goods())
    ]
    run = library.train(rows, text="{title}\n{body}\t{price}", model=str(tiny_bert), **BRIEF)
    assert run.inputs.text == "{title}\n{body}\t{price}"
    side = library.evaluate(run, rows[:9])
    assert side.metrics.rows == 9


def test_check_shows_the_template_and_its_columns(table: str, whet: Command) -> None:
    ended = whet("check", table, "--text", TEMPLATE, "--no-near-duplicates")
    assert ended.code == 0
    assert "Text:  template of title, body, price: {title}\\n{body} {{price}}: {price}" in " ".join(
        ended.out.split("\n")
    )
    korean = whet("check", table, "--text", TEMPLATE, "--no-near-duplicates", "--lang", "ko")
    assert "텍스트: 템플릿(열 title, body, price): {title}" in korean.out
    document = whet("check", table, "--text", TEMPLATE, "--no-near-duplicates", "--json").json
    assert document["columns"]["text_parts"] == PARTS
    assert document["head"][1][0] == joined(*goods()[1][:3])


def test_a_wrong_template_is_one_message(table: str, whet: Command) -> None:
    ended = whet("check", table, "--text", "{titel} {body}")
    assert (ended.code, len(ended.errors)) == (3, 1)
    assert "no column 'titel' for the template '{titel} {body}'" in ended.errors[0]
    assert ended.errors[0].endswith("Did you mean 'title'.")
    ended = whet("check", table, "--text", "{title} {body")
    assert ended.code == 2
    assert "at character 9 of '{title} {body'" in ended.errors[0]
    ended = whet("train", table, "--text", "{title} {label}")
    assert ended.code == 3
    assert "'label' is called like one, but stands in the template" in ended.errors[0]
    ended = whet("train", table, "--text", "{title} {label}", "--label", "label")
    assert "the label 'label' stands in the template of the text" in ended.errors[0]


def test_pairs_of_templates_are_trained_and_answered(table: str, here: Path, job: Job, whet: Command) -> None:
    run = job(table, text="{title}", pair=r"{body}\t{price}", **BRIEF, output="run").run
    assert (run.inputs.text_parts, run.inputs.pair_parts) == (("title",), ("body", "price"))
    ended = whet("predict", "run", "--file", table, "--format", "jsonl")
    first = json.loads(ended.out.splitlines()[1])
    title, body, price, _ = goods()[1]
    assert (first["text"], first["text2"]) == (title, f"{body}\t{price}")
    assert pipeline.load("run").inputs == run.inputs
