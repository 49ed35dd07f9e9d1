"""From a tagger's scores to a caption. Pure.

The format is that of SmilingWolf's WD14 taggers: `selected_tags.csv` has a line for each output of
the network, in its order, with the columns `name` and `category`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files import legible
from .settings import TagSettings
from .turns import alike

GENERAL, CHARACTER, RATING = "0", "4", "9"
MOST_TAGS = 1_000_000  # lines
# Those that SmilingWolf's own program keeps.
_FACES = "0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||"
KAOMOJI = frozenset(_FACES.split())


@dataclass(frozen=True)
class Tag:
    name: str
    category: str


def read_tags(file: Path) -> list[Tag]:
    """The tags of a tagger. Raises `ValueError` naming the file for what is no such list."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.DictReader(text)
            tags = [_tag(line) for line, _ in zip(lines, range(MOST_TAGS), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise ValueError(
            f"{file} cannot be read as a list of tags ({legible(error)}). It needs the columns "
            "'name' and 'category', as the selected_tags.csv of a WD14 tagger has them."
        ) from error
    if not tags:
        raise ValueError(f"{file} holds no tags. Take the selected_tags.csv of the model.")
    return tags


def _tag(line: dict[str, str | None]) -> Tag:
    name, category = line["name"], line["category"]
    if name is None or category is None:
        raise csv.Error("a line is too short")
    return Tag(name.strip(), category.strip())


def caption(scores: np.ndarray, tags: Sequence[Tag], settings: TagSettings) -> str:
    """The tags above their thresholds: rating, characters, all else, each the likeliest first.

    `scores` are probabilities, one for each of `tags`.
    """
    never = {alike(tag) for tag in settings.exclude.split(",")}
    chosen: list[str] = []
    for number in _chosen(scores, tags, settings):
        written = _written(tags[number].name, settings)
        if alike(written) not in never and written not in chosen:
            chosen.append(written)
    return ", ".join(chosen)


def _chosen(scores: np.ndarray, tags: Sequence[Tag], settings: TagSettings) -> list[int]:
    least = {RATING: settings.rating, CHARACTER: settings.character, GENERAL: settings.general}
    groups: dict[str, list[int]] = {RATING: [], CHARACTER: [], "": []}
    for number in np.argsort(-scores, kind="stable").tolist():
        category = tags[number].category
        threshold = least.get(category, settings.other)
        if threshold and scores[number] >= threshold:
            groups.get(category, groups[""]).append(number)
    return [*groups[RATING][:1], *groups[CHARACTER], *groups[""]]


def _written(name: str, settings: TagSettings) -> str:
    if settings.spaces and name not in KAOMOJI:
        name = name.replace("_", " ")
    name = name.replace(",", " ")  # what parts tags is no part of one
    return name.replace("(", r"\(").replace(")", r"\)") if settings.escape else name
