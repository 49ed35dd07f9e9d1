"""What to do about LoRAs that get into one another's way, in words. Pure."""

import math
from collections.abc import Mapping, Sequence

from .interference import Overlap, Pair, together
from .names import block_of

ALONG, AGAINST = 0.25, -0.15  # cosines from which two do the same, or undo one another
SHARED, OVER_CHANCE = 0.2, 3.0  # overlap, and how many times chance it has to be
LOUDER = 4.0  # times the norm
_NAMED = 3  # blocks in a sentence


def verdict(pair: Pair) -> str:
    """`cancels`, `doubles`, `shares`, `drowns`, or `well`."""
    if pair.cosine <= AGAINST:
        return "cancels"
    if pair.cosine >= ALONG:
        return "doubles"
    if pair.overlap >= max(SHARED, OVER_CHANCE * pair.chance):
        return "shares"
    return "drowns" if pair.ratio >= LOUDER else "well"


def advice(
    pair: Pair, some: Sequence[Overlap], names: Sequence[str], strengths: Sequence[float]
) -> str:
    """One or two sentences for a pair; `some` are its layers, `strengths` those for the model."""
    one, other = (names[at] for at in (pair.first, pair.second))
    found = verdict(pair)
    if found == "cancels":
        told = (
            f"they pull against one another (cosine {pair.cosine:.2f}), most in "
            f"{worst(some, 'cosine', False)}. Use one of them, or merge them by ties, which lets "
            "the stronger sign win."
        )
    elif found == "doubles":
        told = (
            f"they do much the same (cosine {pair.cosine:.2f}), most in {worst(some, 'cosine')}: "
            f"together it is too much. Try strengths {_pulled_back(pair, strengths)}."
        )
    elif found == "shares":
        told = (
            f"they change the same directions ({pair.overlap:.0%}, by chance it would be "
            f"{pair.chance:.0%}), most in {worst(some, 'overlap')}. Lower the one that matters "
            "less there by block weights, or merge them by dare_ties."
        )
    elif found == "drowns":
        first = pair.sizes[0] > pair.sizes[1]
        loud, quiet = (one, other) if first else (other, one)
        less = strengths[pair.first if first else pair.second] / math.sqrt(pair.ratio)
        told = (
            f"{loud} changes {pair.ratio:.1f} times as much as {quiet}. If {quiet} is not seen, "
            f"try {less:.2g} for {loud}."
        )
    else:
        told = "they leave one another alone."
    return f"{one} and {other}: {told}"


def _pulled_back(pair: Pair, strengths: Sequence[float]) -> str:
    """Strengths at which both together change no more than the larger alone does now."""
    one, other = pair.sizes
    both = math.sqrt(one**2 + other**2 + 2 * pair.cosine * one * other)
    by = max(one, other) / both
    return " and ".join(f"{strengths[at] * by:.2f}" for at in (pair.first, pair.second))


def worst(some: Sequence[Overlap], name: str, most: bool = True) -> str:
    """The blocks in which a figure is the largest, or the least."""
    values = {block: getattr(together(layers), name) for block, layers in blocks(some).items()}
    order = sorted(values, key=values.__getitem__, reverse=most)[:_NAMED]
    return ", ".join(f"{block} ({values[block]:.2f})" for block in order)


def blocks(some: Sequence[Overlap]) -> dict[str, list[Overlap]]:
    """By block of the network, in the order of the first layers."""
    found: dict[str, list[Overlap]] = {}
    for one in some:
        found.setdefault(block_of(one.layer), []).append(one)
    return found


def text(
    pairs: Mapping[tuple[int, int], Sequence[Overlap]],
    names: Sequence[str],
    strengths: Sequence[float],
) -> str:
    """All pairs, those that clash first; and those that meet in no layer."""
    if not pairs:
        return "No two of these LoRAs change the same layer: they leave one another alone."
    rank = ("cancels", "doubles", "shares", "drowns", "well")
    told = []
    for some in pairs.values():
        pair = together(list(some))
        told.append((rank.index(verdict(pair)), advice(pair, some, names, strengths)))
    lines = [line for _, line in sorted(told, key=lambda one: one[0])]
    count = len(names) * (len(names) - 1) // 2 - len(pairs)
    if count:
        lines.append(f"{count} {'pair meets' if count == 1 else 'pairs meet'} in no layer.")
    return "\n".join(lines)
