"""How data, settings, tokens and predictions look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whet.cli import highlight
from whet.cli.options import default_text
from whet.cli.texts import Words, count, one_line, width
from whet.records import Checked, Finding, Prediction
from whet.settings import config
from whet.system.machine import gigabytes

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod, RenderableType

    from whet.health import Health
    from whet.pipeline import TokenView
    from whet.settings.config import Resolved
    from whet.system.gpu import Accelerator

MOST_LABELS = 20
SEVERITY_STYLE: Mapping[str, str] = {"error": "bold red", "fault": "bold red", "warning": "yellow", "info": "dim"}


def heading(console: Console, title: str) -> None:
    """An empty line and a bold one."""
    console.print()
    console.print(title, style="bold")


def indented(console: Console, what: RenderableType) -> None:
    """Something two columns to the right. Where there is no terminal a line has no end: padding would cut it there."""
    if console.soft_wrap and isinstance(what, str | Text):
        console.print(Text.assemble("  ", what))
    else:
        console.print(Padding(what, (0, 0, 0, 2), expand=False))


def table(*columns: str, right: Sequence[int] = (), fixed: Sequence[int] = ()) -> Table:
    """A table without lines; `right` and `fixed` name columns that align right or never wrap."""
    built = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=any(columns), pad_edge=False)
    for i, name in enumerate(columns):
        whole = i in right or i in fixed
        # Of a line of wide letters that just fits, with its space, an ellipsis would take the last one.
        overflow: OverflowMethod = "ellipsis" if whole else "fold"
        built.add_column(name, justify="right" if i in right else "left", no_wrap=whole, overflow=overflow)
    return built


def _text_column(words: Words, role: str, name: str, reason: str, parts: Sequence[str]) -> str:
    """What a text was taken from: a column, or a template of several."""
    if not parts:
        return words(f"{role} column").format(name=name, reason=words.of(reason))
    return words(f"{role} template").format(columns=", ".join(map(one_line, parts)), template=one_line(name))


def checked(console: Console, words: Words, found: Checked) -> None:
    """The data at a glance: columns, first rows, labels, findings."""
    sides = ", ".join(f"{_side(words, side)} {count(rows)}" for side, rows in found.rows.items())
    total = words("rows").format(count=count(sum(found.rows.values())))
    console.print(Text.assemble((found.source, "bold"), f"  {total}" + (f": {sides}" if len(found.rows) > 1 else "")))
    columns = found.columns
    console.print(_text_column(words, "text", columns.text, columns.text_reason, columns.text_parts))
    if columns.pair is not None:
        console.print(_text_column(words, "pair", columns.pair, columns.pair_reason, columns.pair_parts))
    label = "label column" if columns.label is not None else "no label column"
    console.print(words(label).format(name=columns.label, reason=words.of(columns.label_reason)))
    if columns.kind_reason:
        kind = words(f"kind {columns.kind}")
        console.print(words("task").format(kind=kind, reason=words.of(columns.kind_reason)))
    if found.head:
        heading(console, words("first rows"))
        indented(console, _head(console, words, found))
    if any(found.label_counts.values()):
        heading(console, words("labels"))
        indented(console, _label_counts(words, found))
    if found.values:
        heading(console, words("numbers"))
        indented(console, _spread(words, found.values))
    heading(console, words("findings"))
    if found.findings:
        indented(console, _findings(words, found.findings))
    else:
        indented(console, words("no findings"))
    for notice in found.notices:
        indented(console, Text.assemble((words("info"), SEVERITY_STYLE["info"]), f": {words.of(notice)}"))


def settings(console: Console, words: Words, resolved: Resolved) -> None:
    """The settings that differ from the defaults, with the reason of each."""
    differing = table("", "", "", fixed=(0,))
    for setting in config.fields():
        value, reason = getattr(resolved.settings, setting.name), resolved.reasons[setting.name]
        if value == setting.default or not setting.metadata["result"]:
            continue
        default = default_text(setting)
        shown = words.of(reason)
        note = f"{shown}; {words('default')} {default}" if default is not None else shown
        differing.add_row(setting.name, _value(value), f"({note})")
    if differing.row_count:
        console.print(words("settings"), style="bold")
        indented(console, differing)


def tokens(console: Console, words: Words, view: TokenView, row: int) -> None:
    """The tokens of one text with their ids, and where it is cut."""
    kept = sum(view.kept)
    title = words("tokens of row").format(row=row, kept=count(kept), count=count(len(view.tokens)))
    heading(console, title)
    flow = Text()
    for i, (token, number, stays) in enumerate(zip(view.tokens, view.ids, view.kept, strict=True)):
        if not stays and (i == 0 or view.kept[i - 1]):
            left_out = _run_of_cut(view.kept, i)
            flow.append(words("cut").format(count=count(left_out)) + " ", style="bold yellow")
        flow.append(one_line(token), style="" if stays else "dim strike")
        flow.append(f":{number} ", style="dim")
    indented(console, flow)
    limit = count(view.max_length)
    indented(console, words("not cut" if all(view.kept) else "is cut").format(limit=limit))


def predictions(console: Console, words: Words, answers: Sequence[Prediction]) -> None:
    """Each text, and below it its label and the probability of every label."""
    for answer in answers:
        for text in highlight.texts(console, answer):
            console.print(text, style="bold" if answer.attribution is None else "")
        indented(console, Text(prediction_line(words, answer)))
        for reason in () if answer.attribution is None else highlight.reasons(words, answer.attribution):
            indented(console, Text(reason, style="dim"))
        if answer.truncated:
            indented(console, Text(words("truncated"), style="yellow"))


def prediction_line(words: Words, answer: Prediction) -> str:
    """`prediction: positive (negative: 0.0012, positive: 0.9988)`, `prediction: 3.8214`."""
    if answer.value is not None:
        return words("value prediction").format(value=f"{answer.value:.4f}")
    each = [
        words("probability").format(label=one_line(label), value=value) for label, value in answer.probabilities.items()
    ]
    return words("prediction").format(label=_answer(words, answer), probabilities=", ".join(each))


def _answer(words: Words, answer: Prediction) -> str:
    """Its label, its labels, or its number."""
    if answer.value is not None:
        return f"{answer.value:.4f}"
    if answer.labels is None:
        return words("unsure") if answer.label is None else one_line(answer.label)
    return ", ".join(one_line(label) for label in answer.labels) or words("none")


def predictions_table(console: Console, words: Words, answers: Sequence[Prediction]) -> None:
    """One row for each text or pair, one column for the probability of each label."""
    if not answers:
        return
    first = answers[0]
    labels, texts = list(first.probabilities), 1 if first.text2 is None else 2
    names = [words("text"), words("text2")][:texts]
    answered = words("number") if first.value is not None else words("label")
    rows = table(
        *names, answered, *(one_line(label) for label in labels),
        right=range(texts + 1, len(labels) + texts + 1), fixed=(texts,),
    )  # fmt: skip
    for answer in answers:
        chances = [f"{answer.probabilities[label]:.4f}" for label in labels]
        rows.add_row(*highlight.texts(console, answer), _answer(words, answer), *chances)
    console.print(rows)


def next_commands(console: Console, words: Words, commands: Sequence[str]) -> None:
    """Commands to try next, each on a line that can be copied."""
    heading(console, words("next"))
    for command in commands:
        console.print(Text("  " + command, style="cyan"), soft_wrap=True)


def health(console: Console, words: Words, found: Health) -> None:
    """The machine at a glance, what there is to mend, and the verdict."""
    facts = table("", "", fixed=(0,))
    for name, fact in _facts(words, found):
        facts.add_row(Text(words(name), style="dim"), one_line(fact, 1_000))
    console.print(facts)
    noted = table("", "", fixed=(0,))
    for check in found.checks:
        if check.state != "ok":
            message = Text(check.message)
            if check.todo:
                message.append("\n" + check.todo, style="dim")
            noted.add_row(Text(words(check.state), style=SEVERITY_STYLE[check.state]), message)
    if noted.row_count:
        heading(console, words("findings"))
        indented(console, noted)
    console.print()
    console.print(found.verdict, style="bold")


def _facts(words: Words, found: Health) -> Iterator[tuple[str, str]]:
    """Name in the catalogue and value of each line of the table."""
    cores, memory = found.cores, found.memory
    yield "system", found.system if found.notebook is None else f"{found.system}, {found.notebook.capitalize()}"
    counts = {"present": count(cores.present), "allowed": count(cores.allowed), "free": count(cores.free)}
    yield "processor", f"{found.processor or words('unknown')}, {words('cores').format(**counts)}"
    room = words("free of").format(free=_size(words, memory.available), size=_size(words, memory.limit))
    yield "memory", room if memory.limited_by == "the machine" else f"{room} ({words(memory.limited_by)})"
    for device in found.accelerators:
        yield "accelerator", _accelerator(words, device)
    if found.no_gpu is not None:
        yield "accelerator", words("no accelerator").format(reason=found.no_gpu.reason)
    for place in found.places:
        held = "" if place.size is None else words("holds").format(size=gigabytes(place.size))
        yield place.use, words("free in").format(free=_size(words, place.free), path=place.path) + held
    yield "packages", ", ".join(f"{name} {version}" for name, version in found.versions.items())
    yield "hub", f"{found.hub}: {words('unreachable' if found.hub_unreachable else 'reachable')}"
    if found.run is not None:
        of = {"path": found.run.path, "files": len(found.run.files), "count": found.run.canaries}
        yield "verified run", words("verified").format(**of)


def _accelerator(words: Words, device: Accelerator) -> str:
    parts = [words("free of").format(free=_size(words, device.free), size=_size(words, device.memory))]
    parts += [words("capability").format(value=device.capability)] if device.capability else []
    parts += [words("driver").format(version=device.driver)] if device.driver else []
    return f"{device.device} {device.name}, " + ", ".join(parts)


def _size(words: Words, size: int | None) -> str:
    return words("unknown") if size is None else gigabytes(size)


def _side(words: Words, side: str) -> str:
    return words(side) if side in ("train", "validation", "test") else side


def _head(console: Console, words: Words, found: Checked) -> Table:
    """The first rows; texts get what the other columns leave of the terminal's width."""
    labels = [_cut(one_line(label, 60), 24) for _, label in found.head]
    answered = words("number") if found.columns.kind == "value" else words("label")
    texts = [(text,) for text, _ in found.head] if not found.head_pairs else [
        (text, pair) for (text, _), pair in zip(found.head, found.head_pairs, strict=True)
    ]  # fmt: skip
    names = [words("text"), words("text2")][: len(texts[0])]
    rows = table(words("row"), answered, *names, right=(0,), fixed=(1, 2, 3))
    others = width(words("row")), max(width(answered), *(label.cell_len for label in labels))
    room = max(20, (console.width - 2 - sum(others) - 2 * len(others)) // len(names) - 2 * (len(names) - 1))
    for row, (both, label) in enumerate(zip(texts, labels, strict=True)):
        rows.add_row(str(row), label, *(_cut(one_line(text, room), room) for text in both))
    return rows


def _spread(words: Words, values: Mapping[str, Mapping[str, float]]) -> Table:
    """Of the numbers of each side the least, the middle and the most."""
    names = ("least", "median", "mean", "most", "deviation")
    built = table("", *(words(name) for name in names), right=range(1, len(names) + 1))
    for side, found in values.items():
        built.add_row(_side(words, side), *(f"{found[name]:.4g}" for name in names))
    return built


def _cut(text: str, cells: int) -> Text:
    cut = Text(text)
    cut.truncate(cells, overflow="ellipsis")
    return cut


def _label_counts(words: Words, found: Checked) -> Table:
    counts = found.label_counts
    sides = list(counts)
    names = list(dict.fromkeys(name for side in sides for name in counts[side]))
    columns = [cell for side in sides for cell in (_side(words, side), "")]
    built = table(words("label"), *columns, right=range(1, len(columns) + 1))
    for name in names[:MOST_LABELS]:
        cells: list[str] = []
        for side in sides:
            rows, total = counts[side].get(name, 0), found.rows[side]
            cells += [count(rows), f"{100 * rows / total:.1f} %" if total else ""]
        built.add_row(one_line(name, 60), *cells)
    if len(names) > MOST_LABELS:
        built.add_row(words("more labels").format(count=count(len(names) - MOST_LABELS)), *("" for _ in columns))
    return built


def _findings(words: Words, findings: Sequence[Finding]) -> Table:
    """A finding a row: how bad, how many, its code and side, what was seen, and what to do."""
    built = table("", words("how many"), words("finding"), right=(1,), fixed=(0,))
    for finding in findings:
        code, message = f"{finding.code}, {_side(words, finding.side)}", words.of(finding.message)
        said = Text.assemble((code, "bold"), f"\n{message}.")
        if finding.todo:
            said.append(f"\n{words.of(finding.todo)}.", style="dim")
        severity = Text(words(finding.severity), style=SEVERITY_STYLE[finding.severity])
        built.add_row(severity, count(finding.count), said)
    return built


def _run_of_cut(kept: Sequence[bool], start: int) -> int:
    end = start
    while end < len(kept) and not kept[end]:
        end += 1
    return end - start


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else one_line(str(value))


def aligned(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """`name  value` lines with the values below each other, Hangul counted as two cells."""
    longest = max((width(name) for name, _ in pairs), default=0)
    return [f"{name}{' ' * (longest - width(name))}  {value}" for name, value in pairs]
