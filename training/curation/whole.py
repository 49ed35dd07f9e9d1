"""What a picture is set aside for because of the others: copies, outliers, crowds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .checks import Reason
from .crowds import LEAST, clusters, crowds, strangeness
from .duplicates import Pairs
from .embeddings import Embedded
from .verdict import Verdict

Found = dict[int, Reason]  # by the number of the picture


@dataclass(frozen=True)
class Likeness:
    """Pictures by classical features and, where a CLIP_VISION is wired, by that too.

    What stands out is told by classical features always: for no other encoder is it measured.
    """

    classical: Embedded
    wired: Embedded | None = None

    @property
    def best(self) -> Embedded:
        return self.wired or self.classical

    @property
    def all(self) -> tuple[Embedded, ...]:
        return (self.classical, self.wired) if self.wired else (self.classical,)


def duplicates(verdicts: Sequence[Verdict], pairs: Pairs) -> Found:
    """For each picture that is like a better one: like which.

    The best come first, and only what is like one of those that stay goes: in a series in which
    each is like the next, the ends stay. What a person keeps stays.
    """
    likes: dict[int, dict[int, float]] = {}
    for one, other, alike in zip(pairs.first, pairs.second, pairs.alike, strict=True):
        for number, to in ((int(one), int(other)), (int(other), int(one))):
            own = likes.setdefault(number, {})
            own[to] = max(float(alike), own.get(to, 0.0))
    found: Found = {}
    stays: set[int] = set()
    for number in sorted(likes, key=lambda number: (verdicts[number].worth, number)):
        best = max(
            (other for other in likes[number] if other in stays),
            default=None,
            key=likes[number].__getitem__,
        )
        if best is None:
            stays.add(number)
        else:
            found[number] = _duplicate(verdicts[number], verdicts[best], likes[number][best])
    return found


def _duplicate(one: Verdict, best: Verdict, alike: float) -> Reason:
    captions = "the same caption"
    if one.record.caption != best.record.caption:
        captions = f"other captions: “{_short(one)}”, and there “{_short(best)}”"
    if one.look.content == best.look.content:
        return Reason("duplicate", f"a copy of {best.name}; {captions}")
    return Reason("near duplicate", f"{alike:.0%} like {best.name}, which is kept; {captions}")


def _short(one: Verdict) -> str:
    text = one.record.caption
    return text if len(text) <= 60 else f"{text[:57]}…"


def outliers(embedded: Embedded, limit: float) -> Found:
    """What stands further from the middle of the set than is usual, by more than `limit`."""
    told = strangeness(embedded.vectors)
    return {
        int(embedded.of[place]): Reason(
            "outlier",
            f"{told[place]:.1f} spreads from the middle of the set, above {limit:g} "
            f"({embedded.encoder}); see whether it belongs",
        )
        for place in np.flatnonzero(told > limit)
    }


def over_represented(verdicts: Sequence[Verdict], embedded: Embedded, share: float) -> Found:
    """Of pictures of one scene that are still kept, those that are too many: the best stay."""
    here = np.array([verdicts[number].kept for number in embedded.of], dtype=bool)
    numbers, vectors = embedded.of[here], embedded.vectors[here]
    most = max(1, int(share * len(numbers)))
    found: Found = {}
    for places in crowds(vectors, share):
        own = sorted(map(int, numbers[places]), key=lambda one: (verdicts[one].worth, one))
        text = (
            f"one of {len(own)} much like {verdicts[own[0]].name}, {len(own) / len(numbers):.0%} "
            f"of the set ({embedded.encoder}); {most} are kept, add others"
        )
        found |= {number: Reason("over-represented", text) for number in own[most:]}
    return found


def clustered(embedded: Embedded) -> Mapping[int, int]:
    """The cluster of each picture, by its number."""
    if not len(embedded.of):
        return {}
    found = clusters(embedded.vectors)
    return dict(zip(embedded.of.tolist(), found.tolist(), strict=True))


def notes(verdicts: Sequence[Verdict], likes: Likeness) -> Iterator[str]:
    """What the report says of the set as a whole."""
    if len(likes.best.of) < LEAST:
        yield f"Outliers and crowds: too few pictures to say; {LEAST} are the least."
    yield f"Clusters, by {likes.best.encoder}:"
    members: dict[int, list[str]] = {}
    for one in verdicts:
        if one.cluster:
            members.setdefault(one.cluster, []).append(one.name)
    for cluster, names in sorted(members.items()):
        yield f"  {cluster}: {len(names)} pictures, such as {names[0]}"
