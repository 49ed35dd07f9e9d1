"""The `scores.json` of a grid, for looking at: only what is a number, or a short text."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "scores.json"
_MOST_BYTES = 64 * 2**20
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_KEY = re.compile(r"[0-9a-f]{8,64}")
_PICTURE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,150}\.(png|webp|jpg)")
BETTER = ("higher", "lower", "none")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Scores by name, and the recommendation; nothing where there are none, or no JSON.

    What is of another shape than it should be is left out.
    """
    path = folder / FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}, None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}, None
    whole = _table(found)
    scores = {
        name: _score(_table(score))
        for name, score in _table(whole.get("scores")).items()
        if _NAME.fullmatch(name)
    }
    return scores, _recommendation(_table(whole.get("recommendation")))


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    cells = {key: _number(one) for key, one in _table(score.get("cells")).items()}
    better = score.get("better")
    return {
        "encoder": _text(score.get("encoder")),
        "says": _text(score.get("says")),
        "better": better if better in BETTER else "none",
        "cells": {k: one for k, one in cells.items() if one is not None and _KEY.fullmatch(k)},
        "columns": {
            place: _column(_table(one))
            for place, one in _table(score.get("columns")).items()
            if place.isascii() and place.isdecimal() and len(place) < 6
        },
        "ceiling": _number(score.get("ceiling")),
        "floor": _number(score.get("floor")),
        "pairs": {
            key: {"picture": pair["picture"], "name": _text(pair.get("name"))}
            for key, pair in ((k, _table(one)) for k, one in _table(score.get("pairs")).items())
            if _KEY.fullmatch(key) and _is_picture(pair.get("picture"))
        },
    }


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    difference = _table(column.get("paired_difference"))
    return {
        **{name: _number(column.get(name)) for name in ("mean", "low", "high", "n")},
        "too_few": column.get("too_few") is True,
        "paired_difference": {n: _number(difference.get(n)) for n in ("mean", "low", "high")}
        if difference
        else None,
    }


def _recommendation(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """The column that is recommended, why, what to change next, and where each column stands."""
    chosen = told.get("chosen")
    column = _table(chosen).get("column", chosen)
    if not told:
        return None
    return {
        "column": _whole(column),
        "reasons": _texts(told.get("reasons")),
        "advice": _texts(told.get("advice")),
        "points": [_point(one) for one in _list(told.get("points"), 500) if _table(one)],
    }


def _point(point: Mapping[str, Any]) -> dict[str, Any]:
    """A column in the plot of fidelity over prompt following."""
    ranges = {name: _table(point.get(name)) for name in ("fidelity", "prompt")}
    return {
        "column": _whole(point.get("column")),
        "label": _text(point.get("label")),
        "checkpoint": _number(point.get("checkpoint")),
        "strength": _number(point.get("strength")),
        **{
            name: {part: _number(one.get(part)) for part in ("mean", "low", "high")}
            for name, one in ranges.items()
        },
        "flags": _texts(point.get("flags")),
        "chosen": point.get("chosen") is True,
    }


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: Any, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in _list(value, 50)]


def _is_picture(name: Any) -> bool:
    return isinstance(name, str) and bool(_PICTURE.fullmatch(name))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    """JSON has no infinity and Python writes one: the page could not read it."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if good and abs(value) < 1e300 else None


def _text(value: Any) -> str:
    return value[:2000] if isinstance(value, str) else ""
