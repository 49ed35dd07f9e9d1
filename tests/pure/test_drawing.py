"""Drawings of reports: round numbers at their sides, any values, and the same in words."""

import math
import xml.etree.ElementTree as Xml
from typing import Any

import pytest

from atelier.training.compare_plot import COLOURS, plot
from atelier.training.report.drawing import Interval, Line, chart, intervals, points, ticks


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (1, 400, [100, 200, 300, 400]),
        (0, 0.00012, [0, 5e-5, 1e-4]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (3, 3, [3]),
    ],
)
def test_numbers_at_the_side_are_round(low, high, found):
    assert ticks(low, high) == pytest.approx(found)


@pytest.mark.parametrize(
    "values",
    [[1.0], [0.0, 0.0], [1e-9, 1e-8], [-5, 5], [1e30, 1], [math.nan, 1, math.inf, 2], [1] * 700],
    ids=range(7),
)
def test_any_values_can_be_drawn(values):
    drawn = chart("Loss", [Line("a", list(enumerate(values, 1))), Line("b", [], 1)])
    figure = Xml.fromstring(drawn)  # noqa: S314 - our own
    (svg,) = [one for one in figure.iter("svg") if one.get("role") == "img"]
    for line in svg.iter("polyline"):
        for place in line.attrib["points"].split():
            x, y = map(float, place.split(","))
            assert 0 <= x <= 960 and 0 <= y <= 300
    assert "nan" not in drawn and "inf" not in drawn and "<table>" in drawn


def test_a_drawing_is_told_in_words_and_figures():
    drawn = chart("Loss", [Line("held-out", [(1, 0.5), (10, 0.25)])])
    assert "held-out: from 0.5 to 0.25" in drawn and "<td>0.25</td>" in drawn
    assert chart("Loss", [Line("a", [])]) == "" == intervals("x", [], [])
    drawn = intervals("Identity", [Interval("step 100", 0.5, 0.4, 0.6)], [("ceiling", 0.9)])
    assert "step 100: 0.5, 0.4 to 0.6" in drawn
    drawn = points("x", [("a", (1.0, 0.5), True)], ("right", "up"))
    assert "a (chosen): 1, 0.5" in drawn


def test_runs_over_one_another_have_colours_of_their_own():
    def one(name, start):
        calm = [(n, start / n) for n in range(1, 50)]
        return {"name": name, "curves": {"smoothed": calm, "held_out": [(25, start / 9)]}}

    picture = plot([one("a", 1.0), one("b" * 99, 2.0)])
    found: Any = picture.getcolors(1 << 20)
    colours = {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in found}
    assert {COLOURS[0], COLOURS[1]} <= colours and COLOURS[2] not in colours
    empty = plot([{"name": "c", "curves": {"smoothed": [], "held_out": []}}])
    assert empty.size == picture.size
