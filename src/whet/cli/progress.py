"""What happens while a job runs, on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from whet.cli import planned, searched, show
from whet.cli.texts import Words, count
from whet.forecast import Plan
from whet.records import (
    AnswerStep,
    Checked,
    CurvePoint,
    CurveStep,
    Evaluation,
    HeldOut,
    Metrics,
    Notice,
    Revision,
    SeveralScores,
    Stage,
    StepRecord,
    ValueScores,
)

if TYPE_CHECKING:
    from rich.console import Console

    from whet.settings.config import Settings

SHOWN = {  # of the scores of an evaluation
    Metrics: ("accuracy", "macro_f1"), SeveralScores: ("macro_f1", "micro_f1"), ValueScores: ("pearson", "mae"),
}  # fmt: skip
WINDOW = 20  # step records that the shown speed is taken over
End = TypeVar("End")
Answer = TypeVar("Answer")


class Reporter(Protocol):
    """Shows the events of a job, one at a time, between enter and exit."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: object) -> None: ...


def reporter(console: Console, words: Words, settings: Settings) -> Reporter:
    """The reporter that fits: warnings only with --quiet, a bar on a terminal, else lines."""
    if settings.quiet:
        return Quiet(console, words)
    if console.is_terminal and not console.is_dumb_terminal:
        return Bars(console, words)
    return Lines(console, words, settings.log_every)


def watch(events: Iterable[object], shown_by: Reporter, end: type[End]) -> End:
    """Shows every event and returns the last, which is the job's end."""
    last: object = None
    with shown_by:
        for event in events:
            last = event
            shown_by.show(event)
    assert isinstance(last, end), f"the job ended without {end.__name__}"
    return last


class Speed:
    """Tokens per second over the last step records, and the time that is left."""

    def __init__(self) -> None:
        self._seen: deque[StepRecord] = deque(maxlen=WINDOW)

    def add(self, record: StepRecord) -> None:
        self._seen.append(record)

    def tokens_per_second(self) -> float:
        """Over the window; over the whole training while there is one record only."""
        last, first = self._seen[-1], self._seen[0]
        tokens, seconds = last.tokens - first.tokens, last.train_seconds - first.train_seconds
        if seconds <= 0:
            tokens, seconds = last.tokens, last.train_seconds
        return tokens / seconds if seconds > 0 else 0.0

    def seconds_left(self) -> float:
        """At the mean speed so far."""
        last = self._seen[-1]
        return last.train_seconds / last.step * (last.steps - last.step)


class Quiet:
    """Nothing but warnings."""

    def __init__(self, console: Console, words: Words) -> None:
        self.console = console
        self.words = words

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, event: object) -> None:
        if isinstance(event, Notice) and event.severity == "warning":
            self.say(notice_line(self.words, event))

    def say(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True)


class Lines(Quiet):
    """Plain lines: every stage, every `log_every` steps, every evaluation and notice."""

    def __init__(self, console: Console, words: Words, log_every: int) -> None:
        super().__init__(console, words)
        self._log_every = log_every
        self._speed = Speed()
        self._far = 0  # tenths of the texts of a teacher

    def show(self, event: object) -> None:
        if isinstance(event, Stage):
            self.say(stage_line(self.words, event))
        elif isinstance(event, Notice):
            self.say(notice_line(self.words, event))
        elif isinstance(event, Checked):
            show.checked(self.console, self.words, event)
            self.console.print()
        elif isinstance(event, Plan):
            self.say(Text(planned.brief(self.words, event)))
        elif isinstance(event, Revision):
            self.say(Text(revision_text(self.words, event)))
        elif isinstance(event, Evaluation):
            self.say(evaluation_line(self.words, event))
        elif isinstance(event, HeldOut):
            self.say(Text(held_out_text(self.words, event)))
        elif isinstance(event, StepRecord):
            self._speed.add(event)
            self.step(event, self._speed)
        elif isinstance(event, AnswerStep):
            self.answer_step(event)
        elif isinstance(event, CurveStep):
            self.curve_step(event)
        elif isinstance(event, CurvePoint):
            self.say(Text(curve_text(self.words, event)))
        elif (line := searched.line(self.words, event)) is not None:
            self.say(line)

    def answer_step(self, event: AnswerStep) -> None:
        far = 10 * event.done // event.texts
        if far != self._far:
            self.say(Text(answer_text(self.words, event)))
        self._far = far

    def curve_step(self, event: CurveStep) -> None:
        if event.step % self._log_every == 0:
            share = f"{100 * event.share:g}"
            self.say(Text(self.words("curve step").format(share=share, step=event.step, steps=event.steps)))

    def step(self, record: StepRecord, speed: Speed) -> None:
        if record.step % self._log_every == 0 or record.step == record.steps:
            self.say(Text(step_text(self.words, record, speed)))


class Bars(Lines):
    """A bar that moves with every step; stages, evaluations and notices stay above it."""

    def __init__(self, console: Console, words: Words) -> None:
        super().__init__(console, words, 1)
        self.bar = _bar(console)
        self._task: TaskID | None = None
        self._stage = ""

    def __enter__(self) -> Reporter:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def show(self, event: object) -> None:
        if isinstance(event, Stage):
            self._begin(event.name)
        super().show(event)

    def step(self, record: StepRecord, speed: Speed) -> None:
        if self._task is None or self._stage != "train":
            self._begin("train")
        assert self._task is not None
        right = step_text(self.words, record, speed, short=self.console.width < 100)
        self.bar.update(self._task, total=record.steps, completed=record.step, right=right)
        if record.step == record.steps:
            # The bar goes with its stage; the last loss and speed stay on the screen.
            self.say(Text(step_text(self.words, record, speed)))

    def answer_step(self, event: AnswerStep) -> None:
        assert self._task is not None  # its stage has begun
        right = answer_text(self.words, event)
        self.bar.update(self._task, total=event.texts, completed=event.done, right=right)

    def curve_step(self, event: CurveStep) -> None:
        assert self._task is not None  # its stage has begun
        right = f"{100 * event.share:g} %: {event.step}/{event.steps}"
        self.bar.update(self._task, total=event.steps, completed=event.step, right=right)

    def _begin(self, name: str) -> None:
        if self._task is not None:
            self.bar.remove_task(self._task)
        self._stage = name
        self._task = self.bar.add_task(self.words(f"stage {name}"), total=None, right="")


def answered(
    chunks: Iterable[Sequence[Answer]], rows: int, console: Console, words: Words, *, before: int = 0
) -> Iterator[Sequence[Answer]]:
    """The same chunks of the answers to so many rows, `before` of which were answered earlier; how far they are is told
    after each, by a bar on a terminal, else by a line a tenth. Of the only chunk there is nothing to tell."""
    started, done, said = time.monotonic(), before, 10 * before // max(rows, 1)
    moves = console.is_terminal and not console.is_dumb_terminal
    with ExitStack() as stack:
        bar: Progress | None = None
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            if len(chunk) == rows:
                continue
            rate = (done - before) / max(time.monotonic() - started, 1e-6)
            far = words("answered short" if moves else "answered").format(
                done=count(done),
                rows=count(rows),
                rate=count(round(rate)) if rate >= 10 else f"{rate:.1f}",
                left=words.duration((rows - done) / rate),
            )
            if moves:
                if bar is None:
                    bar = stack.enter_context(_bar(console))
                    bar.add_task(words("stage predict"), total=rows, right="")
                bar.update(bar.task_ids[0], completed=done, right=far)
            elif 10 * done // rows > said:
                said = 10 * done // rows
                console.print(far, soft_wrap=True)


def _bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=min(40, max(8, console.width - 72))),
        TextColumn("{task.fields[right]}", markup=False),
        console=console,
        transient=True,
    )


def step_text(words: Words, record: StepRecord, speed: Speed, *, short: bool = False) -> str:
    """`step 100/1125 epoch 0.53 loss 0.412 3,210 tokens/s 2 min 10 s left`."""
    return words("step short" if short else "step").format(
        step=record.step,
        steps=record.steps,
        epoch=f"{record.epoch:.2f}",
        loss=f"{record.loss:.3f}",
        rate=count(round(speed.tokens_per_second())),
        left=words.duration(speed.seconds_left()),
    )


def revision_text(words: Words, event: Revision) -> str:
    """`step 450: now 760 steps, which fit into the 2 min 10 s left for training`."""
    left = words.duration(event.seconds)
    return words("revision").format(step=count(event.step), steps=count(event.steps), left=left)


def curve_text(words: Words, event: CurvePoint) -> str:
    """What a part of the training rows brought."""
    share, seconds = f"{100 * event.share:g}", words.duration(event.seconds)
    return words("curve point").format(share=share, rows=count(event.rows), score=f"{event.score:.4f}", seconds=seconds)


def answer_text(words: Words, event: AnswerStep) -> str:
    """How far a teacher is."""
    return words("teacher far").format(done=count(event.done), texts=count(event.texts))


def evaluation_line(words: Words, event: Evaluation) -> Text:
    """The scores of one side at one moment."""
    line = words("evaluation" if event.step else "evaluation linear").format(
        epoch=f"{event.epoch:.2f}",
        side=words(event.side),
        loss=f"{event.loss:.3f}",
        scores=", ".join(f"{words(key)} {getattr(event.metrics, key):.4f}" for key in SHOWN[type(event.metrics)]),
        seconds=words.duration(event.seconds),
    )
    return Text(line + (words("best") if event.best else ""), style="bold" if event.best else "")


def held_out_text(words: Words, event: HeldOut) -> str:
    """How well held-out texts are told, before or after."""
    key = "held out after" if event.step else "held out before"
    tokens, seconds = count(event.tokens), words.duration(event.seconds)
    return words(key).format(tokens=tokens, loss=f"{event.loss:.3f}", seconds=seconds)


def notice_line(words: Words, event: Notice) -> Text:
    """`warning: ...` or `note: ...`."""
    return Text.assemble((words(event.severity), show.SEVERITY_STYLE[event.severity]), f": {words.of(event.message)}")


def stage_line(words: Words, event: Stage) -> Text:
    """`model: embedded MiniLM`."""
    name = words(f"stage {event.name}")
    return Text.assemble((name, "bold cyan"), f": {words.of(event.detail)}" if event.detail else "")
