"""What became of the pictures, for a person. Pure."""

from collections.abc import Iterator

from PIL import Image

from ..curation.look import decoded
from ..curation.sheet import SIDE, Cell
from ..data.pictures import PictureError
from ..data.sidecar import HISTORY
from ..evaluation.picture import QUIET
from ..files import legible
from .captioner import Captioner
from .turns import EDITED
from .work import CAPTIONED, CHANGED, SHOWN, SILENT, Outcome, Row

NAMED = 5  # pictures in a line
LISTED = 20  # captions in the report
_OTHERS = "Change a setting, or the seed, to caption them anew."


def text(outcome: Outcome, captioner: Captioner) -> str:
    """How many pictures were captioned, which were not and why, and the first captions."""
    rows = [row for row in outcome.rows if row.state in (CAPTIONED, SHOWN)]
    dry = any(row.state == SHOWN for row in rows)
    head = f"{captioner.name}: {len(outcome.rows)} pictures."
    if dry:
        head += " A dry run: nothing was written. Turn 'dry_run' off to caption all."
    told = [head, *_counts(outcome.rows)]
    cut = sum(row.cut for row in rows)
    if cut:
        told.append(f"{cut} end in the middle, at 'max_tokens': raise it.")
    if any(row.turn.file and row.turn.file.text and row.state == CAPTIONED for row in rows):
        told.append(f"What was written over is kept in the folder {HISTORY} beside the captions.")
    if any(row.state == CAPTIONED and row.turn.file is None for row in rows):
        held = sum(row.state == CAPTIONED and row.turn.file is None for row in rows)
        told.append(
            f"{held} of them stay in the dataset, and no file is written: pictures of a wire or an "
            "archive, and those whose captions stand in a list or in .json files."
        )
    told += [f"\n{legible(row.turn.name)}\n{_whole(row.text)}" for row in rows[:LISTED]]
    more = [f"\nand {len(rows) - LISTED} more"] if len(rows) > LISTED else []
    return "\n".join(told + more)


def _whole(caption: str) -> str:
    """A caption of any length, its lines as lines, with nothing in it that cannot be seen."""
    parts = [caption[start : start + 400] for start in range(0, len(caption), 400)]
    return "".join("\n".join(map(legible, part.split("\n"))) for part in parts)


def _counts(rows: tuple[Row, ...]) -> Iterator[str]:
    states: dict[str, list[str]] = {}
    for row in rows:
        states.setdefault(row.state, []).append(row.turn.name)
    for state, names in states.items():
        named = ""
        if state in (EDITED, CHANGED, SILENT):
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            named = f" ({', '.join(map(legible, names[:NAMED]))}{more})"
        yield f"{len(names)} {state}{named}.{f' {_OTHERS}' if state == EDITED else ''}"


def cells(outcome: Outcome, most: int) -> Iterator[Cell]:
    """At most `most` pictures with the captions that they were given."""
    rows = [row for row in outcome.rows if row.state in (CAPTIONED, SHOWN)]
    for row in rows[:most]:
        yield Cell(_small(row), row.turn.name, row.text)


def _small(row: Row) -> Image.Image:
    try:
        return decoded(row.turn.record.path, SIDE)
    except PictureError:
        return Image.new("RGB", (SIDE, SIDE), QUIET)
