"""Runs side by side as one page and as text: only what differs, curves, scores, cost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compare import UNKNOWN
from ..evaluation.gallery import Gallery
from . import grid_part
from .drawing import Line, chart
from .grid_part import TITLES
from .markup import Markup, folded, section, table, tag
from .page import page
from .run_page import duration, value

_INPUTS = {
    "base": "base model's file",
    "model": "base model",
    "clip": "text encoder or captions",
    "vae": "VAE",
    "dataset": "pictures or captions",
    "held_out": "held-out pictures",
    "class_pictures": "class pictures",
    "continue_from": "LoRA to go on from",
}
_NOTHING = "–"


@dataclass(frozen=True)
class Shown:
    """What is shown beside the numbers: grids by the name of the run that they are of."""

    grids: Mapping[str, Gallery]
    cells: Path


def comparison(name: str, told: Mapping[str, Any], shown: Shown) -> str:
    """The page, of what `compare.compared` gave."""
    runs = told["runs"]
    names = [one["name"] for one in runs]
    parts = [
        section("summary", "Summary", _summary(runs)),
        section("differences", "What differs", *_differences(told, names)),
        section("curves", "Curves", *_charts(runs)),
        _grids(names, shown),
    ]
    under = f"{len(runs)} runs: {', '.join(names)}."
    return page(f"Runs compared: {name}", under, *parts)


def _summary(runs: Sequence[Mapping[str, Any]]) -> Markup:
    head = ["Run", "Base", "State", "Steps", "Loss", "Held-out loss", "At step"]
    head += ["Time", "Steps a second", "Memory"]
    return table("The runs", head, [[one["name"], *_row(one)] for one in runs])


def _row(one: Mapping[str, Any]) -> list[str]:
    paid = one["cost"]
    return [
        one["base"] or UNKNOWN,
        one["state"],
        f"{one['steps']} of {one['asked_steps']}",
        _number(one["loss"]),
        _number(one["held_out"]),
        _number(one["held_out_step"]),
        duration(paid["seconds"]) if paid["seconds"] else _NOTHING,
        _number(paid["steps_per_second"]),
        f"{paid['peak'] / 2**30:.2f} GiB" if paid["peak"] else _NOTHING,
    ]


def _number(one: float | None) -> str:
    return _NOTHING if one is None else f"{one:.4g}"


def _differences(told: Mapping[str, Any], names: Sequence[str]) -> list[Markup]:
    settings, inputs = told["settings"], told["inputs"]
    parts = []
    if settings:
        rows = [
            [setting, *(_setting(of[name]) for name in names)] for setting, of in settings.items()
        ]
        parts.append(table("Settings", ["Setting", *names], rows))
    if inputs:
        rows = [
            [_INPUTS.get(part, part), *(_mark(part, of[name]) for name in names)]
            for part, of in inputs.items()
        ]
        parts.append(table("What was wired, by fingerprint", ["Input", *names], rows))
    if not parts:
        parts.append(tag("p", "Nothing: the same was asked for."))
    return parts


def _setting(one: Any) -> str:
    return value(one) or _NOTHING


def _mark(part: str, one: Any) -> str:
    """A name as it is, of a fingerprint the beginning."""
    return str(one)[: None if part == "base" else 12] if one else _NOTHING


def _charts(runs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    kinds = {
        "Loss, smoothed": "smoothed",
        "Held-out loss": "held_out",
        "Learning rate": "learning_rate",
        "Gradient norm, before clipping": "grad_norm",
    }
    return [
        chart(title, [Line(one["name"], one["curves"][of], n) for n, one in enumerate(runs)])
        for title, of in kinds.items()
    ]


def _grids(names: Sequence[str], shown: Shown) -> Markup:
    """Each run's grid: its scores in a table of all, and its pictures folded."""
    there = [name for name in names if name in shown.grids]
    if not there:
        words = "No grid of these runs has been drawn, or none is called like its run."
        return section("scores", "Scores and grids", tag("p", words))
    found = {score for name in there for score in shown.grids[name].scores}
    known = [score for score in TITLES if score in found]
    rows = [row for name in there for row in _columns(name, shown.grids[name], known)]
    head = ["Run", "Column", *(TITLES[one] for one in known)]
    words = "Means with 95 % intervals. Grids of other prompts are not to be compared."
    pictures = [
        folded(f"Grid of {name}", grid_part.pictures(shown.grids[name], shown.cells, 60))
        for name in there
    ]
    scores = table("Scores", head, rows) if known else tag("p", "None of the grids has scores.")
    return section(
        "scores", "Scores and grids", tag("p", words) if known else None, scores, *pictures
    )


def _columns(run: str, grid: Gallery, scores: Sequence[str]) -> list[list[str]]:
    """A row for each column of a run's grid that has a score."""
    rows = []
    for place, label in enumerate(grid.columns):
        found = [grid.scores.get(one, {}).get("columns", {}).get(str(place)) for one in scores]
        if any(found):
            rows.append([run, " ".join(label.split()), *(_score(one) for one in found)])
    return rows


def _score(one: Mapping[str, Any] | None) -> str:
    if not one or one["mean"] is None:
        return _NOTHING
    if one["too_few"]:
        return f"{one['mean']:.3f} (too few to say)"
    spread = grid_part.spread(one)
    return f"{one['mean']:.3f}" + (f" ({spread})" if spread else "")


def text(told: Mapping[str, Any]) -> str:
    """The same in lines, for a node and for a terminal."""
    lines = []
    for one in told["runs"]:
        base, state, steps, loss, held, at, time, speed, memory = _row(one)
        lines.append(
            f"{one['name']}: {state} at step {steps}; loss {loss}; held-out {held} at step {at}; "
            f"{time}, {speed} steps a second, {memory}; base {base}"
        )
    lines += ["", "What differs:"]
    for setting, of in told["settings"].items():
        lines.append(f"  {setting}: " + ", ".join(f"{n} {_setting(v)}" for n, v in of.items()))
    for part, of in told["inputs"].items():
        words = ", ".join(f"{name} {_mark(part, one)}" for name, one in of.items())
        lines.append(f"  {_INPUTS.get(part, part)}: {words}")
    if not told["settings"] and not told["inputs"]:
        lines.append("  nothing: the same was asked for")
    return "\n".join(lines)
