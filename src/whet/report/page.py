"""report.html: a run in one file that asks nothing of a network, for reading on a screen, a phone or paper.

Whatever comes from data is escaped. The page may run one script, its own, and load nothing (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from whet.errors import ModelError
from whet.report import confidence, course, learning_curve, material, members, results, rows
from whet.report.blocks import Page, Section, Tile
from whet.report.material import Material
from whet.report.words import Lang, Words, score
from whet.runs.run_folder import REPORT, RunFolder

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE_WORDS = ("contents", "filter", "filter found", "wide", "about")


def write(folder: RunFolder, lang: Lang) -> None:
    """Writes the report of a finished run into its folder. Raises ModelError where a file of the run is missing or
    damaged, OutputError where the report cannot be written."""
    try:
        text = render(page_of(material.gather(folder), lang))
    except (ArithmeticError, LookupError, TypeError, ValueError) as fault:  # files may say anything
        said = f"no report can be made of this run: {type(fault).__name__}: {fault}"
        raise ModelError(said, where=str(folder.path), todo="Please report it") from fault
    folder.write_text(REPORT, text)


def language_of(folder: RunFolder) -> str:
    """The language of a report that was written; '' where there is none."""
    try:
        with (folder.path / REPORT).open(encoding="utf-8") as file:
            found = re.search(r'<html lang="(\w+)">', file.read(1000))
    except (OSError, ValueError):
        return ""
    return found[1] if found else ""


def page_of(found: Material, lang: Lang) -> Page:
    """What the page says: each section only where there is something to show."""
    words = Words(lang)
    made = (
        results.scores(found, words), members.members(found, words), results.classes(found, words),
        results.confusion(found, words),
        results.values(found, words), confidence.calibration(found, words), results.slices(found, words),
        learning_curve.learning_curve(found, words),
        rows.mistakes(found, words), rows.suspects(found, words),
        *([course.evaluation(found, words)] if found.scored_run else _trained(found, words)),
    )  # fmt: skip
    started = datetime.fromisoformat(found.run["started"])
    about = words("made by").format(version=found.run["versions"].get("whet", ""), date=f"{started:%Y-%m-%d}")
    shown = {name: words(name) for name in TEMPLATE_WORDS}
    if found.scored_run:
        shown["about"] = words("about evaluation")
        names = {"data": course.last_part(found.findings["source"]), "run": course.last_part(found.scored_run)}
        title = words("evaluation title").format(**names)
    else:
        shown["about"] = words("about linear" if course.is_linear(found) else "about")
        title = words("title").format(data=found.findings["source"], model=course.model_name(found, words))
    return Page(
        lang, title, about, _lead(found, words), (*results.tiles(found, words), *_tiles(found, words)),
        tuple(section for section in made if section is not None), shown,
    )  # fmt: skip


def _lead(found: Material, words: Words) -> str:
    """The sentence on who won, else the score alone."""
    verdict = found.metrics.get("verdict", {}).get(words.lang)
    if verdict and found.side == "test":
        return str(verdict)
    if not found.side:
        return words("no scores")
    main = results.main_metric(found)
    return words("no verdict").format(
        metric=words.metric(main, found.task), value=score(found.scores[main]), rows=f"{found.scores['rows']:,}",
        side=words(found.side),
    )  # fmt: skip


def _trained(found: Material, words: Words) -> tuple[Section, ...]:
    """How the model came about."""
    return (
        course.data(found, words), course.course(found, words), course.findings(found, words),
        course.environment(found, words), course.again(found, words),
    )  # fmt: skip


def _tiles(found: Material, words: Words) -> tuple[Tile, ...]:
    if found.scored_run:
        return (Tile(words("evaluation time"), words.duration(found.metrics["seconds"]["evaluate"])),)
    spent = words.duration(found.metrics["seconds"]["train"])
    device = words("on device").format(device=found.run["device"]["value"])
    learnt = f"{found.rows['train']:,}"
    return Tile(words("training time"), spent, device), Tile(words("rows learnt"), learnt)


def render(page: Page) -> str:
    """The page as HTML."""
    from markupsafe import Markup

    style, script = (_part(name) for name in ("report.css", "report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(page=page, style=Markup(style), script=Markup(script), digest=digest)


@cache
def _template() -> Template:
    import jinja2

    strict = jinja2.StrictUndefined
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=strict)
    return environment.from_string(_part("report.html"))


def _part(name: str) -> str:
    return (resources.files("whet.report") / "templates" / name).read_text(encoding="utf-8")
