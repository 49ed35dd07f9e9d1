"""A finished grid as it is looked at: read from its folder, whoever wrote what lies there."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..files import legible
from . import gallery_scores, manifest

MOST_CELLS = 65_536
MOST_BYTES = 64 * 2**20
_TEXT = 20_000


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Tile(_Loose):
    """One picture. `file` is below the folder of cells."""

    row: int = Field(ge=0, lt=MOST_CELLS)
    column: int = Field(ge=0, lt=MOST_CELLS)
    key: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    file: str = Field(pattern=r"^[0-9a-f]{2}/[0-9a-f]{8,64}\.png$")
    prompt: str = Field(default="", max_length=_TEXT)
    kind: str = Field(default="", max_length=100)
    seed: int | str | None = None
    lora: str = Field(default="", max_length=1000)
    checkpoint: int | str | None = None
    strength: float | None = Field(default=None, allow_inf_nan=False)
    settings: dict[str, Any] = Field(default_factory=dict, max_length=100)


class _Manifest(_Loose):
    name: str = Field(max_length=1000)
    made: str | None = Field(default=None, max_length=100)
    row_axes: list[str] = Field(default_factory=list, max_length=100)
    column_axes: list[str] = Field(default_factory=list, max_length=100)
    rows: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_CELLS)
    columns: list[dict[str, Any]] = Field(default_factory=list, max_length=MOST_CELLS)
    sampling: dict[str, Any] = Field(default_factory=dict)
    cells: list[Tile] = Field(min_length=1, max_length=MOST_CELLS)


@dataclass(frozen=True)
class Gallery:
    """Rows and columns are labels; `scores` and `recommendation` are as `gallery_scores` reads."""

    folder: Path
    name: str
    made: str
    rows: Sequence[str]
    columns: Sequence[str]
    sampling: Mapping[str, str]
    tiles: Sequence[Tile]
    scores: Mapping[str, Any] = field(default_factory=dict)
    recommendation: Mapping[str, Any] | None = None

    def tile(self, key: str) -> Tile:
        """Raises `LookupError` for what is no cell of this grid."""
        found = self._by_key.get(key)
        if found is None:
            raise LookupError(f"{legible(key)} is no cell of {legible(self.folder.name)}.")
        return found

    @cached_property
    def _by_key(self) -> dict[str, Tile]:
        return {tile.key: tile for tile in reversed(self.tiles)}

    @cached_property
    def column_of(self) -> dict[str, int]:
        """The column of each cell; of a picture that stands in several, the first."""
        return {key: tile.column for key, tile in self._by_key.items()}

    @cached_property
    def pair_names(self) -> set[str]:
        """Of training pictures that lie in the grid's folder, nearest to a cell."""
        return {one["picture"] for score in self.scores.values() for one in score["pairs"].values()}

    def pair(self, name: str) -> Path:
        """A training picture by its name. Raises `LookupError` for one that no score names."""
        if name not in self.pair_names:
            raise LookupError(f"{legible(name)} is no picture of {legible(self.folder.name)}.")
        return self.folder / name


def read(folder: Path) -> Gallery:
    """The grid in `folder`, of either version. Raises `ValueError` for what is none."""
    told = _manifest(folder)
    many = max(tile.row for tile in told.cells) + 1, max(tile.column for tile in told.cells) + 1
    rows = [_label(one, told.row_axes) for one in told.rows]
    columns = [_label(one, told.column_axes) for one in told.columns]
    scores, recommendation = gallery_scores.read(folder)
    return Gallery(
        folder,
        told.name,
        told.made or "",
        _filled(rows, many[0], "row"),
        _filled(columns, many[1], "column"),
        {name[:100]: _short(value) for name, value in list(told.sampling.items())[:100]},
        told.cells,
        scores,
        recommendation,
    )


def _manifest(folder: Path) -> _Manifest:
    path = folder / manifest.FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        told = json.dumps(manifest.read(folder), ensure_ascii=False)
        return _Manifest.model_validate_json(told.encode(errors="replace"))  # half characters
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, RecursionError) as error:
        what = str(error)
    raise ValueError(
        f"{legible(path)} is no grid's manifest ({legible(what)}). Make the grid again: pictures "
        "that are there are not made anew."
    )


def _label(values: Mapping[str, Any], axes: Sequence[str]) -> str:
    """`prompt` speaks for itself; of another axis the name is said, if its label does not."""
    parts = []
    for axis in [
        *(one for one in axes if one in values),
        *(one for one in values if one not in axes),
    ]:
        text = _short(values[axis], _TEXT)
        plain = axis == "prompt" or not re.fullmatch(r"[\d.,+e-]+", text)
        parts.append(text if plain else f"{axis} {text}")
    return "\n".join(parts)


def _filled(labels: list[str], many: int, what: str) -> list[str]:
    return [
        label or f"{what} {place + 1}"
        for place, label in enumerate([*labels, *[""] * (many - len(labels))][:many])
    ]


def _short(value: Any, most: int = 500) -> str:
    return (f"{value:g}" if isinstance(value, float) else str(value))[:most]


def told(gallery: Gallery) -> dict[str, Any]:
    """What the page is told. Seeds are text: JavaScript's numbers end at 2^53."""
    return {
        "folder": gallery.folder.name,
        "name": gallery.name,
        "made": gallery.made,
        "rows": list(gallery.rows),
        "columns": list(gallery.columns),
        "sampling": dict(gallery.sampling),
        "cells": [
            {
                "row": tile.row,
                "column": tile.column,
                "key": tile.key,
                "prompt": tile.prompt,
                "kind": tile.kind,
                "seed": "" if tile.seed is None else _short(tile.seed),
                "lora": tile.lora,
                "checkpoint": "" if tile.checkpoint is None else _short(tile.checkpoint),
                "strength": tile.strength,
                "settings": {name[:100]: _short(value) for name, value in tile.settings.items()},
            }
            for tile in gallery.tiles
        ],
        "scores": dict(gallery.scores),
        "recommendation": gallery.recommendation,
    }
