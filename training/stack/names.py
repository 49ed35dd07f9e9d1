"""Which of the files there are a row means. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from ..files import legible


def listed(name: str, known: Sequence[str]) -> str:
    """The listed name that `name` means, whichever slashes it has.

    A name without a folder, or without its ending, as some packs write it, is enough where it is
    that of one file only. `ValueError` with the nearest names for one that is not there.
    """
    own = {_slashed(one): one for one in known}
    wanted = _slashed(name)
    if wanted in own:
        return own[wanted]
    same = [one for one in own if wanted in _short(one)]
    if len(same) == 1:
        return own[same[0]]
    raise ValueError(
        f"There is no LoRA '{legible(name)}' in models/loras. {_nearest(wanted, same, [*own])}"
        "Put the file there and press R, or choose another."
    )


def _nearest(wanted: str, same: Sequence[str], own: Sequence[str]) -> str:
    if same:
        return f"It may be {' or '.join(map(legible, same[:5]))}. "
    folded = {one.lower(): one for one in own}
    ends = {one.rpartition("/")[2]: one for one in folded}
    near = get_close_matches(wanted.lower(), folded, n=3, cutoff=0.6)
    near += [
        ends[end]
        for end in get_close_matches(wanted.lower().rpartition("/")[2], ends, n=3, cutoff=0.6)
    ]
    names = [legible(folded[one]) for one in dict.fromkeys(near)][:4]
    return f"The nearest there are: {', '.join(names)}. " if names else ""


def _short(name: str) -> set[str]:
    """Without its ending; without its folders; without both."""
    last = name.rpartition("/")[2]
    return {name.rpartition(".")[0], last, last.rpartition(".")[0]}


def _slashed(name: str) -> str:
    return name.strip().replace("\\", "/")
