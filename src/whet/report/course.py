"""The sections of a report on how a model came about: data, plan, training, findings, environment, the command."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from whet.records import SIDES
from whet.report import plots, repeat
from whet.report.blocks import Block, Cell, Code, Facts, Figure, Figures, Prose, Section, Table
from whet.report.material import Material
from whet.report.words import Words, score
from whet.sentences.bilingual import in_korean, said
from whet.settings import config
from whet.settings.meaningless import LINEAR
from whet.system.machine import gigabytes

MOST_LABELS = 30
SEVERITIES = ("error", "warning", "info")
TOLD = 8  # points of a curve that are told to whoever does not see it


def is_linear(found: Material) -> bool:
    """Whether the model is a linear one."""
    return bool(found.setting("model") == LINEAR)


def model_name(found: Material, words: Words) -> str:
    """The model without the folders that it lies in."""
    if is_linear(found):
        return words("ridge regression" if found.task == "regression" else "logistic regression")
    return _short(found.setting("model"))


def _short(model: object) -> str:
    name = last_part(str(model))
    return "all-MiniLM-L6-v2" if name == "embedded" else name


def data(found: Material, words: Words) -> Section:
    """Columns, sides and labels."""
    columns = found.findings["columns"]
    facts = [
        (words(f"{role} column"), f"{columns[role]} ({words.of(columns, f'{role}_reason')})")
        for role in ("text", "pair", "label")
        if columns[role]
    ]
    korean = found.run.get("sides_ko", {})
    told = {
        side: {"from": reason, **({"from_ko": korean[side]} if side in korean else {})}
        for side, reason in found.run["sides"].items()
    }
    rows = tuple(
        (Cell(words(side)), Cell(f"{found.rows[side]:,}"), _message(told.get(side, {"from": ""}), "from", words))
        for side in SIDES
        if side in found.rows
    )
    sides = Table(words("sides"), (words("side"), words("rows"), words("from")), rows)
    blocks: list[Block] = [Facts(tuple(facts)), sides]
    counted = _label_counts(found.findings["label_counts"], words)
    return Section("data", words("data"), words("data lead"), (*blocks, *([counted] if counted else [])))


def _label_counts(counts: Mapping[str, Mapping[str, int]], words: Words) -> Table | None:
    """How often each label came, side by side."""
    sides = [side for side in SIDES if counts.get(side)]
    if not sides:
        return None
    totals = {side: max(1, sum(counts[side].values())) for side in sides}
    names = dict.fromkeys(name for side in sides for name in counts[side])
    shown = sorted(names, key=lambda name: -counts[sides[0]].get(name, 0))[:MOST_LABELS]
    if len(names) <= MOST_LABELS:
        shown = list(names)
    rows = tuple(
        (
            Cell(name),
            *(Cell(f"{counts[side].get(name, 0):,}", share=counts[side].get(name, 0) / totals[side]) for side in sides),
        )
        for name in shown
    )
    cut = len(shown) < len(names)
    note = words("label counts cut").format(shown=len(shown), count=f"{len(names):,}") if cut else ""
    return Table(words("label counts"), (words("label"), *(words(side) for side in sides)), rows, "bars", note)


def course(found: Material, words: Words) -> Section:
    """The plan beside what it came to, and the curves."""
    blocks: list[Block] = [block for block in (_plan(found, words), _curves(found, words)) if block is not None]
    if found.warnings:
        rows = tuple((_message(warning, "message", words),) for warning in found.warnings)
        blocks.append(Table(words("warnings"), (words("warning"),), rows, numbers=False))
    end, lead = found.end, ""
    auto = found.metrics.get("auto", {})
    if is_linear(found) and not auto:
        lead = words("course lead linear").format(
            model=model_name(found, words), seconds=words.duration(end["train_seconds"])
        )
    elif end:
        trained = _short(auto.get("model", found.setting("model")))
        lead = words("course lead").format(
            model=trained, device=found.run["device"]["value"], steps=f"{end['step']:,}",
            epochs=f"{end['epoch']:.3g}", rate=f"{found.setting('learning_rate'):g}", tokens=f"{end['tokens']:,}",
        )  # fmt: skip
    if taught := found.metrics.get("teacher"):
        facts = {"teacher": taught["name"], "rows": f"{taught['rows']:,}", "further": f"{taught['unlabelled']:,}"}
        blocks.insert(0, Prose(words("taught").format(**facts)))
    if refit := found.metrics.get("refit"):
        message = said(refit, "learnt again")
        told = in_korean(message) if words.lang == "ko" else message
        blocks.insert(0, Prose(f"{told[0].upper()}{told[1:]}."))
    if auto:
        told = words("chosen linear" if is_linear(found) else "chosen other")
        figures = {"linear": score(auto["linear"]), "other": score(auto["fine_tuned"])}
        blocks.insert(0, Prose(told.format(metric=words.metric(auto["metric"], found.task), **figures)))
    return Section("course", words("course"), lead, tuple(blocks))


def _plan(found: Material, words: Words) -> Table | None:
    plan, came = found.plan, found.metrics["seconds"]
    if plan is None:
        return None
    rows = [
        (
            Cell(words(f"plan {name}")),
            Cell(
                words.duration(plan[name]["seconds"]),
                note=f"{words.duration(plan[name]['low'])} – {words.duration(plan[name]['high'])}",
            ),
            Cell(words.duration(came[key])),
        )
        for name, key in (("training", "train"), ("evaluation", "evaluate"))
    ]
    peak = found.end.get("memory")
    if plan["memory"] and peak:
        rows.append((Cell(words("plan memory")), Cell(gigabytes(plan["memory"])), Cell(gigabytes(peak))))
    return Table(words("plan table"), ("", words("planned"), words("came")), tuple(rows), note=words("band"))


def _curves(found: Material, words: Words) -> Figures | None:
    """Loss, learning rate and the score of the evaluations, by step."""
    if not found.steps:
        return None
    losses = [(each["step"], each["loss"]) for each in found.steps]
    judged = [(each["step"], each["loss"]) for each in found.evaluations if each["loss"] is not None]
    if found.task == "regression":
        judged = []  # in the units of the data, where the loss of a step is on a standard scale
    across = words("step")
    keys = (("muted", words("loss train")), ("accent", words("loss validation"))) if judged else ()
    told = words("loss label").format(points=_told(judged or losses))
    title = words("loss values" if found.task == "regression" else "loss")
    figures = [Figure(title, plots.curve("loss", losses, across=across, marks=judged), told, keys)]
    metric = found.setting("metric")
    scores = [(each["step"], _asked(each["metrics"], metric)) for each in found.evaluations]
    known = [(step, value) for step, value in scores if isinstance(value, int | float)]
    if len(known) > 1 and metric != "loss":
        name = words.metric(metric, found.task)
        title, told = words("metric figure").format(metric=name), words("metric label")
        told = told.format(metric=name, points=_told(known))
        figures.append(Figure(title, plots.curve("metric", known, across=across), told))
    rates = [(each["step"], each["learning_rate"]) for each in found.steps]
    told = words("rate label").format(most=f"{max(rate for _, rate in rates):g}")
    figures.append(Figure(words("rate"), plots.curve("rate", rates, across=across), told))
    return Figures(tuple(figures))


def _asked(metrics: Mapping[str, Any], name: str) -> object:
    """A score by its name, also one that only --metric asked for."""
    return metrics.get(name, metrics.get("asked", {}).get(name))


def _told(points: Sequence[tuple[int, float]]) -> str:
    some = points[:: max(1, len(points) // TOLD)]
    return ", ".join(f"{step}: {score(value)}" for step, value in some)


def findings(found: Material, words: Words) -> Section:
    """What the data doctor found, worst first."""
    told = [finding for sides in found.findings["findings"].values() for finding in sides.values()]
    told.sort(key=lambda finding: SEVERITIES.index(finding["severity"]))
    if not told:
        return Section("findings", words("findings"), words("findings none"), ())
    rows = tuple(
        (
            dataclasses.replace(_message(finding, "message", words), note=words.of(finding, "todo")),
            Cell(words(f"severity {finding['severity']}")),
            Cell(f"{finding['count']:,}"),
        )
        for finding in told
    )
    head = (words("finding"), words("severity"), words("rows"))
    table = Table(words("findings table"), head, rows, "texts", numbers=False)
    return Section("findings", words("findings"), words("findings lead"), (table,))


def _message(told: Mapping[str, Any], name: str, words: Words) -> Cell:
    """A message of a file of the run."""
    return Cell(words.of(told, name), foreign=words.lacks(told, name), worded=True)


def last_part(path: str) -> str:
    """A run or a file without the folders that it lies in."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def evaluation(found: Material, words: Words) -> Section:
    """Of an evaluation on other data what was scored, and how these were read."""
    run = found.run
    facts = [(words("scored run"), found.scored_run), (words("data"), found.findings["source"])]
    facts += [(words("read"), words.of(notice, "message")) for notice in run["notices"]]
    facts += [(words("started"), moment(run["started"])), *run["versions"].items()]
    return Section("evaluation", words("evaluation"), words("evaluation lead"), (Facts(tuple(facts)),))


def environment(found: Material, words: Words) -> Section:
    """Machine and versions."""
    run = found.run
    facts = [
        (words(name), f"{run[key]['value']} ({words.of(run[key], 'reason')})")
        for name, key in (("device", "device"), ("precision mode", "precision"), ("threads", "threads"))
    ]
    if run["ranks"] > 1:
        facts.append((words("ranks"), str(run["ranks"])))
    facts += [(words("seed"), str(found.setting("seed"))), (words("started"), moment(run["started"]))]
    for each in run.get("resumed", ()):
        told = words("after step").format(at=moment(each["at"]), step=each["step"])
        facts.append((words("resumed"), told))
    facts += list(run["versions"].items())
    return Section("environment", words("environment"), words("environment lead"), (Facts(tuple(facts)),))


def moment(written: str) -> str:
    """A time of ISO 8601 as it is read."""
    return datetime.fromisoformat(written).strftime("%Y-%m-%d %H:%M UTC")


def again(found: Material, words: Words) -> Section:
    """The command that repeats it, and where its settings came from."""
    command = repeat.command(found)
    blocks: list[Block] = [Code(command)]
    if " DATA" in command and not found.run["command"]:
        blocks.append(Prose(words("repeat library")))
    if found.revised:
        blocks.append(Prose(words("repeat revised")))
    defaults = {setting.name: setting.default for setting in config.fields() if setting.metadata["result"]}
    rows = tuple(
        (Cell(name, foreign=True), Cell(str(entry["value"])), _message(entry, "reason", words))
        for name, entry in found.run["settings"].items()
        if name in defaults and entry["value"] != defaults[name]
    )
    if rows:
        head = (words("setting"), words("value"), words("reason"))
        blocks.append(Table(words("settings table"), head, rows, numbers=False))
    return Section("repeat", words("repeat"), words("repeat lead"), tuple(blocks))
