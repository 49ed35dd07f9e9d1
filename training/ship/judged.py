"""What a grid's scores say of a LoRA, for its card. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluation.gallery import Gallery
from ..report.grid_part import TITLES, spread
from .card import Judged

_HEAD = ("Column", "Score", "Mean", "95 % interval", "Pictures", "Measured by")


def judged(grid: Gallery) -> Judged:
    """Of the column that is recommended, else of every column with a LoRA."""
    told = grid.recommendation or {}
    chosen = told.get("column")
    if isinstance(chosen, int) and 0 <= chosen < len(grid.columns):
        label = " ".join(grid.columns[chosen].split())
        return Judged(_HEAD, _rows(grid, [chosen]), label, told.get("reasons", ()))
    with_lora = {tile.column for tile in grid.tiles if tile.strength}
    return Judged(_HEAD, _rows(grid, sorted(with_lora)))


def _rows(grid: Gallery, columns: Sequence[int]) -> list[list[str]]:
    return [
        [grid.columns[place], title, *_figures(found), grid.scores[name]["encoder"]]
        for place in columns
        for name, title in TITLES.items()
        if (found := grid.scores.get(name, {}).get("columns", {}).get(str(place)))
        and found["mean"] is not None
    ]


def _figures(found: Mapping[str, Any]) -> list[str]:
    said = "too few to say" if found["too_few"] else spread(found)
    return [f"{found['mean']:.3f}", said, f"{found['n']:.0f}" if found["n"] else ""]
