"""What Curate says of sets as a whole: planted foreign pictures, and scenes that are too frequent.

Sets are put together from vectors, so that hundreds of them cost seconds: some pictures of one kind
and a few of another, or many windows of one picture.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..training.curation.crowds import crowds, strangeness
from ..training.curation.embeddings import Classical, Encoder
from ..training.curation.look import decoded
from ..training.curation.settings import CurationSettings
from .planted import Dice, jpeg, lit

SIZES = (24, 60, 120)  # pictures of a set
FOREIGN = 0.04  # of a set, and one at least
IN_CROWD = 1 / 3  # of a set
WINDOWS = 40  # of one picture
SCENES = 12
_AT = 512


@dataclass(frozen=True)
class Score:
    """Of one kind of defect: how many were planted, what share was found and wrongly told."""

    planted: int
    found: float
    alarms: float


def window(picture: Image.Image, dice: Dice) -> Image.Image:
    """Another picture of the same scene: a part of it, mirrored at times, in other light."""
    share = dice.uniform(0.55, 0.85)
    wide, tall = picture.width * share, picture.height * share
    left, top = dice.uniform(0, picture.width - wide), dice.uniform(0, picture.height - tall)
    part = picture.resize(
        (max(32, int(wide)), max(32, int(tall))),
        Image.Resampling.BICUBIC,
        box=(left, top, left + wide, top + tall),
    )
    if dice.random() < 0.3:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    bright = dice.uniform(0.85, 1.15)
    return jpeg(lit(part, lambda level: level * bright), dice.randint(60, 95))


class Vectors:
    """Vectors of one encoder, half precision as `Embeddings` keeps them."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def of(self, paths: Sequence[Path]) -> np.ndarray:
        return self._of([(path, None) for path in paths])

    def windows(self, paths: Sequence[Path], seed: int) -> list[np.ndarray]:
        """`WINDOWS` vectors for each picture."""
        plan = [(path, seed + number) for path in paths for number in range(WINDOWS)]
        found = self._of(plan)
        return [found[start : start + WINDOWS] for start in range(0, len(found), WINDOWS)]

    def _of(self, plan: Sequence[tuple[Path, int | None]]) -> np.ndarray:
        def prepared(one: tuple[Path, int | None]) -> np.ndarray:
            path, seed = one
            if seed is None:
                return self.encoder.prepare(decoded(path, self.encoder.resolution))
            whole = decoded(path, _AT)
            picture = window(whole, random.Random(f"{path.name} {seed}"))
            picture.thumbnail((self.encoder.resolution, self.encoder.resolution))
            return self.encoder.prepare(picture)

        with ThreadPoolExecutor(2) as workers:
            ready = list(workers.map(prepared, plan))
        parts = [self.encoder.encode(ready[at : at + 32]) for at in range(0, len(ready), 32)]
        return np.concatenate(parts).astype(np.float16).astype(np.float32)


def foreign(own: np.ndarray, others: np.ndarray, each: int, seed: int) -> Score:
    """Sets of `own` with a few of `others`, until so many are planted; and sets without."""
    limit = CurationSettings().strange
    dice = np.random.default_rng(seed)
    found, false = [], []
    while len(found) < each:
        for size in SIZES:
            some = own[dice.permutation(len(own))[:size]]
            few = others[dice.permutation(len(others))[: max(1, round(FOREIGN * size))]]
            told = strangeness(np.concatenate([some, few])) > limit
            found += told[len(some) :].tolist()
            false += (strangeness(some) > limit).tolist()
    return Score(len(found), round(float(np.mean(found)), 4), round(float(np.mean(false)), 4))


def frequent(own: np.ndarray, scenes: Sequence[np.ndarray], each: int, seed: int) -> Score:
    """Sets of `own`, a third of each of one scene. Found: a crowd that is mostly of that third."""
    share = CurationSettings().frequent
    dice = np.random.default_rng(seed)
    found, false = [], []
    while len(found) < each:
        for size in SIZES:
            some = own[dice.permutation(len(own))[:size]]
            count = min(WINDOWS, round(size * IN_CROWD))
            scene = scenes[int(dice.integers(len(scenes)))][:count]
            whole = np.concatenate([some[: size - count], scene])
            told = [int((one >= size - count).sum()) for one in crowds(whole, share)]
            found.append(any(2 * number > count for number in told))
            alone = crowds(some, share)
            false.append(sum(len(one) for one in alone) / len(some))
    return Score(len(found), round(float(np.mean(found)), 4), round(float(np.mean(false)), 4))


def set_scores(
    drawn: Sequence[Path], photographs: Sequence[Path], each: int
) -> dict[str, list[Score]]:
    """Of one half of the drawings, of the other, and of photographs."""
    vectors = Vectors(Classical())
    mixed = random.Random(0).sample(list(drawn), len(drawn))
    parts = [mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :], list(photographs)]
    own = [vectors.of(paths) for paths in parts]
    others = [own[2], own[2], np.concatenate(own[:2])]
    scenes = [vectors.windows(paths[:SCENES], number) for number, paths in enumerate(parts)]
    return {
        "foreign picture": [
            foreign(one, other, each, seed)
            for seed, (one, other) in enumerate(zip(own, others, strict=True))
        ],
        "frequent scene": [
            frequent(one, some, each, seed)
            for seed, (one, some) in enumerate(zip(own, scenes, strict=True))
        ],
    }


def in_mixed(first: Sequence[Path], photographs: Sequence[Path], each: int) -> float:
    """What share of photographs is found among stamps, drawn in part and in part cut out."""
    stamps = [path for path in first if not path.stem.startswith("kodak")]
    vectors = Vectors(Classical())
    return foreign(vectors.of(stamps), vectors.of(photographs), each, 0).found
