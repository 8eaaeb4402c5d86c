"""splits.parquet: which side each row went to, its group and its fold, where there are such; and
out_of_fold.parquet."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from whet.data.rows import select
from whet.disk import arrow
from whet.disk.mendable import mendable
from whet.labels import LabelSet
from whet.records import SIDES, Examples, Floats, Ints, Splits
from whet.runs.run_folder import WRITTEN_ROWS, RunFolder, answered


def write_splits(run: RunFolder, splits: Splits, folds: Ints | None = None) -> None:
    """`folds`: of each training row that in which it is left out [B], from 0; they are written from 1."""
    if run.silent:
        return
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"side": pa.string(), "source": pa.string(), "row_id": pa.int64(), "place": pa.string()}
    kinds |= {"group": pa.string()} if splits.train.groups is not None else {}
    kinds |= {} if folds is None else {"fold": pa.int64()}
    path, few = run.path / "splits.parquet", ["side", "source"]
    with mendable(run.path), parquet.ParquetWriter(path, pa.schema(kinds), use_dictionary=few) as writer:
        for side in SIDES:
            examples: Examples | None = getattr(splits, side)
            for start in range(0, 0 if examples is None else len(examples.texts), WRITTEN_ROWS):
                assert examples is not None
                page = slice(start, start + WRITTEN_ROWS)
                row_ids = examples.row_ids[page]
                columns: dict[str, Any] = {
                    "side": arrow.strings([side] * len(row_ids)),
                    "source": arrow.strings([examples.source] * len(row_ids)),
                    "row_id": arrow.numbers(np.array(row_ids, dtype=np.int64)),
                    "place": arrow.strings(examples.places[page]),
                }
                if "group" in kinds:
                    groups = [None] * len(row_ids) if examples.groups is None else examples.groups[page]
                    columns["group"] = arrow.strings([group or None for group in groups])
                if folds is not None:
                    is_train = side == "train"
                    columns["fold"] = arrow.numbers(folds[page] + 1) if is_train else pa.nulls(len(row_ids), pa.int64())
                writer.write_table(pa.table(columns))
    pa.default_memory_pool().release_unused()


def write_out_of_fold(
    run: RunFolder, rows: Examples, labels: LabelSet, answers: Floats, thresholds: Mapping[str, float], folds: Ints
) -> None:
    """out_of_fold.parquet: of each training row what models answered that have not learnt from it. `answers` [B, C] are
    probabilities, or numbers; `folds` [B]: as for `write_splits`."""
    if run.silent:
        return
    from pyarrow import parquet

    with mendable(run.path), ExitStack() as closing:
        writer = None
        for start in range(0, len(folds), WRITTEN_ROWS):
            part = np.zeros(len(folds), np.bool_)
            part[start : start + WRITTEN_ROWS] = True
            page = answered(select(rows, part), labels, answers[part], thresholds)
            page = page.add_column(1, "fold", [arrow.numbers(folds[part] + 1)])
            if writer is None:
                writer = closing.enter_context(parquet.ParquetWriter(run.path / "out_of_fold.parquet", page.schema))
            writer.write_table(page)
