"""The settings of a job, defined once.

Each field of `Settings` is a flag, a recipe key, a Python argument and a JSON key of the same
name; its metadata is the help text, the group it is shown in, and whether it changes the result
(and with it the run's folder). `resolve` lays a recipe and the given values over the defaults and
keeps for each value the reason why it has it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from whet import recipes
from whet.errors import UsageError, did_you_mean
from whet.sentences.bilingual import said
from whet.settings import values
from whet.settings.values import Metric

Truncation = Literal["head", "head-tail", "chunks"]
TaskName = Literal["auto", "classification", "multilabel", "regression"]
Keep = Literal["best", "last"]
LabelErrors = Literal["auto", "all", "none"]
Sampling = Literal["plain", "balanced"]
DeviceName = Literal["auto", "cpu", "cuda", "mps", "xpu"]
PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
Precision = Literal["fp32", "bf16", "fp16"]
Language = Literal["auto", "en", "ko"]
Track = Literal["none", "tensorboard", "mlflow"]

LONG = 30 * 60.0  # seconds that a job on a CPU may take without being agreed to

GROUPS = ("Data", "Model", "Training", "Output", "Machine")


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number; None is no limit."""

    least: float | None = None
    above: float | None = None
    most: float | None = None


def _setting(
    default: Any, group: str, help: str, *, common: bool = False, result: bool = True, within: Range | None = None
) -> Any:
    """A field of Settings. `common`: shown by `--help`, not only `--help-all`. `result`: changes
    what the run computes. `within`: the range of a number."""
    limits = dataclasses.asdict(within or Range())
    return dataclasses.field(
        default=default, metadata={"group": group, "help": help, "common": common, "result": result, **limits}
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a job with their defaults: those of the reference job, bert-base on IMDB."""

    recipe: str | None = _setting(
        None, "Data", "A named recipe (demo, imdb-bert-base, imdb-minilm, nsmc, reference, sst2-minilm) or a TOML "
        "file of settings.", common=True, result=False,
    )  # fmt: skip
    text: str | None = _setting(
        None, "Data", "The column that holds the text, or a template of several such as {title}\\n{body}. Found by "
        "name and shape.", common=True,
    )  # fmt: skip
    pair: str | None = _setting(
        None, "Data", "The column or template of the second text of pairs, or none. Otherwise found by the names of "
        "both, such as sentence1 and sentence2.", common=True,
    )  # fmt: skip
    label: str | None = _setting(
        None, "Data", "The column that holds the label, or a,b,c: a column of 0 and 1 for each. Found by name and "
        "shape.", common=True,
    )  # fmt: skip
    weight: str | None = _setting(
        None, "Data", "The column that tells what each row counts in the training: numbers above 0, whose mean is "
        "taken as 1.",
    )  # fmt: skip
    group: str | None = _setting(
        None, "Data", "The column whose values are never divided: rows of one author, patient or product stand on one "
        "side.",
    )  # fmt: skip
    task: TaskName = _setting(
        "auto", "Data", "One label a row (classification), any number of labels (multilabel), or a number "
        "(regression). auto: by what the label column holds.", common=True,
    )  # fmt: skip
    label_separator: str | None = _setting(None, "Data", "What stands between several labels in one string, such as |.")
    label_names: str | None = _setting(
        None, "Data", "Names for the labels: a JSON file, or 부정,긍정 for 0 and 1, or neg=부정,pos=긍정.", common=True
    )
    positive: str | None = _setting(None, "Data", "The positive class of a binary task. Found by its name.")
    test: str = _setting(
        "auto", "Data", "Test rows: a file, a split of DATA, a share such as 0.1, or none. "
        "auto: DATA's own test split, else 0.1.", common=True,
    )  # fmt: skip
    validation: str = _setting(
        "auto", "Data", "Validation rows: a file, a split of DATA, a share of the train table, or none. "
        "auto: DATA's own validation split, else 0.1.", common=True,
    )  # fmt: skip
    train_rows: int | None = _setting(None, "Data", "Train on this many rows, drawn by class.", within=Range(least=2))
    test_rows: int | None = _setting(None, "Data", "Score this many test rows, drawn by class.", within=Range(least=1))
    encoding: str = _setting("utf-8", "Data", "Encoding of text files, for example cp949.")
    allow: str | None = _setting(
        None, "Data", "Findings that shall not stop the job: empty_texts, texts_in_train, or both after a comma.",
        result=False,
    )  # fmt: skip
    corrections: str | None = _setting(
        None, "Data", "A relabel.csv that a run wrote, edited: its column corrected has the labels to be taken."
    )
    slice: str | None = _setting(None, "Data", "Columns by whose values scores are told too, with commas between.")
    label_errors: LabelErrors = _setting(
        "auto", "Data", "Look for wrong labels among the training rows: as many as take about a tenth of the training "
        "(auto), all, or none.", result=False,
    )  # fmt: skip
    near_duplicates: bool = _setting(
        True, "Data", "Look for texts that are nearly equal, within a side and between the sides.", result=False
    )
    unlabelled: str | None = _setting(
        None, "Data", "Texts without labels, a file, a folder of .txt files or a data set: the teacher answers them "
        "(--teacher), and the model learns from them too.",
    )  # fmt: skip
    unlabelled_rows: int | None = _setting(
        None, "Data", "Learn from this many of these texts, drawn.", within=Range(least=1)
    )

    model: str = _setting(
        "auto", "Model", "auto, embedded, linear (TF-IDF with logistic or ridge regression), a name on the hub "
        "(NAME, hf:NAME, hf:NAME@REVISION), a folder, or a run to start from (its folder, or last).", common=True,
    )  # fmt: skip
    max_length: int = _setting(
        512, "Model", "Tokens a text may have; longer ones are counted, and cut as --truncation says.", common=True,
        within=Range(least=3),
    )  # fmt: skip
    truncation: Truncation = _setting(
        "head", "Model", "What is seen of a longer text: its head, a quarter of head and the rest of tail (head-tail), "
        "or all, in chunks whose logits are averaged.",
    )  # fmt: skip
    layers: int | None = _setting(None, "Model", "Keep only the first N layers of the encoder.", within=Range(least=1))
    freeze: str | None = _setting(
        None, "Model", "What is not trained: embeddings, N (they and the first N layers), or encoder (all below the "
        "head); by default the embeddings in less than two passes over many short texts.",
    )  # fmt: skip
    lora: int | None = _setting(
        None, "Model", "Train small matrices of this rank beside the encoder's linear maps (LoRA), and the head; they "
        "are merged when the model is saved.", within=Range(least=1),
    )  # fmt: skip
    teacher: str | None = _setting(
        None, "Model", "A finished run, whose answers the model learns beside the labels (distillation). Without "
        "--model the training starts from its model, with --layers N from the first layers of that.",
    )  # fmt: skip

    epochs: float = _setting(
        2.0, "Training", "Passes over the training rows; by default 3, of more than 10,000 rows 2, of few rows more.",
        common=True, within=Range(above=0, most=1000),
    )  # fmt: skip
    budget: str | None = _setting(
        None, "Training", "Time from the start to the saved score, such as 90s, 20m or 1h30m: the best job that fits "
        "is trained, and ends in time.", common=True,
    )  # fmt: skip
    batch_size: int = _setting(
        16, "Training", "Rows a step, of all processes together; by default 32 where there are many short texts, and "
        "64 in less than two passes over them.", common=True, within=Range(least=1),
    )  # fmt: skip
    learning_rate: float = _setting(
        5e-5, "Training", "Peak of the learning rate; by default what suits the model.", common=True,
        within=Range(above=0, most=1),
    )  # fmt: skip
    llrd: float = _setting(
        1.0, "Training", "Layer-wise learning-rate decay: what part of the rate of the layer above it each layer has.",
        within=Range(above=0, most=1),
    )  # fmt: skip
    ema: float | None = _setting(
        None, "Training", "Judge and keep a moving average of the weights, which keeps this much of itself a step, "
        "such as 0.99.", within=Range(above=0, most=0.9999),
    )  # fmt: skip
    dropout: float | None = _setting(
        None, "Training", "Share of the activations that a step leaves out; by default as the model has it, and none "
        "in less than two passes over many short texts.", within=Range(least=0, most=0.9),
    )  # fmt: skip
    weight_decay: float = _setting(0.01, "Training", "Weight decay; none on biases and norms.", within=Range(least=0))
    warmup: float = _setting(
        0.06, "Training", "Warm-up: a share of all steps below 1, a number of steps from 1.", within=Range(least=0)
    )
    max_grad_norm: float = _setting(1.0, "Training", "Gradients are clipped to this norm.", within=Range(above=0))
    class_weights: str | None = _setting(
        None, "Training", "What a row of each class counts, of several labels a row one that has the label: balanced, "
        "or a JSON file of label names and weights.",
    )  # fmt: skip
    sampling: Sampling = _setting(
        "plain", "Training", "plain: every row once an epoch. balanced: every class as often, in as many steps."
    )
    focal: float | None = _setting(
        None, "Training", "Focal loss with this gamma: rows that the model is sure of count less.",
        within=Range(above=0, most=10),
    )  # fmt: skip
    label_smoothing: float = _setting(
        0.0, "Training", "Share of each target that is spread over all classes.", within=Range(least=0, most=1)
    )
    evaluate_every: int | None = _setting(
        None, "Training", "Evaluate on validation every N steps. Otherwise after each epoch.", within=Range(least=1)
    )
    metric: Metric = _setting(
        "auto", "Training", "auto (macro_f1, of numbers pearson), or what 'best' means: accuracy, macro_f1, "
        "micro_f1, weighted_f1, f1, samples_f1, balanced_accuracy, mcc, roc_auc, pr_auc, pearson, "
        "spearman, mae, rmse, r2, loss, or a scorer of scikit-learn such as neg_log_loss.",
    )  # fmt: skip
    early_stopping: int | None = _setting(
        None, "Training", "Stop after N evaluations without a better score.", within=Range(least=1)
    )
    keep: Keep = _setting("best", "Training", "Which weights are saved: best on validation, or last.")
    seed: int = _setting(
        42, "Training", "Seed of splits, order, dropout and the new layer.", common=True,
        within=Range(least=0, most=2**32 - 1),
    )  # fmt: skip
    baseline: bool = _setting(True, "Training", "Score cheap baselines beside the model: majority, TF-IDF and NB-SVM.")
    folds: int | None = _setting(
        None, "Training", "Cross-validation: the rows but those of test in N folds, each answered by a model that has "
        "learnt from the others; all models together are the one that is saved.", within=Range(least=2, most=100),
    )  # fmt: skip
    seeds: int = _setting(
        1, "Training", "Train with so many seeds, from --seed on; all models together are the one that is saved.",
        within=Range(least=1, most=100),
    )  # fmt: skip
    learning_curve: bool = _setting(
        False, "Training", "Would more labels help: train on 25 and 50 % of the rows too, and forecast twice as many."
    )

    min_confidence: float | None = _setting(
        None, "Output", "Answer unsure where the highest probability is below this; saved with the model.",
        within=Range(least=0, most=1),
    )  # fmt: skip
    output: str | None = _setting(
        None, "Output", "Folder of the run. Otherwise runs/DATA-MODEL-HASH.", common=True, result=False
    )
    fresh: bool = _setting(
        False, "Output", "Start over; an earlier run of the same name is kept beside it.", result=False
    )
    checkpoint_every: int | None = _setting(
        None, "Output", "Save a checkpoint every N steps. Otherwise each minute, or as 3 % of the time allows.",
        result=False, within=Range(least=1),
    )  # fmt: skip
    mirror: str | None = _setting(
        None, "Output", "A second folder that each checkpoint is copied to, such as a mounted drive.", result=False
    )
    track: Track = _setting(
        "none", "Output", "Tell a tracker of the job while it runs: tensorboard (in the run folder) or mlflow "
        "(MLFLOW_TRACKING_URI, else runs/mlflow/).", result=False,
    )  # fmt: skip
    brief: bool = _setting(
        False, "Output", "No plan before and no report.html after: for a program that trains often.", result=False
    )
    log_every: int = _setting(
        100, "Output", "Print the loss every N steps where there is no progress bar.", result=False,
        within=Range(least=1),
    )  # fmt: skip
    lang: Language = _setting("auto", "Output", "Language of the summary: en or ko.", result=False)
    json: bool = _setting(False, "Output", "The last line of stdout is one JSON document.", result=False)
    quiet: bool = _setting(False, "Output", "Only results, no progress.", result=False)

    device: DeviceName = _setting("auto", "Machine", "auto, cpu, cuda, mps or xpu.")
    precision: PrecisionName = _setting(
        "auto", "Machine", "Numbers of matrix products in training: fp32, bf16, or fp16 with loss scaling. auto: bf16 "
        "on CUDA and on a processor with instructions for it, fp16 on an older card, fp32 elsewhere.",
    )  # fmt: skip
    threads: int | None = _setting(
        None, "Machine", "CPU threads. Otherwise the cores that are free at the start.",
        within=Range(least=1, most=1024),
    )  # fmt: skip
    require_gpu: bool = _setting(False, "Machine", "Refuse to train on the CPU, and say why.", result=False)
    yes: bool = _setting(
        False, "Machine", "Start without a question, however long the job will take.", common=True, result=False
    )
    debug: bool = _setting(False, "Machine", "Show the traceback of an error.", result=False)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with the reason of each value: `default`, `given`, `recipe NAME`."""

    settings: Settings
    reasons: Mapping[str, str]
    notices: tuple[str, ...] = ()

    def with_value(self, name: str, value: object, reason: str) -> Resolved:
        """A copy in which one value was decided by the program, and why."""
        settings = dataclasses.replace(self.settings, **{name: value})  # type: ignore[arg-type]
        return Resolved(settings, {**self.reasons, name: reason}, self.notices)


# What does nothing without the rows of a side.
NEEDS_ROWS = (
    ("early_stopping", "validation"), ("evaluate_every", "validation"), ("metric", "validation"),
    ("keep", "validation"), ("learning_curve", "validation"), ("test_rows", "test"),
)  # fmt: skip

ALIASES = values.ALIASES


def fields() -> tuple[dataclasses.Field[Any], ...]:
    """The settings in their order."""
    return dataclasses.fields(Settings)


@cache
def types() -> Mapping[str, Any]:
    """Setting to its type, as written."""
    return get_type_hints(Settings)


def resolve(given: Mapping[str, object]) -> Resolved:
    """Defaults, then the recipe, then what was given; each value checked, each with its reason.

    Unknown names, wrong types and values out of range raise UsageError, all of them at once.
    """
    given, notices, faults = _renamed(given, "argument")
    recipe = given.get("recipe")
    layers: list[tuple[str, Mapping[str, object]]] = [(said({}, "given"), given)]
    if isinstance(recipe, (str, Path)):
        loaded, _ = recipes.read(str(recipe))
        recipe_values, recipe_notices, recipe_faults = _renamed(loaded, f"recipe {recipe}")
        recipe_values.pop("data", None)
        layers.insert(0, (said({"name": recipe}, "by a recipe"), recipe_values))
        notices += recipe_notices
        faults += recipe_faults
    chosen: dict[str, object] = {}
    reasons = {setting.name: "default" for setting in fields()}
    for reason, layer in layers:
        for name, value in layer.items():
            try:
                chosen[name] = check_value(name, value)
            except UsageError as fault:
                where = fault.where if reason == "given" else f"{reason}, {name}"
                faults.append(UsageError(fault.saw, where=where, expected=fault.expected, todo=fault.todo))
                continue
            reasons[name] = reason
    if faults:
        first, *more = faults
        raise UsageError(first.saw, where=first.where, expected=first.expected, todo=first.todo, more=more)
    resolved = Resolved(Settings(**chosen), reasons, tuple(notices))  # type: ignore[arg-type]  # each was checked
    check_together(resolved)
    return resolved


def check_value(name: str, value: object) -> object:
    """The value in the setting's own type, or UsageError with the key, the value and the range."""
    setting = Settings.__dataclass_fields__[name]
    return values.checked(name, value, types()[name], setting.metadata)


def check_together(resolved: Resolved) -> None:
    """Settings that contradict each other. Early stopping and a learning curve are nothing without rows to watch; what
    else would do nothing is refused where one hand wrote both, for a recipe's values cannot be taken back."""
    settings, reasons = resolved.settings, resolved.reasons
    if settings.sampling == settings.class_weights == "balanced":
        raise UsageError(
            "--class-weights balanced with --sampling balanced",
            expected="one of the two, for together they count a rare class twice over",
            todo="Leave out one of them",
        )
    for name, side in NEEDS_ROWS:
        alike = reasons[name] == reasons[side] or name in ("early_stopping", "learning_curve")
        asked = reasons[name] != "default" and getattr(settings, name) not in (None, "last", False)
        if alike and asked and getattr(settings, side) == "none":
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} with --{side} none",
                expected=f"{side} rows to {'score' if side == 'test' else 'watch'}",
                todo=f"Give --{side} a share such as 0.1, or leave out {flag}",
            )


def _renamed(given: Mapping[str, object], where: str) -> tuple[dict[str, object], list[str], list[UsageError]]:
    """Values under the names used here, a notice for each spelling of transformers, and a fault
    for each unknown name."""
    known = [setting.name for setting in fields()]
    renamed: dict[str, object] = {}
    written: dict[str, str] = {}
    notices: list[str] = []
    faults: list[UsageError] = []
    for name, value in given.items():
        key = name.replace("-", "_")
        if key in ALIASES:
            notices.append(f"{name} is called {ALIASES[key]} here and was understood")
            key = ALIASES[key]
        if key not in known and not (key == "data" and where.startswith("recipe")):
            todo = did_you_mean(key, known)
            faults.append(UsageError(f"unknown setting {values.shown(name)}", where=where, todo=todo))
        elif key == "recipe" and where.startswith("recipe"):
            faults.append(UsageError("a recipe that names another", where=where, todo="Leave out the key recipe"))
        elif key in renamed:
            faults.append(UsageError(f"{key} stands twice, once as {written[key]} and once as {name}", where=where))
        else:
            renamed[key], written[key] = value, name
    return renamed, notices, faults
