"""Which columns hold the text and the label, and the rows read with those roles."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import islice

import numpy as np

from whet.data.kinds import MOST_LABELS, VALUE_NAMES, find_kind, read_marks, read_several, read_values
from whet.data.named import LABEL_NAMES, PAIR_NAMES, TEXT_NAMES, absent, listed, match
from whet.data.spelling import Values, first_places, is_list, is_missing, spelled
from whet.data.store import Coded, Held, mapped
from whet.data.template import Template, rendered, template_for
from whet.errors import DataError, UsageError, did_you_mean, quoted
from whet.labels import rename
from whet.records import Columns, Examples, Inputs, Table
from whet.sentences.bilingual import said
from whet.settings.config import TaskName

NO_PAIR = "none"

CLEARLY_LONGER = 1.25  # how much longer the longest text must be than the next
WORDY = 0.5  # share of values with a space, or of another script than Latin, that makes a text column


def find_columns(
    table: Table,
    *,
    text: str | None,
    label: str | None,
    need_label: bool = True,
    pair: str | None = None,
    task: TaskName = "auto",
    separator: str | None = None,
) -> Columns:
    """The text and the label column with the reason of each: given, by name, or by shape; the second text of pairs,
    given or by the names of both; and what the label column holds.

    Names are compared exactly first, then without case. `text` and `pair` may be templates of columns (`template`);
    `label` may name several columns after commas, one for each label; `pair` may be `none`. Without `need_label` a
    label column is taken only if it is given, or known by its name and filled throughout; else it is None.

    Raises DataError, with the columns found, for a given column that is not there and where
    neither names nor shapes settle the choice; UsageError for a template that cannot be read.
    """
    each = _each_label(label, table)
    second = None if pair == NO_PAIR and NO_PAIR not in table.columns else pair
    named = [label] if label is not None and not each else each
    template, other = template_for(table, text, where="--text"), template_for(table, second, where="--pair")
    given = [("--text", None if template else text), ("--pair", None if other else second)]
    given += [("--label", name) for name in named]
    faults = [absent(table, flag, name) for flag, name in given if name and match(name, table.columns) is None]
    if faults:
        first, *more = faults
        raise DataError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
    marks = tuple(filter(None, (match(name, table.columns) for name in named)))
    alone = pair is not None and second is None
    text, second = _own(table, text, template), _own(table, second, other)
    texts = _find_texts(table, text, second, marks, alone=alone)
    texts = replace(texts, text_parts=template.columns if template else (), pair_parts=other.columns if other else ())
    _check_apart(texts, marks, table)
    if each:
        reason, given_ = said({"count": len(marks)}, "a column for each label"), said({}, "given")
        label = ",".join(marks)
        return replace(texts, label=label, label_reason=given_, kind="several", kind_reason=reason, labels=marks)
    label_column, label_reason = (marks[0], said({}, "given")) if marks else _find_label(table, texts, need_label)
    found = replace(texts, label=label_column, label_reason=label_reason)
    if label_column is None:
        return found
    kind = find_kind(label_column, _own_labels(table, label_column), task=task, separator=separator)
    return replace(found, kind=kind.kind, kind_reason=kind.reason, separator=kind.separator)


def text_columns(found: Columns | Inputs) -> tuple[str, ...]:
    """The columns that texts are read from; those of a template may stand twice."""
    pair = () if found.pair is None else (found.pair,)
    return (*(found.text_parts or (found.text,)), *(found.pair_parts or pair))


def check_pair(table: Table, columns: Columns, wanted: str | None) -> None:
    """Raises DataError where a table has no second texts for a run that was trained on them."""
    if wanted is not None and columns.pair is None:
        raise DataError(
            "no second text found",
            where=table.source,
            expected=f"a column like {quoted(wanted)}: the model was trained on pairs of texts",
            todo="Name it with --pair COLUMN",
        )


def examples(
    table: Table, columns: Columns, *, label_names: Mapping[str, str] | None = None, gaps: bool = False,
    further: Sequence[str] = (),
) -> Examples:  # fmt: skip
    """The rows of a table in their roles, labels under their names.

    Labels keep their spelling; integers, truth values and numbers are spelled as JSON does, and
    whole numbers without a fraction where the whole column is whole. `label_names` are the user's;
    without them those of the table are used. A missing text is ''. A column of -1 throughout, the
    mark of an unlabelled table, gives no labels, and neither does one of which every value is missing. `gaps`: a
    single label that is missing is '' instead of a fault. `further`: columns to keep as they are; UsageError for one
    that is not there.

    Raises DataError for rows without a label or a number, lists as texts, and labels without a name.
    """
    texts = rendered(table, columns.text) if columns.text_parts else _texts(table, columns.text)
    kept = {name: table.columns[_there(table, name)] for name in further}
    rows = Examples(table.source, texts, None, table.places, range(len(texts)), further=kept)
    if columns.pair is not None:
        pairs = rendered(table, columns.pair) if columns.pair_parts else _texts(table, columns.pair)
        rows = replace(rows, pairs=pairs)
    if columns.label is None:
        return rows
    where = f"{table.source}, column {quoted(columns.label)}"
    if columns.kind == "one":
        return replace(rows, labels=_labels(table, columns.label, label_names, gaps))
    if columns.labels:
        marks = [(name, table.columns[name]) for name in columns.labels]
        return replace(rows, several=_renamed(read_marks(marks, table.places, table.source), label_names or {}, where))
    values = table.columns[columns.label]
    if all(is_missing(value) for value in values):
        return rows
    if columns.kind == "value":
        return replace(rows, values=read_values(values, table.places, where))
    several = read_several(values, table.places, where, separator=columns.separator)
    names = _names_of(table, values, {label for row in several for label in row}, label_names)
    return replace(rows, several=_renamed(several, names, where))


def _there(table: Table, name: str) -> str:
    """The name of a column that was asked for with --slice."""
    if name not in table.columns:
        raise UsageError(
            f"no column {quoted(name)} in {table.source}", where="--slice",
            expected=f"one of {', '.join(table.columns)}", todo=did_you_mean(name, table.columns),
        )  # fmt: skip
    return name


def _texts(table: Table, column: str) -> Sequence[str]:
    found = spelled(table.columns[column], table.places, f"{table.source}, column {quoted(column)}")
    texts = mapped(found, _without_gap)
    return texts if isinstance(texts, Held) else tuple(texts)


def _without_gap(text: str | None) -> str:
    return "" if text is None else text


def _renamed(several: Sequence[tuple[str, ...]], names: Mapping[str, str], where: str) -> tuple[tuple[str, ...], ...]:
    flat = iter(rename([label for row in several for label in row], names, source=where))
    return tuple(tuple(dict.fromkeys(islice(flat, len(row)))) for row in several)


def _labels(table: Table, column: str, label_names: Mapping[str, str] | None, gaps: bool) -> Sequence[str] | None:
    values = table.columns[column]
    if isinstance(values, Coded):
        return _coded_labels(table, column, values, label_names, gaps)
    where = f"{table.source}, column {quoted(column)}"
    # Of a ClassLabel column -1 has become None.
    if all((value is None and bool(table.label_names)) or (type(value) is int and value == -1) for value in values):
        return None
    found = spelled(values, table.places, where)
    filled = [label is not None and bool(label.strip()) for label in found]
    bare = [place for place, there in zip(table.places, filled, strict=True) if not there]
    if bare and not gaps:
        raise _without_label(bare, where)
    labels = [label for label in found if label and label.strip()]
    named = iter(rename(labels, _names_of(table, values, set(labels), label_names), source=where))
    return tuple(next(named) if there else "" for there in filled) if bare else tuple(named)


def _coded_labels(
    table: Table, column: str, values: Coded, label_names: Mapping[str, str] | None, gaps: bool
) -> Sequence[str] | None:
    """The same where the column has few different values: these are read, and each row has one of them."""
    _, firsts = np.unique(values.codes, return_index=True)
    places = [table.places[row] for row in firsts.tolist()]
    names = _labels(replace(table, columns={column: values.names}, places=places), column, label_names, True)
    if names is None:
        return None
    bare = np.flatnonzero(np.array([not name for name in names], dtype=np.bool_)[values.codes])
    if len(bare) and not gaps:
        where = f"{table.source}, column {quoted(column)}"
        raise _without_label([table.places[row] for row in bare.tolist()], where)
    return values.renamed(names)


def _without_label(bare: Sequence[str], where: str) -> DataError:
    return DataError(
        f"{len(bare):,} row{'s' if len(bare) > 1 else ''} without label: {first_places(bare)}",
        where=where,
        expected="a label in every row",
        todo="Fill them in or drop these rows",
    )


def _names_of(table: Table, values: Values, labels: Set[str], given: Mapping[str, str] | None) -> Mapping[str, str]:
    """The names of the labels in a column: those of the user, or of the table. These belong to its ClassLabel column,
    whose ids are strings; another may be chosen."""
    if given is not None:
        return given
    own = all(value is None or isinstance(value, str) for value in values) and labels <= set(table.label_names)
    return table.label_names if own else {}


# ---------------------------------------------------------------- finding


def _each_label(label: str | None, table: Table) -> list[str]:
    """The columns that `--label a,b,c` names; none where it is the name of a single one."""
    if label is None or "," not in label or match(label, table.columns) is not None:
        return []
    return [part.strip() for part in label.split(",") if part.strip()]


def _own(table: Table, given: str | None, template: Template | None) -> str | None:
    """What was given and is there, as the table spells it."""
    if template is not None:
        return template.written
    return None if given is None else match(given, table.columns)


def _find_texts(table: Table, text: str | None, second: str | None, labels: Sequence[str], *, alone: bool) -> Columns:
    """The text and, unless it stands alone, its pair: `second` where that is given, else by the names of both."""
    found = None if alone or text is not None else _find_pair(table, second)
    if found is None:
        taken = [*labels, *([second] if second else [])]
        found = Columns(*_find_text(table, text, taken), None, "", second, said({}, "given") if second else "")
    if found.text == found.pair:
        raise DataError(f"{quoted(found.text)} is to be both texts of a pair", where=table.source)
    return found


def _check_apart(texts: Columns, labels: Sequence[str], table: Table) -> None:
    """Raises DataError where a label is among what the texts are read from."""
    both = next((name for name in text_columns(texts) if name in labels), None)
    if both in (texts.text_parts + texts.pair_parts):
        raise DataError(
            f"the label {quoted(both)} stands in the template of the text",
            where=table.source,
            expected="a text that does not hold its answer",
            todo=f"Leave {{{both}}} out of the template",
        )
    if both is not None:
        raise DataError(f"{quoted(both)} is to be both text and label", where=table.source)


def _find_pair(table: Table, second: str | None) -> Columns | None:
    """Both texts of a pair by their names, of which the second may be given; None where no such names are there."""
    strings = [name for name, values in table.columns.items() if _holds_strings(values)]
    for one, other in PAIR_NAMES:
        found = match(one, strings), match(other, strings)
        if found[0] is None or found[1] is None or found[0] == found[1]:
            continue
        if second is not None and second != found[1]:
            continue
        facts = {"one": quoted(found[0]), "other": quoted(found[1])}
        reason = said(facts, "given" if second is not None else "named as a pair, which may be left")
        return Columns(found[0], said(facts, "named as a pair"), None, "", found[1], reason)
    return None


def _find_text(table: Table, given: str | None, taken: Sequence[str]) -> tuple[str, str]:
    if given is not None:
        return given, said({}, "given")
    labels = {match(known, table.columns) for known in LABEL_NAMES} | set(taken)
    strings = [name for name, values in table.columns.items() if name not in labels and _holds_strings(values)]
    for known in TEXT_NAMES:
        found = match(known, strings)
        if found is not None:
            return found, said({"name": quoted(found)}, "named")
    if len(table.columns) == 1 and strings:
        return strings[0], said({}, "the only column")
    lengths = {name: _mean_length(table.columns[name]) for name in strings if _looks_like_text(table.columns[name])}
    by_length = sorted(lengths, key=lambda name: -lengths[name])
    if not by_length:
        raise DataError(
            f"no text column found among {listed(table, list(table.columns))}",
            where=table.source,
            expected="one called text, review, sentence or the like, or one that holds sentences",
            todo="Name it with --text COLUMN",
        )
    best = by_length[0]
    rivals = [name for name in by_length if lengths[best] < CLEARLY_LONGER * lengths[name]]
    if len(rivals) > 1:
        raise _undecided(table, rivals, "text")
    return best, said({"mean": lengths[best]}, "the longest text")


def _find_label(table: Table, texts: Columns, need_label: bool) -> tuple[str | None, str]:
    others = {name: values for name, values in table.columns.items() if name not in text_columns(texts)}
    for known in LABEL_NAMES:
        found = match(known, others)
        if found is None:
            continue
        if not need_label and not _is_filled(others[found]):
            return None, said({"name": quoted(found)}, "gaps")
        return found, said({"name": quoted(found)}, "named")
    if not need_label:
        return None, said({}, "no known name")
    alike = [name for known in LABEL_NAMES if (name := match(known, (*texts.text_parts, *texts.pair_parts)))]
    if alike:
        raise DataError(
            f"no label column found: {quoted(alike[0])} is called like one, but stands in the template of the text",
            where=table.source,
            expected="a text that does not hold its answer",
            todo="Leave it out of the template, or name the label with --label COLUMN",
        )
    counts = {name: _label_count(values) for name, values in others.items()}
    likely = [name for name, count in counts.items() if count]
    if not likely:
        numbers = [found for known in VALUE_NAMES if (found := match(known, others)) is not None]
        if numbers:
            return numbers[0], said({"name": quoted(numbers[0])}, "named")
        raise DataError(
            f"no label column found among {listed(table, list(table.columns))}",
            where=table.source,
            expected=f"one called label, class, sentiment or the like, or one of 2 to {MOST_LABELS} values that repeat",
            todo="Name it with --label COLUMN",
        )
    if len(likely) > 1:
        raise _undecided(table, likely, "label")
    found = likely[0]
    if found in others[found]:
        raise DataError(
            f"the first line looks like a row, not like a header: {quoted(found)} is among the values below it",
            where=table.source,
            expected="a first line with the names of the columns, such as text,label",
            todo=f"Add it; if {quoted(found)} is a name after all, give --label {found}",
        )
    return found, said({"count": counts[found]}, "distinct values")


def _is_filled(values: Values) -> bool:
    """Whether every row has a label, or each a list of them."""
    lists = sum(map(is_list, values))
    gaps = any(is_missing(value) or (isinstance(value, str) and value == "") for value in values)
    return not gaps and lists in (0, len(values))


def _own_labels(table: Table, column: str) -> Values:
    """The values of a label column; of a data set's ClassLabel none, whose ids are names and no numbers."""
    values = table.columns[column]
    own = table.label_names and all(isinstance(value, str) and value in table.label_names for value in values)
    return () if own else values


def _holds_strings(values: Values) -> bool:
    return any(isinstance(value, str) for value in values)


def _looks_like_text(values: Values) -> bool:
    """Mostly different strings, most of them of several words or of another script than Latin."""
    keys, wordy = array("q"), 0
    for value in values:
        if isinstance(value, str):
            keys.append(hash(value))
            wordy += " " in value.strip() or not value.isascii()
    return len(np.unique(np.frombuffer(keys, np.int64))) >= len(keys) / 2 and wordy >= WORDY * len(keys)


def _mean_length(values: Values) -> float:
    characters = strings = 0
    for value in values:
        if isinstance(value, str):
            characters, strings = characters + len(value), strings + 1
    return characters / strings


def _label_count(values: Values) -> int:
    """How many labels a column seems to hold; 0 if it does not look like labels: constant, too many
    values, or hardly any value twice, as in a column of numbers or ids."""
    distinct: set[object] = set()
    for value in values:
        if is_missing(value):
            continue
        if not isinstance(value, (str, bool, int, float, np.generic)):
            return 0
        distinct.add(value)
        if len(distinct) > MOST_LABELS:
            return 0
    return len(distinct) if 2 <= len(distinct) <= len(values) / 2 else 0


def _undecided(table: Table, names: Sequence[str], role: str) -> DataError:
    return DataError(
        f"{len(names)} columns could be the {role}: {listed(table, names)}",
        where=table.source,
        todo=f"Name it with --{role} COLUMN",
    )
