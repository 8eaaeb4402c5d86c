"""A table on the disk gives what the same table gives in memory: columns, findings, splits, tokens, scores, answers."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

import whet
from tests.conftest import review_rows
from whet import pipeline
from whet.cli import main
from whet.data.doctor.look import as_json
from whet.data.rows import fingerprint
from whet.data.store import Held
from whet.errors import WhetError
from whet.inputs import large, reading
from whet.preparing import examine, prepare
from whet.preparing.sides import encode_sides
from whet.records import SIDES, Notice
from whet.score import cost
from whet.settings.config import Resolved, resolve
from whet.system import runtime


def rows() -> list[dict[str, Any]]:
    """Reviews with all that the doctor looks for, a second column of texts, and one of values with gaps."""
    found = [{"text": text, "label": label} for text, label in review_rows()]
    found += [
        {"text": "  The story of this one was wonderful, I thought so all evening.\n", "label": "positive"},
        {"text": "The film of this one was dreadful, I thought so all evening.", "label": "positive"},
        {"text": "The film of this one was dreadful, I thought so all evening!", "label": "negative"},
        {"text": '<br />A "quoted" film,\nover two lines with a NUL\0 and é.', "label": "negative"},
        {"text": "ê°€ë‚˜", "label": "positive"},
        {"text": "영화가 정말 좋았다 그리고 길었다", "label": "positive"},
        {"text": "", "label": "negative"},
    ]
    return [{**row, "id": f"no-{i}", "more": f"said by {i}" * 2} for i, row in enumerate(found)]


def csv_of(separator: str) -> str:
    def cell(value: object) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    lines = [separator.join(rows()[0]), *(separator.join(map(cell, row.values())) for row in rows())]
    return "\n".join(lines) + "\n"


def jsonl() -> str:
    gaps = [{**row, **({"gap": i} if i % 2 else {})} for i, row in enumerate(rows())]
    return "".join(json.dumps(row) + "\n" for row in gaps)


def write_folder(path: Path) -> None:
    for i, row in enumerate(rows()):
        (path / row["label"]).mkdir(parents=True, exist_ok=True)
        (path / row["label"] / f"{i}.txt").write_bytes(row["text"].encode())


def hub(path: Path) -> datasets.Dataset:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    values = {"text": [row["text"] for row in rows()], "label": [int(row["label"] == "positive") for row in rows()]}
    datasets.Dataset.from_dict(values, features=features).save_to_disk(path)
    return datasets.load_from_disk(path)


FORMS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: path.write_text(csv_of(","), newline=""),
    "a.tsv": lambda path: path.write_text(csv_of("\t"), newline=""),
    "a.jsonl": lambda path: path.write_text(jsonl()),
    "a.parquet": lambda path: parquet.write_table(pa.Table.from_pylist(rows()), path),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(csv_of(",").encode())),
    "a.parquet.gz": lambda path: (
        parquet.write_table(pa.Table.from_pylist(rows()), path.with_suffix("")),
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes())),
    ),
    "folder": write_folder,
}


def on_disk(monkeypatch: pytest.MonkeyPatch, *, always: bool) -> None:
    monkeypatch.setattr(large, "LARGE", -1 if always else 2**40)
    monkeypatch.setattr(large, "SHARE", 1.0)


@pytest.fixture(params=[*FORMS, "hub"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    if request.param == "hub":
        return hub(tmp_path / "hub")
    path = tmp_path / request.param
    FORMS[request.param](path)
    return str(path)


SETTINGS: dict[str, Any] = {"model": "embedded", "allow": "empty_texts"}


def told(data: object, resolved: Resolved, cache: Path) -> dict[str, object]:
    settings = resolved.settings
    found = examine.examine(data, resolved)
    splits = prepare.splits_of(found.rows, settings)
    labels = prepare.label_set_of(found.rows, splits, settings)
    cutter = prepare.cutter_of(prepare.find("embedded"), settings, runtime.usable_cache())
    encoded = encode_sides(splits, labels, cutter, cache)
    sides = [getattr(splits, side) for side in SIDES]
    return {
        "table": {name: [repr(value) for value in values] for name, values in found.table.columns.items()},
        "places": list(found.table.places),
        "checked": as_json(found.checked),
        "texts": [list(side.texts) for side in sides],
        "labels": [list(side.labels) for side in sides],
        "rows": [list(side.row_ids) for side in sides],
        "side places": [list(side.places) for side in sides],
        "digests": [fingerprint(side) for side in sides],
        "reasons": splits.reasons,
        "tokens": [encoded[side].encoded.ids.tolist() for side in SIDES],
        "caches": sorted(path.name for path in (cache / "tokens").iterdir()),
    }


def test_a_table_on_the_disk_is_told_split_and_encoded_as_in_memory(
    data: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = resolve({**SETTINGS})
    on_disk(monkeypatch, always=False)
    before = told(data, resolved, tmp_path / "one")
    on_disk(monkeypatch, always=True)
    after = told(data, resolved, tmp_path / "other")
    assert isinstance(reading.labelled(data, resolved.settings).sides["train"].texts, Held)
    assert after == before


TRAINING: dict[str, Any] = {
    "allow": "empty_texts", "epochs": 1, "max_length": 16, "threads": 1, "seed": 3, "yes": True, "pair": "none",
}  # fmt: skip


@pytest.mark.parametrize("form", ["a.csv", "a.parquet"])
def test_a_job_and_its_answers_are_the_same_from_the_disk(
    form: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHET_CACHE", str(tmp_path / "cache"))
    FORMS[form](tmp_path / form)
    found = []
    for always in (False, True):
        on_disk(monkeypatch, always=always)
        run = whet.train(form, model=str(tiny_bert), output=f"run-{always}", **TRAINING)
        scores = {name: value for name, value in run.metrics.items() if name != "seconds"}
        scores["baselines"].pop("seconds")
        scored = parquet.read_table(run.path / "predictions.parquet").to_pylist()
        sides = parquet.read_table(run.path / "splits.parquet").to_pylist()
        command = ["predict", str(run.path), "--file", form, "--text", "text", "--output", f"all-{always}.jsonl"]
        assert main([*command, "--quiet"]) == 0
        answers = (tmp_path / f"all-{always}.jsonl").read_text()
        rated = whet.evaluate(run, form, text="text").metrics
        found.append((scores, scored, sides, json.loads((run.path / "findings.json").read_text()), answers, rated))
    assert len(found[0][4].splitlines()) == len(rows())
    assert found[1] == found[0]
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"tokens", "baselines"}


def test_texts_of_pairs_are_the_same_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"sentence1": row["text"], "sentence2": row["more"], "label": row["label"]} for row in rows()]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = []
    for always in (False, True):
        on_disk(monkeypatch, always=always)
        resolved = resolve(SETTINGS)
        read = reading.labelled(tmp_path / "pairs.jsonl", resolved.settings)
        assert read.columns.pair == "sentence2"
        splits = prepare.splits_of(read, resolved.settings)
        checked = as_json(examine.examine(tmp_path / "pairs.jsonl", resolved).checked)
        found.append(([fingerprint(getattr(splits, side)) for side in SIDES], list(splits.train.pairs or ()), checked))
    assert found[1] == found[0]


def test_what_is_wrong_is_told_alike_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = {
        "gaps.jsonl": '{"text": "a", "label": "x"}\n{"text": "b"}\n{"text": "c", "label": " "}\n',
        "lists.jsonl": '{"text": ["a"], "label": 1}\n{"text": "b", "label": 2}\n',
        "ragged.csv": "text,label\na,1\nb\n" + "c,1\n" * 3_000 + "d,1,2\n",
        "broken.jsonl": '{"text": "a", "label": 1}\nno\n',
        "latin.csv": "text,label\ncaf\xe9,1\n",
        "open.csv": 'text,label\n"a,1\n',
    }
    for name, content in faulty.items():
        (tmp_path / name).write_bytes(content.encode("latin-1"))
        told = []
        for always in (False, True):
            on_disk(monkeypatch, always=always)
            with pytest.raises(WhetError) as fault:
                whet.check(tmp_path / name)
                whet.steps(tmp_path / name).__next__()
            told.append(fault.value.message)
        assert told[0] == told[1]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory")
def test_the_process_does_not_hold_the_texts_and_leaves_nothing_when_it_is_killed(tmp_path: Path) -> None:
    data, cache = tmp_path / "large.csv", tmp_path / "cache"
    with data.open("w") as file:
        file.write("text,label\n")
        for row in range(30_000):
            file.write(f"{row} {'so many words of a long review ' * 32},{row % 2}\n")
    assert data.stat().st_size > 29 * 10**6
    script = f"""
import sys, pathlib
from whet.inputs import large, reading
from whet.settings.config import resolve
from whet.data.rows import fingerprint
from whet.data.doctor import look, part
import numpy, whet.preparing.prepare, pyarrow
large.LARGE = 2**20
settings = resolve({{"near_duplicates": False}}).settings
def highest():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1e3
before = highest()
rows = reading.labelled({str(data)!r}, settings)
look.check(rows.sides, rows.columns, source="x")
splits = whet.preparing.prepare.splits_of(rows, settings)
fingerprint(splits.train)
print(len(splits.train.texts), highest() - before, flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "WHET_CACHE": str(cache)},
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        rows_there, megabytes = child.stdout.readline().split()
        held = list(Path(f"/proc/{child.pid}/fd").iterdir())
        assert any("(deleted)" in str(file.readlink()) for file in held)
        child.kill()
    assert int(rows_there) == 24_000
    assert float(megabytes) < 25
    assert list(cache.iterdir()) == []


def test_a_baseline_that_needs_too_much_memory_learns_from_rows_that_are_drawn(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FORMS["a.csv"](tmp_path / "a.csv")
    monkeypatch.setattr(cost, "MOST_BYTES", 40_000)
    events = list(pipeline.follow("a.csv", resolve({**TRAINING, "model": str(tiny_bert), "validation": "none"})))
    said = [event.message for event in events if isinstance(event, Notice) and event.message.startswith("TF-IDF")]
    assert said == [
        "TF-IDF learns from 24 of the 60 training rows, drawn by label: all of them would take more than 0 MB of memory"
    ]
