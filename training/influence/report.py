"""What was found, for a person: text, and a page of the pictures it is about."""

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image

from ..curation.look import decoded
from ..curation.sheet import SIDE, Cell
from ..data.dataset import Dataset, Record
from ..data.pictures import PictureError
from ..evaluation.picture import QUIET
from ..files import legible
from ..records import names_of
from .findings import said

KINDS = ("mislabelled", "harmful", "dominant")


def text(found: Mapping[str, Any], most: int) -> str:
    """How it was measured, and at most `most` pictures of each list."""
    pictures = found["pictures"]
    lines = [
        f"{found['run']}: {len(pictures)} pictures at the checkpoints "
        f"{', '.join(map(str, found['checkpoints']))}, {found['noise_levels']} noise levels each. "
        "Experimental: look at the pictures before you act.",
        _held_out(found["held_out"]),
    ]
    for kind in KINDS:
        named = [one for one in pictures if kind in one["kinds"]]
        lines += ["", f"{kind.capitalize()}: {len(named) or 'none'}"]
        lines += [f"  {legible(one['name'])}: {'; '.join(said(one))}" for one in named[:most]]
    if found["outputs"]:
        ordered = sorted(pictures, key=lambda one: -one["output"])
        lines += ["", "The chosen output owes most to:"]
        lines += [f"  {legible(one['name'])}: {one['output']:+.3f}" for one in ordered[:most]]
    if found["held_out"]:
        ordered = sorted(pictures, key=lambda one: -one["influence"])
        lines += ["", "The held-out pictures owe most to:"]
        lines += [f"  {legible(one['name'])}: {one['influence']:+.3f}" for one in ordered[:most]]
    return "\n".join(lines)


def _held_out(count: int) -> str:
    if not count:
        return "No held-out pictures are wired: nothing is said of harm to them."
    if count == 1:
        return "One held-out picture is too few to say what harms; wire at least two."
    return f"Harm is to {count} held-out pictures, by more than two standard errors."


def cells(dataset: Dataset, found: Mapping[str, Any], most: int) -> Iterator[Cell]:
    """The pictures of which something is said, the worst first; then, up to `most`, those that the
    output, else the held-out pictures, owe most to.
    """
    records = dict(zip(names_of(dataset.records), dataset.records, strict=True))
    by = "output" if found["outputs"] else "influence" if found["held_out"] else "share"
    listed = [one for one in found["pictures"] if one["kinds"]]
    rest = [one for one in found["pictures"] if not one["kinds"]]
    rest.sort(key=lambda one: -one[by])
    for one in [*listed, *rest][:most]:
        words = [", ".join(one["kinds"]), *said(one)] if one["kinds"] else [f"{by} {one[by]:+.3f}"]
        record = records[one["name"]]
        yield Cell(_small(record), one["name"], ". ".join([*words, f"“{record.caption}”"]))


def _small(record: Record) -> Image.Image:
    try:
        return decoded(record.path, SIDE)
    except PictureError:
        return Image.new("RGB", (SIDE, SIDE), QUIET)
