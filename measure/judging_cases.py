"""The planted cases: what each is trained on, how long, and the prompts that judge it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from ..demo import portraits, world
from .judging_world import CLASS_WORD, SEEN, SINGLE, Asked, World, caption, people, unseen

GOOD = "good"
PLANTED = {
    "overfitted": "copying",
    "undertrained": "undertrained",
    "leaking": "leaking",
    "single phrase": "fragile",
}
"""Each case and the flag that it must get."""

MARKS = (8, 24, 64, 96)
STRENGTHS = (0.5, 1.0, 2.5)
GOOD_COLUMNS = ((8, 1.0), (24, 1.0), *product(MARKS[2:], STRENGTHS))
"""Checkpoints and strengths of a good run, from too little to too much."""

PICTURES, FEW, HELD_OUT = 16, 5, 12
OWN, TRIGGERS, CONTEXTS, PLAIN = 5, 2, 7, 6  # prompts of each kind
SEEDS = (1, 2)
MANY_SEEDS = tuple(range(1, 11))  # of one prompt, where a training has no other
CHECKED, CHECKED_PLAIN = 14, 8


@dataclass(frozen=True)
class Taught:
    """A set of pictures, cells `[N, 16, 16, 3]`, each with its caption."""

    cells: np.ndarray
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What is trained, how, and after which steps a LoRA is left; the last mark is the end."""

    pictures: Taught
    others: Taught | None
    marks: tuple[int, ...]
    seed: int
    rate: float = 1e-2
    batch: int = 4
    least: float = 0.4  # time practised


@dataclass(frozen=True)
class Case:
    """`columns` are the checkpoints and strengths that are drawn; `held_out` are cells."""

    name: str
    recipe: Recipe
    columns: tuple[tuple[int, float], ...]
    held_out: np.ndarray


def cases(here: World, seed: int) -> dict[str, Case]:
    """The good run and the planted ones of a seed."""
    dice = random.Random(f"{here.name} {seed}")
    chosen = dice.sample(range(portraits.COUNT), PICTURES + HELD_OUT)
    mine, held = chosen[:PICTURES], chosen[PICTURES:]
    who = portraits.people()
    sheet, bare = portraits.sheet(here.thing), portraits.sheet("bare")

    def taught(some: list[int], say: Callable[[world.Attributes], str]) -> Taught:
        return Taught(sheet[some], tuple(say(who[place]) for place in some))

    def varied(one: world.Attributes) -> str:
        return caption(here.called, world.some(one, dice), dice)

    others = Taught(
        bare[mine], tuple(caption(CLASS_WORD, world.some(who[place], dice), dice) for place in mine)
    )
    one_text = "" if seed % 2 else f"a {CLASS_WORD}"
    good = taught(mine, varied)
    few = taught(mine[:FEW], lambda one: caption(here.called, one, dice))
    phrase = taught(mine, lambda _: SINGLE.format(here.called))
    same = taught(mine, lambda _: one_text)
    recipes = {
        GOOD: (Recipe(good, others, MARKS, seed), GOOD_COLUMNS),
        "overfitted": (Recipe(few, None, (128,), seed, least=0.0), ((128, 1.0),)),
        "undertrained": (Recipe(good, others, (6,), seed, rate=1e-3), ((6, 1.0),)),
        "leaking": (Recipe(same, None, (56,), seed), ((56, 1.0),)),
        "single phrase": (Recipe(phrase, others, (48,), seed, least=0.0), ((48, 1.0),)),
    }
    return {
        name: Case(name, recipe, columns, sheet[held])
        for name, (recipe, columns) in recipes.items()
    }


@dataclass(frozen=True)
class Prompt:
    text: str
    kind: str
    seed: int


def suite(here: World, seed: int, case: Case) -> list[Prompt]:
    """What a case is judged by: its own captions, the trigger, phrases that no case saw, none.

    Captions without the trigger do not ask for what was learned, and are left out. Where a training
    has one caption alone, that is asked with more seeds, and more phrases beside it.
    """
    dice = random.Random(f"suite {here.name} {seed}")
    captions = dict.fromkeys(case.recipe.pictures.captions)
    own = [text for text in captions if here.trigger in text][:OWN]
    single = len(own) == 1
    asked = people(2 * CONTEXTS if single else CONTEXTS, 3, dice)
    contexts = [unseen(here.trigger, one, dice) for one in asked]
    plain = [caption(CLASS_WORD, one, dice) for one in people(PLAIN, 3, dice)]
    trigger = [opening.format(here.called) for opening in SEEN[:TRIGGERS]]
    kinds = {"training": own, "trigger": trigger, "context": contexts, "plain": plain}
    return [
        Prompt(text, kind, number)
        for kind, texts in kinds.items()
        for text in texts
        for number in (MANY_SEEDS if texts is own and single else SEEDS)
    ]


CHECK_SEED = 101


def checks(here: World, seed: int) -> list[tuple[Asked, bool]]:
    """What the independent judge has drawn: prompts, and whether they ask for the thing."""
    dice = random.Random(f"checks {here.name} {seed}")
    found: list[tuple[Asked, bool]] = []
    for place, one in enumerate(people(CHECKED, 3, dice)):
        new = unseen(here.trigger, one, dice) if place % 2 else caption(here.called, one, dice)
        found.append(((new, one), True))
    plain = people(CHECKED_PLAIN, 3, dice)
    return found + [((caption(CLASS_WORD, one, dice), one), False) for one in plain]
