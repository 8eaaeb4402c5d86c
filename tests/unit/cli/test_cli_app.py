from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import FakePipeline
from whet import __version__
from whet.errors import DataError, RunBusyError
from whet.settings.config import fields


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    import os

    return subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        timeout=60,
    )


HEAVY = "import sys; {}; print(sorted({{'torch', 'transformers', 'pandas', 'sklearn'}} & set(sys.modules)))"


@pytest.mark.parametrize("command", ["['--help']", "['train', '--help']", "['train', '--help-all']", "['--version']"])
def test_help_loads_neither_torch_nor_the_pipeline(command: str) -> None:
    code = HEAVY.format(f"from whet.cli import main; main({command}); assert 'whet.pipeline' not in sys.modules")
    ended = run("-c", code)
    assert (ended.stderr, ended.stdout.splitlines()[-1]) == ("", "[]")


def test_a_mistake_is_answered_without_torch() -> None:
    ended = run("-c", HEAVY.format("from whet.cli import main; main(['train', 'x.csv', '--epoch', '3'])"))
    assert ended.stdout == "[]\n"


def test_check_loads_no_torch(reviews_csv: Path) -> None:
    pytest.importorskip("whet.pipeline")
    code = HEAVY.format(
        f"from whet.cli import main; code = main(['check', {str(reviews_csv)!r}]); assert code == 0, code"
    )
    ended = run("-c", code)
    assert (ended.stderr, ended.stdout.splitlines()[-1]) == ("", "[]")


def test_python_m_whet_is_whet() -> None:
    ended = run("-m", "whet", "--version")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"whet {__version__}\n", "")


def test_no_command_shows_the_help(whet) -> None:
    ended = whet()
    assert ended.code == 0
    assert ended.out == whet("--help").out == whet("-h").out
    assert ended.out.startswith("Usage: whet COMMAND [OPTIONS]\n")


def test_the_commands_stand_in_the_order_of_their_use(whet) -> None:
    lines = whet("--help").out.split("Commands\n")[1].split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == [
        "demo", "check", "plan", "train", "adapt", "tune", "evaluate", "predict", "compare", "export", "serve",
        "doctor",
    ]  # fmt: skip


def test_the_short_help_of_train_shows_the_common_options_only(whet) -> None:
    short, long = whet("train", "--help").out, whet("train", "--help-all").out
    assert "  --epochs X " in short
    assert "--weight-decay" not in short
    rare = sum(not setting.metadata["common"] for setting in fields())
    assert f"{rare} more options are shown by `whet train --help-all`." in short
    assert "  --weight-decay X " in long
    assert "more options" not in long


def test_an_unknown_command_is_answered_with_the_nearest(whet) -> None:
    ended = whet("trian", "x.csv")
    assert ended.code == 2
    assert ended.err == (
        "error: unknown command trian. Expected one of demo, check, plan, train, adapt, tune, evaluate, predict, "
        "compare, export, serve, doctor. Did you mean 'train'.\n"
    )


def test_data_in_the_place_of_a_command_is_answered_with_the_whole_command(whet) -> None:
    assert whet("reviews.csv").err.endswith("To train on this data write: whet train reviews.csv.\n")


def test_an_option_before_the_command_is_told_where_it_stands(whet) -> None:
    assert whet("--epochs", "3").err == (
        "error: unknown option --epochs. Options stand after the command: whet train DATA --epochs 1.\n"
    )


def test_an_unknown_option_is_one_line_with_the_nearest(whet) -> None:
    ended = whet("train", "x.csv", "--epoch", "3")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: unknown option --epoch. Did you mean '--epochs'.\n"


def test_a_missing_argument_is_one_line(whet) -> None:
    ended = whet("predict")
    assert ended.code == 2
    assert ended.err == "error: missing RUN. `whet predict --help` shows how it is written.\n"


def test_several_faults_are_a_line_each(whet) -> None:
    ended = whet("train", "x.csv", "--epochs", "many", "--max-length", "1", "--device", "gpu")
    assert ended.code == 2
    assert ended.err.splitlines() == [
        "error: --max-length: 1 is out of range. Expected at least 3.",
        "error: --epochs: 'many' is not a number. Expected a number.",
        "error: --device: 'gpu' is not known. Expected auto or cpu or cuda or mps or xpu. Did you mean 'cuda'.",
    ]


def test_no_data_is_a_usage_fault(whet) -> None:
    ended = whet("train")
    assert ended.code == 2
    assert ended.err == (
        "error: no DATA. Expected a file (csv, tsv, jsonl, parquet), a folder, hf:NAME or sample:NAME. "
        "Try sample:reviews.\n"
    )


def test_a_foreign_spelling_is_said_on_stderr(whet, pipeline: FakePipeline) -> None:
    ended = whet("train", "x.csv", "--quiet", "--num_train_epochs", "3")
    assert ended.code == 0
    assert ended.err.startswith("note: --num_train_epochs is called --epochs here and was understood\n")


@pytest.mark.parametrize("fault", [DataError("an empty file", where="x.csv"), RunBusyError("another process trains")])
def test_a_fault_of_the_user_has_its_own_exit_code_and_no_traceback(whet, pipeline: FakePipeline, fault) -> None:
    pipeline.fault = fault
    ended = whet("check", "x.csv")
    assert (ended.code, ended.out, ended.err) == (fault.exit_code, "", f"error: {fault.message}\n")


def test_with_json_a_fault_is_the_last_line_of_stdout(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = DataError("an empty file", where="x.csv", todo="Add rows")
    ended = whet("check", "x.csv", "--json")
    assert ended.err == "error: x.csv: an empty file. Add rows.\n"
    assert json.loads(ended.out) == pipeline.fault.as_json()


def test_a_bug_is_one_line_and_shows_its_traceback_with_debug(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = ZeroDivisionError("by\nzero")
    ended = whet("check", "x.csv")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: whet hit a bug: ZeroDivisionError: by zero. Please report it; --debug shows the traceback.\n"
    )
    with_debug = whet("check", "x.csv", "--debug")
    assert with_debug.err.startswith("Traceback (most recent call last):\n")
    assert with_debug.err.endswith("error: whet hit a bug: ZeroDivisionError: by zero. Please report it.\n")


def test_with_json_a_bug_is_a_document_too(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = ZeroDivisionError("by zero")
    document = json.loads(whet("check", "x.csv", "--json").out)
    assert document["error"] == "bug"
    assert document["exit_code"] == 1


def test_debug_shows_the_traceback_of_a_users_fault_too(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = DataError("an empty file")
    assert whet("check", "x.csv", "--debug").err.startswith("Traceback (most recent call last):\n")


def test_the_name_of_an_option_after_two_dashes_is_a_text(whet, pipeline: FakePipeline) -> None:
    ended = whet("predict", "last", "--", "--json")
    assert ended.code == 0
    assert ended.out.startswith("--json\n")


def test_an_interruption_ends_with_130(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = KeyboardInterrupt()
    ended = whet("check", "x.csv")
    assert (ended.code, ended.err) == (130, "interrupted\n")


def test_a_full_disk_is_told_as_one(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = OSError(errno.ENOSPC, "No space left on device", "runs/x")
    ended = whet("check", "x.csv")
    assert (ended.code, ended.err) == (7, "error: No space left on device: runs/x.\n")


def test_another_fault_of_the_system_is_a_bug(whet, pipeline: FakePipeline) -> None:
    pipeline.fault = OSError(errno.ECHILD, "No child processes")
    assert whet("check", "x.csv").code == 1


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize(
    "arguments", [["check", "x.csv"], ["check", "x.csv", "--json"], ["predict", "last", "a", "--format", "csv"], ["-h"]]
)
def test_a_reader_that_went_away_ends_the_command_quietly(
    whet, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Closed())
    ended = whet(*arguments)
    assert (ended.code, ended.err) == (0, "")


def test_where_the_terminal_knows_no_hangul_it_is_escaped() -> None:
    code = "import sys; from whet.cli import main; sys.exit(main(['train', '--help']))"
    ended = run("-c", code, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", COLUMNS="100")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\ubd80\\uc815" in ended.stdout


def test_a_pipe_that_closes_early_ends_quietly() -> None:
    code = "import sys; from whet.cli import main; sys.exit(main(['train', '--help-all']))"
    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert reader.stdout is not None
    assert reader.stderr is not None
    reader.stdout.close()
    said = reader.stderr.read()
    reader.stderr.close()
    assert (reader.wait(timeout=60), said) == (0, b"")
