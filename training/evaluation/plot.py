"""Fidelity over prompt following, a point for each checkpoint and strength, as a picture. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (768, 512)
EDGE = (72, 40, 32, 56)  # left, top, right, bottom
PAPER, GRID, INK, QUIET = "#1b1d22", "#33363e", "#c9ccd3", "#8b919c"
KEPT, OUT, CHOSEN = "#6ea8fe", "#e5705f", "#ffb454"
RADIUS = 5

Point = Mapping[str, Any]  # as in `Recommendation.points`


def draw_plot(points: Sequence[Point]) -> Image.Image:
    """Shares: up is identity from the base to real pictures, right is following as the base does.

    Bars are 95 % intervals; red points are outside a limit, the ring is what is recommended.
    """
    picture = Image.new("RGB", SIZE, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    shown = [point for point in points if point["fidelity"]["mean"] is not None]
    if not shown:
        pen.text((SIZE[0] / 2, SIZE[1] / 2), "nothing to show", INK, font, anchor="mm")
        return picture
    across, up = _range(shown, "prompt", 1.0), _range(shown, "fidelity", 0.0, 1.0)
    chart = _Chart(pen, font, across, up)
    chart.grid()
    for strength in sorted({point["strength"] for point in shown}):
        line = sorted(
            (point for point in shown if point["strength"] == strength),
            key=lambda point: point["checkpoint"] or 0,
        )
        if len(line) > 1:
            pen.line([chart.at(_x(point), point["fidelity"]["mean"]) for point in line], QUIET)
    for point in shown:
        chart.point(point)
    chart.mark(1.0, 0.0, "base")
    return picture


class _Chart:
    def __init__(
        self,
        pen: ImageDraw.ImageDraw,
        font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
        across: tuple[float, float],
        up: tuple[float, float],
    ) -> None:
        self.pen, self.font, self.across, self.up = pen, font, across, up

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, above, right, below = EDGE
        share_x = (x - self.across[0]) / (self.across[1] - self.across[0])
        share_y = (y - self.up[0]) / (self.up[1] - self.up[0])
        return (
            left + share_x * (SIZE[0] - left - right),
            SIZE[1] - below - share_y * (SIZE[1] - above - below),
        )

    def grid(self) -> None:
        for part in range(5):
            x = self.across[0] + (self.across[1] - self.across[0]) * part / 4
            y = self.up[0] + (self.up[1] - self.up[0]) * part / 4
            self.pen.line([self.at(x, self.up[0]), self.at(x, self.up[1])], GRID)
            self.pen.line([self.at(self.across[0], y), self.at(self.across[1], y)], GRID)
            low = self.at(x, self.up[0])
            self.pen.text((low[0], low[1] + 6), f"{x:.0%}", QUIET, self.font, anchor="ma")
            side = self.at(self.across[0], y)
            self.pen.text((side[0] - 8, side[1]), f"{y:.0%}", QUIET, self.font, anchor="rm")
        self.pen.text((EDGE[0], 10), "↑ identity: base 0 %, real 100 %", INK, self.font)
        end = (SIZE[0] - EDGE[2], SIZE[1] - 20)
        self.pen.text(end, "prompts followed: base 100 % →", INK, self.font, anchor="rm")

    def point(self, point: Point) -> None:
        middle = self.at(_x(point), point["fidelity"]["mean"])
        colour = OUT if point["flags"] else KEPT
        for name in ("fidelity", "prompt"):
            ends = [point[name]["low"], point[name]["high"]]
            if None in ends:
                continue
            upright, height = name == "fidelity", point["fidelity"]["mean"]
            self.pen.line(
                [self.at(_x(point), end) if upright else self.at(end, height) for end in ends],
                colour,
            )
        self._disc(middle, RADIUS, colour)
        if point["chosen"]:
            x, y = middle
            far = RADIUS + 5
            self.pen.ellipse((x - far, y - far, x + far, y + far), outline=CHOSEN, width=3)
        self.pen.text((middle[0] + 12, middle[1] - 16), _short(point["label"]), INK, self.font)

    def mark(self, x: float, y: float, text: str) -> None:
        place = self.at(x, y)
        self._disc(place, RADIUS - 1, QUIET)
        self.pen.text((place[0] + 12, place[1] - 16), text, QUIET, self.font)

    def _disc(self, place: tuple[float, float], radius: float, colour: str) -> None:
        x, y = place
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), colour)


def _x(point: Point) -> float:
    """Where no encoder knows prompts, all points stand at the base's."""
    mean = point["prompt"]["mean"]
    return 1.0 if mean is None else mean


def _range(points: Sequence[Point], name: str, *always: float) -> tuple[float, float]:
    values = [*always]
    for point in points:
        values += [point[name][part] for part in ("mean", "low", "high")]
    numbers = [value for value in values if value is not None]
    low, high = min(numbers), max(numbers)
    room = max(0.1 * (high - low), 0.05)
    return low - room, high + room


def _short(label: str) -> str:
    return label if len(label) <= 28 else f"{label[:27]}…"
