"""From DATA to encoded sides: everything that happens before a model is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whet.data.doctor.look import check as look
from whet.data.doctor.look import raise_errors
from whet.data.rows import apart, both
from whet.data.split import split
from whet.data.store import chained
from whet.data.targets import targets_of
from whet.data.tokens import Cutter, load_cutter
from whet.data.weights import class_weights
from whet.errors import ModelError, UsageError, quoted
from whet.inputs.reading import Labelled, is_share, labelled
from whet.labels import Kind, LabelSet, label_set
from whet.model import choice
from whet.model.files import ModelFiles, count_layers, find, longest_input, read_config
from whet.preparing import for_linear, teacher, warm_start
from whet.preparing.sides import data_digests
from whet.preparing.teacher import Teaching
from whet.records import (
    Checked,
    Examples,
    Inputs,
    Ints,
    Notice,
    Splits,
    Stage,
)
from whet.runs import members, relabel
from whet.score.scorer import fitting
from whet.sentences.bilingual import Bilingual, joined, said, word
from whet.settings import meaningless
from whet.settings.config import Resolved, Settings
from whet.settings.values import AUTO_METRIC, MetricFunction
from whet.system import runtime
from whet.training.defaults import suited
from whet.training.few import enough_steps

LOOK = 1_000  # texts whose mean length is that of all
OF_ONE_LABEL = ("sampling", "label_smoothing", "min_confidence")
OF_LABELS = ("class_weights", "focal")  # one or several a row


@dataclass(frozen=True, slots=True)
class Asked:
    """A job whose data, model and machine are settled."""

    name: str
    checked: Checked
    splits: Splits
    labels: LabelSet
    machine: runtime.Runtime
    resolved: Resolved
    encoder: ModelFiles | None
    """None of a linear model."""
    inputs: Inputs
    said: tuple[Notice, ...]
    """The notices so far."""
    rows: Labelled | None = None
    """The data as it came, for a job with a budget, which may split it anew."""
    folds: Ints | None = None
    """With --folds that of each training row [B], from 0."""
    whole: Splits | None = None
    """The sides before a budget made them smaller, where `cheap` are all training rows."""
    teaching: Teaching | None = None
    """With --teacher who that is, and the texts without labels that it answers."""

    @property
    def cheap(self) -> Examples:
        """The rows that the cheap baselines learn from."""
        return self.splits.train if self.whole is None else self.whole.train

    @property
    def lessons(self) -> int:
        """How many rows a training learns from."""
        return len(self.splits.train.texts) + (0 if self.teaching is None else self.teaching.rows)

    @property
    def files(self) -> ModelFiles:
        """Those of a transformer."""
        assert self.encoder is not None, "a linear model has no files"
        return self.encoder

    @property
    def is_pair(self) -> bool:
        """Whether rows are pairs of texts."""
        return self.inputs.pair is not None


def meant(resolved: Resolved, ranks: runtime.Ranks) -> tuple[Resolved, list[str]]:
    """The job, and what must be said. Settings that others leave without a meaning raise UsageError, but for those of a
    recipe, which nobody can take back: they are left out, and that is said."""
    resolved, dropped = meaningless.check(resolved, ranks.count)
    resolved, more = teacher.without(resolved, ranks)
    resolved, further = members.check(resolved, ranks)  # last: folds, which a teacher leaves out, take validation
    if resolved.settings.budget is not None and ranks.count > 1:
        raise UsageError(
            f"{ranks.count} processes, and what they take together none of them can measure",
            where="--budget", expected="a single process", todo="Leave out --budget, or torchrun",
        )  # fmt: skip
    return resolved, [*dropped, *more, *further]


def settle(
    data: object, resolved: Resolved, ranks: runtime.Ranks, *, own_loss: bool = False
) -> Generator[Stage | Notice | Checked, None, Asked]:
    """Looks at the data, splits it, and settles the model and the machine. `own_loss`: whether the job has another loss
    than that of its settings."""
    resolved, dropped = meant(resolved, ranks)
    resolved, taught_by, more = teacher.asked(resolved)

    yield Stage("check")
    resolved, as_there = warm_start.of_run(resolved)
    settings = resolved.settings
    rows = labelled(data, settings)
    told = [Notice(message) for message in (*dropped, *more, *rows.notices, *as_there)]
    yield from told
    checked = look(rows.sides, rows.columns, source=rows.name, drawn=sides_drawn(rows, settings))
    yield checked
    raise_errors(checked, allowed_by(settings))

    yield Stage("split")
    splits, folds = members.dealt(splits_of(rows, settings), resolved)
    reasons = [Notice(said({"side": side, "reason": reason}, "a side")) for side, reason in splits.reasons.items()]
    if rows.corrected is not None:
        reasons += relabel.notices(rows.corrected, splits, str(settings.corrections))
    reasons += members.aside(settings, rows.sides)
    yield from reasons
    labels = label_set_of(rows, splits, settings)
    if settings.metric == AUTO_METRIC:
        metric = fitting(settings.metric, labels)
        resolved = resolved.with_value("metric", metric, said({"task": labels.task}, "the metric of a task"))
        settings = resolved.settings

    if isinstance(settings.metric, MetricFunction):
        told.append(Notice(said({"metric": settings.metric}, "a score of one's own")))
        yield told[-1]

    inputs = Inputs(rows.columns.text, rows.columns.pair, rows.columns.text_parts, rows.columns.pair_parts)
    teaching, more = teacher.teaching_of(taught_by, settings, splits, labels, inputs)
    told += map(Notice, more)
    yield from map(Notice, more)
    yield Stage("model")
    resolved, splits, of_linear = for_linear.settled(resolved, rows, splits, ranks, own_loss=own_loss)
    learnt = len(splits.train.texts) + (0 if teaching is None else teaching.rows)
    machine, resolved, files, notices = _model_of(resolved, splits.train.texts, learnt, ranks)
    chosen = [Notice(device_line(machine, ranks)), *of_linear, *notices]
    yield from chosen
    kept = None if settings.budget is None else rows
    asked = Asked(
        rows.name, checked, splits, labels, machine, resolved, files, inputs, (*told, *reasons, *chosen), kept, folds,
        teaching=teaching,
    )  # fmt: skip
    more_said = list(_of_classes(asked))
    if teaching is not None and files is not None:
        more_said += teacher.told_of(teaching, resolved, splits, count_layers(files.folder))
    yield from more_said
    return dataclasses.replace(asked, said=(*asked.said, *more_said))


def before_budget(asked: Asked) -> Splits:
    """The sides of a job that a budget is about to make smaller. Its linear models are then judged on fewer rows, so
    that train has those of a validation side that was drawn from the same table."""
    assert asked.rows is not None, "a job with a budget keeps its data"
    splits = asked.splits
    return dataclasses.replace(splits, train=both(asked.rows.sides["train"], splits.train, splits.validation))


def within_budget(asked: Asked) -> Asked:
    """The job as a budget has made it: linear models learn from no row that they are judged on."""
    whole = asked.whole
    if whole is not None:
        whole = dataclasses.replace(whole, train=apart(whole.train, asked.splits.validation))
    return dataclasses.replace(asked, whole=whole, rows=None)


def all_texts(asked: Asked) -> tuple[Sequence[str], Sequence[str] | None]:
    """What a training learns from, those without labels last; of pairs the second texts too."""
    train, further = asked.splits.train, None if asked.teaching is None else asked.teaching.further
    if further is None:
        return train.texts, train.pairs
    both = train.pairs is not None and further.pairs is not None
    return chained(train.texts, further.texts), chained(train.pairs or (), further.pairs or ()) if both else None


def _of_classes(asked: Asked) -> Iterator[Notice]:
    """What the classes count, where they do not all count alike."""
    weights, labels = weights_of(asked), asked.labels
    if weights is None:
        return
    each = ", ".join(f"{quoted(name)} {weight:.3g}" for name, weight in zip(labels.names, weights, strict=True))
    of_yes = said({}, "of rows with the label") if labels.kind == "several" else ""
    facts = {"given": asked.resolved.settings.class_weights, "of_yes": of_yes, "each": each}
    yield Notice(said(facts, "class weights"))


def _model_of(
    resolved: Resolved, texts: Sequence[str], learnt: int, ranks: runtime.Ranks
) -> tuple[runtime.Runtime, Resolved, ModelFiles | None, list[Notice]]:
    """The machine, the job with its model settled, that model's files, and what must be said. `learnt`: how many rows
    a training learns from."""
    model = resolved.settings.model
    if model == meaningless.LINEAR:
        return runtime.for_linear(resolved.settings.threads), resolved, None, []
    if model != "auto":
        find(model)  # what cannot be had is said before torch is loaded
    machine = machine_for(resolved, ranks)
    resolved, files, notices = choose_model(resolved, texts, machine.device)
    resolved, few = enough_steps(resolved, learnt)
    some = np.linspace(0, len(texts) - 1, min(len(texts), LOOK)).astype(int)
    characters = float(np.mean([len(texts[place]) for place in some]))
    resolved, suit = suited(resolved, read_config(files.folder), learnt, characters)
    return machine, resolved, files, [*notices, *(Notice(told) for told in (few, suit) if told)]


def sides_drawn(rows: Labelled, settings: Settings) -> int:
    """How many further sides are taken from the training rows."""
    asked = {"test": settings.test, "validation": settings.validation}
    return sum(is_share(wish) or (wish == "auto" and side not in rows.sides) for side, wish in asked.items())


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
    kind, train = rows.columns.kind, splits.train
    check_options(settings, kind)
    if kind == "one":
        assert train.labels is not None
        present: Iterable[str] = train.labels
    elif kind == "several":  # also one that all rows of which went to another side
        present = {label for row in rows.sides["train"].several or () for label in row}
    else:
        present = [str(rows.columns.label)]
    labels = label_set(present, positive=settings.positive, source=train.source, order=rows.label_order, kind=kind)
    fitting(settings.metric, labels)
    return labels


def weights_of(asked: Asked) -> tuple[float, ...] | None:
    """What a row of each class, or the yes of each label, counts in the training [C]; None: all alike. Raises
    UsageError for a file that does not say it."""
    given = asked.resolved.settings.class_weights
    return None if given is None else class_weights(given, asked.labels, targets_of(asked.splits.train, asked.labels))


def check_options(settings: Settings, kind: Kind) -> None:
    """Raises UsageError for what only one label a row knows, or only labels."""
    unknown = {"one": (), "several": OF_ONE_LABEL, "value": (*OF_LABELS, *OF_ONE_LABEL)}[kind]
    asked = [name for name in unknown if getattr(settings, name) != Settings.__dataclass_fields__[name].default]
    if not asked:
        return
    flags = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
    expected = "one label a row"
    if asked != ["min_confidence"]:  # the others are for rare labels
        several = f"{expected}; rare ones of several are helped by --class-weights and --focal"
        expected = several if kind == "several" else "labels: a number is no class that could be rare"
    raise UsageError(
        f"{flags} with {'several labels a row' if kind == 'several' else 'numbers'}",
        expected=expected,
        todo=f"Leave out {flags}",
    )


def choose_model(resolved: Resolved, texts: Sequence[str], device: str) -> tuple[Resolved, ModelFiles, list[Notice]]:
    """Settles `model` and `max_length` for these texts and this device, each with its reason."""
    notices: list[Notice] = []
    if resolved.settings.model == "auto":
        chosen = choice.choose(texts, device=device)
        resolved = resolved.with_value("model", chosen.model, joined(word("auto"), chosen.reason, between=": "))
        notices.append(Notice(said({"model": chosen.model, "reason": chosen.reason}, "chosen model")))
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
        reason = said({"name": files.name}, "longest input")
        resolved = resolved.with_value("max_length", longest, reason)
        notices.append(Notice(joined(f"max_length {longest}", reason, between=": ")))
    return resolved, files, notices


def cutter_of(files: ModelFiles, settings: Settings, cache: Path, *, pair: bool = False) -> Cutter:
    """The tokenizer of a model for single texts or pairs, cutting as the settings say. Raises UsageError where they
    ask for pairs to be divided."""
    if pair and settings.truncation == "chunks":
        raise UsageError(
            "chunks, but the rows are pairs of texts",
            where="--truncation",
            expected="head or head-tail, which leave both texts of a pair in one sequence",
        )
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
    if cutter.body_length == cutter.max_length:
        raise ModelError(
            "the tokenizer adds no special tokens, so that an empty text would have no token at all",
            where=files.name,
            expected="one at least before or after a text, such as [CLS]",
            todo="Add a post_processor that does so to its tokenizer.json, or choose another model",
        )
    return cutter


def rows_digests(asked: Asked) -> list[str]:
    """The same of a job whose rows may count differently by class."""
    weights = weights_of(asked)  # a file may have others tomorrow
    return [*data_digests(asked.splits), *([] if weights is None else [f"weights {weights}"])]


def weights_digest(files: ModelFiles | None) -> str:
    """What tells two states of a model folder apart without reading gigabytes: name, size and time
    of each weight file; for the verified embedded model its name, and for a linear one that."""
    if files is None:
        return meaningless.LINEAR
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


def device_line(machine: runtime.Runtime, ranks: runtime.Ranks) -> Bilingual:
    lower = {"precision": machine.precision, "reason": machine.precision_reason}
    facts = {
        "device": machine.device, "reason": machine.device_reason, "threads": machine.threads,
        "precision": said(lower, "lower precision") if machine.precision != "fp32" else "",
        "processes": said({"count": ranks.count}, "of each process") if ranks.count > 1 else "",
    }  # fmt: skip
    return said(facts, "device")
