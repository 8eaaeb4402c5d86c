"""A student beside its teacher, in the summary of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whet.cli.texts import TEXTS, Words, count, one_line

if TYPE_CHECKING:
    from rich.console import Console


def show(console: Console, words: Words, metrics: Mapping[str, Any]) -> None:
    """How much smaller it is and how alike the two answer, in a line. Nothing of a model without a teacher."""
    found: Mapping[str, Any] = metrics.get("teacher", {})
    if not found:
        return
    layers, parameters = found["layers"], found["parameters"]
    parts = []
    if layers["teacher"] and layers["student"]:
        parts.append(words("of its layers").format(**layers))
    if parameters["teacher"]:
        ratio = parameters["student"] / parameters["teacher"]
        parts.append(words("of its parameters").format(ratio=f"{ratio:.2g}", parameters=count(parameters["teacher"])))
    told = words("taught by").format(name=one_line(found["name"]))
    console.print()
    lines = [f"{told}: {', '.join(parts)}" if parts else told]
    if "test" in found:
        lines.append(_alike(words, found["test"]))
    console.print("; ".join(lines), markup=False, soft_wrap=True)


def _alike(words: Words, test: Mapping[str, Any]) -> str:
    """How alike they answer test rows, and how well."""
    rows, share, parts = count(test["rows"]), test["agreement"], []
    if share is not None and test["metric"] == "pearson":
        parts.append(words("near the teacher").format(correlation=f"{share:.3f}", rows=rows))
    elif share is not None:
        parts.append(words("as the teacher").format(share=f"{100 * share:.1f}", rows=rows))
    scores = {name: "" if value is None else f"{value:.4f}" for name, value in test["scores"].items()}
    if all(scores.values()):
        name = test["metric"]
        parts.append(words("beside the teacher").format(metric=words(name) if name in TEXTS else name, **scores))
    return ", ".join(parts)
