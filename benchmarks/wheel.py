"""Claim: whet's wheel in an empty environment is 65 MB of downloads, and its first answer takes less than a second.

    python benchmarks/wheel.py RUN [--rounds 5] [--constraints constraints.txt] [--save]

RUN is a finished run with an export/ folder. The wheel is built, and what pip downloads for it without extras is
counted; it is installed into a new environment, into which torch cannot be imported. Each figure is the median of new
processes, from the start of `whet predict FOLDER TEXT` to its end, the engines in turn; beside it what the processor
spent on it, which other work on the machine leaves as it is. The files are read once before.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from common import alternate, emit, medians, parser, timed

REPOSITORY = Path(__file__).parents[1]
TEXT = "The plot was a bit confusing, but the acting was superb."
ENGINES = ("onnx", "int8")


def pip(*arguments: str, python: str = sys.executable) -> None:
    subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments], check=True, stdout=subprocess.DEVNULL
    )


def installed(home: Path, constraints: str | None) -> tuple[Path, dict[str, int]]:
    """The Python of a new environment with the wheel, and the bytes of each file that was downloaded for it."""
    pinned = ["--constraint", constraints] if constraints else []
    pip("wheel", "--no-deps", "--wheel-dir", str(home / "built"), str(REPOSITORY))
    wheel = next((home / "built").glob("whet-*.whl"))
    pip("download", "--dest", str(home / "all"), *pinned, str(wheel))
    sizes = {path.name: path.stat().st_size for path in (home / "all").iterdir()}
    venv.create(home / "empty", with_pip=True)
    python = home / "empty" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip("install", "--no-index", "--find-links", str(home / "all"), str(wheel), python=str(python))
    return python, sizes


def importable(python: Path, *names: str) -> list[str]:
    """Those of these packages that the environment has."""
    code = "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n)])"
    done = subprocess.run([str(python), "-c", code, *names], check=True, capture_output=True, text=True)
    return done.stdout.split()


def first_answer(python: Path, folder: Path, engine: str, spent: list[float]) -> Callable[[], float]:
    """Seconds to the end of the process; those of the processor go to `spent`."""
    command = [str(python), "-m", "whet", "predict", str(folder), TEXT, "--quiet", "--engine", engine]

    def run() -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return timed(run)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("run", type=Path)
    made.add_argument("--constraints", default=str(REPOSITORY / "constraints.txt"))
    given = made.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        folder = Path(shutil.copytree(given.run / "export", home / "export"))
        python, sizes = installed(home, given.constraints)
        heavy = importable(python, "torch", "transformers", "sklearn", "safetensors", "pyarrow")
        spent: dict[str, list[float]] = {engine: [] for engine in ENGINES}
        rivals = {engine: first_answer(python, folder, engine, spent[engine]) for engine in ENGINES}
        figures = alternate(rivals, given.rounds)
    seconds = {engine: round(value, 3) for engine, value in medians(figures).items()}
    megabytes = sum(sizes.values()) / 1e6
    largest = dict(sorted(sizes.items(), key=lambda entry: -entry[1])[:8])
    result = {
        "met": megabytes <= 65 and max(seconds.values()) < 1 and not heavy, "downloaded_mb": round(megabytes, 1),
        "files": len(sizes), "largest": largest, "heavy_packages": heavy, "first_answer_seconds": seconds,
        "processor_seconds": {engine: round(value, 3) for engine, value in medians(spent).items()},
        "rounds": figures,
    }  # fmt: skip
    emit("wheel", "65 MB of downloads, the first answer in less than 1 s", result, save=given.save)


if __name__ == "__main__":
    main()
