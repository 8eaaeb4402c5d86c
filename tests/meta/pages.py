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
    r"^(pip|python -m venv|mkdir)\b": "it installs, or prepares what is not used here",
    r"^(docker|curl|ray|mlflow|tensorboard|torchrun|git)\b": "another program, or a server that is not there",
    r"--engine ray": "a cluster; tests/flows/test_scale.py has one",
    r"^whet serve\b|^whet push\b": "it serves until it is ended, or needs a hub; tests/unit/server runs it",
    r"klue|google-bert|hf:|--recipe (?!mine)": "a model or data set of the hub",
    r"^whet demo\b": "minutes; its parts are the other commands",
    r"^whet export\b|\bexport\b|/export\b": "tests/flows/test_export.py makes one",
    r"--track": "tests/flows/test_track_*.py have the trackers",
    r"--budget|--learning-curve|--folds|--seeds|--threads 2|^whet plan\b": "minutes here; tests/flows runs each",
    r"(goods|films|comments|[가-힣]+)\.csv|goemotions|stsb|--label stars|good=|\bPAIRS\b|sample_submission|runs/OTHER|"
    r"--label-names negative": "the reader's own file, columns, labels or run",
    r"--corrections": "a file that a person has edited; tests/flows/test_relabel.py",
    r"^whet train sample:reviews-ko": "the embedded model, minutes",
}  # fmt: skip
PYTHON_NOT_RUN = {
    "from transformers import": "plain transformers on a run of one's own; tests/flows/test_saved_model.py does this",
    "# eval_dataset": "a line of the reference job, quoted",
    "frame[:800]": "a DataFrame of one's own; tests/unit/data reads such",
    "max_iter=1000": "scikit-learn alone",
    "whet.steps(": "every public name in one script: tests/flows/test_public_names.py",
    "push_to_hub(": "a hub; tests/flows/test_hub.py has a stand-in",
    "GridSearchCV(": "minutes; tests/flows/test_estimator.py searches",
    "metric=cost": "tests/unit/score/test_scorer.py",
    'model="embedded", epochs=3': "minutes; every public name in one script: tests/flows/test_public_names.py",
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


def executed() -> list[str]:
    """Every line of bash that is to be executed, once."""
    code = (content for page in PAGES for language, content in blocks(page) if language == "bash")
    return sorted({line for content in code for line in lines(content) if why_not(line) is None})
