"""A real limit of memory: a job ends with its weights or with an explanation, and never without a word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import review_rows
from tests.flows.conftest import events_of, python, write_csv

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA is Linux's")

# Sets a limit when the training begins: so many megabytes above what the process has by then.
DRIVER = """
import resource, sys
from whet.system import machine
from whet.cli import main
from whet.training import loop

above, blind, arguments = int(sys.argv[1]), sys.argv[2] == "blind", sys.argv[3:]
real = loop.Sparing

def begin(*given):
    has = machine._byte_lines(machine.PROC / "self" / "status")["VmData"]
    resource.setrlimit(resource.RLIMIT_DATA, (has + above * 10**6, resource.RLIM_INFINITY))
    return real(*given)

loop.Sparing = begin
if blind:  # and what fails has to be caught
    machine.resident = lambda: None
sys.exit(main(arguments))
"""

ARGUMENTS = ["--batch-size", "64", "--max-length", "128", "--no-baseline", "--output", "run", "--threads", "1"]
LONG = 12  # times the text of a review, so that each is cut at 128 tokens


@pytest.mark.slow
@pytest.mark.parametrize("sight", ["blind", "seeing"])
@pytest.mark.parametrize("above", [400, 60, 30, 12, 4, 1])
def test_a_job_within_a_real_limit_ends_with_its_weights_or_is_explained(
    tiny_bert: Path, here: Path, above: int, sight: str
) -> None:
    write_csv(here / "reviews.csv", [(text * LONG, label) for text, label in review_rows() for _ in range(2)])
    (here / "driver.py").write_text(DRIVER)
    ended = python("driver.py", str(above), sight, "train", "reviews.csv", "--model", str(tiny_bert), *ARGUMENTS)
    assert ended.code in (0, 5), ended.err
    assert "Traceback" not in ended.err
    kinds = [event["kind"] for event in events_of(here / "run")]
    if ended.code == 5:
        assert len(ended.errors) == 1
        assert "left (" in ended.errors[0]
        assert above < 60
    else:
        assert (here / "run" / "model" / "model.safetensors").is_file()
    if above == 400:
        assert (ended.code, kinds.count("limit")) == (0, 0)
