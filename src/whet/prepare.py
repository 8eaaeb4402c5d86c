"""From DATA to encoded sides: everything that happens before a model is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet import durable, large, naming, runs, runtime, values
from whet.config import Resolved, Settings
from whet.data.clean import is_damaged
from whet.data.columns import examples, find_columns
from whet.data.doctor.look import check as look
from whet.data.doctor.look import raise_errors
from whet.data.read import read, read_side, split_for
from whet.data.split import fingerprint, split
from whet.data.tokens import Cutter, encode_to_disk, load_cutter
from whet.data.weights import class_weights
from whet.errors import DataError, ModelError, OutputError, UsageError, quoted
from whet.labels import LabelSet, label_set, read_label_names
from whet.model import choice
from whet.model.files import ModelFiles, count_layers, find, longest_input, read_config
from whet.records import SIDES, Checked, Columns, Encoded, Examples, Ints, Notice, Side, Source, Splits, Stage, Table


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
    labels: Ints  # [B]


@dataclass(frozen=True, slots=True)
class Asked:
    """A job whose data, model and machine are settled."""

    name: str
    checked: Checked
    splits: Splits
    labels: LabelSet
    machine: runtime.Runtime
    resolved: Resolved
    files: ModelFiles
    said: tuple[Notice, ...]
    """The notices so far."""
    rows: Labelled | None = None
    """The data as it came, for a job with a budget, which may split it anew."""


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
    checked = look(rows.sides, rows.columns, source=rows.name, drawn=sides_drawn(rows, settings))
    yield checked
    raise_errors(checked, allowed_by(settings))

    yield Stage("split")
    splits = splits_of(rows, settings)
    reasons = [Notice(f"{side}: {reason}") for side, reason in splits.reasons.items()]
    yield from reasons
    labels = label_set_of(rows, splits, settings)

    yield Stage("model")
    if settings.model != "auto":
        resolved = _of_run(resolved)
        find(resolved.settings.model)  # what cannot be had is said before torch is loaded
    machine = machine_for(resolved, ranks)
    resolved, files, notices = choose_model(resolved, splits.train.texts, machine.device)
    chosen = [Notice(_device_line(machine, ranks)), *notices]
    yield from chosen
    kept = None if settings.budget is None else rows
    asked = Asked(
        rows.name, checked, splits, labels, machine, resolved, files, (*said, *reasons, *chosen), kept
    )  # fmt: skip
    if (weights := weights_of(asked)) is not None:
        each = ", ".join(f"{quoted(name)} {weight:.3g}" for name, weight in zip(labels.names, weights, strict=True))
        weighted = Notice(f"class weights {settings.class_weights}: {each}")
        yield weighted
        asked = dataclasses.replace(asked, said=(*asked.said, weighted))
    return asked


def labelled(data: object, settings: Settings, *, gaps: bool = False) -> Labelled:
    """Reads DATA and the files named by --test and --validation, and finds text and labels.

    A side without labels, such as the test split of a contest, is left out and said; one that was
    asked for raises DataError. `gaps`: a label that is missing in a row is '', instead of a DataError.
    """
    source = read(data, encoding=settings.encoding, disk=large.disk())
    tables, notices = _tables(source, settings)
    given_names = read_label_names(settings.label_names) if settings.label_names else None
    columns = find_columns(tables["train"], text=settings.text, label=settings.label)
    sides: dict[str, Examples] = {}
    for side, table in tables.items():
        rows = examples(table, _same_columns(table, columns), label_names=given_names, gaps=gaps)
        if damaged := sum(map(is_damaged, rows.texts)):
            notices.append(
                f"{table.source}: NUL characters or lone surrogates in {damaged:,} of {len(rows.texts):,} texts; "
                "they are removed, or become U+FFFD, in training and prediction alike"
            )
        if rows.labels is not None:
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
    if not set(sides["train"].labels or ()) <= set(order):
        order = ()
    return Labelled(source.name, tables["train"].source, columns, sides, order, tuple(notices))


def unlabelled(data: object, settings: Settings) -> Examples:
    """The texts of DATA, for prediction."""
    table, _ = read_side(data, "test", encoding=settings.encoding, disk=large.disk())
    columns = find_columns(table, text=settings.text, label=None, need_label=False)
    return examples(table, dataclasses.replace(columns, label=None))


def for_scoring(data: object, settings: Settings, labels: LabelSet) -> tuple[Examples, list[str]]:
    """The test side of DATA, or its only table, with labels that the run knows, and what must be
    said about how it was read."""
    table, notices = read_side(data, "test", encoding=settings.encoding, disk=large.disk())
    names = read_label_names(settings.label_names) if settings.label_names else None
    columns = find_columns(table, text=settings.text, label=settings.label)
    numbered = None if names else _by_position(table, columns, labels)
    rows = examples(table, columns, label_names=names or numbered)
    if rows.labels is None:
        raise DataError("no labels to compare with", where=table.source, todo="Use whet predict, or name --label")
    said = [*notices, f"text: {columns.text} ({columns.text_reason}); label: {columns.label} ({columns.label_reason})"]
    if numbered:
        said.append(f"labels read by position: {', '.join(f'{key} is {name}' for key, name in numbered.items())}")
    return rows, said


def sides_drawn(rows: Labelled, settings: Settings) -> int:
    """How many further sides are taken from the training rows."""
    asked = {"test": settings.test, "validation": settings.validation}
    return sum(_is_share(wish) or (wish == "auto" and side not in rows.sides) for side, wish in asked.items())


def allowed_by(settings: Settings) -> frozenset[str]:
    """The codes of findings that shall not stop the job."""
    return frozenset(code.strip() for code in settings.allow.split(",")) if settings.allow else frozenset()


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
    assert splits.train.labels is not None
    labels = label_set(
        splits.train.labels, positive=settings.positive, source=splits.train.source, order=rows.label_order
    )
    if settings.metric == "f1" and labels.positive is None:
        raise UsageError(
            f"--metric f1 with {len(labels)} labels", expected="macro_f1 or weighted_f1 for more than two labels"
        )
    return labels


def weights_of(asked: Asked) -> tuple[float, ...] | None:
    """What a row of each class counts in the training [C]; None: all alike. Raises UsageError for a file that does
    not say it."""
    given, train = asked.resolved.settings.class_weights, asked.splits.train
    if given is None:
        return None
    assert train.labels is not None
    return class_weights(given, asked.labels, np.asarray(asked.labels.ids(train.labels, source=train.source)))


def _of_run(resolved: Resolved) -> Resolved:
    """The same, where `model` names a run with that run looked at: it must be finished and as it was saved.
    `last` becomes the run that it stands for today. Raises ModelError."""
    model = resolved.settings.model
    path = values.folder(model)
    is_last = model == "last" and not path.exists()
    if not (is_last or path.parts[:1] == naming.FOLDER.parts or (path / "run.json").is_file()):
        return resolved
    run = runs.find(model, where="--model")
    if not run.bare and not run.finished:
        todo = "Let it end first: its command in run.json goes on with it"
        raise ModelError(f"{run.path} is not a finished run", where="--model", todo=todo)
    wrong = durable.damage(run.model)
    if wrong is not None:
        todo = "Restore the file, or name another run"
        raise ModelError(f"changed or damaged after it was saved: {wrong}", where=str(run.model), todo=todo)
    return resolved.with_value("model", str(run.path), "last") if is_last else resolved


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


def cutter_of(files: ModelFiles, settings: Settings, cache: Path) -> Cutter:
    """The tokenizer of a model, cutting as the settings say."""
    path = files.folder / "tokenizer.json"
    if not path.is_file():
        from whet.model.encoder import make_tokenizer_json

        path = make_tokenizer_json(files.folder, cache)
    cutter = load_cutter(path, max_length=settings.max_length, truncation=settings.truncation)
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
        if rows is None or rows.labels is None:
            continue
        ids = np.asarray(labels.ids(rows.labels, source=rows.source), dtype=np.int64)
        try:
            encoded[side] = EncodedSide(encode_to_disk(rows.texts, cutter, cache), ids)
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
            tables[side], more = read_side(wish, side, encoding=settings.encoding, disk=large.disk())
            notices += more
    return tables, notices


def _is_share(wish: str) -> bool:
    try:
        float(wish)
    except ValueError:
        return False
    return True


def _same_columns(table: Table, columns: Columns) -> Columns:
    """The columns of the training table in another one; found anew where it names them otherwise."""
    if columns.text in table.columns and (columns.label in table.columns):
        return columns
    text = columns.text if columns.text in table.columns else None
    label = columns.label if columns.label in table.columns else None
    return find_columns(table, text=text, label=label, need_label=False)


def _by_position(table: Table, columns: Columns, labels: LabelSet) -> dict[str, str] | None:
    """Names for the label ids 0, 1, ... of a table whose labels are none of the run's names."""
    assert columns.label is not None
    values = {str(value) for value in table.columns[columns.label]}
    numbered = {str(i): name for i, name in enumerate(labels.names)}
    if not table.label_names and values <= numbered.keys() and not values & set(labels.names):
        return numbered
    return None
