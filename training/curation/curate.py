"""Which pictures of a dataset are kept, which are set aside, and why. Nothing is ever deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..data.buckets import bucket_sizes, nearest_bucket
from ..data.dataset import Dataset, Record
from ..records import names_of
from .checks import Fit, Reason, fit, reasons
from .decisions import KEEP
from .duplicates import Pairs, near
from .look import Look
from .settings import CurationSettings


@dataclass(frozen=True)
class Verdict:
    """One picture: what is recommended and why, and what a person decided, if anything."""

    name: str
    record: Record
    look: Look
    fit: Fit
    reasons: tuple[Reason, ...]
    decided: str = ""

    @property
    def kept(self) -> bool:
        return self.decided == KEEP or not (self.reasons or self.decided)


@dataclass(frozen=True)
class Curation:
    """What was found in a dataset, picture by picture, in its order."""

    dataset: Dataset
    settings: CurationSettings
    verdicts: tuple[Verdict, ...]

    def part(self, kept: bool) -> Dataset:
        """The pictures that are kept, or those that are set aside."""
        records = tuple(one.record for one in self.verdicts if one.kept is kept)
        return replace(self.dataset, records=records)


def usual_step(resolution: int) -> int:
    """By how many pixels buckets grow, for VAEs that shrink eightfold."""
    return max(16, min(64, resolution // 8 // 16 * 16))


def curate(
    dataset: Dataset,
    looks: Sequence[Look],
    settings: CurationSettings,
    decided: Mapping[str, str] | None = None,
) -> Curation:
    """Judge every picture of `dataset`, of which `looks` are the looks, in its order.

    `decided` are a person's decisions by content (`KEEP` or `ASIDE`); they come
    before what is recommended.
    """
    sizes = bucket_sizes(settings.resolution, usual_step(settings.resolution))
    decided = decided or {}
    names = names_of(dataset.records)
    verdicts = []
    for name, record, look in zip(names, dataset.records, looks, strict=True):
        fitted = fit(record, nearest_bucket(record.width, record.height, sizes))
        why = tuple(reasons(look, fitted, settings))
        verdicts.append(Verdict(name, record, look, fitted, why, decided.get(look.content, "")))
    if settings.alike:
        pairs = near(looks, settings.alike)
        for number, reason in _duplicates(verdicts, pairs).items():
            one = verdicts[number]
            verdicts[number] = replace(one, reasons=(*one.reasons, reason))
    return Curation(dataset, settings, tuple(verdicts))


def _duplicates(verdicts: Sequence[Verdict], pairs: Pairs) -> dict[int, Reason]:
    """For each picture that is like a better one: like which.

    The best come first, and only what is like one of those that stay goes: in a series in which
    each is like the next, the ends stay. What a person keeps stays.
    """
    likes: dict[int, dict[int, float]] = {}
    for one, other, alike in zip(pairs.first, pairs.second, pairs.alike, strict=True):
        likes.setdefault(int(one), {})[int(other)] = float(alike)
        likes.setdefault(int(other), {})[int(one)] = float(alike)
    found: dict[int, Reason] = {}
    stays: set[int] = set()
    for number in sorted(likes, key=lambda number: _worth(verdicts[number], number)):
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


def _worth(one: Verdict, number: int) -> tuple[bool, bool, int, int, int]:
    """Sorts the best first: what a person keeps, then flawless, large, with a long caption."""
    area = one.record.width * one.record.height
    return one.decided != KEEP, not one.kept, -area, -len(one.record.caption), number


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
