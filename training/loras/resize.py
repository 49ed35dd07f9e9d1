"""A LoRA of other ranks, and a LoRA of what a tuning changed. Pure."""

import torch
from torch import Tensor

from ..files import digest
from .layer import direction, norm
from .lowrank import Budget, decompose, distance
from .result import Result
from .source import Lora

SAME = 1e-6  # of a weight's norm: less is rounding


def dice_for(layer: str) -> torch.Generator:
    return torch.Generator().manual_seed(int(digest(layer)[:15], 16))


def resized(lora: Lora, stem: str, budget: Budget) -> Result:
    """One layer within `budget`, as a LoRA. A DoRA's magnitudes go along as they are."""
    layer = lora.sound(stem)
    one = direction(layer)
    svd = decompose(one, budget, dice_for(stem))
    rank = budget.of(svd)
    factors = svd.first(rank)
    error = distance(one, factors) if svd.partial else svd.error(rank)
    names = {part: name for part, name in lora.parts[stem].items() if part in _ALONG}
    kept = {name: layer.parts[part] for part, name in names.items()}
    return Result(stem, factors, error, layer.inner, kept)


_ALONG = ("dora_scale", "magnitude")


def extracted(stem: str, tuned: Tensor, base: Tensor, budget: Budget) -> Result | None:
    """A LoRA for tuned - base within `budget`; `None` where they are the same but for rounding.

    Raises `ValueError` where they are no weights of one layer.
    """
    if tuned.shape != base.shape:
        raise ValueError(
            f"{stem} is {list(tuned.shape)} in the tuned model and {list(base.shape)} in the base: "
            "they are not of one family."
        )
    change = (tuned.float() - base.float()).flatten(1)
    if not torch.isfinite(change).all():
        raise ValueError(f"{stem} has values that are no numbers, in the tuned model or the base.")
    if norm(change) <= SAME * norm(base.float()):
        return None
    svd = decompose(change, budget, dice_for(stem))
    factors = svd.first(budget.of(svd))
    return Result(stem, factors, distance(change, factors), tuple(base.shape[1:]))
