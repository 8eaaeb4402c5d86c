"""Figures of a report as SVG, drawn by matplotlib, for a page that gives them their colours and fonts.

Texts are drawn as marks that are put in afterwards: no font of this machine has to know their letters, nothing in them
is taken for markup, and the page chooses the font. Colours are CSS custom properties (`--ink`, `--muted`, `--line`,
`--accent`), so that light and dark both fit. The same numbers give the same bytes.
"""

from __future__ import annotations

import html
import io
import logging
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whet.records import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE, ACCENT = "#010101", "#020202", "#030303", "#040404"
VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)", ACCENT: "var(--accent)"}
WIDTH, HEIGHT = 360, 210  # units of the SVG: a phone shows them as pixels
CELL = 6.6  # units that a letter takes at most; Hangul takes two
POINTS = 300  # that a curve has at most
TREND = 40  # that the trend of a noisy one has
DOTS = 800  # that a cloud has at most
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "axes.edgecolor": LINE, "axes.linewidth": 1, "axes.labelcolor": MUTED,
    "axes.labelsize": 11, "axes.labelpad": 6, "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED, "xtick.major.size": 3, "ytick.major.size": 0, "ytick.major.pad": 6, "axes.grid": True,
    "axes.grid.axis": "y", "grid.color": LINE, "grid.linewidth": 0.75, "axes.axisbelow": True,
    "lines.linewidth": 1.75, "lines.solid_capstyle": "round", "figure.facecolor": "none", "axes.facecolor": "none",
    "text.color": MUTED, "lines.markersize": 5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whisker:
    """A number with the interval that it may lie in; without one `low` and `high` are the number."""

    name: str
    value: float
    low: float
    high: float


def curve(
    name: str, points: Sequence[tuple[float, float]], *, across: str, marks: Sequence[tuple[float, float]] = ()
) -> str:
    """A line through (x, y) points, thinned to their means, and single points upon it. A line of few points shows
    each of them; one with marks is noisy, and its trend is drawn over it where there are many."""
    thin = _thinned(points, POINTS)

    def paint(axes: Axes, say: Say) -> None:
        quiet = bool(marks)
        if thin:
            style = "o-" if len(thin) <= 12 else "-"
            noisy = quiet and len(points) > 2 * TREND
            (line,) = axes.plot(*zip(*thin, strict=True), style, color=MUTED if quiet else ACCENT, markersize=3.5)
            if noisy:
                line.set(linewidth=0.75, alpha=0.4)
                axes.plot(*zip(*_thinned(points, TREND), strict=True), color=MUTED)
        if marks:
            axes.plot(*zip(*marks, strict=True), "o-", color=ACCENT)
        axes.set_xlabel(say(across))
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)  # type: ignore[call-arg]
        axes.yaxis.get_major_locator().set_params(nbins=4)  # type: ignore[call-arg]
        axes.yaxis.set_major_formatter("{x:g}")
        axes.margins(x=0.02, y=0.08)

    return _svg(name, paint)


def whiskers(name: str, rows: Sequence[Whisker], *, first: int = 1) -> str:
    """Numbers side by side on one scale, each with its interval; the first few in the accent."""

    def paint(axes: Axes, say: Say) -> None:
        for place, row in enumerate(rows):
            colour = ACCENT if place < first else MUTED
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
            axes.plot([row.value], [place], "o", color=colour, markersize=8 if place < first else 6)
        axes.set_yticks(range(len(rows)), [say(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.xaxis.get_major_locator().set_params(nbins=5)  # type: ignore[call-arg]
        axes.margins(x=0.08)

    longest = max(_cells(row.name) for row in rows)
    return _svg(name, paint, left=min(140, 14 + CELL * longest), height=52 + 30 * len(rows))


def columns(name: str, rows: Sequence[Whisker], *, across: str, ahead: int = 0) -> str:
    """A number for each group in order, with its interval; the last `ahead` of them are expected, not measured."""

    def paint(axes: Axes, say: Say) -> None:
        places = range(len(rows))
        known = len(rows) - ahead
        for colour, some in ((ACCENT, slice(known)), (MUTED, slice(known, None))):
            lows, highs = [row.low for row in rows[some]], [row.high for row in rows[some]]
            axes.vlines(places[some], lows, highs, color=colour, linewidth=2)
            axes.plot(places[some], [row.value for row in rows[some]], "o", color=colour, markersize=7)
        axes.set_xticks(places, [say(row.name) for row in rows])
        axes.set_xlabel(say(across))
        axes.set_xlim(-0.5, len(rows) - 0.5)
        axes.yaxis.get_major_locator().set_params(nbins=4)  # type: ignore[call-arg]
        axes.margins(y=0.12)

    return _svg(name, paint)


def reliability(name: str, bins: Sequence[tuple[float, float, int]], *, across: str) -> str:
    """What was right of what a model was so sure of: (confidence, share that was right, rows) of each bin, larger
    dots for more rows, against the diagonal on which a calibrated model's lie."""

    def paint(axes: Axes, say: Say) -> None:
        start = max(0.0, np.floor(min(sure for sure, *_ in bins) * 10 - 0.5) / 10)
        axes.plot([start, 1], [start, 1], color=MUTED, linewidth=1, dashes=(3, 3))
        most = max(rows for *_, rows in bins)
        sizes = [14 + 110 * rows / most for *_, rows in bins]
        axes.scatter([b[0] for b in bins], [b[1] for b in bins], s=sizes, color=ACCENT, linewidths=0)
        axes.plot([b[0] for b in bins], [b[1] for b in bins], color=ACCENT, linewidth=1)
        axes.set_xlabel(say(across))
        axes.set_xlim(start - 0.02, 1.02)
        axes.set_ylim(min(start, *(right for _, right, _ in bins)) - 0.04, 1.06)

    return _svg(name, paint)


def dots(name: str, points: Sequence[tuple[int, float]], *, line: Sequence[tuple[int, float]], across: str) -> str:
    """Single (x, y) points, and a line of steps beside them."""

    def paint(axes: Axes, say: Say) -> None:
        axes.step(*zip(*line, strict=True), where="post", color=MUTED)
        axes.plot(*zip(*points, strict=True), "o", color=ACCENT)
        axes.set_xlabel(say(across))
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)  # type: ignore[call-arg]
        axes.yaxis.get_major_locator().set_params(nbins=4)  # type: ignore[call-arg]
        axes.yaxis.set_major_formatter("{x:g}")
        axes.margins(x=0.04, y=0.1)

    return _svg(name, paint)


def bars(name: str, shares: Sequence[tuple[str, float]]) -> str:
    """Shares of a whole below each other."""

    def paint(axes: Axes, say: Say) -> None:
        axes.barh(range(len(shares)), [share for _, share in shares], color=ACCENT, height=0.55)
        axes.set_yticks(range(len(shares)), [say(each) for each, _ in shares])
        axes.set_ylim(len(shares) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.xaxis.set_major_formatter("{x:.0%}")

    longest = max(_cells(each) for each, _ in shares)
    return _svg(name, paint, left=min(140, 14 + CELL * longest), height=52 + 30 * len(shares))


def cloud(name: str, true: Floats, predicted: Floats, *, across: str) -> str:
    """Predicted numbers against true ones, a part of them where there are many, and the diagonal."""
    every = max(1, -(-len(true) // DOTS))
    some, theirs = true[::every], predicted[::every]

    def paint(axes: Axes, say: Say) -> None:
        low, high = float(min(some.min(), theirs.min())), float(max(some.max(), theirs.max()))
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, dashes=(3, 3))
        axes.plot(some, theirs, "o", color=ACCENT, markersize=3.5, alpha=0.4, markeredgewidth=0)
        axes.set_xlabel(say(across))
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_major_locator().set_params(nbins=5)  # type: ignore[call-arg]

    return _svg(name, paint, height=300)


def histogram(name: str, values: Floats, *, across: str, height: int = HEIGHT) -> str:
    """How often numbers of each size are among them."""

    def paint(axes: Axes, say: Say) -> None:
        axes.hist(values, bins=min(31, max(5, len(values) // 10)), color=ACCENT, alpha=0.75, rwidth=0.9)
        axes.set_xlabel(say(across))
        axes.yaxis.get_major_locator().set_params(nbins=4, integer=True)  # type: ignore[call-arg]
        axes.xaxis.get_major_locator().set_params(nbins=6)  # type: ignore[call-arg]

    return _svg(name, paint, height=height)


class Say:
    """Gives a mark for each text that is to stand in a figure."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def __call__(self, text: str) -> str:
        self._texts.append(text)
        return f"@{len(self._texts) - 1}@"

    def put_in(self, svg: str) -> str:
        return re.sub(r"@(\d+)@", lambda mark: html.escape(self._texts[int(mark[1])]), svg)


def _svg(name: str, paint: Callable[[Axes, Say], None], *, left: float = 44, height: int = HEIGHT) -> str:
    """Draws into axes. `name` keeps the ids of the figures of a page apart."""
    say = Say()
    with _quiet():
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context():  # whatever a matplotlibrc says
            matplotlib.rcdefaults()
            matplotlib.rcParams.update({**STYLE, "svg.hashsalt": name})
            figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
            axes = figure.add_axes((left / WIDTH, 42 / height, (WIDTH - left - 8) / WIDTH, (height - 52) / height))
            paint(axes, say)
            svg = _written(figure)
    return say.put_in(_for_page(svg))


def _written(figure: Figure) -> str:
    """The figure as a file of its own would have it."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def _for_page(svg: str) -> str:
    """Without what belongs to a file of its own: its prologue, style sheet, fonts, colours and the ids of its parts."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]+"', body)
    assert view is not None, "matplotlib writes a viewBox"
    body = re.sub(r"<svg[^>]*>", f"<svg {view[0]}>", body, count=1)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*"|font-family: [^;"]*;? ?', "", body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, variable)
    return re.sub(r"\n\s*", "\n", body).strip()


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most so many points: the means of neighbours."""
    if len(points) <= most:
        return list(points)
    parts = np.array_split(np.array(points), most)
    return [(float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what matplotlib logs of its caches and of fonts, which nobody here chose."""
    logger = logging.getLogger("matplotlib")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
