"""The pictures of a grid as scores see them, and all that scores are made from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

CAPTIONS = ("training",)
OWN = (*CAPTIONS, "trigger")  # kinds of prompt with phrases that the training saw
CONTEXTS = ("context", "style")  # and with others
CALLED = (*OWN, *CONTEXTS)  # all that ask for what was learned
ANEW = ("trigger", *CONTEXTS)  # and are no captions of the training
PLAIN = ("plain",)


@dataclass(frozen=True)
class Shot:
    """One picture of a grid. `how` tells shots apart that share prompt and seed: other settings,
    other LoRAs.
    """

    key: str
    column: int
    prompt: str
    plain: str
    kind: str
    seed: int
    base: bool
    how: str = ""

    @property
    def pair(self) -> tuple[str, int, str]:
        return self.prompt, self.seed, self.how


@dataclass(frozen=True)
class Seen:
    """Pictures as one encoder sees them, rows of numbers: the shots, the held-out references and
    the training pictures.
    """

    encoder: str
    shots: np.ndarray
    references: np.ndarray
    training: np.ndarray


@dataclass(frozen=True)
class Said:
    """Pictures and their plain prompts to one encoder of both; NaN where it can say nothing."""

    encoder: str
    shots: np.ndarray
    texts: np.ndarray


@dataclass(frozen=True)
class Prints:
    """Perceptual hashes of 64 bits, of shots and training pictures, with the names of these."""

    shots: np.ndarray
    training: np.ndarray
    names: Sequence[str]


@dataclass(frozen=True)
class Evidence:
    """All that scores are made from. `held_out` has the loss of a column's checkpoint, if known."""

    identity: Seen
    style: Seen
    said: Said | None
    prints: Prints
    held_out: Mapping[int, float] = field(default_factory=dict)


def beside_base(shots: Sequence[Shot], values: np.ndarray) -> np.ndarray:
    """For each shot the value of the base at the same prompt and seed; NaN where there is none."""
    base = {shot.pair: value for shot, value in zip(shots, values, strict=True) if shot.base}
    return np.array([base.get(shot.pair, np.nan) for shot in shots])


def places(shots: Sequence[Shot], kinds: Iterable[str], column: int | None = None) -> list[int]:
    """The numbers of the shots of these kinds (of a column; or else of the base)."""
    wanted = set(kinds)
    return [
        number
        for number, shot in enumerate(shots)
        if shot.kind in wanted and (shot.base if column is None else shot.column == column)
    ]


def columns_of(shots: Sequence[Shot]) -> list[int]:
    return sorted({shot.column for shot in shots})


def prompts_of(shots: Sequence[Shot], some: Iterable[int]) -> list[str]:
    return [shots[place].prompt for place in some]


def places_of_plain(shots: Sequence[Shot]) -> list[int]:
    """The numbers of the shots with a LoRA whose prompts do not call it."""
    return [number for number, shot in enumerate(shots) if shot.kind in PLAIN and not shot.base]
