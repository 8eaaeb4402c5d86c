"""`whet doctor` on a terminal and as JSON; what is found is made up."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from whet import health
from whet.health import Check, CheckedRun, Health, Place
from whet.system.gpu import Accelerator, NoGpu
from whet.system.machine import Cores, Memory, Nvidia
from whet.system.runtime import Runtime

GB = 10**9
FOUND = Health(
    verdict="Ready: training runs on the CPU with 2 threads; no GPU was found. 1 warning.",
    checks=(
        Check("packages", "ok", "everything that training needs is installed"),
        Check("gpu", "ok", "no GPU was found"),
        Check("hub", "warning", "huggingface.co cannot be reached: refused", "Use the embedded model"),
    ),
    system="Linux 6.1 x86_64",
    notebook=None,
    processor="Quick CPU",
    cores=Cores(4, 3, 1.2, 2),
    memory=Memory(16 * GB, 9 * GB, 16 * GB, "the machine"),
    accelerators=(),
    nvidia=Nvidia(),
    no_gpu=NoGpu("none", "no GPU was found", ""),
    chosen=Runtime("cpu", "no GPU was found", 2, "given"),
    places=(
        Place("runs", Path("/w/runs"), 50 * GB),
        Place("cache", Path("/c/whet"), 20 * GB, 45_000_000),
        Place("hub cache", Path("/c/hub"), None, 3 * GB),
    ),
    versions={"python": "3.11.2", "torch": "2.99"},
    hub="huggingface.co",
    hub_unreachable="refused",
    run=None,
)


@pytest.fixture
def finding(monkeypatch: pytest.MonkeyPatch):
    """What the doctor finds, and the arguments that it was called with."""
    asked: list[tuple[object, str]] = []

    def find(found: Health) -> list[tuple[object, str]]:
        monkeypatch.setattr(health, "doctor", lambda run, *, lang: asked.append((run, lang)) or found)
        return asked

    return find


def test_the_facts_then_what_is_to_mend_then_the_verdict(whet, finding) -> None:
    asked = finding(FOUND)
    ended = whet("doctor", "--lang", "en")
    assert (ended.code, ended.err) == (0, "")
    assert [line.rstrip() for line in ended.out.splitlines()] == [
        "system     Linux 6.1 x86_64",
        "processor  Quick CPU, 4 cores, 3 allowed, 2 free",
        "memory     9.0 GB of 16.0 GB free",
        "GPU        none: no GPU was found",
        "runs       50.0 GB free in /w/runs",
        "cache      20.0 GB free in /c/whet, which holds 45 MB",
        "hub cache  unknown free in /c/hub, which holds 3.0 GB",
        "packages   python 3.11.2, torch 2.99",
        "hub        huggingface.co: not reachable",
        "",
        "Findings",
        "  warning  huggingface.co cannot be reached: refused",
        "           Use the embedded model",
        "",
        "Ready: training runs on the CPU with 2 threads; no GPU was found. 1 warning.",
    ]
    assert asked == [(None, "en")]


def test_a_gpu_a_containers_limit_a_notebook_and_a_run_are_told(whet, finding) -> None:
    asked = finding(
        dataclasses.replace(
            FOUND,
            checks=(),
            notebook="colab",
            memory=Memory(64 * GB, GB, 4 * GB, "the container's limit"),
            accelerators=(Accelerator("cuda:0", "Tesla T4", 15 * GB, 14 * GB, "7.5", "580.95", usable=True),),
            no_gpu=None,
            hub_unreachable="",
            run=CheckedRun(Path("runs/a"), ("run.json", "metrics.json"), 3, ("neg", "pos")),
        )
    )
    out = "".join(f"{line.rstrip()}\n" for line in whet("doctor", "last", "--lang", "en").out.splitlines())
    assert "system     Linux 6.1 x86_64, Colab\n" in out
    assert "memory     1.0 GB of 4.0 GB free (the container's limit)\n" in out
    assert "GPU        cuda:0 Tesla T4, 14.0 GB of 15.0 GB free, capability 7.5, driver 580.95\n" in out
    assert "hub        huggingface.co: reachable\n" in out
    assert "run        runs/a: 2 files and 3 answers of its model are as they were saved\n" in out
    assert "Findings" not in out
    assert asked == [("last", "en")]


def test_a_korean_reader_reads_korean(whet, finding) -> None:
    asked = finding(FOUND)
    lines = whet("doctor", "--lang", "ko").out.splitlines()
    assert [line.rstrip() for line in lines[:6]] == [
        "시스템     Linux 6.1 x86_64",
        "프로세서   Quick CPU, 코어 4개 (허용 3개, 여유 2개)",
        "메모리     16.0 GB 중 9.0 GB 사용 가능",
        "GPU        없음: no GPU was found",
        "실행 폴더  /w/runs, 여유 50.0 GB",
        "캐시       /c/whet, 여유 20.0 GB, 사용 중 45 MB",
    ]
    assert "  경고  huggingface.co cannot be reached: refused" in [line.rstrip() for line in lines]
    assert asked == [(None, "ko")]


def test_json_is_the_record_on_one_line(whet, finding) -> None:
    finding(FOUND)
    ended = whet("doctor", "--json")
    assert ended.out.count("\n") == 1
    document = json.loads(ended.out)
    assert set(document) == {field.name for field in dataclasses.fields(Health)}
    assert document["cores"] == {"present": 4, "allowed": 3, "busy": 1.2, "free": 2}
    assert document["places"][1] == {"use": "cache", "path": "/c/whet", "free": 20 * GB, "size": 45_000_000}
    assert document["checks"][2]["state"] == "warning"
    assert document["no_gpu"] == {"why": "none", "reason": "no GPU was found", "todo": ""}
