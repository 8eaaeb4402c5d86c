"""The end of a training or an evaluation: scores, baselines, confusion, the verdict, what is next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from whet.cli import members, show, student
from whet.cli.texts import TEXTS, Words, count, one_line
from whet.settings.values import OWN_SLICES

if TYPE_CHECKING:
    from rich.console import Console

    from whet.pipeline import Evaluated, Finished
    from whet.score.required import Judged

BINARY = ("accuracy", "precision", "recall", "f1", "macro_f1", "mcc", "roc_auc")
MANY = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "weighted_f1", "mcc", "roc_auc")
SEVERAL = ("macro_f1", "micro_f1", "weighted_f1", "samples_f1", "accuracy", "hamming_loss", "roc_auc")
VALUES = ("pearson", "spearman", "mae", "rmse", "r2")
ERRORS = ("mae", "rmse", "hamming_loss")  # lower is better
BASELINES = ("tfidf", "nbsvm", "majority")
WIDEST_CONFUSION = 8
MOST_CONFUSED = 5

Scores = Mapping[str, object]


def finished(console: Console, words: Words, end: Finished) -> None:
    """What a training came to, and what to try next."""
    result(console, words, end)
    whats_next(console, words, end)


def result(console: Console, words: Words, end: Finished) -> None:
    """Scores, verdict and where the run is."""
    if end.resumed_finished:
        console.print(words("finished before"))
    side = "test" if _section(end.metrics, "test") else "validation"
    metrics = _section(end.metrics, side)
    if metrics:
        rows = count(int(_number(metrics, "rows") or 0))
        folded = side == "validation" and members.is_cross_validated(end.metrics)
        show.heading(console, words("result out of fold" if folded else f"result {side}").format(rows=rows))
        baselines = _section(end.metrics, "baselines") if side == "test" else {}
        compared = {name: _section(baselines, name) for name in BASELINES if _section(baselines, name)}
        asked = end.metrics.get("metric")
        scores(console, words, metrics, compared, [asked] if isinstance(asked, str) else [])
    else:
        show.heading(console, words("no scores"))
    members.show(console, words, end.metrics)
    student.show(console, words, end.metrics)
    _calibration(console, words, _section(end.metrics, "calibration"), side)
    _weaker(console, words, end.metrics)
    _label_errors(console, words, end.metrics, end.run.path)
    _explained(console, words, end)
    if _section(metrics, "without_leaks"):
        _clean(console, words, metrics)
    if _section(metrics, "sample"):
        _sample(console, words, metrics, side, end)
    if end.verdict:
        console.print()
        console.print(end.verdict, style="bold")
    _learning_curve(console, words, _section(end.metrics, "learning_curve"))
    _auto(console, words, _section(end.metrics, "auto"))
    console.print()
    for line in show.aligned(_where(words, end)):
        console.print(line, soft_wrap=True)


def _auto(console: Console, words: Words, chosen: Scores) -> None:
    """Which model was handed out, where that was decided on validation."""
    if not chosen:
        return
    scores = {name: f"{_number(chosen, name) or 0:.4f}" for name in ("linear", "fine_tuned")}
    name = str(chosen["metric"])
    line = words("chosen linear" if chosen["chosen"] == "linear" else "chosen other")
    metric = words(name) if name in TEXTS else one_line(name, 40)
    console.print(line.format(metric=metric, model=one_line(str(chosen["model"])), **scores), soft_wrap=True)


def whats_next(console: Console, words: Words, end: Finished) -> None:
    """Commands that go on from this run."""
    run = short_path(end.run.path)
    second = f' "{words("other text")}"' if end.run.inputs.pair is not None else ""
    commands = [f'whet predict {run} "{words("own text")}"{second}', f"whet evaluate {run} DATA"]
    show.next_commands(console, words, commands)


def evaluated(console: Console, words: Words, result: Evaluated, asked: Sequence[str] = ()) -> None:
    """The scores of a run on other data; `asked` is to be among them."""
    rows = count(result.metrics.rows)
    show.heading(console, words("result on").format(rows=rows, source=one_line(result.source)))
    scores(console, words, _section(result.json, "test"), {}, asked)
    _calibration(console, words, _section(result.json, "calibration"), "test")
    _weaker(console, words, result.json)
    if result.output is not None:
        _label_errors(console, words, result.json, result.output)
    if result.requirements:
        requirements(console, words, result.requirements)
    console.print()
    lines = [] if result.output is None else [(words("report"), short_path(result.output / "report.html"))]
    for line in show.aligned([*lines, (words("time"), words.duration(result.seconds))]):
        console.print(line, soft_wrap=True)


def requirements(console: Console, words: Words, judged: Sequence[Judged]) -> None:
    """What was required, the score with its 95 % interval, and whether it is met."""
    show.heading(console, words("requirements"))
    rows = show.table("", "", "", "", fixed=(0, 1, 2, 3))
    for each in judged:
        met = Text(words("met" if each.met else "not met"), style="green" if each.met else "bold red")
        rows.add_row(
            met, one_line(each.requirement), f"{each.score:.4f}", f"({each.low:.4f}{words('to')}{each.high:.4f})"
        )
    show.indented(console, rows)


def scores(
    console: Console, words: Words, metrics: Scores, baselines: Mapping[str, Scores], asked: Sequence[str] = ()
) -> None:
    """Model and baselines side by side, then the labels one by one and what was confused. `asked`: scores that are to
    be among them."""
    positive, reach = metrics.get("positive"), _section(metrics, "intervals")
    keys = [name for name in dict.fromkeys([*_keys(metrics), *asked]) if name in metrics]
    columns = ["", words("model") if baselines else "", *([words("interval")] if reach else [])]
    columns += [words(_rival(name, metrics)) for name in baselines]
    compared = show.table(*columns, right=range(1, len(columns)), fixed=(0,))
    for key in keys:
        mine, *theirs = (_number(side, key) for side in (metrics, *baselines.values()))
        choose = min if key in ERRORS else max
        best = choose((value for value in (mine, *theirs) if value is not None), default=None)
        name = "exact match" if key == "accuracy" and "thresholds" in metrics else key
        own = (
            words("undefined") if key in metrics and mine is None else _score(mine, best=bool(theirs) and mine == best)
        )
        cells = [
            own,
            *([_ends(reach.get(key))] if reach else []),
            *(_score(value, best=value == best) for value in theirs),
        ]
        compared.add_row(words(name) if name in TEXTS else one_line(name, 40), *cells)
    show.indented(console, compared)
    if isinstance(positive, str):
        show.indented(console, Text(words("positive class").format(name=one_line(positive)), style="dim"))
    else:
        _each_label(console, words, metrics)
    _confusion(console, words, metrics)


def _ends(interval: object) -> str:
    if not isinstance(interval, Sequence):
        return ""
    low, high = interval
    return f"[{low:.3f}, {high:.3f}]"


def _keys(metrics: Scores) -> Sequence[str]:
    """The scores to show, by the task that they are of."""
    if "pearson" in metrics:
        return VALUES
    if "thresholds" in metrics:
        return SEVERAL
    return BINARY if isinstance(metrics.get("positive"), str) else MANY


def _rival(name: str, metrics: Scores) -> str:
    """What a baseline is called: there is no majority of numbers or of several labels."""
    if name != "majority":
        return name
    return "mean answer" if "pearson" in metrics else "constant" if "thresholds" in metrics else name


def _sample(console: Console, words: Words, metrics: Scores, side: str, end: Finished) -> None:
    """How far the scores of a sample reach, and the command for all rows."""
    sample = _section(metrics, "sample")
    bounds = _section(metrics, "intervals").get("accuracy")
    rows, of = (count(int(_number(sample, key) or 0)) for key in ("rows", "of"))
    reach = ""
    if isinstance(bounds, Sequence):  # of numbers there are none
        low, high = (f"{bound:.4f}" for bound in bounds)
        reach = " " + words("sample reach").format(low=low, high=high)
    console.print()
    console.print(words("sample").format(rows=rows, of=of, side=words(side)) + reach + " " + words("sample rest"))
    console.print(Text(f"  whet evaluate {short_path(end.run.path)} DATA", style="cyan"), soft_wrap=True)


def _clean(console: Console, words: Words, metrics: Scores) -> None:
    """The score without the rows that train has too."""
    clean = _section(metrics, "without_leaks")
    console.print()
    if not _number(clean, "rows"):
        console.print(words("all leaked"), style="yellow")
        return
    exact, near = _number(clean, "exact"), _number(clean, "near")
    counts = {"exact": count(int(exact or 0)), "near": words("not looked for") if near is None else count(int(near))}
    key = "pearson" if "pearson" in metrics else "macro_f1" if "thresholds" in metrics else "accuracy"
    with_, without = (f"{_number(scores, key) or 0:.4f}" for scores in (metrics, clean))
    console.print(words("without leaks").format(**counts, score=words(key), with_=with_, without=without))


def _calibration(console: Console, words: Words, found: Scores, side: str) -> None:
    """How true the probabilities are, and what it brings to answer only where they are high."""
    errors, answered = _section(found, side), _section(found, "answered")
    if not errors:
        return
    temperature = _number(found, "temperature")
    told = {name: f"{_number(errors, f'ece_{name}') or 0:.4f}" for name in ("before", "after")}
    line = words("no temperature" if temperature is None else "calibration")
    console.print()
    console.print(line.format(temperature=f"{temperature or 1:.3g}", **told))
    if answered:
        least, right = _number(answered, "min_confidence") or 0.0, _number(answered, "accuracy")
        shares = {
            "coverage": f"{100 * (_number(answered, 'coverage') or 0):.0f}",
            "accuracy": f"{100 * (right or 0):.1f}",
        }
        line = words("no sure answer" if right is None else "sure answers")
        console.print(line.format(least=f"{least:.2f}", **shares))


def _weaker(console: Console, words: Words, metrics: Scores) -> None:
    """The slices whose scores are weaker than those of the other rows."""
    for each in _sections(metrics, "slices"):
        if not each.get("weaker"):
            continue
        by, value, bounds = str(each["by"]), str(each["value"]), each["interval"]
        assert isinstance(bounds, Sequence)
        score, low, high = (f"{bound:.4f}" for bound in (_number(each, "accuracy") or 0.0, *bounds))
        shown = {
            "by": words(f"by {by}") if by in OWN_SLICES else one_line(by, 40),
            "value": words(value) if by in ("truncated", "leaked") else one_line(value, 40),
            "rows": count(int(_number(each, "rows") or 0)),
        }
        console.print(words("weaker").format(**shown, score=score, low=low, high=high))


def _label_errors(console: Console, words: Words, metrics: Scores, folder: Path) -> None:
    """How many labels are likely wrong, and where in the folder they stand."""
    sides = _section(metrics, "label_errors")
    counted = {
        side: tuple(int(_number(_section(sides, side), key) or 0) for key in ("found", "rows")) for side in sides
    }
    found, rows = (sum(each[place] for each in counted.values()) for place in (0, 1))
    if found:
        each = ", ".join(f"{words(side)} {count(some)}" for side, (some, _) in counted.items())
        path = short_path(folder / "relabel.csv")
        line = words("label errors").format(found=count(found), rows=count(rows), sides=each, path=path)
        console.print(line, soft_wrap=True)


def _explained(console: Console, words: Words, end: Finished) -> None:
    """How many wrong answers have their words told, and where."""
    told = _section(end.metrics, "explanations")
    counts = {name: count(int(_number(told, name) or 0)) for name in ("wrong", "explained")}
    if _number(told, "wrong"):
        path = short_path(end.run.path / "explanations.json")
        console.print(words("explained").format(**counts, path=path), soft_wrap=True)


def _learning_curve(console: Console, words: Words, found: Scores) -> None:
    """What parts of the training rows brought, and what twice as many would."""
    if not found:
        return
    metric = str(found["metric"])
    points = [
        words("learnt from").format(rows=count(int(_number(point, "rows") or 0)), score=f"{score:.4f}")
        for point in _sections(found, "points")
        if (score := _number(point, "score")) is not None
    ]
    name = words(metric) if metric in TEXTS else one_line(metric, 40)
    rows = count(int(_number(found, "validation_rows") or 0))
    console.print()
    console.print(words("learning curve").format(metric=name, rows=rows, points=", ".join(points)))
    told = _section(found, "sentence").get(words.lang)
    if isinstance(told, str):
        console.print(told, style="bold")


def short_path(path: Path) -> str:
    """The path as one would type it here, quoted for the shell."""
    relative = os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)
    return shlex.quote(relative)


def _each_label(console: Console, words: Words, metrics: Scores) -> None:
    classes = _section(metrics, "classes")
    if not classes:
        return
    show.heading(console, words("each label"))
    keys = ("precision", "recall", "f1")
    thresholds = _section(metrics, "thresholds")
    further = [words("threshold")] if thresholds else []
    columns = [words("label"), *(words(key) for key in keys), words("support"), *further]
    rows = show.table(*columns, right=range(1, len(columns)))
    for name in list(classes)[: show.MOST_LABELS]:
        one = _section(classes, name)
        support = count(int(_number(one, "support") or 0))
        threshold = [_score(_number(thresholds, name))] if thresholds else []
        rows.add_row(one_line(name, 60), *(_score(_number(one, key)) for key in keys), support, *threshold)
    if len(classes) > show.MOST_LABELS:
        more = words("more labels").format(count=count(len(classes) - show.MOST_LABELS))
        rows.add_row(more, *("" for _ in columns[1:]))
    show.indented(console, rows)


def _confusion(console: Console, words: Words, metrics: Scores) -> None:
    names, matrix = _matrix(metrics)
    if not names:
        return
    if len(names) <= WIDEST_CONFUSION:
        show.heading(console, words("confusion"))
        rows = show.table("", *names, right=range(1, len(names) + 1))
        for i, (name, cells) in enumerate(zip(names, matrix, strict=True)):
            rows.add_row(name, *(Text(count(cell), style="bold" if i == j else "") for j, cell in enumerate(cells)))
        show.indented(console, rows)
        return
    mistakes = [(cell, i, j) for i, cells in enumerate(matrix) for j, cell in enumerate(cells) if i != j and cell]
    if not mistakes:
        return
    show.heading(console, words("confused"))
    for cell, i, j in sorted(mistakes, key=lambda mistake: (-mistake[0], mistake[1:]))[:MOST_CONFUSED]:
        line = words("taken for").format(true=names[i], predicted=names[j], count=count(cell))
        show.indented(console, line)


def _where(words: Words, end: Finished) -> list[tuple[str, str]]:
    seconds = _section(end.metrics, "seconds")
    train, evaluate = _number(seconds, "train"), _number(seconds, "evaluate")
    lines = [(words("run"), short_path(end.run.path)), (words("saved model"), short_path(end.run.path / "model"))]
    if end.run.report is not None:
        lines.append((words("report"), short_path(end.run.report)))
    if train is not None:
        spent = words("time spent").format(train=words.duration(train), evaluate=words.duration(evaluate or 0.0))
        if (explain := _number(seconds, "explain")) is not None:
            spent += words("time to explain").format(explain=words.duration(explain))
        lines.append((words("time"), spent))
    return lines


def _section(document: Mapping[str, object], key: str) -> Scores:
    part = document.get(key)
    return part if isinstance(part, Mapping) else {}


def _sections(document: Mapping[str, object], key: str) -> Sequence[Scores]:
    parts = document.get(key)
    return parts if isinstance(parts, Sequence) else ()


def _number(document: Scores, key: str) -> float | None:
    value = document.get(key)
    return float(value) if isinstance(value, int | float) else None


def _matrix(metrics: Scores) -> tuple[list[str], list[list[int]]]:
    """Label names, and for each true one how often every label was predicted."""
    confusion = _section(metrics, "confusion")
    names, matrix = confusion.get("labels", []), confusion.get("matrix", [])
    assert isinstance(names, Sequence)
    assert isinstance(matrix, Sequence)
    return [one_line(name, 24) for name in names], [list(cells) for cells in matrix]


def _score(value: float | None, *, best: bool = False) -> Text:
    return Text("" if value is None else f"{value:.4f}", style="bold green" if best else "")
