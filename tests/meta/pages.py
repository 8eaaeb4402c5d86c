"""The code blocks of the pages: which lines are executed by tests/slow/test_pages.py, and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.meta.source import REPOSITORY

NOT_WRITTEN_BY_HAND = ("cli", "settings", "log", "where", "formats")  # formats shows files, no commands
PAGES = [
    *sorted(REPOSITORY.glob("README*.md")),
    *(
        page
        for page in sorted((REPOSITORY / "docs").rglob("*.md"))
        if page.parent.name in ("docs", "ko") and page.stem not in NOT_WRITTEN_BY_HAND
    ),
]
SHOWN = {"text": "what a command prints", "": "MyST's own blocks, which the site builds", "json": "a document"}
CODE = ("bash", "python", "toml")

# The first rule that a line of bash fits tells why it is not executed.
NOT_RUN = {
    r"^pip install\b": "it installs; tests/meta/test_pages.py compares the extras that it names",
    r"^python -m venv\b": "it prepares an environment",
    r"^mkdir\b": "it prepares what docker is given",
    r"^docker\b": "another program; tests/meta/test_pages.py looks for what it reads here",
    r"^curl\b": "it asks a server; tests/meta/test_pages.py reads its bodies, tests/unit/server/test_app.py sends such",
    r"^ray\b": "it starts a cluster",
    r"^mlflow\b": "it shows a page until it is ended",
    r"^tensorboard\b": "it shows a page until it is ended",
    r"^torchrun\b": "tests/flows/test_several_processes.py starts several processes",
    r"--engine ray\b": "a cluster; tests/flows/test_scale.py has one",
    r"^whet serve\b": "it serves until it is ended; tests/unit/server/test_process.py starts and ends it",
    r"^HF_HOME=|\bhf:|--hub\b": "the hub; tests/flows/test_hub.py has a stand-in",
    r"--recipe sst2-minilm\b": "a data set of the hub",
    r"^whet demo\b": "minutes, with the embedded model; its parts are the other commands",
    r"--budget\b": "as many minutes as it says; tests/flows/test_budget.py",
    r"--track mlflow\b": "tests/flows/test_track_mlflow.py, where MLflow is installed",
    r"^whet adapt\b": "minutes; tests/flows/test_adapt.py",
    r"--freeze 4": "more layers than a tiny model has; tests/flows/test_trained_in_part.py freezes one",
    r"--teacher\b": "a run to learn from, and more layers than a tiny model has; tests/flows/test_distillation.py",
    r"^whet tune\b": "minutes on a busy machine; tests/flows/test_tune.py searches",
    r"--folds\b|--seeds\b": "as many trainings; tests/flows/test_folds.py and test_seeds.py",
}  # fmt: skip
PYTHON_NOT_RUN = {
    "# eval_dataset": "a line of the reference job, quoted",
    "push_to_hub(": "the hub; tests/flows/test_hub.py has a stand-in",
}


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, content) of each fenced block."""
    found = re.findall(
        r"^```(\{?[a-z-]*\}?)[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [("" if language.startswith("{") else language, content) for language, content in found]


def lines(content: str) -> Iterator[str]:
    """The commands of a bash block, without the remarks behind them."""
    for line in content.replace("\\\n", " ").splitlines():
        if line := re.sub(r"\s+# .*$", "", line).strip():
            yield line


def why_not(line: str) -> str | None:
    """Why a line of bash is not executed; None for one that is."""
    return next((reason for rule, reason in NOT_RUN.items() if re.search(rule, line)), None)


def why_no_python(content: str) -> str | None:
    return next((reason for part, reason in PYTHON_NOT_RUN.items() if part in content), None)


def every_line() -> list[str]:
    """Every line of bash of all pages."""
    code = (content for page in PAGES for language, content in blocks(page) if language == "bash")
    return [line for content in code for line in lines(content)]


def executed() -> list[str]:
    """Every line of bash that is to be executed, once."""
    return sorted({line for line in every_line() if why_not(line) is None})
