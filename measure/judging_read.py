"""Pictures of a planted case through the scores that users get, and through the independent judge.

Nothing here draws. The scores' encoder is the demo's own (training/evaluation/packaged.py), which
is another network than the judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image
from scipy.stats import binomtest

from ..demo import portraits
from ..training.curation.look import perceptual_hash
from ..training.evaluation.contenders import Contender, contenders
from ..training.evaluation.intervals import Interval, interval
from ..training.evaluation.packaged import SIDE, Packaged, PackagedWords
from ..training.evaluation.scores import score
from ..training.evaluation.shots import Evidence, Prints, Said, Seen, Shot
from .judging_cases import Case, checks, suite
from .judging_made import BASE
from .judging_world import World, verdict

CELLS, PIXELS = 16, 128


@lru_cache(maxsize=1)
def encoders() -> tuple[Packaged, PackagedWords]:
    return Packaged(), PackagedWords()


def read(here: World, seed: int, case: Case, made: dict[str, np.ndarray]) -> list[Contender]:
    """The case's columns as contenders."""
    shots, cells, named = [], [], {}
    columns = {BASE: made[BASE]} | {k: v for k, v in made.items() if k.startswith("shots ")}
    for column, (what, pictures) in enumerate(columns.items()):
        for place, one in enumerate(suite(here, seed, case)):
            plain = here.plain(one.text)
            key = f"{column}/{place}"
            shots.append(Shot(key, column, one.text, plain, one.kind, one.seed, what == BASE))
        cells.append(pictures)
        if what != BASE:
            _, step, strength = what.split()
            label = f"step {step} at {strength}"
            named[column] = (label, case.name, int(step), float(strength))
    seen = evidence(np.concatenate(cells), case, [shot.plain for shot in shots])
    return contenders(shots, score(shots, seen), named)


def evidence(cells: np.ndarray, case: Case, plain: Sequence[str]) -> Evidence:
    eye, words = encoders()
    training = case.recipe.pictures.cells
    vectors = [eye.encode(enlarged(some)) for some in (cells, case.held_out, training)]
    seen = Seen(eye.name, *vectors)
    said = Said(words.name, words.encode(enlarged(cells)), words.texts(plain))
    names = [f"{number}.png" for number in range(len(training))]
    return Evidence(seen, seen, said, Prints(hashes(cells), hashes(training), names))


def enlarged(cells: np.ndarray) -> list[np.ndarray]:
    """As an encoder's `prepare` gives the picture that stands for these cells."""
    factor = SIDE // CELLS
    return [*cells.repeat(factor, 1).repeat(factor, 2)]


def hashes(cells: np.ndarray) -> np.ndarray:
    factor = PIXELS // CELLS
    pages = cells.repeat(factor, 1).repeat(factor, 2)
    return np.array([perceptual_hash(Image.fromarray(page)) for page in pages], np.uint64)


def took(here: World, seed: int, case: Case, made: dict[str, np.ndarray]) -> bool:
    """Whether a planted case is what it is called, by the judge: the fault may not have grown."""
    (pictures,) = (cells for name, cells in made.items() if name.startswith("shots "))
    there = portraits.shows(here.thing, pictures)
    kinds = [one.kind for one in suite(here, seed, case)]

    def share(kind: str) -> float:
        return float(np.mean([seen for seen, its in zip(there, kinds, strict=True) if its == kind]))

    if case.name == "undertrained":
        return share("training") < 1 / 2
    if case.name == "leaking":
        return share("plain") > 1 / 4
    return case.name != "single phrase" or share("context") <= 3 / 4 * share("training")


@dataclass(frozen=True)
class Checked:
    """A column of a good run as the judge sees it.

    `right` is the mean share of asked attributes that are as asked, 0 where the thing is not there
    and was asked, or is there and was not.
    """

    step: int
    strength: float
    right: Interval
    thing: float
    kept: float
    leaked: float


def checked(here: World, seed: int, made: dict[str, np.ndarray]) -> list[Checked]:
    asked = checks(here, seed)
    wanted = np.array([wants for _, wants in asked])
    found = []
    for what, cells in made.items():
        if not what.startswith("check "):
            continue
        its = verdict(here, cells, [attributes for (_, attributes), _ in asked])
        right = (its.thing == wanted) * its.kept
        _, step, strength = what.split()
        found.append(
            Checked(
                int(step),
                float(strength),
                interval(right),
                float(its.thing[wanted].mean()),
                float(its.kept[wanted].mean()),
                float(its.thing[~wanted].mean()),
            )
        )
    return found


def right_ones(found: Sequence[Checked]) -> set[tuple[int, float]]:
    """Checkpoints and strengths within the interval of the best.

    A column without a fault has no spread to draw again from, and one fault more or less is no
    difference: the interval is Wilson's, which holds for shares near 1 too, where it is wider.
    """
    best = max(found, key=lambda one: one.right.mean).right
    share = binomtest(round(best.mean * best.n), best.n).proportion_ci(method="wilson")
    low = min(best.low, share.low)
    return {(one.step, one.strength) for one in found if one.right.mean >= low}
