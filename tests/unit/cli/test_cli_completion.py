"""What a shell offers after a few letters, and how it is taught to."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of Unix")


def offered(line: str, shell: str = "bash") -> list[str]:
    """What whet answers a shell that completes this line."""
    words = line.split(" ")
    asked = {"_WHET_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    ended = subprocess.run(
        [sys.executable, "-m", "whet"], capture_output=True, text=True, env={**os.environ, **asked}, check=False
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def spoken(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HOME": str(home)}, check=False)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("whet tr", ["train"]),
        ("whet train --recipe im", ["imdb-bert-base", "imdb-minilm"]),
        ("whet train x.csv --device c", ["cpu", "cuda"]),
        ("whet train --half --epo", ["--epochs"]),  # a mistake before it keeps nothing from being offered
        ("whet train --dev", ["--device"]),  # an option that --help leaves out
        ("whet train --model l", ["linear", "last"]),
        ("whet train rev", []),  # a file, which the shell itself knows
    ],
)
def test_a_shell_is_offered_what_fits(line: str, values: list[str]) -> None:
    assert offered(line) == values


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_offered_it_with_its_meaning(shell: str) -> None:
    assert "Peak of the learning rate" in " ".join(offered("whet train --learning", shell))


def test_bash_is_taught_once_and_then_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    command = f"{shlex.quote(sys.executable)} -m whet --install-completion; exit $?"  # the clone may have spaces
    for _ in range(2):
        ended = spoken([bash, "--norc", "-c", command], tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
    script = tmp_path / ".bash_completions" / "whet.sh"
    assert (tmp_path / ".bashrc").read_text(encoding="utf-8").split() == ["source", f"'{script}'"]
    assert "complete -o default -F _whet_completion whet" in script.read_text(encoding="utf-8")


def test_outside_of_a_shell_one_message_says_so(tmp_path: Path) -> None:
    code = "import shellingham, sys\ndef none(): raise shellingham.ShellDetectionFailure\n"
    code += "shellingham.detect_shell = none\nfrom whet.cli import main\nsys.exit(main(['--install-completion']))"
    ended = spoken([sys.executable, "-c", code], tmp_path)
    said = "error: no shell was recognised. Expected bash, zsh, fish or PowerShell. "
    said += "Give the command in that shell itself.\n"
    assert (ended.returncode, ended.stderr) == (2, said)
