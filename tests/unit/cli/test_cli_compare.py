"""What `whet compare` shows of runs beside each other."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import FakePipeline, compared, page, printed
from whet.cli import beside
from whet.cli.texts import Words

EN, KO = Words("en"), Words("ko")


def test_compare_shows_the_runs_and_how_each_differs_from_the_first(whet, pipeline: FakePipeline) -> None:
    ended = whet("compare", "runs/old", "runs/new", "--lang", "en")
    assert (ended.code, ended.err) == (0, "")
    assert pipeline.calls == [("compare", "runs/old", "runs/new")]
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines == [
        "",
        "Runs on 500 shared test rows",
        "accuracy macro F1 training size rows/s device",
        "old 0.9000 0.8900 12 min 34 s 91 MB 1,234 cpu, threads: 2",
        "new0 0.9500 0.9400 12 min 34 s 91 MB 1,234 cpu, threads: 2",
        "rows/s: of each run's own evaluation of its test rows, tokens made before; not measured anew",
        "",
        "new0 against old: accuracy +0.0500 (95 % interval +0.0300 to +0.0700), p < 0.001, McNemar p = 0.031: better",
    ]


def test_what_is_left_out_and_how_p_is_adjusted_is_said() -> None:
    console = page(120)
    beside.compared(console, EN, compared(rows=480, relabelled=3, differences=(0.05, 0.01, -0.05)))
    text = printed(console)
    assert "test rows of each run: old 500, new0 500, new1 500, new2 500\n" in text
    assert "left out, as the runs were told other answers to them: 3\n" in text
    assert "p of the bootstrap is adjusted for the number of runs (Holm)\n" in text
    assert [line.rpartition(": ")[2] for line in text.splitlines()[-3:]] == ["better", "may be chance", "worse"]


def test_in_korean_too() -> None:
    console = page(120)
    beside.compared(console, KO, compared())
    assert printed(console).splitlines()[-1] == (
        "old 대비 new0: 정확도 +0.0500 (95% 신뢰구간 +0.0300~+0.0700), p < 0.001, McNemar p = 0.031: 더 나음"
    )


def test_compare_with_json_is_one_document(whet, pipeline: FakePipeline) -> None:
    document = json.loads(whet("compare", "a", "b", "--json").out)
    assert document.keys() == {"metric", "rows", "relabelled", "runs"}
    assert document["runs"][0]["against_first"] is None
    assert document["runs"][1]["against_first"] == {
        "against": "old", "metric": "accuracy", "difference": 0.05, "interval": [pytest.approx(0.03), 0.07],
        "p": 0.0002, "mcnemar_p": 0.031,
    }  # fmt: skip


def test_compare_ends_with_8_where_a_run_is_surely_worse(whet, pipeline: FakePipeline) -> None:
    pipeline.compared = compared(differences=(-0.05,))
    ended = whet("compare", "a", "b", "--require", "not-worse", "--json")
    assert ended.code == 8
    assert json.loads(ended.out)["rows"] == 500
    assert ended.err == (
        "error: new0 against old: not-worse is not met: accuracy -0.0500, 95 % interval -0.0700 to -0.0300, on 500 "
        "rows.\n"
    )
    pipeline.compared = compared(differences=(-0.01,))
    assert whet("compare", "a", "b", "--require", "not-worse").code == 0


@pytest.mark.parametrize("arguments", [("compare",), ("compare", "a", "b", "--require", "better")])
def test_what_compare_cannot_read_compares_nothing(whet, pipeline: FakePipeline, arguments: tuple[str, ...]) -> None:
    ended = whet(*arguments)
    assert (ended.code, pipeline.calls) == (2, [])
