"""Which checkpoint and strength to take: the most faithful one within limits, and why. Pure.

Never by one blended number, and never by a difference that its interval does not tell from none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import saying
from .contenders import Contender, Limits, better, flags, is_known, outside


@dataclass(frozen=True)
class Recommendation:
    """`chosen` is None where too few pictures were made to say."""

    chosen: Contender | None
    reasons: tuple[str, ...]
    advice: tuple[str, ...]
    points: tuple[dict[str, Any], ...]

    @property
    def text(self) -> str:
        head = f"Recommended: {self.chosen.label}" if self.chosen else "No recommendation."
        parts = [head, *self.reasons]
        if self.advice:
            parts += ["", "What to change next:", *(f"- {one}" for one in self.advice)]
        return "\n".join(parts)

    def told(self) -> dict[str, Any]:
        """For `scores.json`."""
        one = self.chosen
        named = {"column": one.column, "label": one.label, "lora": one.lora} if one else {}
        named |= {"checkpoint": one.checkpoint, "strength": one.strength} if one else {}
        lists = {"reasons": list(self.reasons), "advice": list(self.advice)}
        return {"chosen": named or None, **lists, "points": list(self.points), "text": self.text}


def recommend(found: Sequence[Contender], limits: Limits | None = None) -> Recommendation:
    """The contender of the highest identity to held-out pictures, of those within the limits.

    Those whose paired difference from it holds 0 are as good; of these it is the one with the
    fewest steps. Raises `ValueError` where there is none.
    """
    limits = limits or Limits()
    if not found:
        raise ValueError("there is no column with a LoRA: nothing to choose from")
    told = {one.column: flags(one, limits) for one in found}
    judged = [one for one in found if is_known(one.standing.learned)]
    if not judged:
        why = (saying.nothing(found),)
        return Recommendation(None, why, (), saying.points(found, told, None))
    broken = {one.column: len(outside(told[one.column])) for one in judged}
    able = [one for one in judged if broken[one.column] == min(broken.values())]
    best = max(able, key=lambda one: one.standing.learned.mean)
    equal = [one for one in able if not better(best, one)]
    chosen = min(equal, key=_cost)
    choice = saying.Choice(chosen, best, equal, judged, told, limits)
    return Recommendation(
        chosen,
        tuple(saying.reasons(choice)),
        tuple(saying.advice(choice)),
        saying.points(found, told, chosen),
    )


def _cost(one: Contender) -> tuple[float, float, float]:
    steps = float("inf") if one.checkpoint is None else one.checkpoint
    return steps, abs(one.strength - 1), -one.standing.learned.mean
