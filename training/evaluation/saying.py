"""A recommendation in words: its reasons, what to change next, and the points of its plot. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from .contenders import FLAGS, Contender, Limits, better, is_known, outside, steps
from .intervals import LEAST_GROUPS, LEAST_PICTURES, Interval
from .standing import Standing

DOMINANT = 1 / 3  # of the pictures of a column
RISE = 0.05  # of the way from the base to real pictures
ADVICE = {
    "copying": "Train for fewer steps or at a lower learning rate, with more pictures, and with "
    "captions that say what differs between them.",
    "not following": "Train for fewer steps or at a lower learning rate, or take a lower strength.",
    "leaking": "Put the trigger into every caption, and wire class_pictures to Train LoRA, so that "
    "the LoRA stays quiet without it.",
    "fragile": "Write more varied captions, in other words and orders, or let captions be shuffled "
    "and dropped, so that it works in other phrases.",
}


@dataclass(frozen=True)
class Choice:
    """What was chosen, the highest, all that are as good, all that were judged, and their flags."""

    chosen: Contender
    best: Contender
    equal: Sequence[Contender]
    judged: Sequence[Contender]
    told: Mapping[int, Sequence[str]]
    limits: Limits


def nothing(found: Sequence[Contender]) -> str:
    """Why no column can be judged."""
    if any(one.standing.blind for one in found):
        return (
            "The encoder of identity does not tell real pictures from the base's: what was learned "
            "is not among what it sees. Wire another CLIP_VISION to Score Grid (DINOv2 sees single "
            "things well)."
        )
    most = max(one.standing.learned.n for one in found)
    if not most:
        return (
            "Nothing says how faithful the pictures are. Wire held-out pictures to Score Grid's "
            "references, and let the grid have prompts that call what was learned."
        )
    return (
        f"Too few pictures to say: {most} of each column. At least {LEAST_GROUPS} prompts that "
        f"call what was learned and {LEAST_PICTURES} pictures are needed; 10 prompts at 2 seeds "
        "tell more."
    )


def reasons(choice: Choice) -> list[str]:
    """Why it was chosen, and what rules others out."""
    chosen, told, limits = choice.chosen, choice.told, choice.limits
    found = [
        f"Identity: {_share(chosen.standing.learned)} of the way from the base to real pictures "
        "that were held out.",
        *_others(choice),
    ]
    its = chosen.standing
    limited = {
        "Copies of training pictures": (its.copied, limits.copied),
        "Way to the very picture that a training caption is of": (its.redrawn, limits.redrawn),
        "Prompts followed less than by the base": (its.unfollowed, limits.unfollowed),
        "Seen without the trigger": (its.leaned, limits.leaned),
    }
    found += [
        f"{what}: {_share(value)}; at most {limit:.0%} is allowed."
        for what, (value, limit) in limited.items()
        if is_known(value)
    ]
    return found + [
        f"{one.label}: {'; '.join(FLAGS[flag] for flag in told[one.column])}."
        for one in choice.judged
        if told[one.column]
    ]


def _others(choice: Choice) -> Iterator[str]:
    out = [one for one in choice.judged if outside(choice.told[one.column])]
    if len(out) == len(choice.judged):
        yield "No column is within the limits; this one breaks the fewest."
    elif out:
        yield f"{len(out)} of {len(choice.judged)} columns are ruled out (see below)."
    if choice.chosen is not choice.best:
        yield (
            f"{choice.best.label} is higher ({_share(choice.best.standing.learned)}), but not "
            "surely so at the same prompts and seeds, and this one has fewer steps or a strength "
            "nearer to 1."
        )
    others = len(choice.equal) - 1 - (choice.chosen is not choice.best)
    if others > 0:
        yield f"{others} more cannot be told from the highest."


def _share(value: Interval) -> str:
    return f"{value.mean:.0%} ({value.low:.0%} to {value.high:.0%})"


def advice(choice: Choice) -> list[str]:
    """What to change next."""
    own = choice.told[choice.chosen.column]
    found = [*_on_steps(choice), *(ADVICE[flag] for flag in own if flag in ADVICE)]
    name, share = choice.chosen.dominant
    if share >= DOMINANT:
        found.append(
            f"{name} dominates: {share:.0%} of the pictures are nearest to it. Give it fewer "
            "repeats, or add pictures that are unlike it."
        )
    return found


def _on_steps(choice: Choice) -> Iterator[str]:
    chosen, told = choice.chosen, choice.told
    later = [one for one in choice.judged if steps(one) > steps(chosen)]
    if not later and "undertrained" in told[chosen.column]:
        yield "Train for more steps, or at a higher learning rate: it has learned little."
    elif not later and _rising(choice):
        yield "Train for more steps: the last checkpoint is surely better than the one before it."
    worse = [one for one in later if outside(told[one.column])]
    if worse and not outside(told[chosen.column]):
        first = min(map(steps, worse))
        yield (
            f"Fewer steps are enough: from step {first} on it is outside the limits. A lower "
            "learning rate and more frequent checkpoints make the choice finer."
        )


def _rising(choice: Choice) -> bool:
    """Whether it is surely and notably better than the checkpoint before, at the same strength."""
    chosen = choice.chosen
    before = [
        one
        for one in choice.judged
        if one.strength == chosen.strength and steps(one) < steps(chosen)
    ]
    if not before:
        return False
    last = max(before, key=steps)
    rise = chosen.standing.learned.mean - last.standing.learned.mean
    return rise > RISE and better(chosen, last)


def points(
    found: Sequence[Contender], told: Mapping[int, Sequence[str]], chosen: Contender | None
) -> tuple[dict[str, Any], ...]:
    """For the plot of fidelity over prompt following: shares, 1 is real pictures, or the base."""
    return tuple(
        {
            "column": one.column,
            "label": one.label,
            "checkpoint": one.checkpoint,
            "strength": one.strength,
            "fidelity": one.standing.learned.told(),
            "prompt": _turned(one.standing.unfollowed).told(),
            "flags": list(told[one.column]),
            "chosen": chosen is not None and one.column == chosen.column,
            "standing": dict(_standing(one.standing)),
        }
        for one in found
    )


def _standing(its: Standing) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in fields(its):
        if isinstance(value := getattr(its, part.name), Interval):
            yield part.name, value.told()


def _turned(lost: Interval) -> Interval:
    return Interval(1 - lost.mean, 1 - lost.high, 1 - lost.low, lost.n, lost.groups)
