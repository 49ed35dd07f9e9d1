"""What a LoRA is made of, and whether it is well. Pure."""

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from .layer import direction, norm
from .lowrank import Budget, decompose
from .names import parse
from .resize import dice_for
from .source import Lora

_LOUD = 20  # times the median norm of the layers of its size
_DEAD = 1e-4  # of it
_WORST = 8  # named in a list, of each


@dataclass(frozen=True)
class Row:
    """One layer. `size`: the norm of what it adds, by the root of its number of values (so that
    layers compare); `effective`: how many directions it really uses (the exponential of the
    entropy of its squared singular values; Roy and Vetterli 2007). Of a DoRA without magnitudes.
    """

    stem: str
    part: str
    kind: str
    rank: int
    alpha: float | None
    shape: tuple[int, ...]
    size: float
    effective: float
    fault: str = ""


def rows(lora: Lora) -> Iterator[Row]:
    """Every layer, read one at a time; a broken one has a `fault` and no figures."""
    for one in lora.stems:
        yield _row(lora, one)


def _row(lora: Lora, one: str) -> Row:
    part = parse(one).part
    layer = lora.layer(one)
    about = (one, part, layer.kind, layer.rank, layer.alpha)
    if any(not torch.isfinite(tensor.float()).all() for tensor in layer.parts.values()):
        return Row(*about, (), math.nan, math.nan, "has values that are no numbers")
    try:
        change = direction(layer)
    except ValueError as error:
        return Row(*about, (), math.nan, math.nan, str(error))
    values = decompose(change, Budget(), dice_for(one)).s.double().square()
    share = values / values.sum() if values.sum() else values
    entropy = -(share * share.clamp(min=1e-30).log()).sum()
    size = norm(change) / math.sqrt(math.prod(change.shape))
    effective = float(entropy.exp()) if size else 0.0
    return Row(*about, tuple(change.shape), size, effective)


@dataclass(frozen=True)
class Health:
    """The stems that are broken, that do nothing, and that do far more than the others."""

    broken: list[Row]
    dead: list[Row]
    loud: list[Row]

    @property
    def well(self) -> bool:
        return not (self.broken or self.dead or self.loud)


def health(table: Sequence[Row]) -> Health:
    whole = [row for row in table if not row.fault]
    middles = {
        part: statistics.median([r.size for r in whole if r.part == part and r.size] or [0.0])
        for part in {row.part for row in whole}
    }
    return Health(
        [row for row in table if row.fault],
        [row for row in whole if row.size <= _DEAD * middles[row.part]],
        [row for row in whole if row.size > _LOUD * middles[row.part] > 0],
    )


def told(lora: Lora, table: Sequence[Row]) -> str:
    """For a person: the layers by kind and rank, what is wrong, and what the header says."""
    lines = [f"{lora.name}: {len(table)} layers"]
    groups = Counter((row.part, row.kind, row.rank, row.alpha) for row in table)
    for (part, kind, rank, alpha), count in groups.most_common(_WORST):
        scale = "no alpha" if alpha is None else f"alpha {alpha:g}"
        lines.append(f"  {count} x {part}: {kind}, rank {rank}, {scale}")
    whole = [row for row in table if not row.fault]
    if whole:
        used = statistics.median(row.effective for row in whole)
        lines.append(f"  a layer uses {used:.1f} directions (median)")
        first = sorted(whole, key=lambda row: -row.size)[:3]
        lines.append("  strongest: " + ", ".join(f"{row.stem} {row.size:.2e}" for row in first))
    found = health(table)
    lines += _named("broken", found.broken) + _named("without effect", found.dead)
    lines += _named(f"more than {_LOUD} x the median", found.loud)
    if lora.others:
        lines.append(f"  {len(lora.others)} tensors of no known kind, such as {lora.others[0]}")
    lines.append("  healthy" if found.well and table else "  not healthy")
    for key, value in sorted(lora.metadata.items()):
        if len(value) <= 200:
            lines.append(f"  {key}: {value}")
    return "\n".join(lines)


def _named(what: str, some: Sequence[Row]) -> list[str]:
    if not some:
        return []
    names = ", ".join(row.stem + (f" ({row.fault})" if row.fault else "") for row in some[:_WORST])
    more = f" and {len(some) - _WORST} more" if len(some) > _WORST else ""
    return [f"  {what}: {names}{more}"]
