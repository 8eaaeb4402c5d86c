"""Many files answered on a Ray cluster of this machine, as a plain run answers each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.conftest import Command, Job, Told
from tests.flows.test_linear import rows_of, write
from whet import scale
from whet.errors import DataError, UsageError
from whet.settings.config import resolve

# Ray 2.60 warns of its own settings while it makes them.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning:ray")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, job: Job) -> Path:
    folder = tmp_path_factory.mktemp("linear")
    told = job(write(folder / "two.jsonl", rows_of("two")), model="linear", test="0.2", output=str(folder / "run"))
    return told.path


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two workers on this machine, of one core each."""
    ray = pytest.importorskip("ray", reason="the extra scale is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("OMP_NUM_THREADS", "1")
        path = os.pathsep.join([str(Path(scale.__file__).parents[1]), str(Path(__file__).parents[2])])
        patch.setenv("PYTHONPATH", path)
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "transformer"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_cluster_answers_files_to_the_byte_as_a_plain_run(
    cluster: None, fitted: Path, taught: Told, whet: Command, here: Path, kind: str, form: str
) -> None:
    run = str(fitted if kind == "linear" else taught.path)
    names = [f"part-{i}" for i in range(5)]
    (here / "in").mkdir()
    for i, name in enumerate(names):
        rows = [{"id": row, "text": f"A fine film, number {row} =1\r of {i}"} for row in range(30 * (i + 1))]
        write(here / "in" / f"{name}.jsonl", rows)
    options = ["--engine", "ray", "--output", "out", "--format", form]
    ended = whet("predict", run, "--file", "in/*.jsonl", *options)
    assert (ended.code, ended.out) == (0, ""), ended.err
    told = [line for line in ended.err.splitlines() if "answered into" in line]
    assert [line.split(":")[0] for line in told] == [f"{i} of 5" for i in range(1, 6)]
    assert sorted(path.name for path in (here / "out").iterdir()) == [f"{name}.{form}" for name in names]
    for name in names:
        plain = here / f"{name}.{form}"
        assert whet("predict", run, "--file", f"in/{name}.jsonl", "--output", str(plain), "--quiet").code == 0
        assert (here / "out" / plain.name).read_bytes() == plain.read_bytes()


@pytest.mark.slow
def test_a_file_that_is_wrong_does_not_keep_the_others_from_being_answered(
    cluster: None, fitted: Path, whet: Command, here: Path
) -> None:
    (here / "in").mkdir()
    write(here / "in" / "a.jsonl", [{"text": "fine"}])
    (here / "in" / "b.jsonl").write_text("no\n")
    (here / "in" / "c.txt").write_text("fine\n\nawful\n")
    ended = whet("predict", str(fitted), "--file", "in", "--engine", "ray", "--output", "out")
    assert ended.code == 3
    assert [message.split(": ")[1] for message in ended.errors] == ["line 1 is not JSON"]
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.jsonl", "c.jsonl"]
    assert (here / "out" / "c.jsonl").read_text().count("\n") == 3


def test_files_that_would_be_answered_into_one_are_told(here: Path) -> None:
    (here / "a.csv").write_text("text\nx\n")
    (here / "a.jsonl.gz").write_text("")
    settings = resolve({}).settings
    with pytest.raises(DataError, match=r"a\.csv and .*a\.jsonl\.gz would both be answered into a\.jsonl"):
        scale.orders(str(here), here / "out", "jsonl", settings)
    with pytest.raises(DataError, match="no file to answer"):
        scale.orders(str(here / "*.tsv"), here / "out", "jsonl", settings)
    (order,) = scale.orders(str(here / "*.csv"), here / "out", "csv", settings)
    assert (order.file, order.output) == (here / "a.csv", here / "out" / "a.csv")


@pytest.mark.parametrize("output", [".", "link"])
def test_answers_never_take_the_place_of_the_files(here: Path, output: str) -> None:
    (here / "a.csv").write_text("text\nx\n")
    (here / "link").symlink_to(here, target_is_directory=True)
    told = (
        "--output: the answers to a.csv would take the place of a file that is to be answered. Expected another folder"
    )
    with pytest.raises(UsageError) as caught:
        scale.orders("*.csv", Path(output), "csv", resolve({}).settings)
    assert caught.value.message.startswith(told)
    (order,) = scale.orders("*.csv", Path(output), "jsonl", resolve({}).settings)
    assert order.output.name == "a.jsonl"


def test_a_cluster_needs_files_and_an_engine_is_known(whet: Command) -> None:
    for option in (["a text"], ["--like", "sample.csv"], ["--explain"], ["--explain-label", "positive"]):
        ended = whet("predict", "last", *option, "--engine", "ray", "--file", "rows", "--output", "answers")
        told = "--engine ray: texts, --like or --explain. Leave them out, or --engine ray."
        assert (ended.code, ended.errors) == (2, [told])
    ended = whet("predict", "last", "--engine", "ray")
    assert (ended.code, ended.errors) == (
        2,
        [
            "--engine ray: a cluster answers files into files. Expected --file with a folder or a pattern, --output "
            "with a folder, and --format jsonl or csv or parquet."
        ],
    )
    ended = whet("predict", "last", "a text", "--engine", "spark")
    assert (ended.code, ended.errors) == (
        2,
        ["--engine: no engine 'spark'. Expected one of auto, torch, onnx, int8, ray."],
    )
