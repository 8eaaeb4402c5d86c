"""Why each setting has the default that it has, and what changing it does: two columns of docs/settings.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Why:
    """Why the default is what it is, and what another value does."""

    default: str
    effect: str


FOUND = "it is found"
UNUSED = "most jobs need none"
BY_MODEL = "what suits the model, if its family is known"

REASONS: Mapping[str, Why] = {
    "recipe": Why(UNUSED, "Its values take the place of the defaults; what is given beside it wins."),
    "text": Why(FOUND, "Another column, or a template, is another task: a run of its own."),
    "pair": Why(FOUND, "Two texts a row share --max-length; the longer one is cut first."),
    "label": Why(FOUND, "Several columns make a task of several labels."),
    "weight": Why("every row counts alike", "Rows of larger numbers are learnt from more."),
    "group": Why("rows are taken to be independent", "Rows of one group train, or test, together: an honest score."),
    "task": Why("the label column tells it", "Decides loss, scores and the shape of answers."),
    "label_separator": Why("strings are one label unless they repeat in parts", "A string becomes several labels."),
    "label_names": Why("labels stay as written", "The names go into the model and into every answer."),
    "positive": Why("found by its name", "Precision, recall and F1 are those of this label; the model stays the same."),
    "test": Why("a tenth, or the test side that DATA brings", "More rows: narrower intervals, fewer to train on."),
    "validation": Why("a tenth, or the side that DATA brings", "none: all rows train, and the last weights are kept."),
    "train_rows": Why("all of them", "Fewer are faster, in proportion, and less accurate."),
    "test_rows": Why("all of them", "Fewer are scored faster, with wider intervals."),
    "encoding": Why("what files should be today", "A wrong one ends the job with exit code 3 and a hint."),
    "allow": Why("errors stop", "The job goes on despite the finding, which stays in findings.json."),
    "corrections": Why(UNUSED, "Labels of the rows that were edited are replaced, the file of data is not."),
    "slice": Why("length, label and cuts are told anyway", "More lines in the report; the model stays the same."),
    "label_errors": Why("a tenth more time is worth it", "all looks at every row and takes longer; none spares it."),
    "near_duplicates": Why("leaks flatter the score", "Off: a quicker look, which finds exact copies only."),
    "unlabelled": Why("they need a teacher", "More texts in the teacher's answers; time grows with them."),
    "unlabelled_rows": Why("all of them", "Fewer are faster, in proportion."),
    "model": Why("by language and device", "Decides accuracy, time and size more than anything else."),
    "max_length": Why("the reference job's, and what most models read", "Shorter is faster and cuts more texts."),
    "truncation": Why("what plain transformers does", "head-tail costs nothing; chunks reads all, in the time of all."),
    "layers": Why("the model as it is", "Fewer are faster, mostly less accurate."),
    "freeze": Why("the whole model learns best", "Faster and less memory, the more is frozen; mostly less accurate."),
    "lora": Why("the whole model learns best", "Less memory and smaller checkpoints; the learning rate is 5e-4 then."),
    "teacher": Why("labels are enough for most", "A small model learns a large one's answers; that answers first."),
    "epochs": Why("the reference job's, or by rows", "Time grows in proportion; too many learn rows by heart."),
    "budget": Why("the job as asked", "Epochs, length, rows or model are reduced until the job fits, which is said."),
    "batch_size": Why(
        "the reference job's, or by the texts", "Larger: fewer steps, more memory; raise the learning rate with it."
    ),
    "learning_rate": Why(BY_MODEL, "Too low learns little, too high nothing; small models need more."),
    "llrd": Why(BY_MODEL, "Below 1: lower layers change less, and keep what they know."),
    "ema": Why(UNUSED, "Near 1: the mean of more steps, calmer; a copy of the weights more in memory."),
    "dropout": Why(BY_MODEL, "More: learns less by heart, and more slowly; few passes are better without."),
    "weight_decay": Why("the reference job's", "Larger keeps weights smaller; seldom decides anything."),
    "warmup": Why(BY_MODEL, "Longer: safer with a high learning rate, slower at first."),
    "max_grad_norm": Why("as in transformers", "Lower bounds the steps of odd batches more."),
    "class_weights": Why("accuracy is highest without", "Rare labels are found, and named wrongly, more often."),
    "sampling": Why("every row counts alike", "Rare labels are seen more often, frequent ones in part."),
    "focal": Why("the plain loss gives truer probabilities", "Larger: rows that are known well count less."),
    "label_smoothing": Why("as in the reference job", "Less extreme probabilities."),
    "evaluate_every": Why("once an epoch", "More often: a finer choice of weights, and more time."),
    "metric": Why("counts every label alike, or orders numbers", "Another score chooses weights and ends training."),
    "early_stopping": Why("two epochs are short", "Ends a training that no longer gets better."),
    "keep": Why("a training may get worse at its end", "last needs no validation rows."),
    "seed": Why("a job is to be repeatable", "Another one: other rows, order and weights."),
    "baseline": Why("a score without one says little", "Off spares seconds, and there is no verdict."),
    "folds": Why("it takes as many trainings", "Every row is scored, and an ensemble answers, more slowly."),
    "seeds": Why("one training is a model", "Scores with the spread of the seeds; an ensemble, which is slower."),
    "learning_curve": Why("it takes three quarters of a training more", "Tells whether more labels would help."),
    "min_confidence": Why("every text is answered", "Higher: fewer answers, more of them right."),
    "output": Why("a name that stands for data and settings", "The same job elsewhere; scores stay the same."),
    "fresh": Why("work that is done is not done again", "Trains anew; the run before is kept."),
    "checkpoint_every": Why("at most 3 % of the time", "More often: less is lost, more is written."),
    "mirror": Why(UNUSED, "Another machine can go on from it."),
    "track": Why("nothing is told to anybody unasked", "A tracker shows the job; the run is the same."),
    "brief": Why("a report is what most people want", "Faster, by the plan and the report; the model is the same."),
    "log_every": Why("the reference job's", "More or fewer lines; the run is the same."),
    "lang": Why("that of the locale", "What is shown; errors and keys of JSON stay English."),
    "json": Why("people read first", "For programs: one document, last line."),
    "quiet": Why("a job of minutes should show that it lives", "Only results are printed."),
    "device": Why("the fastest there is", "Another device rounds otherwise, so it is another run."),
    "precision": Why("fast where it costs no accuracy", "bf16 and fp16: faster on cards, a little rounding."),
    "threads": Why("all free cores", "Another number rounds otherwise: name it to repeat a run elsewhere."),
    "require_gpu": Why("a CPU does for small models", "Ends before it starts where there is no GPU."),
    "yes": Why("nobody wants to wait for hours by mistake", "A long job starts at once."),
    "debug": Why("one message says what to do", "Shows where in the code a fault arose."),
}  # fmt: skip
