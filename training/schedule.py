"""How the learning rate moves over a run: torch's schedules, and diffusers' where it is installed.

constant, linear and cosine are always torch's, so that a run gives the same numbers with and
without diffusers.
"""

from importlib.util import find_spec

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
)

_OF_TORCH = ("constant", "linear", "cosine")
_RESTARTS, _POLYNOMIAL = "cosine_with_restarts", "polynomial"
_OF_DIFFUSERS = (_RESTARTS, _POLYNOMIAL) if find_spec("diffusers") else ()
SCHEDULES = _OF_TORCH + _OF_DIFFUSERS


def make_schedule(
    name: str,
    optimizer: Optimizer,
    steps: int,
    warmup: int,
    cycles: int = 1,
    power: float = 1.0,
) -> LRScheduler:
    """The schedule `name` over `steps` steps, the first `warmup` of them rising from near 0.

    `cycles` are for cosine_with_restarts, `power` is for polynomial.
    """
    if name in _OF_DIFFUSERS:
        from diffusers.optimization import get_scheduler  # heavy, and an extra

        more = {_RESTARTS: {"num_cycles": cycles}, _POLYNOMIAL: {"power": power}}[name]
        return get_scheduler(
            name, optimizer, num_warmup_steps=warmup, num_training_steps=steps, **more
        )
    after = max(1, steps - warmup)
    if name == "constant":
        main: LRScheduler = ConstantLR(optimizer, factor=1.0, total_iters=0)
    elif name == "linear":
        main = LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=after)
    elif name == "cosine":
        main = CosineAnnealingLR(optimizer, T_max=after)
    else:
        raise ValueError(f"There is no schedule {name!r}. Choose one of {', '.join(SCHEDULES)}.")
    if not warmup:
        return main
    rise = LinearLR(optimizer, start_factor=1.0 / (warmup + 1), end_factor=1.0, total_iters=warmup)
    return SequentialLR(optimizer, [rise, main], milestones=[warmup])
