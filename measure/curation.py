"""Are planted defects found, and nothing else? How long do 10,000 pictures take?

Thresholds are the defaults of Curate. They were frozen on the first half of the first set.
"""

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ..training.curation.curate import curate
from ..training.curation.duplicates import near
from ..training.curation.embeddings import Classical, Embeddings
from ..training.curation.looks import Looks
from ..training.curation.settings import CurationSettings
from ..training.data.dataset import Dataset, Record
from ..training.data.folder import picture_files
from ..training.data.pictures import open_rgb, size_of
from .curation_10k import speed as measured
from .curation_sets import Score, in_mixed, set_scores
from .planted import PLANTS, damage
from .report import Report, Value

PICTURES = "ATELIER_PICTURES"
FIRST, SECOND, DRAWN = "first", "second", "drawings"
EACH = 200
LEAST = 192  # pixels of the shorter side of a picture that something is planted in
AT = 512
ENOUGH_FOUND, MOST_ALARMS = 0.95, 0.03


def measure(quick: bool) -> Report:
    place = Path(os.environ.get(PICTURES, ""))
    sets = {name: usable(place / name) for name in (FIRST, SECOND, DRAWN)} if place.parts else {}
    if not all(sets.values()) or not sets:
        raise SystemExit(
            f"measure curation needs real pictures: set {PICTURES} to a folder with three folders "
            f"of them, '{FIRST}', '{SECOND}' and '{DRAWN}'. docs/measurements/curation.md says "
            "which were taken."
        )
    drawn = sets.pop(DRAWN)
    count, each = (1000, 40) if quick else (10_000, EACH)
    with tempfile.TemporaryDirectory(prefix="atelier-curation-") as name:
        speed = measured(sets[SECOND], Path(name), count)
        sets = {one: _told(pictures, Path(name)) for one, pictures in sets.items()}
        half = len(sets[FIRST]) // 2
        dice = random.Random(0)
        mixed = dice.sample(sets[FIRST], len(sets[FIRST]))
        parts = {
            "first, frozen on": mixed[:half],
            "first, other half": mixed[half:],
            "second": sets[SECOND],
        }
        scores = {
            part: _scores(pictures, each, Path(name) / str(number), seed=number)
            for number, (part, pictures) in enumerate(parts.items())
        }
    for kind, by_part in set_scores(drawn, sets[SECOND], each).items():
        for part, score in zip(parts, by_part, strict=True):
            scores[part][kind] = score
    judged = [scores[part] for part in list(parts)[1:]]
    told = [one for part in judged for kind, one in part.items() if kind != "any"]
    figures: dict[str, Value] = {
        "found": min(score.found for score in told),
        "false_alarms": max(score.alarms for score in told),
        "any_false_alarm": max(part["any"].alarms for part in judged),
        "planted_each": each,
        "foreign_in_mixed_found": in_mixed(sets[FIRST], sets[SECOND], each),
        **speed,
    }
    rows: list[dict[str, Value]] = [
        {
            "planted": kind,
            **{
                f"{part}: {what}": f"{value:.1%}"
                for part in parts
                for what, value in (
                    ("found", scores[part][kind].found),
                    ("false", scores[part][kind].alarms),
                )
            },
            "shown to users": "yes" if _good(scores, list(parts)[1:], kind) else "no",
        }
        for kind in scores[FIRST + ", frozen on"]
        if kind != "any"
    ]
    return Report(figures, rows, _notes(parts, each))


def _good(scores: dict[str, dict[str, Score]], parts: Sequence[str], kind: str) -> bool:
    return all(
        scores[part][kind].found >= ENOUGH_FOUND and scores[part][kind].alarms <= MOST_ALARMS
        for part in parts
    )


def usable(folder: Path) -> list[Path]:
    files = picture_files(folder) if folder.is_dir() else []
    return [path for path in files if min(size_of(path)) >= LEAST]


def _told(pictures: list[Path], place: Path) -> list[Path]:
    """Without pictures of one colour, in which nothing can be planted."""
    looks = Looks(place / "told", AT).of([_record(path) for path in pictures])
    return [path for path, look in zip(pictures, looks, strict=True) if look.measures]


def _record(path: Path) -> Record:
    return Record(path, "a picture", *size_of(path))


def _scores(pictures: list[Path], each: int, place: Path, seed: int) -> dict[str, Score]:
    """Every kind, planted `each` times, and what is said of the pictures themselves."""
    dice = random.Random(seed)
    clean = [_record(path) for path in pictures]
    said = _said(clean, place, AT, alike=0.0)
    small = _said(clean, place, LEAST, alike=0.0)
    scores = {}
    for kind, (plant, called) in PLANTS.items():
        folder = place / kind
        folder.mkdir(parents=True)
        chosen = [pictures[number % len(pictures)] for number in range(each)]
        planted = []
        for number, source in enumerate(chosen):
            target = folder / f"{number:04d}.png"
            plant(_fitting(source), dice).save(target, compress_level=1)
            planted.append(_record(target))
        if called == "near duplicate":
            scores[kind] = _pairs(clean, planted, place)
            continue
        at_small = kind == "too small"
        found = _said(planted, place, LEAST if at_small else AT, alike=0.0)
        alarms = _share(small if at_small else said, called)
        scores[kind] = Score(each, _share(found, called), alarms)
    scores["unreadable"] = _damaged(pictures, each, place, dice, said)
    pixels = {called for _, called in PLANTS.values()} - {"too small"}
    many = sum(bool(pixels & kinds) for kinds in said) / len(said)
    scores["any"] = Score(0, 1.0, round(many, 4))
    return scores


def _fitting(path: Path) -> Image.Image:
    picture = open_rgb(path)
    picture.thumbnail((AT, AT), Image.Resampling.LANCZOS)
    return picture


def _said(records: list[Record], place: Path, at: int, alike: float) -> list[set[str]]:
    """The kinds of reasons given for each picture."""
    limits = CurationSettings(resolution=at, alike=alike, enlarged=1.1 if at == LEAST else 0)
    looks = Looks(place / "looks", at).of(records)
    found = curate(Dataset("x", tuple(records)), looks, limits)
    return [{reason.kind for reason in one.reasons} for one in found.verdicts]


def _share(said: list[set[str]], kind: str) -> float:
    return round(sum(kind in kinds for kinds in said) / len(said), 4)


def _pairs(clean: list[Record], planted: list[Record], place: Path) -> Score:
    """Found: a copy that is told to be like its original. False: pictures paired otherwise."""
    records = [*clean, *planted]
    looks = Looks(place / "looks", AT).of(records)
    by = Embeddings(place / "embeddings", Classical()).of(records, looks)
    found = near(looks, CurationSettings().alike, [by])
    own: set[int] = set()
    wrong: set[int] = set()
    names = [_shown(record.path) for record in clean]
    for one, other in zip(found.first.tolist(), found.second.tolist(), strict=True):
        copy = other - len(clean)
        source = copy % len(clean)
        if one < len(clean) <= other and source == one:
            own.add(other)
        elif other < len(clean) and names[one] != names[other]:
            wrong |= {one, other}
    return Score(len(planted), round(len(own) / len(planted), 4), round(len(wrong) / len(clean), 4))


def _shown(path: Path) -> str:
    """What a stamp shows: without its number, and as its mirrored copy is named too."""
    return path.stem.lstrip("0123456789").removeprefix("-").removesuffix("_mirror")


def _damaged(
    pictures: list[Path], each: int, place: Path, dice: random.Random, said: list[set[str]]
) -> Score:
    folder = place / "unreadable"
    folder.mkdir()
    records = []
    for number in range(each):
        source = pictures[number % len(pictures)]
        target = folder / f"{number:04d}{source.suffix}"
        damage(source, target, dice)
        records.append(Record(target, "a picture", 512, 512))
    found = _said(records, place, AT, alike=0.0)
    return Score(each, _share(found, "unreadable"), _share(said, "unreadable"))


def _notes(parts: dict[str, list[Path]], each: int) -> str:
    sizes = ", ".join(f"{part}: {len(pictures)}" for part, pictures in parts.items())
    return (
        f"Real pictures ({sizes}), of which {each} were given each defect, with other strengths "
        f"each time (`measure/planted.py`), judged at {AT} px ('too small' at {LEAST}). First set: "
        "those of Debian's tuxpaint-stamps-default 2022.06.04 whose shorter side has "
        f"{LEAST} pixels or more, and the 24 Kodak photographs; second set: the 500 photographs of "
        "BSDS500; 400 drawings: of npm's @lobehub/fluent-emoji-3d 1.1.0, one of each, by lot. A "
        "'foreign picture' stands, with up to 4 % of its like, in a set of 24, 60 or 120: a "
        "photograph among drawings (frozen on one half, told on the other), a drawing among "
        "photographs (second). `foreign_in_mixed_found`: what share of photographs is found among "
        "stamps, which are drawn, or cut out of photographs. A 'frequent scene' is a third of such "
        "a set: parts of one picture, mirrored at times, in other light. The thresholds are "
        "Curate's defaults; they were chosen on the first half of the first set. `found` is the "
        "worst kind in the other half and in the second set, `false_alarms` the share of untouched "
        "pictures of which the worst kind is said, `any_false_alarm` of which anything is said of "
        "the picture alone. `dedupe` reads, decodes and compares files that were not seen before; "
        "`judge` takes all measures; `again` finds them in the cache. "
        "`peak_mb` is what the peak of memory grew by in listing, comparing and judging, in a "
        "process of its own. `list` finds what was read before in its cache, `list_first` does not."
    )
