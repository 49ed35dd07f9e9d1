"""Curves and intervals as small SVG drawings of our own; colours are those of report.css. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .markup import Markup, folded, joined, listed, slug, table, tag

Point = tuple[float, float]
WIDE, TALL = 960.0, 300.0
LEFT, RIGHT, TOP, BELOW = 62.0, 12.0, 10.0, 30.0
COLOURS = 8  # of report.css: line-0 … line-7, each with dashes of its own
TOLD = 8  # steps in the table of a drawing


@dataclass(frozen=True)
class Line:
    """`look` is the number of its colour and dashes; `faint` lies below and is no part of the
    table: what is raw beside what is smoothed.
    """

    name: str
    points: Sequence[Point]
    look: int = 0
    faint: bool = False


@dataclass(frozen=True)
class Interval:
    name: str
    mean: float
    low: float
    high: float


def chart(title: str, lines: Sequence[Line], across: str = "step") -> Markup:
    """`lines` over steps, with a legend and the same as a table. Empty where there is nothing."""
    real = [[p for p in line.points if math.isfinite(p[1])] for line in lines]
    lines = [replace(line, points=own) for line, own in zip(lines, real, strict=True) if own]
    if not lines:
        return Markup("")
    xs = [x for line in lines for x, _ in line.points]
    low, high = _range(lines)
    frame = _Frame(min(xs), max(*xs, min(xs) + 1), low, high)
    drawn = [_path(line, frame) for line in sorted(lines, key=lambda line: not line.faint)]
    words = "; ".join(
        f"{line.name}: from {line.points[0][1]:.4g} to {line.points[-1][1]:.4g}"
        for line in lines
        if not line.faint
    )
    legend = listed(joined([_swatch(line), line.name]) for line in lines)
    return tag(
        "figure",
        tag("figcaption", title),
        _svg(title, words, [*_axes(frame, across), *drawn], TALL),
        tag("div", legend, class_="legend"),
        folded("As figures", _figures(title, [line for line in lines if not line.faint], across)),
    )


@dataclass(frozen=True)
class _Frame:
    first: float
    last: float
    low: float
    high: float

    def at(self, point: Point) -> Point:
        x = LEFT + (point[0] - self.first) / (self.last - self.first) * (WIDE - LEFT - RIGHT)
        share = (point[1] - self.low) / (self.high - self.low)
        return x, TALL - BELOW - min(max(share, 0.0), 1.0) * (TALL - TOP - BELOW)


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """From 0, and so that a few wild values of what is raw do not press the rest flat."""
    tops, least = [], 0.0
    for line in lines:
        values = sorted(y for _, y in line.points)
        tops.append(values[int(0.98 * (len(values) - 1))] if line.faint else values[-1])
        least = min(least, values[0])
    top = max(tops)
    return least, top * 1.05 if top > least else least + 1.0


def _path(line: Line, frame: _Frame) -> Markup:
    places = [frame.at(point) for point in line.points]
    kind = f"line-{line.look % COLOURS}" + (" faint" if line.faint else "")
    if len(places) == 1:
        (x, y) = places[0]
        return _dot(x, y, 3, f"{kind} dot")
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_=kind)


def _axes(frame: _Frame, across: str) -> list[Markup]:
    parts = []
    for value in ticks(frame.low, frame.high):
        _, y = frame.at((frame.first, value))
        parts.append(tag("path", d=f"M{LEFT} {y:.1f}H{WIDE - RIGHT}", class_="rule"))
        parts.append(tag("text", f"{value:.4g}", x=LEFT - 8, y=f"{y + 4:.1f}", class_="end"))
    for value in ticks(frame.first, frame.last):
        x, _ = frame.at((value, frame.low))
        parts.append(tag("text", f"{value:g}", x=f"{x:.1f}", y=TALL - 10, class_="middle"))
    parts.append(tag("text", across, x=LEFT - 8, y=TALL - 10, class_="end quiet"))
    return parts


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in `low`..`high`: 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low] if math.isfinite(low) else []
    rough = span / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = size * next(one for one in (1, 2, 5, 10) if rough <= one * size * 1.0001)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, first + 3 * about) if n * step <= high + 1e-9 * span]


def intervals(title: str, found: Sequence[Interval], marks: Sequence[tuple[str, float]]) -> Markup:
    """Means with their intervals, one below the other, and `marks` as upright lines."""
    if not found:
        return Markup("")
    values = [v for one in found for v in (one.low, one.high)] + [value for _, value in marks]
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or 0.5
    low, high = low - room, high + room
    left, row = 200.0, 24.0
    tall = row * len(found) + 34

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDE - left - RIGHT)

    parts = []
    for value in ticks(low, high):
        parts.append(tag("path", d=f"M{x(value):.1f} 6V{tall - 26:.1f}", class_="rule"))
        parts.append(tag("text", f"{value:.4g}", x=f"{x(value):.1f}", y=tall - 8, class_="middle"))
    for name, value in marks:
        parts.append(tag("path", d=f"M{x(value):.1f} 6V{tall - 26:.1f}", class_=f"mark {name}"))
    for number, one in enumerate(found):
        y = 6 + row * (number + 0.5)
        short = one.name if len(one.name) <= 28 else f"{one.name[:27]}…"
        parts.append(tag("text", short, x=left - 10, y=f"{y + 4:.1f}", class_="end"))
        whisker = f"M{x(one.low):.1f} {y:.1f}H{x(one.high):.1f}"
        parts.append(tag("path", d=whisker, class_="line-0 whisker"))
        parts.append(_dot(x(one.mean), y, 4, "line-0 dot"))
    words = "; ".join(f"{o.name}: {o.mean:.3g}, {o.low:.3g} to {o.high:.3g}" for o in found)
    return _svg(title, words, parts, tall)


def points(title: str, found: Sequence[tuple[str, Point, bool]], names: tuple[str, str]) -> Markup:
    """Named points over two scores; those that are chosen are filled and larger."""
    if not found:
        return Markup("")
    xs, ys = ([point[axis] for _, point, _ in found] for axis in (0, 1))
    spare = [(max(v) - min(v)) * 0.1 or 0.05 for v in (xs, ys)]
    frame = _Frame(min(xs) - spare[0], max(xs) + spare[0], min(ys) - spare[1], max(ys) + spare[1])
    parts = _axes(frame, "")
    middle = (LEFT + WIDE - RIGHT) / 2
    parts.append(tag("text", names[0], x=middle, y=TALL + 10, class_="middle quiet"))
    parts.append(tag("text", names[1], x=LEFT + 6, y=TOP + 10, class_="quiet"))
    for name, point, chosen in found:
        x, y = frame.at(point)
        kind = "line-1 chosen" if chosen else "line-0 dot"
        parts.append(_dot(x, y, 7 if chosen else 4, kind))
        left = x > WIDE - 160
        place = {"x": f"{x - 10 if left else x + 10:.1f}", "y": f"{y + 4:.1f}"}
        parts.append(tag("text", name[:40], class_="end" if left else None, **place))
    words = "; ".join(
        f"{name}{' (chosen)' if chosen else ''}: {x:.3g}, {y:.3g}" for name, (x, y), chosen in found
    )
    return _svg(title, words, parts, TALL + 20)


def _dot(x: float, y: float, size: int, kind: str) -> Markup:
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=size, class_=kind)


def _svg(title: str, words: str, parts: Sequence[Markup], tall: float) -> Markup:
    name = slug(title + words)
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", words, id=f"{name}-desc"),
        *parts,
        viewBox=f"0 0 {WIDE:g} {tall:g}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
    )


def _swatch(line: Line) -> Markup:
    kind = f"line-{line.look % COLOURS}" + (" faint" if line.faint else "")
    stroke = tag("path", d="M0 5H28", class_=kind)
    return tag("svg", stroke, viewBox="0 0 28 10", width=28, height=10, aria_hidden="true")


def _figures(title: str, lines: Sequence[Line], across: str) -> Markup:
    steps = sorted({x for line in lines for x, _ in line.points})
    some = [steps[round(n * (len(steps) - 1) / (TOLD - 1))] for n in range(TOLD)]
    values = [dict(line.points) for line in lines]

    def rows():
        for step in dict.fromkeys(some):
            yield [f"{step:g}", *(f"{of[step]:.4g}" if step in of else "" for of in values)]

    return table(title, [across.capitalize(), *(line.name for line in lines)], rows())
