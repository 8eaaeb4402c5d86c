"""A search on a terminal: what is ahead, its trials as they come, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from whet.cli import show, summary
from whet.cli.planned import between
from whet.cli.texts import Words, count, one_line
from whet.report.search import own_score, told
from whet.run import Finished
from whet.tuning.records import Begun, Ended, Forecast, Trial, Tuned

if TYPE_CHECKING:
    from rich.console import Console

SHOWN, FAULTS = 10, 3  # trials in the table, and reasons below it


def line(words: Words, event: object) -> Text | None:
    """The line of an event of a search; None of another one."""
    if isinstance(event, Forecast):
        return Text(ahead(words, event))
    if isinstance(event, Begun):
        return Text(begun(words, event), style="bold cyan")
    if isinstance(event, Ended):
        return Text(ended(words, event), style="bold" if event.best == event.trial.number else "")
    return None


def ahead(words: Words, found: Forecast) -> str:
    """What a search will take."""
    each, final = between(words, found.each), words.duration(found.final.seconds)
    if found.total is None:
        written = words("search within").format(fitting=count(found.fitting or 0), each=each, final=final)
    else:
        total = between(words, found.total)
        written = words("search ahead").format(count=count(found.trials or 0), each=each, final=final, total=total)
    if found.done:
        written += words("search done").format(done=count(found.done))
    if found.jobs > 1:
        written += words("search beside").format(jobs=found.jobs)
    return written + (words("pruning spares") if found.prune else "")


def begun(words: Words, event: Begun) -> str:
    """`trial 3 of 20: learning_rate 4.1e-05, epochs 2`."""
    params = settings(event.params) if event.number else words("trial own")
    of = ""
    if event.trials is not None:
        of = words("trial of").format(place=event.number + 1, count=event.trials)
    again = words("trial again") if event.again else ""
    return words("trial begins").format(number=event.number, of=of, again=again, params=params)


def ended(words: Words, event: Ended) -> str:
    """What a trial came to."""
    trial: Trial = event.trial
    facts = {
        "number": trial.number, "score": "" if trial.score is None else f"{trial.score:.4f}",
        "seconds": words.duration(trial.seconds), "fault": trial.fault,
        "best": words("best trial so far") if event.best == trial.number else "",
    }  # fmt: skip
    if trial.same_as is not None and trial.score is not None:
        return words("trial same").format(**facts, other=trial.same_as)
    return words(f"trial {trial.state}").format(**facts)


def settings(params: Mapping[str, object]) -> str:
    """`learning_rate 4.1e-05, epochs 2`."""
    return ", ".join(f"{name} {told(value) or 'none'}" for name, value in params.items())


def tuned(console: Console, words: Words, found: Tuned) -> None:
    """The best trials, the best settings, the run with its test side, and where all of it is."""
    study = found.study
    if found.before:
        console.print(words("finished before"))
    trials(console, words, study)
    console.print()
    console.print(_best(words, study, found.best), style="bold", soft_wrap=True)
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in study.get("importances", {}).items())
    if shares:
        console.print(words("what mattered").format(shares=shares), soft_wrap=True)
    luck = words("winner's luck") + (words("test tells") if "test" in found.metrics else "")
    console.print(luck, soft_wrap=True)
    end = Finished(found.run, dict(found.metrics), found.verdict, False)
    summary.result(console, words, end)
    places = [
        ("search folder", found.path), ("search recipe", found.recipe), ("search report", found.path / "report.html")
    ]  # fmt: skip
    for each in show.aligned([(words(name), summary.short_path(path)) for name, path in places if path.exists()]):
        console.print(each, soft_wrap=True)
    summary.whats_next(console, words, end)


def trials(console: Console, words: Words, study: Mapping[str, Any]) -> None:
    """The best trials, best first."""
    complete = [each for each in study["trials"] if each["state"] == "complete"]
    complete.sort(key=lambda each: each["score"], reverse=study["direction"] == "maximize")
    heading = words("trials found").format(count=count(len(study["trials"])), rows=count(study["validation_rows"]))
    show.heading(console, heading)
    names = list(study["space"])
    table = show.table(
        words("trial"), study["metric"], *names, words("time"), right=range(1, len(names) + 3), fixed=(0,)
    )
    for each in complete[:SHOWN]:
        own = f" ({words('trial own')})" if each["number"] == 0 else ""
        values = [told(each["params"].get(name)) for name in names]
        table.add_row(f"{each['number']}{own}", f"{each['score']:.4f}", *values, words.duration(each["seconds"]))
    show.indented(console, table)
    states = [each["state"] for each in study["trials"]]
    if len(complete) < len(states):
        facts = {state: states.count(state) for state in ("pruned", "failed")}
        show.indented(console, Text(words("trials left out").format(**facts), style="dim"))
    faults = {each["fault"]: each["number"] for each in reversed(study["trials"]) if "fault" in each}
    for fault, number in list(faults.items())[-FAULTS:]:
        failed = words("trial failed").format(number=number, fault=one_line(fault, 200))
        show.indented(console, Text(failed, style="yellow"))


def _best(words: Words, study: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    own = own_score(study)
    facts = {"number": best["number"], "metric": study["metric"], "score": f"{best['score']:.4f}"}
    if best["number"] == 0:
        return words("best is own").format(**facts)
    if own is None:
        return words("best alone").format(**facts)
    return words("best gains").format(**facts, own=f"{own:.4f}", difference=f"{best['score'] - own:+.4f}")
