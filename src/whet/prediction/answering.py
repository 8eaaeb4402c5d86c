"""The rows of a file answered into another file, and on from where that was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from whet.disk import resumable
from whet.errors import DataError
from whet.inputs import unseen
from whet.labels import LabelSet
from whet.prediction import predictor, submission, written
from whet.prediction.predictor import Chosen, Predictor, Texts
from whet.records import Inputs, Prediction
from whet.score import occlusion
from whet.settings.config import Settings
from whet.system import runtime

READ = ("text", "pair", "encoding", "min_confidence")  # the settings on which answers hang


class Model(Protocol):
    """What is told of a run before its model is loaded."""

    @property
    def inputs(self) -> Inputs: ...
    @property
    def labels(self) -> LabelSet: ...
    @property
    def chosen(self) -> Chosen: ...
    @property
    def fingerprint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be answered, and into which file."""

    file: Path
    output: Path
    form: written.Form
    settings: Settings
    like: Path | None = None
    """A sample submission, as which the csv is filled in."""
    explain: bool = False
    explain_label: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """An order that was begun. Made by `begun`."""

    rows: int
    """Those of the file."""
    done: int
    """Those that were answered by a process before."""
    changed: tuple[str, ...]
    """What is no longer as it was then, for which they do not count: input, model, options, versions, or rows, which
    are those that were written."""
    sample: submission.Sample | None
    _order: Order
    _texts: Iterable[str | tuple[str, str]]
    _unfinished: resumable.Unfinished

    @property
    def answered(self) -> int:
        """Those that are answered by now."""
        return self._unfinished.rows

    def answer(self, model: Predictor) -> Iterator[Sequence[Prediction]]:
        """Answers the other rows in portions, each of which is written before it is given. Behind the last one the file
        stands there, whole. DataError where it is not of as many rows any more; OutputError."""
        if self.done:  # other threads would share out the texts otherwise, and end in other bits
            runtime.use_threads(self._unfinished.threads)
        self._unfinished.threads = runtime.threads_in_use()
        text_form: written.TextForm = "csv" if self._order.form == "csv" and self.sample is None else "jsonl"
        for answers in self._stream(model, islice(self._texts, self.done, None)):
            page = written.text(answers, text_form, first=self.answered == 0)
            self._unfinished.write(page, len(answers))
            yield answers
        if self.answered != self.rows:
            raise DataError(
                f"{self.answered:,} rows, and {self.rows:,} when it was read before",
                where=str(self._order.file),
                expected="a file that stays as it is while it is answered",
            )
        self._finish()

    def _stream(self, model: Predictor, texts: Texts) -> Iterator[Sequence[Prediction]]:
        least, order = self._order.settings.min_confidence, self._order
        if order.explain or order.explain_label is not None:
            return occlusion.stream(model, texts, label=order.explain_label, min_confidence=least)
        return model.stream(texts, min_confidence=least)

    def _finish(self) -> None:
        with self._unfinished.told():
            documents = map(json.loads, self._unfinished.lines())
            if self.sample is not None:
                submission.write(self._unfinished.whole, self.sample, documents)
            elif self._order.form == "parquet":
                written.parquet(self._unfinished.whole, documents)
        self._unfinished.finish()


@contextmanager
def begun(order: Order, model: Model) -> Iterator[Job]:
    """The order, begun or taken up again, in whose block no other process can have it. What was answered in it is kept,
    however it ends: the same order goes on there, and ends with the same bytes as if it had never been stopped.

    What is wrong with the file or the sample raises DataError before anything is written; RunBusyError where another
    process has the order; OutputError where the disk does not take it.
    """
    if order.form == "parquet":
        written.require_parquet()
    texts = unseen.texts_of(str(order.file), order.settings, model.inputs)
    rows = unseen.count(texts, str(order.file))
    sample = None
    if order.like is not None:
        sample = submission.read(order.like, order.file, model.labels, encoding=order.settings.encoding)
    options: dict[str, object] = {name: getattr(order.settings, name) for name in READ}
    options |= {
        "form": order.form, "explain": [order.explain, order.explain_label], "portion": predictor.CHUNK_ROWS,
        "like": None if order.like is None else _sha256(order.like), "engine": model.chosen.engine,
    }  # fmt: skip
    about = {
        "input": _sha256(order.file), "model": model.fingerprint, "options": options, "versions": runtime.versions(),
    }  # fmt: skip
    with resumable.opened(order.output, about) as unfinished:
        yield Job(rows, unfinished.rows, unfinished.changed, sample, order, texts, unfinished)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
