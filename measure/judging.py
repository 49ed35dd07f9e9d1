"""Do the scores tell planted cases? LoRAs made wrong on purpose, and good runs with a right choice.

Each seed trains five small LoRAs on the demo base (judging_cases.py), draws a suite of prompts with
each, and lets the scores, the flags and the recommendation that users get judge the pictures. What
is right is decided by another network, which the scores never see. Pictures are kept under
`judging/` of the base directory, so that the same command goes on where it was stopped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..demo import engine
from ..training.evaluation.contenders import Limits, flags
from ..training.evaluation.recommend import recommend
from . import judging_influence
from .judging_cases import GOOD, GOOD_COLUMNS, PLANTED, cases
from .judging_made import Made
from .judging_read import checked, read, right_ones, took
from .judging_world import WORLDS, World
from .learning import load_base
from .report import Report, Value

HATS, SCARVES = WORLDS
TUNED = ("hats, limits set on these", HATS, range(10))
JUDGED = (("hats", HATS, range(10, 20)), ("scarves", SCARVES, range(10, 20)))
INFLUENCE = ("influence_worst_fifth", "influence_loo", "influence_loo_pictures")
QUICK = (("hats", HATS, range(10, 12)),)


@dataclass(frozen=True)
class Outcome:
    """Of one seed: whether each planted case got its flag, whether it has that fault by the judge,
    and what was recommended of the good run. `random` is the share of its columns that are right;
    `short` is how far the recommended one stands below the best, by the judge; `alarms` are false
    ones.
    """

    told: dict[str, bool]
    took: dict[str, bool]
    recommended: bool
    random: float
    short: float
    alarms: tuple[str, ...]


def outcome(here: World, seed: int, made: Made) -> Outcome:
    told: dict[str, bool] = {}
    grown: dict[str, bool] = {}
    every = cases(here, seed)
    for name, flag in PLANTED.items():
        pictures = made.pictures(here, seed, every[name])
        (one,) = read(here, seed, every[name], pictures)
        told[flag] = flag in flags(one, Limits())
        grown[flag] = took(here, seed, every[name], pictures)
    pictures = made.pictures(here, seed, every[GOOD])
    found = read(here, seed, every[GOOD], pictures)
    judged = checked(here, seed, pictures)
    right, best = right_ones(judged), max(judged, key=lambda one: one.right.mean)
    marks = {(one.step, one.strength): one.right.mean for one in judged}
    chosen = recommend(found).chosen
    choice = (chosen.checkpoint or 0, chosen.strength) if chosen else None
    (sound,) = (
        one for one in found if (one.checkpoint, one.strength) == (best.step, best.strength)
    )
    return Outcome(
        told,
        grown,
        choice in right,
        len(right) / len(GOOD_COLUMNS),
        best.right.mean - (marks[choice] if choice else 0),
        tuple(flag for flag in flags(sound, Limits()) if flag in PLANTED.values()),
    )


def measure(quick: bool) -> Report:
    engine.start()
    made = Made()
    sets = QUICK if quick else (TUNED, *JUDGED)
    found = {name: [outcome(here, seed, made) for seed in seeds] for name, here, seeds in sets}
    judged = [one for name, some in found.items() if name != TUNED[0] for one in some]
    traced, _ = judging_influence.influence_figures(load_base(), quick)
    figures: dict[str, Value] = {
        **rates(judged),
        "fragile_of_all": _share(one.told["fragile"] for one in judged),
        "not_grown": sum(not took for one in judged for took in one.took.values()),
        "seeds": len(judged),
        **{name: value for name, value in traced.items() if name in INFLUENCE},
    }
    rows: list[dict[str, Value]] = [
        {"set": name, "seeds": len(some)}
        | {what: f"{rate:.2f}" for what, rate in rates(some).items()}
        for name, some in found.items()
    ]
    return Report(figures, rows, NOTES)


def rates(some: Sequence[Outcome]) -> dict[str, float]:
    told = {
        flag: _share(one.told[flag] for one in some if one.took[flag]) for flag in PLANTED.values()
    }
    return told | {
        "recommended_right": _share(one.recommended for one in some),
        "random_right": _share(one.random for one in some),
        "below_best": _share(one.short for one in some),
        "false_alarms": _share(bool(one.alarms) for one in some),
    }


def _share(values: Iterable[float]) -> float:
    return round(float(np.mean([*values])), 4)


NOTES = (
    "Each seed is five trainings on pictures, captions and prompts of its own: overfitted (5 "
    "pictures, 128 steps), undertrained (6 steps at a low rate), leaking (no captions, or one for "
    "all, and no class pictures), single phrase (one phrase in every caption), and a good run (16 "
    "pictures, class pictures) of eight columns, checkpoints and strengths from too little to too "
    "much. `copying` to `fragile`: the share of these that got their flag, of those whose fault "
    "has grown by the judge: a run with one phrase may learn the thing in every phrase, and is not "
    "fragile then (`not_grown` of all cases; `fragile_of_all` holds them for missed). "
    "`recommended_right`: the recommended column of the good run is one of those within the "
    "interval of the best, by a judge that the scores do not use, on prompts and seeds of its own "
    "(its figure is the share of "
    "asked attributes that are as asked, 0 for a picture that lacks the thing where it is asked or "
    "has it where it is not; the interval is the wider of the bootstrap's and Wilson's, for the "
    "bootstrap has none around a column without a fault). `random_right`: the share of columns "
    "that are. `below_best`: by how much the recommended one stands below the best, by the judge, "
    "at the mean. `false_alarms`: the "
    "share of good runs whose best column, by that judge, got one of the four flags. Limits are "
    "the defaults of Recommend Checkpoint and were set on seeds 0 to 9 of hats; the figures below "
    "are of the other sets. `influence_…`: as `measure influence` has them, which tells more."
)
