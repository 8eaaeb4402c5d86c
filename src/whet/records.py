"""The records that cross module borders: frozen, slotted, without behaviour.

Sizes in comments: B rows, T tokens, N sequences, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whet.labels import Kind
from whet.scores import ClassScore as ClassScore
from whet.scores import HeldOut as HeldOut
from whet.scores import Metrics as Metrics
from whet.scores import Scores as Scores
from whet.scores import SeveralScores as SeveralScores
from whet.scores import ValueScores as ValueScores

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Targets = Ints | Bools | Floats
"""What a model is to answer: label ids [B], marks [B, C] of several labels a row, values [B], or shares [B, C]."""

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")
Severity = Literal["info", "warning", "error"]


# ---------------------------------------------------------------- data


@dataclass(frozen=True, slots=True)
class Table:
    """What one file, folder or split holds, before columns are given their roles."""

    source: str
    """How the table is called in messages: `reviews.csv`, `hf:imdb[train]`."""
    columns: Mapping[str, Sequence[object]]
    """Column name to values. From text files every value is a str; parquet and data frames keep
    int, float, list and None."""
    places: Sequence[str]
    """Where each row stands, for messages: `line 12`, `row 3`, `pos/0_9.txt`."""
    label_names: Mapping[str, str] = field(default_factory=dict)
    """Names that the source itself gives to its labels (a hub data set's ClassLabel)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that DATA turned out to be: one table, or one per side."""

    name: str
    """Short name for run folders: `reviews`, `imdb`."""
    tables: Mapping[str, Table]
    """Split name (`train`, `test`, `validation`, or whatever a hub calls it) to table. A single
    file is {"train": table}."""
    notices: tuple[str, ...] = ()
    """What was decided while reading and must be said."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold the text, its pair and the label, and why."""

    text: str
    text_reason: str
    label: str | None
    label_reason: str
    pair: str | None = None
    """The column of the second text where rows are pairs of texts."""
    pair_reason: str = ""
    kind: Kind = "one"
    kind_reason: str = ""
    """'' where there is nothing to say of one label a row."""
    separator: str | None = None
    """What stands between the labels of a row that has several in one string."""
    text_parts: tuple[str, ...] = ()
    """Where `text` is a template, the columns that it joins."""
    pair_parts: tuple[str, ...] = ()
    """Those of `pair`."""
    labels: tuple[str, ...] = ()
    """Where each label has a column of 0 and 1, these; `label` is then their names after commas."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model was trained on: how its columns were called."""

    text: str
    pair: str | None = None
    """None: single texts."""
    text_parts: tuple[str, ...] = ()
    """Where `text` is a template, the columns that it joins."""
    pair_parts: tuple[str, ...] = ()
    """Those of `pair`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How a model is asked, and how its answers are read."""

    inputs: Inputs = Inputs("text")
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Of several labels: label to the probability from which it is answered."""
    temperature: float | None = None
    """By which the weights of the last layer were divided; None: they are as they were trained."""
    min_confidence: float | None = None
    """Of one label: the probability below which the answer is unsure."""
    teacher: Mapping[str, str] | None = None
    """Name and digest of the model whose answers it has learnt."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows with their roles: texts and, when there are any, label names, byte for byte. What a row is to be answered
    with stands in `labels`, `several` or `values`; the others are None."""

    source: str
    texts: Sequence[str]
    labels: Sequence[str] | None
    places: Sequence[str]
    row_ids: Sequence[int]
    """0-based position in the table; travels to predictions and splits."""
    pairs: Sequence[str] | None = None
    """The second text of each row where rows are pairs of texts."""
    several: Sequence[tuple[str, ...]] | None = None
    """The labels of each row where a row may have any number of them."""
    values: Sequence[float] | None = None
    """The number of each row."""
    further: Mapping[str, Sequence[object]] = field(default_factory=dict)
    """Columns by whose values scores are told."""
    weights: Sequence[float] | None = None
    """What each row counts in a training."""
    groups: Sequence[str] | None = None
    """The group of each row, whose rows stand on one side; '' where it has none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a look at the data showed on one side."""

    code: str
    severity: Severity
    side: str
    count: int
    """Rows; texts or labels where the code is about these."""
    message: str
    """What was seen and where, without a full stop at its end."""
    todo: str = ""
    """What to do about it, likewise."""
    places: tuple[str, ...] = ()
    """Of the first rows."""
    figures: Mapping[str, object] = field(default_factory=dict)
    """What else was counted, by name."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What `whet check` found: the data at a glance, and findings worst first."""

    source: str
    columns: Columns
    rows: Mapping[str, int]
    """Rows per side as they came, before any split of ours."""
    head: tuple[tuple[str, str], ...]
    """(text, label) of the first rows; several labels stand after commas."""
    label_counts: Mapping[str, Mapping[str, int]]
    """Side to label name to rows."""
    looked_for: tuple[str, ...]
    """The codes of all that was looked for, found or not."""
    findings: tuple[Finding, ...]
    head_pairs: tuple[str, ...] = ()
    """The second texts of the first rows where rows are pairs."""
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Side to least, median, mean, most and deviation of its numbers."""
    notices: tuple[str, ...] = ()
    """How the data were read."""


@dataclass(frozen=True, slots=True)
class Splits:
    """The sides of a job. Missing sides are None."""

    train: Examples
    validation: Examples | None
    test: Examples | None
    reasons: Mapping[str, str]
    """Side to where its rows come from."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of B texts, or pairs of texts, laid end to end in N sequences. `ids` may be a read-only memory map."""

    ids: NDArray[np.generic]  # [T] uint16 or uint32
    offsets: Ints  # [N + 1]
    truncated: Bools  # [B]
    seconds: Ints | None = None  # [N] place in its sequence from which tokens are of the second type
    documents: Ints | None = None
    """[B + 1] first sequence of each text, then N. None: each text is one sequence."""
    weights: Floats | None = None
    """[B] what each text counts in a training, about 1 in the mean. None: all alike."""
    hidden: Ints | None = None
    """[T] the id that stood in a place before it was hidden, for a model to tell; -1 elsewhere. None: none was."""

    def __len__(self) -> int:
        """Texts."""
        return len(self.offsets if self.documents is None else self.documents) - 1


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows in N sequences that are laid end to end, without padding."""

    ids: Ints  # [T]
    cu_seqlens: Ints  # [N + 1] first token of each sequence, then T
    rows: Ints  # [B] index into the Encoded that the sequences come from
    labels: Targets | None  # [B], or [B, C] of several
    seconds: Ints | None = None  # [N] as in Encoded
    owners: Ints | None = None
    """[N] place in `rows` of the row that a sequence is a chunk of. None: each row is one sequence, in this order."""
    weights: Floats | None = None  # [B] as in Encoded
    hidden: Ints | None = None  # [T] as in Encoded


# ---------------------------------------------------------------- training


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One optimiser step, after it was taken."""

    step: int
    """1-based."""
    steps: int
    """How many the job has, as far as is known after this one."""
    epoch: float
    """Epochs done after this step."""
    loss: float
    """Mean over the rows of the step."""
    learning_rate: float
    tokens: int
    """Tokens trained on since the start."""
    train_seconds: float
    """Training so far, evaluation left out."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A training with a budget was given another number of steps, so that it ends in time."""

    step: int
    """Steps taken when it was decided."""
    steps: int
    """How many the training has from then on."""
    seconds: float
    """Left for training at that time."""


@dataclass(frozen=True, slots=True)
class AnswerStep:
    """A teacher has answered so many of the texts that its student learns from."""

    done: int
    texts: int


@dataclass(frozen=True, slots=True)
class CurveStep:
    """A step of a model of the learning curve."""

    share: float
    """Of the training rows, that it learns from."""
    step: int
    """1-based."""
    steps: int


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a part of the training rows brought on validation."""

    share: float
    rows: int
    score: float
    """By the job's metric."""
    seconds: float
    """Training and evaluations; of the whole training these are told elsewhere."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user must be told: a choice, a fallback, a warning."""

    message: str
    severity: Literal["info", "warning"] = "info"


@dataclass(frozen=True, slots=True)
class Tightened(Notice):
    """Memory ran short: from this step on less is computed at once."""

    step: int = 0
    """1-based."""
    tokens: int | None = None
    """What a part of a step may have; None: no limit."""
    recompute: bool = False
    """Whether layers are computed again in the backward pass."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the job begins. `rows` is what its bar counts to, where that is known."""

    name: Literal[
        "check", "split", "model", "plan", "tokens", "baseline", "teach", "train", "curve", "evaluate", "explain",
        "look", "save", "report",
    ]  # fmt: skip
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one side at one moment."""

    side: Side
    step: int
    epoch: float
    loss: float
    metrics: Scores
    seconds: float
    best: bool = False


# ---------------------------------------------------------------- scores


@dataclass(frozen=True, slots=True)
class Baselines:
    """Cheap answers on the same test rows."""

    majority: Scores
    """Of the most frequent class; of a multi-label task, of each label's more frequent answer; of a
    regression, of the mean."""
    tfidf: Scores | None
    """None where the model that was scored is that itself."""
    majority_label: str
    seconds: float
    cached: bool
    nbsvm: Scores | None = None
    """None where a row has no single label or two texts, and where it was left out."""
    answers: Mapping[str, Targets] = field(default_factory=dict, compare=False)
    """By the name of a baseline: class ids [B], marks [B, C] or values [B] of the rows."""


# ---------------------------------------------------------------- prediction

WordWeight = tuple[int, int, float]
"""Where a word, or a run of words, begins and ends in its text, and its weight."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What the words of a text count for an answer to it."""

    text: str
    label: str | None
    """Whose log-odds fall by a word's weight when it is left out; None: a number does."""
    words: tuple[WordWeight, ...]
    """In the order of the text. In a very long one a span has several words."""
    text2: str | None = None
    """The second text of a pair."""
    words2: tuple[WordWeight, ...] = ()
    """Its words."""


@dataclass(frozen=True, slots=True)
class Prediction:
    text: str
    label: str | None
    """None where a row has several labels or a number, and where the answer is unsure."""
    score: float | None
    """The probability of the label; the highest one where the answer is unsure."""
    probabilities: Mapping[str, float]
    """Of every label; of several each on its own; of a number none."""
    truncated: bool
    logits: tuple[float, ...] | None = None
    text2: str | None = None
    """The second text of a pair."""
    labels: tuple[str, ...] | None = None
    """Of several labels those that reach their thresholds."""
    value: float | None = None
    """The number."""
    attribution: Attribution | None = None  # where it was asked for
