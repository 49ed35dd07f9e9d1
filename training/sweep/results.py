"""A sweep's points side by side: settings, scores with intervals, cost; the best, and the front.

Pure: plan and journal in, rows out.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from .kept import DONE, Kept, Point
from .plan import Sweep

LOWER = ("loss", "copying", "leakage", "drift", "distance")  # words of scores where less is better
_FORMULA = "=+-@\t\r"  # what a spreadsheet takes for a formula at the start of a text

Row = dict[str, Any]


def rows(sweep: Sweep, points: Sequence[Point]) -> list[Row]:
    """One row for each point, as JSON has it."""
    found = []
    for number, point in enumerate(points):
        told = point.told
        facts = told.get("facts") or {}
        values = dict(zip(labels(sweep), sweep.points[number], strict=True))
        row: Row = {
            "point": number + 1,
            "name": sweep.point_name(number),
            "state": point.state,
            "values": values,
        }
        if point.state == DONE:
            row |= {
                "runs": list(told.get("runs", [])),
                "files": list(told.get("files", [])),
                "pictures": list(told.get("pictures", [])),
                "scores": scores_of(point),
                "seconds": told.get("seconds"),
                "training_seconds": facts.get("seconds"),
                "bytes": facts.get("bytes"),
                "steps": facts.get("steps"),
                "ended_early": bool(told.get("ended_early")),
            }
        elif told.get("error"):
            row["error"] = told["error"]
        found.append(row)
    return found


def scores_of(point: Point) -> dict[str, dict[str, float]]:
    """Those that the run logged, and those of the grid that was drawn and scored after it."""
    facts = point.told.get("facts") or {}
    return facts.get("scores", {}) | point.told.get("scores", {})


def labels(sweep: Sweep) -> list[str]:
    """The names of the axes; with the node's, and its number, where one comes twice."""
    inputs = [axis.input for axis in sweep.axes]
    names = [a.label if inputs.count(a.input) > 1 else a.input for a in sweep.axes]
    return [
        f"{name} (node {axis.node})" if names.count(name) > 1 else name
        for name, axis in zip(names, sweep.axes, strict=True)
    ]


def table(kept: Kept) -> dict[str, Any]:
    """All that a page or a JSON file shows of a sweep."""
    sweep = kept.sweep()
    found = rows(sweep, kept.points(len(sweep.points)))
    names = scores(found)
    return {
        "name": kept.name,
        "mode": sweep.mode,
        "seed": sweep.seed,
        "axes": labels(sweep),
        "scores": names,
        "best": {name: best(found, name) for name in names},
        "rows": found,
    }


def scores(found: Sequence[Row]) -> list[str]:
    """The names of all scores, in the order in which they are met."""
    return list(dict.fromkeys(name for row in found for name in row.get("scores", {})))


def lower_is_better(score: str) -> bool:
    return any(word in score.lower() for word in LOWER)


def best(found: Sequence[Row], score: str) -> list[int]:
    """The points that are best by a score: all whose interval reaches that of the very best."""
    sign = -1 if lower_is_better(score) else 1
    told = {row["point"]: row["scores"][score] for row in found if score in row.get("scores", {})}
    if not told:
        return []
    ordered = sorted(told, key=lambda point: -sign * told[point]["value"])
    least = min(_ends(told[ordered[0]], sign))
    return [point for point in ordered if max(_ends(told[point], sign)) >= least]


def _ends(score: dict[str, float], sign: int) -> tuple[float, float]:
    value = score["value"]
    return sign * score.get("low", value), sign * score.get("high", value)


def pareto(found: Sequence[Row], wanted: Sequence[str]) -> list[int]:
    """The points than which none is better in one of the scores and as good in all others.

    `seconds`, `training_seconds` and `bytes` may be among them: less is better.
    """
    told = {}
    for row in found:
        values = [_good(row, name) for name in wanted]
        if all(value is not None for value in values):
            told[row["point"]] = values
    return [
        point
        for point, mine in told.items()
        if not any(
            all(o >= m for o, m in zip(other, mine, strict=True)) and other != mine
            for other in told.values()
        )
    ]


def _good(row: Row, name: str) -> float | None:
    """The higher, the better."""
    score = row.get("scores", {}).get(name)
    if score:
        return -score["value"] if lower_is_better(name) else score["value"]
    cost = row.get(name) if name in ("seconds", "training_seconds", "bytes") else None
    return None if cost is None else -cost


def to_csv(found: Sequence[Row], axes: Sequence[str]) -> str:
    """A line for each point, for any spreadsheet."""
    names = scores(found)
    columns = [column for name in names for column in (name, f"{name} low", f"{name} high")]
    costs = ["steps", "seconds", "training_seconds", "bytes"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["point", "state", *axes, *columns, *costs, "runs", "files", "error"])
    for row in found:
        told = [row.get("scores", {}).get(name, {}) for name in names]
        writer.writerow(
            [
                row["point"],
                row["state"],
                *(_plain(row["values"][axis]) for axis in axes),
                *(one.get(key, "") for one in told for key in ("value", "low", "high")),
                *(row.get(cost, "") for cost in costs),
                _plain(" ".join(row.get("runs", []))),
                _plain(" ".join(row.get("files", []))),
                _plain(row.get("error", "")),
            ]
        )
    return out.getvalue()


def _plain(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple(_FORMULA) else value
