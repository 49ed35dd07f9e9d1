"""A grid inside a report: its pictures, small, and its scores. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ..evaluation.gallery import Gallery, Tile
from ..files import legible
from ..mark import marked_bytes
from .drawing import Interval, intervals, points
from .markup import Markup, folded, joined, listed, picture, section, table, tag

SIDE = 144  # pixels of a small picture
MOST_PICTURES = 240
TITLES = {
    "identity": "Identity",
    "style": "Style",
    "prompt": "Prompt following",
    "copying": "Copying",
    "diversity": "Diversity over seeds",
    "consistency": "Consistency over contexts",
    "leakage": "Leakage without the trigger",
    "held_out": "Held-out loss",
    "cmmd": "Distance of sets (CMMD)",
    "kid": "Distance of sets (KID × 1000)",
}
_BETTER = {"higher": "Higher is better.", "lower": "Lower is better.", "none": ""}


def small(path: Path, side: int = SIDE) -> bytes | None:
    """A machine-made picture as a small WebP with its mark; None for one that cannot be read."""
    try:
        with Image.open(path) as whole:
            whole.draft("RGB", (side, side))
            shown = whole.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    return marked_bytes(shown, quality=80)


def shown(gallery: Gallery, cells: Path, hidden: bool = False) -> Markup:
    """The section with the pictures. `hidden` leaves the prompts out."""
    made = ", ".join(f"{name} {value}" for name, value in gallery.sampling.items() if value)
    return section(
        "grid",
        "Grid",
        tag("p", f"{legible(gallery.name)}. The same prompt and seed in a row."),
        None if hidden else tag("p", made, class_="quiet"),
        pictures(gallery, cells, hidden=hidden),
    )


def pictures(
    gallery: Gallery, cells: Path, most: int = MOST_PICTURES, hidden: bool = False
) -> Markup:
    """The cells as a table; of more than `most`, rows that are spread over all of them."""
    columns, many = len(gallery.columns), len(gallery.rows)
    few = max(1, min(many, most // max(1, columns)))
    rows = dict.fromkeys(round(n * (many - 1) / max(1, few - 1)) for n in range(few))
    places: dict[tuple[int, int], Tile] = {}
    for tile in gallery.tiles:
        places.setdefault((tile.row, tile.column), tile)

    def cell(row: int, column: int) -> Markup:
        tile = places.get((row, column))
        data = small(cells / tile.file) if tile else None
        alt = f"{_row(gallery, row, places, hidden)}; {gallery.columns[column]}"
        return picture(data, alt[:500]) if data else tag("span", "not drawn", class_="quiet")

    body = [
        [
            tag("span", _row(gallery, row, places, hidden), tabindex=0),
            *(cell(row, column) for column in range(columns)),
        ]
        for row in rows
    ]
    title = "Pictures" if len(body) == many else f"Pictures: {len(body)} of {many} rows"
    return tag("div", table(title, ["Prompt", *gallery.columns], body), class_="grid")


def _row(gallery: Gallery, row: int, places: dict[tuple[int, int], Tile], hidden: bool) -> str:
    kinds = [tile.kind for (own, _), tile in places.items() if own == row and tile.kind]
    kind = f"({kinds[0]}) " if kinds else ""
    return f"{kind}prompt {row + 1}" if hidden else f"{kind}{gallery.rows[row]}"


def scores(gallery: Gallery, hidden: bool = False) -> Markup:
    """Every score by column with its interval; where there are none, how to get them.

    `hidden` leaves out which training pictures were nearest.
    """
    if not gallery.scores:
        words = "This grid has no scores yet. Score Grid makes them; then make the report again."
        return section("scores", "Scores", tag("p", words))
    parts = [
        _score(TITLES.get(name, name), score, gallery.columns)
        for name, score in sorted(gallery.scores.items(), key=lambda item: _order(item[0]))
    ]
    words = (
        "Means over the pictures of a column with 95 % intervals. Columns whose intervals overlap "
        "cannot be told apart by this grid."
    )
    return section("scores", "Scores", tag("p", words), *parts, None if hidden else copies(gallery))


def _order(name: str) -> int:
    known = list(TITLES)
    return known.index(name) if name in known else len(known)


def _score(title: str, score: dict[str, Any], columns: Sequence[str]) -> Markup:
    found = [
        (columns[int(place)], column)
        for place, column in sorted(score["columns"].items(), key=lambda item: int(item[0]))
        if int(place) < len(columns) and (column["mean"] is not None or column["too_few"])
    ]
    drawn = [
        Interval(" ".join(name.split()), one["mean"], one["low"], one["high"])
        for name, one in found
        if None not in (one["mean"], one["low"], one["high"]) and not one["too_few"]
    ]
    marks = [(m, score[m]) for m in ("floor", "ceiling") if score[m] is not None]
    ends = ", ".join(f"{name} {value:.3g}" for name, value in marks)
    said = " ".join(filter(None, [score["says"], _BETTER[score["better"]]]))
    measured = "; ".join(filter(None, [f"Measured by {score['encoder']}", ends]))
    told = table(
        title,
        ["Column", "Mean", "95 % interval", "Beside the base", "Pictures"],
        [[name, *_figures(column)] for name, column in found],
    )
    return joined(
        [
            tag("h3", title),
            tag("p", said),
            tag("p", f"{measured}.", class_="quiet"),
            intervals(title, drawn, marks),
            told if found else None,
        ]
    )


def _figures(column: dict[str, Any]) -> list[str]:
    beside = column["paired_difference"] or {}
    n = column["n"]
    return [
        "" if column["mean"] is None else f"{column['mean']:.3f}",
        "too few pictures to say" if column["too_few"] else spread(column),
        f"{beside['mean']:+.3f} ({spread(beside)})" if beside.get("mean") is not None else "",
        f"{n:.0f}" if n else "",
    ]


def spread(of: Mapping[str, Any]) -> str:
    """`0.1 to 0.3`; nothing where there is no interval."""
    if of.get("low") is None or of.get("high") is None:
        return ""
    return f"{of['low']:.3f} to {of['high']:.3f}"


def recommendation(gallery: Gallery) -> Markup:
    """Which column to take, why, and what to change next."""
    found = gallery.recommendation
    if not found:
        words = "Nobody was asked yet: Recommend Checkpoint chooses a checkpoint and says why."
        return section("recommendation", "Recommendation", tag("p", words))
    column, advice = found["column"], found["advice"]
    chosen: str = "none can be recommended"
    if column is not None and 0 <= column < len(gallery.columns):
        chosen = " ".join(str(gallery.columns[int(column)]).split())
    spots = [spot for one in found["points"] if (spot := _spot(one))]
    names = ("prompt following, 1 is the base", "fidelity, 1 is real pictures")
    return section(
        "recommendation",
        "Recommendation",
        tag("p", tag("strong", chosen), class_="chosen-text"),
        listed(found["reasons"]),
        tag("h3", "What to change next") if advice else None,
        listed(advice) if advice else None,
        points("Fidelity and prompt following of every column", spots, names),
    )


def _spot(one: Mapping[str, Any]) -> tuple[str, tuple[float, float], bool] | None:
    x, y = one["prompt"]["mean"], one["fidelity"]["mean"]
    if x is None or y is None:
        return None
    return one["label"][:200], (x, y), one["chosen"]


def copies(gallery: Gallery) -> Markup:
    """Which training pictures are nearest, told by name and not shown."""
    pairs = gallery.scores.get("copying", {}).get("pairs", {})
    cells = gallery.scores.get("copying", {}).get("cells", {})
    known = [key for key in pairs if key in gallery.column_of]
    rows = sorted(((cells.get(key, 0.0), key) for key in known), reverse=True)[:10]
    if not rows:
        return Markup("")
    body = []
    for value, key in rows:
        tile = gallery.tile(key)
        body.append(
            [
                f"{gallery.rows[tile.row]}; {gallery.columns[tile.column]}",
                pairs[key]["name"],
                f"{value:.3f}",
            ]
        )
    head = ["Picture", "Nearest training picture", "Likeness"]
    words = "The pictures that are most like a training picture"
    return folded(words, table("Copying", head, body))
