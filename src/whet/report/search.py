"""The report of a search: its trials, what mattered, the best settings, and what they came to on test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from whet.report import page, plots
from whet.report.blocks import Block, Cell, Code, Figure, Figures, Page, Section, Table, Tile
from whet.report.course import last_part
from whet.report.words import Lang, Words, score

SHOWN = 15  # trials in its table
TOLD = 12  # points of a figure that are told to whoever does not see it


def render(study: Mapping[str, Any], metrics: Mapping[str, Any], run: str, command: str, lang: Lang) -> str:
    """The page as HTML. `study`: the content of study.json, `metrics` that of the metrics.json of the best run."""
    words = Words(lang)
    return page.render(page_of(study, metrics, run, command, words))


def page_of(study: Mapping[str, Any], metrics: Mapping[str, Any], run: str, command: str, words: Words) -> Page:
    """What it says; an importance only where there is one."""
    metric = words.metric(study["metric"], metrics["task"])
    trials = _trials(study, metric, "test" in metrics, words)
    made = (trials, _history(study, metric, words), _importance(study, words))
    again = Section("again", words("search again"), words("search again lead").format(run=run), (Code(command),))
    version, started = study["versions"].get("whet", ""), datetime.fromisoformat(study["started"])
    shown = {name: words(name) for name in page.TEMPLATE_WORDS} | {"about": words("about search")}
    return Page(
        words.lang, words("search title").format(data=study["data"], model=last_part(study["model"])),
        words("made by").format(version=version, date=f"{started:%Y-%m-%d}"), _lead(study, metric, words),
        _tiles(study, metrics, metric, words),
        (*(section for section in made if section is not None), _settings(study, words), again), shown,
    )  # fmt: skip


def _of(study: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in study["trials"] if each["number"] == number)
    return found


def own_score(study: Mapping[str, Any]) -> float | None:
    """That of the job's own settings; None where they came to none, or their trial is not over."""
    first = study["trials"][0]
    return float(first["score"]) if first["number"] == 0 and first["state"] == "complete" else None


def _lead(study: Mapping[str, Any], metric: str, words: Words) -> str:
    best, own = _of(study, study["best"]), own_score(study)
    if own is None:
        gain = words("no own score")
    elif best["number"] == 0:
        gain = words("own settings best")
    else:
        gain = words("gain over").format(difference=f"{best['score'] - own:+.4f}")
    return words("search lead").format(
        best=best["number"], count=len(study["trials"]), metric=metric, score=f"{best['score']:.4f}", gain=gain
    )


def _tiles(study: Mapping[str, Any], metrics: Mapping[str, Any], metric: str, words: Words) -> tuple[Tile, ...]:
    own, name = own_score(study), study["metric"]
    tiles = [Tile(words("best on validation"), score(_of(study, study["best"])["score"]), metric)]
    if own is not None:
        tiles.append(Tile(words("own on validation"), score(own), metric))
    test = metrics.get("test", {})
    value = test.get(name, test.get("asked", {}).get(name))
    if isinstance(value, int | float):
        tiles.append(Tile(words("on test"), score(value), words("scored once")))
    states = [each["state"] for each in study["trials"]]
    counts = {state: states.count(state) for state in ("complete", "pruned", "failed")}
    return (*tiles, Tile(words("trials tile"), f"{len(states):,}", words("trials counted").format(**counts)))


def _trials(study: Mapping[str, Any], metric: str, tested: bool, words: Words) -> Section:
    names = list(study["space"])
    complete = [each for each in study["trials"] if each["state"] == "complete"]
    complete.sort(key=lambda each: each["score"], reverse=study["direction"] == "maximize")
    rows = tuple(
        (
            Cell(str(each["number"]), note=_note(each, words), strong=each["number"] == study["best"]),
            Cell(f"{each['score']:.4f}", strong=each["number"] == study["best"]),
            *(Cell(told(each["params"].get(name))) for name in names),
            Cell(words.duration(each["seconds"])),
        )
        for each in complete[:SHOWN]
    )
    head = (words("trial"), metric, *names, words("time taken"))
    blocks: list[Block] = [Table(words("trials table"), head, rows)]
    failed = tuple(
        (Cell(str(each["number"])), Cell(each["fault"], foreign=True, worded=True))
        for each in study["trials"]
        if each["state"] == "failed"
    )
    if failed:
        blocks.append(Table(words("failures"), (words("trial"), words("reason")), failed[:SHOWN], numbers=False))
    lead = words("trials lead") + (words("test tells") if tested else ".")
    return Section("trials", words("trials"), lead, tuple(blocks))


def _note(trial: Mapping[str, Any], words: Words) -> str:
    if "same_as" in trial:
        return words("same note").format(number=trial["same_as"])
    return "" if trial["number"] else words("own note")


def _history(study: Mapping[str, Any], metric: str, words: Words) -> Section:
    complete = [(each["number"], each["score"]) for each in study["trials"] if each["state"] == "complete"]
    better = max if study["direction"] == "maximize" else min
    line, best = [], complete[0][1]
    for number, value in complete:
        best = better(best, value)
        line.append((number, best))
    points = ", ".join(f"{number}: {value:.4f}" for number, value in complete[:: max(1, len(complete) // TOLD)])
    figure = Figure(
        words("history figure").format(metric=metric),
        plots.dots("history", complete, line=line, across=words("trial")),
        words("history label").format(metric=metric, points=points),
        (("accent", words("complete trial")), ("muted", words("best so far"))),
    )
    return Section("history", words("history"), words("history lead"), (Figures((figure,)),))


def _importance(study: Mapping[str, Any], words: Words) -> Section | None:
    shares: Mapping[str, float] = study.get("importances", {})
    if not shares:
        return None
    points = ", ".join(f"{name} {words.percent(share)}" for name, share in shares.items())
    figure = Figure(
        words("importance figure"), plots.bars("importance", list(shares.items())),
        words("importance label").format(points=points),
    )  # fmt: skip
    return Section("importance", words("importance"), words("importance lead"), (Figures((figure,)),))


def _settings(study: Mapping[str, Any], words: Words) -> Section:
    best = _of(study, study["best"])["params"]
    rows = tuple(
        (Cell(name), Cell(told(best.get(name)), strong=True), Cell(told(study["defaults"][name])), Cell(values))
        for name, values in study["space"].items()
    )
    head = (words("setting"), words("best value"), words("own value"), words("searched values"))
    table = Table(words("best settings table"), head, rows, numbers=False)
    return Section("settings", words("best settings"), words("best settings lead"), (table,))


def told(value: object) -> str:
    """The value of a setting as a table shows it."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
