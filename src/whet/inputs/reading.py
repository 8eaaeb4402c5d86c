"""DATA and the files beside it, side by side, in the roles of their columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from whet.artifacts import sidefile
from whet.data import grouped, weights
from whet.data.clean import is_damaged
from whet.data.columns import NO_PAIR, check_pair, examples, find_columns, text_columns
from whet.data.named import match
from whet.data.read import read, read_side, split_for
from whet.data.targets import has_answers
from whet.errors import DataError, UsageError, quoted
from whet.inputs import large
from whet.labels import read_label_names
from whet.records import SIDES, Columns, Examples, Side, Source, Table
from whet.runs import relabel
from whet.sentences.bilingual import Bilingual, listed, said
from whet.settings import values
from whet.settings.config import Settings


@dataclass(frozen=True, slots=True)
class Labelled:
    """DATA, its columns in their roles."""

    name: str
    source: str
    columns: Columns
    sides: Mapping[str, Examples]
    """By side: train, validation, test."""
    label_order: tuple[str, ...]
    """Label names in the order that the user or the data set gives them; empty: none given."""
    notices: tuple[str, ...]
    corrected: relabel.Corrected | None = None
    """What --corrections changed."""


def sliced_by(settings: Settings) -> list[str]:
    """The columns that --slice names."""
    return [name.strip() for name in (settings.slice or "").split(",") if name.strip()]


def labelled(data: object, settings: Settings, *, gaps: bool = False) -> Labelled:
    """Reads DATA and the files named by --test and --validation, and finds text and labels.

    A side without labels, such as the test split of a contest, is left out and said; one that was
    asked for raises DataError. `gaps`: a label that is missing in a row is '', instead of a DataError.
    """
    source = read(data, encoding=settings.encoding, disk=large.disk())
    tables, notices = _tables(source, settings)
    given_names = read_label_names(settings.label_names) if settings.label_names else None
    plain = grouped.without(weights.without(tables["train"], settings.weight), settings.group)
    columns, told = columns_of(plain, settings)
    notices += told
    sides: dict[str, Examples] = {}
    for side, table in tables.items():
        rows = examples(
            table, _same_columns(table, columns), label_names=given_names, gaps=gaps, further=sliced_by(settings)
        )
        if settings.weight is not None and side == "train":
            rows = dataclasses.replace(rows, weights=weights.row_weights(table, settings.weight))
        if settings.group is not None:
            rows, more = _in_groups(rows, table, side, settings.group)
            notices += more
        damaged = sum(is_damaged(text) for text in chain(rows.texts, rows.pairs or ()))
        if damaged:
            facts = {"name": table.source, "count": damaged, "total": len(rows.texts)}
            notices.append(said(facts, "damaged texts"))
        if has_answers(rows):
            sides[side] = rows
        elif side == "train":
            raise DataError("no labels in the training rows", where=table.source, todo="Name a column with --label")
        elif getattr(settings, side) != "auto":
            raise DataError(
                f"no labels, so it cannot be the {side} side",
                where=table.source,
                expected="a label in every row",
                todo=f"Name another file with --{side}, or a column with --label",
            )
        else:
            notices.append(said({"name": table.source, "side": side}, "a side without labels"))
    corrected = None
    if settings.corrections is not None:
        path = values.folder(settings.corrections)
        sides, corrected = relabel.corrected(sides, path, encoding=settings.encoding)
    # Several labels may share a name, and a data set's names belong to its own label column alone.
    order = tuple(dict.fromkeys((given_names or tables["train"].label_names).values()))
    train = sides["train"]
    present = train.labels or [label for row in train.several or () for label in row]
    if columns.kind == "value" or not set(present) <= set(order):
        order = ()
    source_name = tables["train"].source
    return Labelled(source.name, source_name, columns, sides, order, tuple(notices), corrected)


def _in_groups(rows: Examples, table: Table, side: Side, column: str) -> tuple[Examples, list[Bilingual]]:
    """The rows with the group of each, and what must be said. A side beside train need not have the column."""
    facts = {"name": table.source, "column": quoted(column)}
    if side != "train" and match(column, table.columns) is None:
        return rows, [said(facts, "a side without groups")]
    groups = grouped.groups_of(table, column)
    without = sum(not group for group in groups)
    told = [said(facts | {"count": without, "total": len(groups)}, "rows without group")] if without else []
    return dataclasses.replace(rows, groups=groups), told


def columns_of(table: Table, settings: Settings) -> tuple[Columns, list[Bilingual]]:
    """The columns of a table, as the settings ask for them, and what must be said. Where these name no text, and the
    model is that of a run whose texts can be read from this table too, they are read as there."""
    text, pair, told, known = settings.text, settings.pair, [], None
    if text is None and pair is None and (side := sidefile.of_model(settings.model)) is not None:
        trained = sidefile.usage_of(side).inputs
        missing = [name for name in text_columns(trained) if match(name, table.columns) is None]
        texts = listed([quoted(name) for name in (trained.text, trained.pair) if name])
        facts = {"model": settings.model, "texts": texts, "name": table.source}
        if missing:
            facts |= {"missing": listed([quoted(name) for name in dict.fromkeys(missing)])}
            told.append(said(facts, "texts unlike the run"))
        else:
            text, pair, known = trained.text, trained.pair or NO_PAIR, said(facts, "as in the run")
            told.append(said(facts, "texts as in the run"))
    found = find_columns(
        table, text=text, pair=pair, label=settings.label, task=settings.task, separator=settings.label_separator
    )
    if known is not None:
        found = dataclasses.replace(found, text_reason=known, pair_reason=known if found.pair is not None else "")
    return found, told


def _tables(source: Source, settings: Settings) -> tuple[dict[Side, Table], list[str]]:
    notices = list(source.notices)
    tables: dict[Side, Table] = {}
    for side in SIDES:
        split = split_for(source, side)
        if split is not None:
            tables[side] = source.tables[split]
    if "train" not in tables:
        raise DataError(
            f"no split for training among {', '.join(source.tables)}", where=source.name, expected="one called train"
        )
    asked: tuple[tuple[Side, str], ...] = (("test", settings.test), ("validation", settings.validation))
    for side, wish in asked:
        if wish in ("auto", "none") or is_share(wish):
            continue
        if wish == split_for(source, "train"):
            raise UsageError(
                f"{wish} is what is trained on",
                where=f"--{side}",
                expected="other rows: a file, another split, a share such as 0.1, or none",
            )
        if wish in source.tables:
            tables[side] = source.tables[wish]
            # A split that now serves elsewhere must not keep its old role too.
            for other in SIDES:
                if other != side and split_for(source, other) == wish:
                    tables.pop(other, None)
        else:
            tables[side], more = read_side(wish, side, encoding=settings.encoding, disk=large.disk())
            notices += more
    return tables, notices


def is_share(wish: str) -> bool:
    try:
        float(wish)
    except ValueError:
        return False
    return True


def _same_columns(table: Table, columns: Columns) -> Columns:
    """The columns of the training table in another one; found anew where it names them otherwise. What the label says
    is the same."""
    labels = columns.labels or ((columns.label,) if columns.label is not None else ())
    if all(name in table.columns for name in (*text_columns(columns), *labels)):
        return columns

    def there(name: str | None) -> str | None:
        return None if name is None or match(name, table.columns) is None else name

    text = columns.text if columns.text_parts else there(columns.text)
    pair = columns.pair if columns.pair_parts else there(columns.pair)
    label = there(columns.label)
    found = find_columns(table, text=text, pair=pair or NO_PAIR, label=label, need_label=False)
    if columns.pair is not None and pair is None:
        found = find_columns(table, text=text, label=label, need_label=False)
        check_pair(table, found, columns.pair)
    return dataclasses.replace(found, kind=columns.kind, kind_reason=columns.kind_reason, separator=columns.separator)
