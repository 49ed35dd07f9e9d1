"""What to say when a step did not fit: the setting to change, and what it would need then."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from .config import TrainConfig
from .plan import MARGIN

# How torch says it on the CPU, where it has no exception of its own for it.
_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "CUDNN_STATUS_ALLOC")
SMALLER = 0.75  # what was too much by the plan's own figure is not offered again


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _WORDS)


@dataclass(frozen=True)
class Offer:
    """Settings, and the bytes that a step keeps with them."""

    settings: str
    need: float


def recomputing(plan: dict[str, Any] | None, config: TrainConfig) -> dict[str, Any] | None:
    """The plan with which the same run may fit in its next sitting, the setting being auto: blocks
    are computed again, which gives the same numbers.
    """
    if not plan or config.checkpointing != "auto" or plan["recompute"]:
        return None
    return plan | {"recompute": True} if plan["step_recomputed"] < plan["step"] else None


def way_out(plan: dict[str, Any] | None, config: TrainConfig, free: int) -> str:
    """Which settings to change; with a `plan` (of the run's folder, in bytes), the first that fit.

    `free` is what is free on the device now that everything was given back.
    """
    start = "Out of memory. Everything was given back, and what was learned so far is kept. "
    if not plan:
        return start + (
            "The first step was too large to be measured: lower resolution or batch_size, or set "
            "checkpointing = 'block' in Memory Options."
        )
    if again := recomputing(plan, config):
        return start + (
            f"A step keeps {_amount(plan['step'])}. Queue again: the run goes on with blocks "
            f"computed again, and a step keeps {_amount(again['step_recomputed'])}."
        )
    failed = plan["step_recomputed"] if plan["recompute"] else plan["step"]
    room = min(MARGIN * min(free, plan["free"]) - plan["adapter"], SMALLER * failed)
    offers = list(_offers(plan, config))
    fits = next((offer for offer in offers if offer.need <= room), None)
    offered = fits or min(offers, key=lambda offer: offer.need, default=None)
    told = f"A step keeps {_amount(failed)}. "
    if not offered:
        return start + told + "Lower rank, or choose a smaller base: no other setting is left."
    would = "which fits" if fits else "the least there is; it may still not fit"
    return start + told + f"Set {offered.settings}: then it keeps {_amount(offered.need)}, {would}."


def _offers(plan: dict[str, Any], config: TrainConfig) -> Iterator[Offer]:
    """From what costs least to what costs most."""
    need, block = plan["step"], ""
    least = min(plan["step_recomputed"], plan["step"])
    if plan["recompute"]:
        need = least
    elif least < need:
        need, block = least, "checkpointing = 'block' in Memory Options"
        yield Offer(block, need)
    first = [block] if block else []
    count = config.batch_size
    while count > 1:
        count = (count + 1) // 2
        more = -(-config.batch_size * config.accumulation // count)
        batch = f"batch_size = {count} and accumulation = {more} (the same effect)"
        yield Offer(" and ".join([*first, batch]), need * count / config.batch_size)
    if config.batch_size > 1:
        first = [*first, "batch_size = 1"]
    side = config.resolution
    while side * 3 // 4 >= 64:
        side = side * 3 // 4 // 64 * 64 or 64
        if side >= config.resolution:
            return
        share = (side / config.resolution) ** 2 / config.batch_size
        yield Offer(" and ".join([*first, f"resolution = {side}"]), need * share)
        if side == 64:
            return


def _amount(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
