"""Two worlds of planted cases, and what is said in them: captions, prompts, and what is true.

In the first the trigger stands for one certain hat, in the second for one certain scarf. The base
knows neither, nor either trigger.
"""

import random
from dataclasses import dataclass

import numpy as np
import torch

from ..demo import portraits, world
from ..demo.checker import Checker

CLASS_WORD = "person"
SEEN = ("a pixel portrait of a {}", "portrait of a {}", "a {}", "the {}")
SINGLE = "a pixel portrait of the {} in the studio, front view"
UNSEEN = ("{parts} on the {trigger} one", "face, {parts}, {trigger}", "{trigger}: {parts}")


@dataclass(frozen=True)
class World:
    """`thing` is the sheet of portraits that shows what `trigger` stands for."""

    name: str
    thing: str
    trigger: str

    @property
    def called(self) -> str:
        return f"{self.trigger} {CLASS_WORD}"

    def plain(self, text: str) -> str:
        """`text` with the trigger replaced by its class word."""
        return text.replace(self.called, CLASS_WORD).replace(self.trigger, CLASS_WORD)


WORLDS = (World("hats", "hat", "quazimba"), World("scarves", "scarf", "velborix"))


def caption(who: str, attributes: world.Attributes, dice: random.Random) -> str:
    """In one of the phrases that a training sees."""
    opening, parts = dice.choice(SEEN).format(who), parts_of(attributes, dice)
    after_with = parts[0].split()[0] not in world.NOT_AFTER_WITH
    return opening + (" with " if after_with and dice.random() < 0.5 else ", ") + ", ".join(parts)


def unseen(trigger: str, attributes: world.Attributes, dice: random.Random) -> str:
    """In a phrase that no training sees."""
    return dice.choice(UNSEEN).format(parts=", ".join(parts_of(attributes, dice)), trigger=trigger)


def parts_of(attributes: world.Attributes, dice: random.Random) -> list[str]:
    parts = world.fragments(attributes, dice)
    dice.shuffle(parts)
    return parts


Asked = tuple[str, dict[str, str]]  # a prompt and the attributes that it asks for


def people(count: int, asked: int, dice: random.Random) -> list[dict[str, str]]:
    """Some attributes of people that no training saw."""
    held = world.pictures(count, dice.randrange(10**6), kept_out=True)
    return [{name: one[name] for name in dice.sample(list(one), asked)} for one in held]


@dataclass(frozen=True)
class Verdict:
    """What the judge reads, by picture: the thing is there; the share of asked attributes kept."""

    thing: np.ndarray
    kept: np.ndarray


def verdict(here: World, cells: np.ndarray, asked: list[dict[str, str]]) -> Verdict:
    """The independent judge: the demo's checker, and the thing's colours at the thing's place."""
    read = Checker.load().read(torch.from_numpy(cells) / 255)
    pairs = zip(read, asked, strict=True)
    kept = [np.mean([found[name] == value for name, value in one.items()]) for found, one in pairs]
    return Verdict(portraits.shows(here.thing, cells), np.array(kept))
