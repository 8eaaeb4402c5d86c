"""What a model is to answer, as arrays, and the classes by which rows are drawn.

Sizes: B rows, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whet.labels import LabelSet
from whet.records import Bools, Examples, Floats, Ints, Targets

PARTS = 10  # of the range of values, with as many rows each,
PART_ROWS = 5  # at least


def has_answers(rows: Examples) -> bool:
    """Whether rows say what they are to be answered with."""
    return any(found is not None for found in (rows.labels, rows.several, rows.values))


def targets_of(rows: Examples, labels: LabelSet) -> Targets:
    """Label ids [B], marks [B, C] or values [B], by the kind of the labels. Labels that training never saw raise
    DataError."""
    if labels.kind == "value":
        assert rows.values is not None
        return np.asarray(rows.values, dtype=np.float64)
    if labels.kind == "several":
        assert rows.several is not None
        marks: Bools = np.zeros((len(rows.texts), len(labels)), dtype=np.bool_)
        flat = [label for row in rows.several for label in row]
        counts = [len(row) for row in rows.several]
        marks[np.repeat(np.arange(len(counts)), counts), labels.ids(flat, source=rows.source)] = True
        return marks
    assert rows.labels is not None
    return np.asarray(labels.ids(rows.labels, source=rows.source), dtype=np.int64)


def classes_of(targets: Targets) -> Ints:
    """The class [B] by which each row is drawn: its label, the rarest of its labels (C where it has none), or the
    part of the range that its value lies in."""
    if targets.ndim == 2:
        rarest = np.argsort(targets.sum(axis=0), kind="stable")
        none = np.ones((len(targets), 1), dtype=np.bool_)  # where no label comes before it
        marks = np.hstack([np.asarray(targets, dtype=np.bool_)[:, rarest], none])
        classes: Ints = np.append(rarest, targets.shape[1])[marks.argmax(axis=1)].astype(np.int64)
        return classes
    if targets.dtype == np.float64:
        return _parts(np.asarray(targets, dtype=np.float64))
    return np.asarray(targets, dtype=np.int64)


def strata(rows: Examples) -> Sequence[str]:
    """The same of rows, by name."""
    if rows.labels is not None:
        return rows.labels
    if rows.values is not None:
        return tuple(map(str, _parts(np.asarray(rows.values, dtype=np.float64)).tolist()))
    if rows.several is None:
        return ("",) * len(rows.texts)
    names = sorted({label for row in rows.several for label in row})
    marks = targets_of(rows, LabelSet(tuple(names), None, "", "several"))
    return tuple(names[i] if i < len(names) else "" for i in classes_of(marks).tolist())


def _parts(values: Floats) -> Ints:
    """Which part of the range of these values [B] each lies in."""
    count = max(1, min(PARTS, len(values) // PART_ROWS))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count)) if len(values) else values
    found: Ints = np.searchsorted(edges, values, side="right").astype(np.int64)
    return found
