"""Curves of several runs over one another, as a picture for the canvas. Pure."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from .curve import GRID, INK, PAPER
from .report.drawing import ticks

SIZE = (960, 480)
EDGE = (70, 20, 24, 40)  # left, top, right, bottom
# One after the other on a dark ground; those of report.css in the dark.
COLOURS = ("#8ab4f8", "#ffb454", "#7ed99a", "#e79bf2", "#67d4e8", "#ff9d94", "#b7a9ff", "#d9cb62")
MOST_NAMES = 16


def plot(runs: Sequence[dict[str, Any]]) -> Image.Image:
    """The smoothed loss of each run (as `compare.summary` tells it), and where it was measured the
    held-out loss as points.
    """
    picture = Image.new("RGB", SIZE, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    curves = [(one["curves"]["smoothed"], one["curves"]["held_out"]) for one in runs]
    points = [point for pair in curves for points in pair for point in points]
    if not points:
        pen.text((SIZE[0] / 2, SIZE[1] / 2), "no step yet", INK, font, anchor="mm")
        return picture
    last = max(2.0, *(x for x, _ in points))
    top = max(y for _, y in points) * 1.05 or 1.0

    def at(x: float, y: float) -> tuple[float, float]:
        left, above, right, below = EDGE
        across = (x - 1) / (last - 1) * (SIZE[0] - left - right)
        return left + across, SIZE[1] - below - max(y, 0.0) / top * (SIZE[1] - above - below)

    for value in ticks(0.0, top):
        pen.line([at(1, value), at(last, value)], GRID)
        pen.text((EDGE[0] - 8, at(1, value)[1]), f"{value:.3g}", INK, font, anchor="rm")
    for step in ticks(1.0, last):
        pen.text((at(step, 0)[0], SIZE[1] - 30), f"{step:g}", INK, font, anchor="ma")
    for number, (calm, held) in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        if len(calm) > 1:
            pen.line([at(*point) for point in calm], colour, 3, joint="curve")
        for x, y in (at(*point) for point in held):
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), PAPER, colour, 2)
    for number, one in enumerate(runs[:MOST_NAMES]):
        y = EDGE[1] + 4 + 18 * number
        pen.line([(SIZE[0] - 250, y + 8), (SIZE[0] - 226, y + 8)], COLOURS[number % 8], 3)
        name = one["name"] if len(one["name"]) <= 26 else f"{one['name'][:25]}…"
        pen.text((SIZE[0] - 218, y), name, INK, font)
    pen.text((EDGE[0] + 8, 4), "loss, smoothed; points: held-out", INK, font)
    return picture
