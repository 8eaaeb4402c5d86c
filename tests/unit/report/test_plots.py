from __future__ import annotations

import logging
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from whet.report import plots
from whet.report.plots import Whisker

LINE = [(float(step), 1 / step) for step in range(1, 2000)]


def parsed(svg: str) -> ElementTree.Element:
    """A drawing of the page as the document that it would be alone."""
    named = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return ElementTree.fromstring(svg.replace("<svg", named, 1))


def drawings() -> dict[str, str]:
    numbers = np.random.default_rng(0).normal(size=5000)
    return {
        "curve": plots.curve("loss", LINE, across="스텝", marks=LINE[::500]),
        "whiskers": plots.whiskers("scores", [Whisker("모델", 0.8, 0.7, 0.9), Whisker("TF-IDF", 0.7, 0.7, 0.7)]),
        "columns": plots.columns(
            "lengths", [Whisker("1–9", 0.8, 0.7, 0.9), Whisker("10–99", 0.6, 0.5, 0.7)], across="x"
        ),
        "ahead": plots.columns("ahead", [Whisker("1", 0.8, 0.7, 0.9), Whisker("2", 0.9, 0.7, 1)], across="x", ahead=1),
        "reliability": plots.reliability("reliability", [(0.5, 0.4, 10), (0.9, 0.95, 90)], across="x"),
        "cloud": plots.cloud("cloud", numbers, numbers + 1, across="x"),
        "histogram": plots.histogram("residuals", numbers, across="x"),
    }


def test_drawings_are_well_formed_small_and_have_no_colour_or_font_of_their_own() -> None:
    for name, svg in drawings().items():
        parsed(svg)
        assert len(svg) < 120_000, name
        assert "#0" not in svg, name
        assert "font-family" not in svg, name
        assert "var(--accent)" in svg, name


def test_the_same_numbers_give_the_same_bytes_whatever_a_matplotlibrc_says() -> None:
    before = drawings()
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "svg.fonttype": "path"}):
        assert drawings() == before
        assert matplotlib.rcParams["font.size"] == 30


def test_texts_are_put_in_as_they_are_and_nothing_in_them_is_markup_or_mathematics(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = "@0@ $\\alpha$ <b> & 긍정 😀"
    with caplog.at_level(logging.WARNING):
        svg = plots.whiskers("scores", [Whisker(name, 0.8, 0.7, 0.9)])
    assert [text.text for text in parsed(svg).iter("{http://www.w3.org/2000/svg}text")][-1] == name
    assert caplog.records == []


def test_a_long_curve_is_thinned_to_means_and_a_short_one_is_not() -> None:
    thin = plots._thinned(LINE, plots.POINTS)
    assert len(thin) == plots.POINTS
    assert thin[0] == (pytest.approx(4.0), pytest.approx(np.mean([1 / step for step in range(1, 8)])))
    assert plots._thinned(LINE[:7], plots.POINTS) == LINE[:7]


def test_drawing_opens_no_window_and_leaves_the_logger_as_it_was(tmp_path: Path) -> None:
    logging.getLogger("matplotlib").setLevel(logging.INFO)
    plots.histogram("residuals", np.arange(9.0), across="x")
    assert logging.getLogger("matplotlib").level == logging.INFO
    logging.getLogger("matplotlib").setLevel(logging.NOTSET)
    assert list(tmp_path.iterdir()) == []
