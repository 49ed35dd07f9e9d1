"""A grid's manifest as scores need it: its shots, and what each column shows. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from .shots import Shot

_KEY = re.compile(r"[0-9a-f]{64}")
Named = tuple[str, str, int | None, float]  # label, LoRA, checkpoint, strength


def shots_of(told: Mapping[str, Any]) -> list[Shot]:
    """The pictures of a manifest, in its order. `ValueError` for one that is damaged."""
    try:
        found = [_shot(cell) for cell in told["cells"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the manifest is damaged ({error!r})") from error
    if bad := next((shot.key for shot in found if not _KEY.fullmatch(shot.key)), None):
        raise ValueError(f"the manifest is damaged (a cell's key is {bad[:80]!r})")
    return found


def _shot(cell: Mapping[str, Any]) -> Shot:
    """Settings that differ, and the place in a batch, tell shots of one prompt and seed apart."""
    how = json.dumps([cell["settings"], cell.get("number", 0)], sort_keys=True)
    prompt, plain, kind = (str(cell[name]) for name in ("prompt", "plain", "kind"))
    base = not cell["lora"] or not float(cell["strength"])
    place, seed = int(cell["column"]), int(cell["seed"])
    return Shot(str(cell["key"]), place, prompt, plain, kind, seed, base, how)


def columns_named(told: Mapping[str, Any]) -> dict[int, Named]:
    """What each column shows. `ValueError` where a column has more than one LoRA or strength."""
    found: dict[int, Named] = {}
    for cell in told["cells"]:
        column, step = int(cell["column"]), cell["checkpoint"]
        shown = (str(cell["lora"]), None if step is None else int(step), float(cell["strength"]))
        named = (_label(told, column), *shown)
        if found.setdefault(column, named) != named:
            raise ValueError(
                "scores are of columns, and here a column has several LoRAs, checkpoints or "
                "strengths. Take lora and strength out of Grid Axes' rows"
            )
    return found


def _label(told: Mapping[str, Any], column: int) -> str:
    labels = told["columns"][column]
    told_alone = ("lora", "checkpoint")
    parts = [
        str(text) if name in told_alone or not str(text)[:1].isdigit() else f"{name} {text}"
        for name, text in labels.items()
    ]
    return " · ".join(parts) or f"column {column + 1}"
