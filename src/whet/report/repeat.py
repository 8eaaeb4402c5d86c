"""The command that repeats a run: every setting as it was resolved, the threads that it took, and never a budget."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from whet import recipes
from whet.report.material import Material
from whet.settings import config, meaningless

# Settings that the command gives in another way: resolved, or as the machine was.
RESOLVED = ("recipe", "budget", "device", "precision", "threads")
# Settings that a job decides by the model and the rows where nobody chose them: of these a value that was chosen is
# named even where it is the default.
DECIDED = ("max_length", "truncation", "epochs", "batch_size", "learning_rate", "llrd", "warmup")


def command(found: Material) -> str:
    """`whet train DATA ...`; DATA stands for itself where the library was called."""
    run = found.run
    words = ["whet", "train", data_of(run) or "DATA"]
    if run["ranks"] > 1:
        words[:1] = ["torchrun", "--nproc-per-node", str(run["ranks"]), "-m", "whet"]
    is_linear = found.setting("model") == meaningless.LINEAR
    for setting in config.fields():
        name, value = setting.name, found.setting(setting.name)
        chosen = value != setting.default or (name in DECIDED and run["settings"][name]["reason"] != "default")
        wanted = setting.metadata["result"] or name == "allow"  # without which the findings would end it
        kept = wanted and name not in RESOLVED and value is not None and chosen
        kept = kept and not (is_linear and name in meaningless.SETTINGS)
        if name == "epochs" and found.revised and not is_linear:
            words += _flag(name, float(found.end["epoch"]))
        elif kept and not _idle(found, name):
            words += _flag(name, value)
    device = "cpu" if is_linear else str(run["device"]["value"]).partition(":")[0]
    precision = "fp32" if is_linear else run["precision"]["value"]
    words += ["--device", device, "--precision", precision, "--threads", str(run["threads"]["value"])]
    return shlex.join(words)


def data_of(run: Mapping[str, Any]) -> str | None:
    """DATA as it was given, or as the recipe names it; None where the library was called. `run`: run.json."""
    given = shlex.split(run["command"])[2:]
    if given and not given[0].startswith("--"):
        return given[0]
    recipe = run["settings"]["recipe"]["value"]
    return recipes.data_of(recipe) if given and recipe else None


def _idle(found: Material, name: str) -> bool:
    """Whether a setting has nothing to work on, so that it would be refused, or follows from the data anyway."""
    sides = dict(config.NEEDS_ROWS)
    by_itself = found.run["settings"][name]["reason"].startswith("auto: that of")
    return by_itself or (name in sides and found.setting(sides[name]) == "none" and found.setting(name) != "last")


def _flag(name: str, value: object) -> list[str]:
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{dashed}" if value else f"--no-{dashed}"]
    short = f"{value:g}" if isinstance(value, float) else ""
    return [f"--{dashed}", short if short and float(short) == value else str(value)]
