"""The LoRAs that a grid compares: one at a time, combined, or the checkpoints of a run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeVar

from ..files import legible
from ..stack.stack import Item
from .axes import Axes, Combine, words

MOST_COMBINED = 12  # LoRAs; 4095 combinations
ALL, LAST, BEST = "all", "last", "best"
Any_ = TypeVar("Any_")


@dataclass(frozen=True)
class Candidate:
    """One LoRA, or several at once; `checkpoint` is the step, if it is one of a run's."""

    name: str
    items: tuple[Item, ...]
    checkpoint: int | None = None


@dataclass(frozen=True)
class More:
    """What travels to a grid from Grid LoRAs and Grid Axes."""

    candidates: tuple[Candidate, ...] = ()
    axes: Axes = field(default_factory=Axes)

    def with_candidates(self, more: Sequence[Candidate]) -> "More":
        return replace(self, candidates=(*self.candidates, *more))

    def with_axes(self, axes: Axes) -> "More":
        return replace(self, axes=axes)

    def all_candidates(self, first: Sequence[Candidate]) -> list[Candidate]:
        """`first` and those that were wired, as `combine` says."""
        return combined(named_apart([*first, *self.candidates]), self.axes.combine)


def named_apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The same with a number behind the name where another is called so already."""
    found: list[Candidate] = []
    taken: set[tuple[str, int | None]] = set()
    for one in candidates:
        name, number = one.name, 1
        while (name, one.checkpoint) in taken:
            number += 1
            name = f"{one.name} ({number})"
        taken.add((name, one.checkpoint))
        found.append(replace(one, name=name))
    return found


def combined(candidates: Sequence[Candidate], how: Combine) -> list[Candidate]:
    """Each alone, all at once, or every combination: the smaller first."""
    if how == "each alone" or len(candidates) < 2:
        return list(candidates)
    if how == "all together":
        return [_together(candidates)]
    if len(candidates) > MOST_COMBINED:
        raise ValueError(
            f"combine: {len(candidates)} LoRAs on and off are {2 ** len(candidates) - 1} "
            f"combinations. Take at most {MOST_COMBINED}, or each alone."
        )
    return [
        _together(some)
        for size in range(1, len(candidates) + 1)
        for some in combinations(candidates, size)
    ]


def _together(some: Sequence[Candidate]) -> Candidate:
    if len(some) == 1:
        return some[0]
    labels = [
        one.name if one.checkpoint is None else f"{one.name} step {one.checkpoint}" for one in some
    ]
    return Candidate(" + ".join(labels), tuple(item for one in some for item in one.items))


def chosen_steps(
    text: str, kept: Mapping[int, Any_], last: int | None, best: int | None, run: str
) -> list[int]:
    """The steps that `text` names, of those that a run `kept`: in the order of training.

    `last` and `best` are those steps, where they are known. `ValueError` names what is not there.
    """
    found: set[int] = set()
    for word in words(text.lower()):
        if word == ALL:
            found |= kept.keys()
        elif word in (LAST, BEST):
            step = last if word == LAST else best
            if step is None:
                raise ValueError(
                    f"checkpoints: the run {run} has no '{word}' weights"
                    + (": no held-out loss was measured." if word == BEST else ".")
                )
            found.add(step)
        elif word.isdecimal() and int(word) in kept:
            found.add(int(word))
        else:
            there = ", ".join(map(str, sorted(kept))) or "none (keep_loras was off)"
            raise ValueError(
                f"checkpoints: the run {run} has no LoRA of '{legible(word)}'. There are steps "
                f"{there}; {ALL}, {LAST} and {BEST} may be written too."
            )
    if not found:
        raise ValueError(f"checkpoints: none of the run {run} is named. Write {ALL}, or steps.")
    return sorted(found)
