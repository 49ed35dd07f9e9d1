"""The columns of a grid as contenders for a recommendation, and what speaks against each. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from ..settings.group import Group
from .intervals import Interval, paired
from .scores import Scores
from .shots import CALLED, Shot, places
from .standing import Standing, dominant, standings


class Limits(Group):
    """What a column may do at most (of `learned` and `steady`: at least). See `Standing`."""

    learned: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Below this share of the way from the base to real pictures it has hardly "
        "learned.",
    )
    copied: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="The share of pictures that may be copies of training pictures, of those that "
        "no caption of the training asked for.",
    )
    redrawn: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="How far it may come from the base to the very training picture, where that "
        "picture's caption is the prompt.",
    )
    unfollowed: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="How much less than the base it may follow prompts; 1 is following none.",
    )
    leaned: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="How far it may come towards real pictures where the trigger is not said.",
    )
    drifted: float = Field(
        default=1.5,
        ge=0,
        le=2,
        description="How far pictures without the trigger may be from the base's; 1 is as far as "
        "another seed's.",
    )
    steady: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="The share of what it learned that must be left in phrases which the training "
        "did not see.",
    )


@dataclass(frozen=True)
class Contender:
    """One column of a grid: a checkpoint at a strength. `faithful` has the identity of each
    picture by prompt, seed and settings; `dominant` is the training picture that most of its
    pictures are nearest to, and their share.
    """

    column: int
    label: str
    lora: str
    checkpoint: int | None
    strength: float
    standing: Standing
    faithful: Mapping[tuple[str, int, str], float] = field(default_factory=dict)
    dominant: tuple[str, float] = ("", 0.0)


def contenders(
    shots: Sequence[Shot], scores: Scores, named: Mapping[int, tuple[str, str, int | None, float]]
) -> list[Contender]:
    """A contender for each column with a LoRA; `named` has its label, LoRA, step and strength."""
    found = []
    for column, standing in standings(shots, scores).items():
        values = scores["identity"].values if "identity" in scores else np.zeros(len(shots))
        faithful = {shots[n].pair: float(values[n]) for n in places(shots, CALLED, column)}
        nearest = dominant(shots, scores, column)
        found.append(Contender(column, *named[column], standing, faithful, nearest))
    return found


FLAGS = {
    "undertrained": "it has hardly learned what it should",
    "copying": "it draws training pictures again",
    "not following": "it does not do what prompts say",
    "leaking": "it shows where the trigger is not said",
    "fragile": "it works only in phrases of the training",
}


def flags(one: Contender, limits: Limits) -> tuple[str, ...]:
    """Which of `FLAGS` a contender has, as far as its pictures tell."""
    its = one.standing
    told = {
        "undertrained": is_known(its.learned)
        and (its.learned.mean < limits.learned or not its.learned.above),
        "copying": _beyond(its.copied, limits.copied) or _beyond(its.redrawn, limits.redrawn),
        "not following": _beyond(its.unfollowed, limits.unfollowed),
        "leaking": _beyond(its.leaned, limits.leaned)
        or (is_known(its.drifted) and its.drifted.mean > limits.drifted),
        "fragile": its.steady < limits.steady and its.own.surely_above(its.contexts),
    }
    return tuple(flag for flag, is_so in told.items() if is_so)


def is_known(one: Interval) -> bool:
    return bool(np.isfinite(one.mean)) and not one.too_few


def _beyond(one: Interval, limit: float) -> bool:
    return is_known(one) and one.mean > limit and one.above


def outside(flags: Sequence[str]) -> list[str]:
    """The limits that rule a contender out. One that has learned little is below others anyway."""
    return [flag for flag in flags if flag not in ("undertrained", "fragile")]


def better(one: Contender, other: Contender) -> bool:
    """Whether `one` is surely more faithful, at the same prompts and seeds."""
    both = [pair for pair in one.faithful if pair in other.faithful]
    mine, others = (np.array([side.faithful[pair] for pair in both]) for side in (one, other))
    return paired(mine, others, [prompt for prompt, *_ in both]).above


def steps(one: Contender) -> int:
    return one.checkpoint or 0
