"""Labels: missing, unknown, spelled in several ways, too few of one, too many of another."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from whet.data.doctor.part import Part
from whet.errors import quoted
from whet.records import Finding, Severity
from whet.sentences.bilingual import MOST, listed, said

DOMINANT = 0.9
"""Share of one label from which always answering it looks like a good score."""

UNEVEN = 10
"""How many times the rows of the rarest label those of the most common one are, to be said."""


def missing(part: Part) -> Iterator[Finding]:
    """Rows without a label, where others have one."""
    rows = [] if part.labels is None else [i for i, label in enumerate(part.labels) if not label]
    if rows:
        saw = said({"count": len(rows), "places": part.first(rows)}, "missing_labels")
        yield part.finding("missing_labels", "error", len(rows), saw, said({}, "fill in"), rows)


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
    figures = {usual: {name: counts[name] for name in names} for usual, names in odd.items()}
    with_usual = [{usual: (known + counts)[usual], **rarer} for usual, rarer in figures.items()]
    facts = {"spellings": with_usual, "places": part.first(rows)}
    saw, todo = said(facts, "label_spellings"), said(facts, "write alike")
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
    yield unknown_labels(part, rows, counts, known)


def unknown_labels(part: Part, rows: list[int], counts: Mapping[str, int], known: Iterable[str]) -> Finding:
    """The finding of rows with labels that train lacks."""
    labels = {quoted(name): count for name, count in counts.items()}
    facts = {"labels": labels, "known": listed([quoted(name) for name in sorted(known)]), "side": part.side}
    saw, todo = said(facts, "unknown_labels"), said(facts, "add or drop")
    return part.finding("unknown_labels", "error", len(rows), saw, todo, rows, {"labels": dict(counts)})


def balance(train: Part, drawn: int) -> Iterator[Finding]:
    """One label only, labels of too few rows, a label of nearly all rows. `drawn`: the sides that
    are to be taken from train."""
    assert train.labels is not None
    counts = Counter(train.labels)
    if len(counts) < 2:
        facts = {"only": ", ".join(quoted(name) for name in counts)}
        saw = said(facts, "one_label" if counts else "no labels", "two labels expected")
        yield train.finding("one_label", "error", len(counts), saw, said(facts, "another class"))
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
    named = list(small)[: MOST + 1]
    placed = [(quoted(name), small[name], train.places[train.labels.index(name)]) for name in named]
    facts = {"count": len(small), "least": least, "labels": placed}
    saw, todo = said(facts, "small_classes"), said(facts, "too few to split" if drawn else "too few to learn")
    yield train.finding("small_classes", "warning", len(small), saw, todo, rows, {"labels": small})


def _uneven(train: Part, counts: Mapping[str, int]) -> Iterator[Finding]:
    common, most = max(counts.items(), key=lambda item: item[1])
    rare, least = min(counts.items(), key=lambda item: item[1])
    share = most / sum(counts.values())
    if share <= DOMINANT and most < UNEVEN * least:
        return
    severity: Severity = "warning" if share > DOMINANT else "info"
    figures = {"label": common, "share": share, "rarest": rare, "ratio": most / least}
    facts = {**figures, "label": quoted(common), "rarest": quoted(rare), "total": sum(counts.values())}
    saw = said(facts, "imbalance of many" if len(counts) > 2 else "imbalance")
    todo = said(facts, "look at macro-F1")
    yield train.finding("imbalance", severity, most, saw, todo, (), figures)
