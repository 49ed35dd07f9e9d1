"""What Curate found, for a person: text, and a page of what was set aside."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..files import legible
from .checks import METHODS
from .verdict import Curation, Verdict

MOST_TOLD = 200  # pictures that are named; curation.json has them all


def text(curation: Curation) -> str:
    """The report: how many, which and why, how they go into buckets, and how it was measured."""
    kept = sum(one.kept for one in curation.verdicts)
    aside = [one for one in curation.verdicts if not one.kept]
    lines = [
        f"{curation.dataset.name}: {len(curation.verdicts)} pictures, {kept} kept, "
        f"{len(aside)} set aside. No file was changed."
    ]
    counted = Counter(reason.kind for one in aside for reason in one.reasons)
    lines += ["", "Why:"] if counted else []
    lines += [f"  {kind}: {count}" for kind, count in counted.most_common()]
    lines += ["", "Set aside:"] if aside else []
    lines += [f"  {_line(one)}" for one in aside[:MOST_TOLD]]
    if len(aside) > MOST_TOLD:
        lines.append(f"  … and {len(aside) - MOST_TOLD} more, in curation.json")
    against = [one for one in curation.verdicts if one.kept and one.reasons]
    lines += ["", "Kept by your decision:"] if against else []
    lines += [f"  {_line(one)}" for one in against[:MOST_TOLD]]
    lines += ["", f"Buckets of the kept, at {curation.settings.resolution}:", *_buckets(curation)]
    lines += ["", *map(legible, curation.notes)] if curation.notes else []
    lines += ["", f"Measured with, at {curation.settings.resolution} pixels:"]
    lines += [f"  {kind}: {METHODS[kind]}" for kind in METHODS if kind in counted]
    return "\n".join(lines if counted else lines[:-2])


def _line(one: Verdict) -> str:
    why = "; ".join(map(str, one.reasons)) or "you set it aside"
    return f"{legible(one.name)}: {why}"


def _buckets(curation: Curation) -> Iterator[str]:
    cut: dict[tuple[int, int], list[float]] = {}
    for one in curation.verdicts:
        if one.kept:
            cut.setdefault(one.fit.size, []).append(one.fit.cut_off)
    for (width, height), shares in sorted(cut.items(), key=lambda item: -len(item[1])):
        mean = sum(shares) / len(shares)
        yield (
            f"  {width} x {height}: {len(shares)} pictures, {mean:.0%} cut off on average, "
            f"{max(shares):.0%} at most"
        )


def clusters(curation: Curation) -> dict[str, int]:
    """For curation.json: the cluster of each picture that has one, by its content."""
    return {one.look.content: one.cluster for one in curation.verdicts if one.cluster}


def recommended(curation: Curation) -> dict[str, Any]:
    """For curation.json: each picture with a reason, by its content."""
    return {
        one.look.content or one.name: {
            "file": one.name,
            "reasons": [str(reason) for reason in one.reasons],
        }
        for one in curation.verdicts
        if one.reasons
    }
