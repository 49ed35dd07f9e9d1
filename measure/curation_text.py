"""Is text that is written over pictures found, and is none told where there is none?

Reading takes about a second a picture, so that this is a measurement of its own; what was read is
kept in the machine's folder for temporary files, and a run that was stopped goes on.
"""

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..training.curation.embeddings import Embeddings
from ..training.curation.lettering import LETTERS, SURE, Lettering, lettered
from ..training.curation.looks import Looks
from ..training.data.dataset import Record
from ..training.data.pictures import open_rgb, size_of
from .curation import FIRST, LEAST, PICTURES, SECOND, usable
from .curation_sets import Score
from .planted_text import CLEAR, SPREADS, written
from .report import Report, Value

AT = 512
EACH = 200
HAS_TEXT = Path(__file__).with_name("pictures_with_text.txt")  # found by eye


def measure(quick: bool) -> Report:
    each = 30 if quick else EACH
    place = Path(os.environ.get(PICTURES, ""))
    if not all(place.parts and (place / name).is_dir() for name in (FIRST, SECOND)):
        raise SystemExit(
            f"measure curation_text needs real pictures: set {PICTURES} to a folder with two "
            f"folders of them, '{FIRST}' and '{SECOND}', as for measure curation."
        )
    dice = random.Random(0)
    kept = Path(tempfile.gettempdir()) / "atelier-curation-text"
    first = usable(place / FIRST)
    dice.shuffle(first)
    half = len(first) // 2
    parts = {
        "first, frozen on": first[:half][:each],
        "first, other half": first[half:][:each],
        "second": dice.sample(usable(place / SECOND), each),
    }
    by_eye = set(HAS_TEXT.read_text(encoding="utf-8").split())
    scores: list[Score] = []
    rows: list[dict[str, Value]] = []
    for number, (part, pictures) in enumerate(parts.items()):
        told = [path.name for path in _told(pictures, kept)]
        clean = [path for path in pictures if path.name not in by_eye]
        planted = _planted(pictures, each, kept / f"{number}-{each}", random.Random(number))
        false = [name for name in told if name not in by_eye]
        share = len(_told(planted, kept)) / len(planted)
        scores.append(Score(each, round(share, 4), round(len(false) / len(clean), 4)))
        rows.append(
            {
                "pictures": part,
                "planted": each,
                "found": f"{scores[-1].found:.1%}",
                "without text": len(clean),
                "false": f"{scores[-1].alarms:.1%}",
                "told wrongly": " ".join(false),
            }
        )
    figures: dict[str, Value] = {
        "found": min(score.found for score in scores[1:]),
        "false_alarms": max(score.alarms for score in scores[1:]),
        "planted_each": each,
    }
    return Report(figures, rows, NOTES)


def _planted(pictures: Sequence[Path], each: int, folder: Path, dice: random.Random) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(each):
        picture = open_rgb(pictures[number % len(pictures)])
        picture.thumbnail((AT, AT))
        target = folder / f"{number:04d}.png"
        written(picture, dice).save(target, compress_level=1)
        made.append(target)
    return made


def _told(pictures: Sequence[Path], kept: Path) -> list[Path]:
    """Those of which Curate says that they have text."""
    records = [Record(path, "a picture", *size_of(path)) for path in pictures]
    looks = Looks(kept / "looks", AT).of(records)
    read = Embeddings(kept / "read", Lettering()).of(records, looks)
    return [pictures[number] for number, _ in lettered(read)]


NOTES = (
    "Words of half to full opacity and of 4 to 12 % of the shorter side (14 pixels at least), "
    f"upright or slanting, that stand out by {CLEAR} levels and {SPREADS} spreads of what they "
    "cover (without that rule 92 to 96 % were found, and the others nobody could read), over the "
    "real pictures of `measure curation` (shorter side "
    f"{LEAST} pixels or more, decoded at {AT}). Told: {LETTERS} letters or more with a sureness of "
    f"{SURE}, chosen on the first part. `false`: of the pictures that have no text by eye; those "
    "that have are named in measure/pictures_with_text.txt."
)
