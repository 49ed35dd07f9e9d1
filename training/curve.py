"""The loss curve as a picture: raw, smoothed, and held-out."""

from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (768, 384)
EDGE = (64, 24, 24, 40)  # left, top, right, bottom
PAPER, GRID, INK = "#1b1d22", "#33363e", "#c9ccd3"
RAW, SMOOTH, HELD_OUT = "#46536b", "#6ea8fe", "#ffb454"

FORGETS = 0.95  # share of the running mean that stays at each value

Point = tuple[float, float]


def smooth(values: Sequence[float], keep: float = FORGETS) -> list[float]:
    """Running mean that forgets, unbiased at its start (Kingma & Ba 2015, section 3)."""
    mean, weight, out = 0.0, 0.0, []
    for value in values:
        mean = keep * mean + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        out.append(mean / weight)
    return out


def thin(points: Sequence[Point], count: int = 600) -> list[Point]:
    """At most about `count` of the points, the last one always among them."""
    stride = max(1, len(points) // count)
    return [*points[:: stride or 1], points[-1]] if points else []


def envelope(points: Sequence[Point], count: int = 600) -> list[Point]:
    """At most about `count` of the points: of each stretch the lowest and the highest, in order.

    No peak is lost, as it is where every so many are taken; the first and the last stay.
    """
    if len(points) <= count:
        return list(points)
    length = -(-2 * len(points) // count)
    kept: list[Point] = [points[0]]
    for start in range(1, len(points) - 1, length):
        part = range(start, min(start + length, len(points) - 1))
        low, high = min(part, key=lambda n: points[n][1]), max(part, key=lambda n: points[n][1])
        kept += [points[n] for n in sorted({low, high})]
    return [*kept, points[-1]]


def draw_curve(lines: Sequence[dict[str, Any]]) -> Image.Image:
    """Draw a run's log (`Run.logged`): x is the step, y the loss."""
    raw = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    held = [(line["step"], line["held_out"]) for line in lines if "held_out" in line]
    picture = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    if not raw:
        pen.text((SIZE[0] / 2, SIZE[1] / 2), "no step yet", INK, font, anchor="mm")
        return picture
    calm = list(zip((step for step, _ in raw), smooth([loss for _, loss in raw]), strict=True))
    top = max(sorted(loss for _, loss in raw)[int(0.98 * (len(raw) - 1))], *(y for _, y in calm))
    top = max([top, *(y for _, y in held)]) * 1.05 or 1.0
    last = max(raw[-1][0], 2)

    def at(point: Point) -> Point:
        left, above, right, below = EDGE
        x = left + (point[0] - 1) / (last - 1) * (SIZE[0] - left - right)
        return x, SIZE[1] - below - min(point[1] / top, 1.0) * (SIZE[1] - above - below)

    for part in range(5):
        height = top * part / 4
        pen.line([at((1, height)), at((last, height))], GRID)
        pen.text((EDGE[0] - 8, at((1, height))[1]), f"{height:.3g}", INK, font, anchor="rm")
        step = 1 + (last - 1) * part / 4
        pen.text((at((step, 0))[0], SIZE[1] - 30), f"{step:.0f}", INK, font, anchor="ma")
    for points, colour, width in ((raw, RAW, 1), (calm, SMOOTH, 3), (held, HELD_OUT, 3)):
        if len(points) > 1:
            pen.line([at(point) for point in thin(points)], colour, width, joint="curve")
    words = f"loss {calm[-1][1]:.4f}" + (f"   held-out {held[-1][1]:.4f}" if held else "")
    pen.text((EDGE[0] + 8, 6), words, INK, font)
    return picture
