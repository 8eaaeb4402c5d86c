"""From DATA to encoded sides: everything that happens before a model is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whet import runtime
from whet.config import Resolved, Settings
from whet.data.check import check as look
from whet.data.check import raise_errors
from whet.data.columns import NO_PAIR, check_pair, examples, find_columns
from whet.data.read import read, read_side, split_for
from whet.data.split import fingerprint, split
from whet.data.targets import has_answers, targets_of
from whet.data.tokens import Cutter, encode_to_disk, load_cutter
from whet.errors import DataError, ModelError, OutputError, UsageError
from whet.labels import LabelSet, label_set, read_label_names
from whet.model import choice
from whet.model.files import ModelFiles, count_layers, find, longest_input, read_config
from whet.records import (
    SIDES,
    Checked,
    Columns,
    Encoded,
    Examples,
    Inputs,
    Notice,
    Side,
    Source,
    Splits,
    Stage,
    Table,
    Targets,
)
from whet.score.metrics import metric_of
from whet.values import AUTO_METRIC


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


@dataclass(frozen=True, slots=True)
class EncodedSide:
    """One side, ready for a model. Its texts are left behind: a job of a million rows does without."""

    encoded: Encoded
    targets: Targets


@dataclass(frozen=True, slots=True)
class Asked:
    """A job whose data, model and machine are settled."""

    name: str
    splits: Splits
    labels: LabelSet
    machine: runtime.Runtime
    resolved: Resolved
    files: ModelFiles
    inputs: Inputs
    said: tuple[Notice, ...]
    """The notices so far."""
    rows: Labelled | None = None
    """The data as it came, for a job with a budget, which may split it anew."""

    @property
    def is_pair(self) -> bool:
        """Whether rows are pairs of texts."""
        return self.inputs.pair is not None


def settle(data: object, resolved: Resolved, ranks: runtime.Ranks) -> Generator[Stage | Notice | Checked, None, Asked]:
    """Looks at the data, splits it, and settles the model and the machine."""
    settings = resolved.settings
    if settings.budget is not None and ranks.count > 1:
        raise UsageError(
            f"{ranks.count} processes, and what they take together none of them can measure",
            where="--budget",
            expected="a single process",
            todo="Leave out --budget, or torchrun",
        )

    yield Stage("check")
    rows = labelled(data, settings)
    said = [Notice(message) for message in rows.notices]
    yield from said
    checked = look(rows.sides, rows.columns, source=rows.name)
    yield checked
    raise_errors(checked)

    yield Stage("split")
    splits = splits_of(rows, settings)
    reasons = [Notice(f"{side}: {reason}") for side, reason in splits.reasons.items()]
    yield from reasons
    labels = label_set_of(rows, splits, settings)
    if settings.metric == AUTO_METRIC:
        metric = metric_of(settings.metric, labels.task)
        resolved = resolved.with_value("metric", metric, f"auto: that of a {labels.task} task")
        settings = resolved.settings

    yield Stage("model")
    if settings.model != "auto":
        find(settings.model)  # what cannot be had is said before torch is loaded
    machine = machine_for(resolved, ranks)
    resolved, files, notices = choose_model(resolved, splits.train.texts, machine.device)
    chosen = [Notice(_device_line(machine, ranks)), *notices]
    yield from chosen
    kept = None if settings.budget is None else rows
    inputs = Inputs(rows.columns.text, rows.columns.pair)
    return Asked(rows.name, splits, labels, machine, resolved, files, inputs, (*said, *reasons, *chosen), kept)


def labelled(data: object, settings: Settings) -> Labelled:
    """Reads DATA and the files named by --test and --validation, and finds text and labels.

    A side without labels, such as the test split of a contest, is left out and said; one that was
    asked for raises DataError.
    """
    source = read(data, encoding=settings.encoding)
    tables, notices = _tables(source, settings)
    given_names = read_label_names(settings.label_names) if settings.label_names else None
    columns = columns_of(tables["train"], settings)
    sides: dict[str, Examples] = {}
    for side, table in tables.items():
        rows = examples(table, _same_columns(table, columns), label_names=given_names)
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
            notices.append(f"{table.source} has no labels and is not used for {side}")
    # Several labels may share a name, and a data set's names belong to its own label column alone.
    order = tuple(dict.fromkeys((given_names or tables["train"].label_names).values()))
    train = sides["train"]
    present = train.labels or [label for row in train.several or () for label in row]
    if columns.kind == "value" or not set(present) <= set(order):
        order = ()
    return Labelled(source.name, tables["train"].source, columns, sides, order, tuple(notices))


def columns_of(table: Table, settings: Settings) -> Columns:
    """The columns of a table, as the settings ask for them."""
    return find_columns(
        table, text=settings.text, pair=settings.pair, label=settings.label, task=settings.task,
        separator=settings.label_separator,
    )  # fmt: skip


def seconds_of(splits: Splits) -> tuple[Sequence[str], Sequence[str]] | None:
    """The second texts of training and test where rows are pairs."""
    train, test = splits.train.pairs, None if splits.test is None else splits.test.pairs
    return None if train is None or test is None else (train, test)


def splits_of(rows: Labelled, settings: Settings) -> Splits:
    """The sides of the job as the settings ask for them."""
    return split(
        rows.sides,
        test=settings.test,
        validation=settings.validation,
        seed=settings.seed,
        train_rows=settings.train_rows,
        test_rows=settings.test_rows,
    )


def label_set_of(rows: Labelled, splits: Splits, settings: Settings) -> LabelSet:
    """The labels of the training rows. Labels elsewhere that training lacks raise DataError; a
    metric that the task lacks raises UsageError."""
    kind, train = rows.columns.kind, splits.train
    if kind == "one":
        assert train.labels is not None
        present: Iterable[str] = train.labels
    elif kind == "several":  # also one that all rows of which went to another side
        present = {label for row in rows.sides["train"].several or () for label in row}
    else:
        present = [str(rows.columns.label)]
    labels = label_set(present, positive=settings.positive, source=train.source, order=rows.label_order, kind=kind)
    metric_of(settings.metric, labels.task)
    return labels


def choose_model(resolved: Resolved, texts: Sequence[str], device: str) -> tuple[Resolved, ModelFiles, list[Notice]]:
    """Settles `model` and `max_length` for these texts and this device, each with its reason."""
    notices: list[Notice] = []
    if resolved.settings.model == "auto":
        chosen = choice.choose(texts, device=device)
        resolved = resolved.with_value("model", chosen.model, f"auto: {chosen.reason}")
        notices.append(Notice(f"model {chosen.model}: {chosen.reason}"))
        if chosen.warning:
            notices.append(Notice(chosen.warning, "warning"))
    files = find(resolved.settings.model)
    there, wanted = count_layers(files.folder), resolved.settings.layers
    if there is not None and wanted is not None and wanted > there:
        raise UsageError(f"{wanted} layers, but {files.name} has {there}", where="--layers", expected=f"1 to {there}")
    longest, asked = longest_input(files.folder), resolved.settings.max_length
    if asked > longest:
        if resolved.reasons["max_length"] == "given":
            raise UsageError(f"{asked} tokens", where="--max-length", expected=f"at most {longest} for {files.name}")
        resolved = resolved.with_value("max_length", longest, f"the most that {files.name} takes")
        notices.append(Notice(f"max_length {longest}: the most that {files.name} takes"))
    return resolved, files, notices


def cutter_of(files: ModelFiles, settings: Settings, cache: Path, *, pair: bool = False) -> Cutter:
    """The tokenizer of a model for single texts or pairs, cutting as the settings say."""
    path = files.folder / "tokenizer.json"
    if not path.is_file():
        from whet.model.encoder import make_tokenizer_json

        path = make_tokenizer_json(files.folder, cache)
    cutter = load_cutter(path, max_length=settings.max_length, truncation=settings.truncation, pair=pair)
    largest, there = max(cutter.tokenizer.get_vocab().values()), read_config(files.folder).get("vocab_size")
    if isinstance(there, int) and largest >= there:
        raise ModelError(
            f"a token has the id {largest:,}",
            where=str(path),
            expected=f"ids below the vocab_size {there:,} of config.json",
        )
    return cutter


def encode_sides(splits: Splits, labels: LabelSet, cutter: Cutter, cache: Path) -> dict[Side, EncodedSide]:
    """Token ids and label ids of every side there is. OutputError where the cache cannot be written."""
    encoded: dict[Side, EncodedSide] = {}
    for side in SIDES:
        rows: Examples | None = getattr(splits, side)
        if rows is None or not has_answers(rows):
            continue
        targets = targets_of(rows, labels)
        try:
            encoded[side] = EncodedSide(encode_to_disk(rows.texts, cutter, cache, rows.pairs), targets)
        except OSError as fault:
            raise OutputError(
                f"the tokens cannot be written: {fault.strerror or fault}",
                where=str(cache),
                todo="Free space, or set WHET_CACHE to a folder that has room and can be written",
            ) from None
    return encoded


def truncation_notices(sides: Mapping[Side, EncodedSide], cutter: Cutter) -> list[Notice]:
    """How many texts of each side were cut; one notice a side that has any."""
    notices = []
    for side, rows in sides.items():
        cut, count = int(rows.encoded.truncated.sum()), len(rows.encoded)
        if cut:
            kept = "head is" if cutter.truncation == "head" else "head and tail are"
            notices.append(
                Notice(
                    f"{cut:,} of {count:,} {side} texts ({100 * cut / count:.1f} %) {'is' if cut == 1 else 'are'} "
                    f"longer than {cutter.max_length} tokens: their {kept} used"
                )
            )
    return notices


def data_digests(splits: Splits) -> list[str]:
    """What identifies the rows of a job, side by side."""
    present = [getattr(splits, side) for side in SIDES]
    return ["none" if rows is None else fingerprint(rows) for rows in present]


def weights_digest(files: ModelFiles) -> str:
    """What tells two states of a model folder apart without reading gigabytes: name, size and time
    of each weight file; for the verified embedded model its name."""
    if files.name == "embedded":
        return files.name
    weights = sorted(files.folder.glob("model*.safetensors"))
    return " ".join([files.name, *(f"{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in weights)])


def machine_for(resolved: Resolved, ranks: runtime.Ranks = runtime.ALONE) -> runtime.Runtime:
    """Device, precision and threads of this process, which is set up for them."""
    settings = resolved.settings
    machine = runtime.choose(settings.device, settings.threads, ranks, settings.precision)
    runtime.apply(machine, settings.seed)
    return machine


def _device_line(machine: runtime.Runtime, ranks: runtime.Ranks) -> str:
    plural = "" if machine.threads == 1 else "s"
    lower = f"; precision {machine.precision}: {machine.precision_reason}" if machine.precision != "fp32" else ""
    line = f"device {machine.device}: {machine.device_reason}{lower}; {machine.threads} thread{plural}"
    return line if ranks.count == 1 else f"{line} in each of {ranks.count} processes"


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
        if wish in ("auto", "none") or _is_share(wish):
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
            tables[side], more = read_side(wish, side, encoding=settings.encoding)
            notices += more
    return tables, notices


def _is_share(wish: str) -> bool:
    try:
        float(wish)
    except ValueError:
        return False
    return True


def _same_columns(table: Table, columns: Columns) -> Columns:
    """The columns of the training table in another one; found anew where it names them otherwise. What the label says
    is the same."""
    there = [name for name in (columns.text, columns.pair, *(columns.labels or (columns.label,))) if name is not None]
    if all(name in table.columns for name in there):
        return columns
    text = columns.text if columns.text in table.columns else None
    pair = columns.pair if columns.pair is None or columns.pair in table.columns else None
    label = columns.label if columns.label in table.columns else None
    found = find_columns(table, text=text, pair=pair or NO_PAIR, label=label, need_label=False)
    if columns.pair is not None and pair is None:
        found = find_columns(table, text=text, label=label, need_label=False)
        check_pair(table, found, columns.pair)
    return dataclasses.replace(found, kind=columns.kind, kind_reason=columns.kind_reason, separator=columns.separator)
