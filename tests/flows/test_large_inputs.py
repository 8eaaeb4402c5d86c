"""A table on the disk gives what the same table gives in memory: columns, findings, splits, tokens, scores, answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.conftest import review_rows
from whet import examine, large, prepare, reading, runtime
from whet.config import Resolved, resolve
from whet.data.doctor.look import as_json
from whet.data.split import fingerprint
from whet.data.store import Held
from whet.records import SIDES


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
    found = examine.examine(data, settings)
    splits = prepare.splits_of(found.rows, settings)
    labels = prepare.label_set_of(found.rows, splits, settings)
    cutter = prepare.cutter_of(prepare.find("embedded"), settings, runtime.usable_cache())
    encoded = prepare.encode_sides(splits, labels, cutter, cache)
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
