"""Scores as a text for people: a line a column, with what is not known said. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def text(scores: Mapping[str, Any], labels: Sequence[str]) -> str:
    """`scores` as in `scores.json`; `labels` are those of the grid's columns."""
    return "\n\n".join("\n".join(_one(name, one, labels)) for name, one in scores.items())


def _one(name: str, score: Mapping[str, Any], labels: Sequence[str]) -> Iterator[str]:
    better = "" if score["better"] == "none" else f", {score['better']} is better"
    yield f"{name.replace('_', ' ').upper()} by {score['encoder']}{better}"
    yield score["says"]
    edges = [
        f"{edge} {score[edge]:.3f}" for edge in ("floor", "ceiling") if score[edge] is not None
    ]
    if edges:
        yield ", ".join(edges)
    for column, one in score["columns"].items():
        yield f"  {labels[int(column)]}: {_column(one)}"


def _column(one: Mapping[str, Any]) -> str:
    if one["mean"] is None:
        return f"{one['n']} pictures are too few to say" if one["too_few"] else "nothing to say"
    if one["low"] is None:
        return f"{one['mean']:.4f}"
    if one["too_few"]:
        return f"{one['mean']:.3f}; {one['n']} pictures are too few to say more"
    found = f"{one['mean']:.3f} ({one['low']:.3f} to {one['high']:.3f}, {one['n']} pictures)"
    difference = one["paired_difference"]
    if difference and difference["low"] is not None:
        found += f"; {difference['mean']:+.3f} to the base ({difference['low']:+.3f} to "
        found += f"{difference['high']:+.3f})"
    return found
