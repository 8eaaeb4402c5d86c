"""Labels: missing, unknown, spelled in several ways, too few of one, too many of another."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from whet.data.doctor.part import Part, listed, percent, row_count
from whet.errors import quoted
from whet.records import Finding, Severity

DOMINANT = 0.9
"""Share of one label from which always answering it looks like a good score."""

UNEVEN = 10
"""How many times the rows of the rarest label those of the most common one are, to be said."""


def missing(part: Part) -> Iterator[Finding]:
    """Rows without a label, where others have one."""
    rows = [] if part.labels is None else [i for i, label in enumerate(part.labels) if not label]
    if rows:
        saw = f"{row_count(len(rows))} without label ({part.where(rows)}). Expected a label in every row"
        yield part.finding("missing_labels", "error", len(rows), saw, "Fill them in or drop these rows", rows)


def spellings(part: Part, train: Part | None = None) -> Iterator[Finding]:
    """Labels that differ by case, space, Unicode form or type alone; of another side, from those of train."""
    assert part.labels is not None
    counts = Counter(part.labels)
    known = Counter(train.labels or ()) if train is not None else Counter[str]()
    groups: dict[str, list[str]] = {}
    for name in sorted(counts.keys() | known.keys(), key=lambda name: (-known[name], -counts[name], name)):
        groups.setdefault(same(name), []).append(name)
    odd = {names[0]: [name for name in names[1:] if name in counts] for names in groups.values()}
    odd = {usual: [name for name in names if name not in known] for usual, names in odd.items()}
    odd = {usual: names for usual, names in odd.items() if names}
    if not odd:
        return
    strange = {name for names in odd.values() for name in names}
    rows = [i for i, label in enumerate(part.labels) if label in strange]
    pairs = [
        f"{_shown(usual)} ({row_count((known + counts)[usual])}) and "
        + " and ".join(f"{_shown(name)} ({row_count(counts[name])})" for name in names)
        for usual, names in odd.items()
    ]
    saw = f"labels that differ only in their spelling: {listed(pairs)}; the rarer at {part.where(rows)}"
    todo = "Each spelling is a label of its own; write them alike if they mean the same"
    figures = {usual: {name: counts[name] for name in names} for usual, names in odd.items()}
    yield part.finding("label_spellings", "warning", len(rows), saw, todo, rows, figures)


def same(name: str) -> str:
    """What labels have in common that differ by case, space, Unicode form or type alone: `1`, `1.0` and
    `01` are '1', `Pos` and `pos ` are 'pos'."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    bare = "".join(char for char in folded if not char.isspace() and unicodedata.category(char) != "Cf")
    try:
        number = float(bare) if "_" not in bare else math.nan
    except ValueError:
        return bare
    return f"{number:.17g}" if math.isfinite(number) else bare


def unknown(part: Part, train: Part) -> Iterator[Finding]:
    """Labels that cannot be answered because train lacks them."""
    assert part.labels is not None
    known = set(train.labels or ())
    rows = [i for i, label in enumerate(part.labels) if label not in known]
    if not rows:
        return
    counts = Counter(part.labels[i] for i in rows)
    strange = listed([f"{quoted(name)} ({row_count(count)})" for name, count in counts.items()])
    expected = listed([quoted(name) for name in sorted(known)])
    saw = f"labels that the training side lacks: {strange}. Expected only {expected}"
    todo = f"Add rows with these labels to the training data or drop them from {part.side}"
    yield part.finding("unknown_labels", "error", len(rows), saw, todo, rows, {"labels": dict(counts)})


def balance(train: Part, drawn: int) -> Iterator[Finding]:
    """One label only, labels of too few rows, a label of nearly all rows. `drawn`: the sides that
    are to be taken from train."""
    assert train.labels is not None
    counts = Counter(train.labels)
    if len(counts) < 2:
        only = ", ".join(quoted(name) for name in counts)
        saw = f"only one label in the training rows: {only}" if counts else "no labels in the training rows"
        expected = "Expected two labels or more, so that there is something to tell apart"
        todo = "Add rows of another class, or name another column with --label"
        yield train.finding("one_label", "error", len(counts), f"{saw}. {expected}", todo)
        return
    yield from _small(train, counts, drawn)
    yield from _uneven(train, counts)


def _small(train: Part, counts: Mapping[str, int], drawn: int) -> Iterator[Finding]:
    assert train.labels is not None
    least = max(2, drawn + 1)
    small = {name: count for name, count in counts.items() if count < least}
    if not small:
        return
    rows = [i for i, label in enumerate(train.labels) if label in small]
    first = {name: train.labels.index(name) for name in list(small)[:10]}
    named = [f"{quoted(name)} ({row_count(small[name])}, {train.places[i]})" for name, i in first.items()]
    have = "label has" if len(small) == 1 else "labels have"
    more = ", …" if len(small) > len(named) else ""
    saw = f"{len(small):,} {have} fewer than {least} rows: {', '.join(named)}{more}"
    todo = (
        "Train, validation and test cannot each hold such a label, and train keeps it"
        if drawn
        else "It can hardly be learnt from so few"
    ) + "; add rows, or merge it with another label"
    yield train.finding("small_classes", "warning", len(small), saw, todo, rows, {"labels": small})


def _uneven(train: Part, counts: Mapping[str, int]) -> Iterator[Finding]:
    common, most = max(counts.items(), key=lambda item: item[1])
    rare, least = min(counts.items(), key=lambda item: item[1])
    share = most / sum(counts.values())
    if share <= DOMINANT and most < UNEVEN * least:
        return
    saw = f"{percent(share)} of {row_count(sum(counts.values()))} have the label {quoted(common)}"
    saw += f", {most / least:,.0f} times those of {quoted(rare)}" if len(counts) > 2 else ""
    todo = "Always answering it scores as much accuracy; look at macro-F1 and the scores of each label"
    severity: Severity = "warning" if share > DOMINANT else "info"
    figures = {"label": common, "share": share, "rarest": rare, "ratio": most / least}
    yield train.finding("imbalance", severity, most, saw, todo, (), figures)


def _shown(name: str) -> str:
    """A label in quotes; a form that looks like another one is named."""
    decomposed = unicodedata.normalize("NFC", name) != name
    hidden = sorted({f"U+{ord(char):04X}" for char in name if unicodedata.category(char) == "Cf"})
    notes: Sequence[str] = [*(["decomposed letters"] if decomposed else []), *hidden]
    return quoted(name) + (f" [{', '.join(notes)}]" if notes else "")
