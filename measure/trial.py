"""Our own training with some settings, in a process of its own: `python -m atelier.measure.trial`.

On a CPU its peak is how far the resident memory rises above what it is with the model loaded (Linux
only), as in `speed_memory.py`. On a card it is of what torch has allocated, weights included.
"""

import gc
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from .speed_memory import GIB, PER_BLOCK, PROCESS, apart, kib

if TYPE_CHECKING:
    from ..training.plan import Plan


@dataclass(frozen=True)
class Trial:
    """`settings` are those of the training. `own_cast`: with ComfyUI's layers as they are, which
    keep the cast weight for backward."""

    settings: dict[str, Any] = field(default_factory=dict)
    own_cast: bool = False
    batch_size: int = 1
    steps: int = 1


@dataclass(frozen=True)
class Found:
    """In GiB: the peak, what a GPU's allocator held for it, and what was left after the run; and
    the seconds of a step. `planned` is the peak that the run's plan foresaw, `streamed` of the base
    were brought over for each use; `state` is what the optimizer keeps from step to step."""

    peak: float
    reserved: float
    left: float
    seconds: float
    planned: float
    streamed: float
    state: float


WARMING = Trial({"checkpointing": "block"})  # what is made once stays out of what comes after it


def found(
    shape: str,
    weights: str,
    trials: list[Trial],
    limit: float | None = None,
    variables: Mapping[str, str] = PER_BLOCK,
    warming: tuple[Trial, ...] = (WARMING,),
) -> list[Found]:
    """What each of `trials` took, one after the other in one process. `weights` is torch's name of
    the precision that they are stored in; `limit` is in seconds; `variables` are of its
    environment; `warming` are run before them, and not told."""
    asked = json.dumps([asdict(trial) for trial in (*warming, *trials)])
    every = apart(__name__, shape, weights, asked, limit=limit, allocator=variables)
    return [Found(**one) for one in every[len(warming) :]]


def main() -> None:
    from . import speed

    speed.start()
    import torch

    from .speed_shapes import SMALL, WHOLE

    wanted, weights, trials = sys.argv[1:]
    (shape,) = (shape for shape in SMALL + WHOLE if shape.name == wanted)
    wired = shape.build(getattr(torch, weights))
    every = [Trial(**one) for one in json.loads(trials)]
    print(json.dumps([asdict(_measured(wired, shape, trial)) for trial in every]))


def _measured(wired: Any, shape: Any, trial: Trial) -> Found:
    import comfy.model_management as management

    from ..training.host.machine import counter

    gc.collect()
    if card := counter(management.get_torch_device()):
        card.empty_cache()
        before = card.memory_allocated()
        card.reset_peak_memory_stats()
        seconds, plan, state = _run(wired, shape, trial)
        peak, reserved = card.max_memory_allocated(), card.max_memory_reserved()
        gc.collect()
        left = card.memory_allocated() - before
    else:
        before = 1024 * kib("VmRSS")
        (PROCESS / "clear_refs").write_text("5")  # man 5 proc: the peak begins anew
        seconds, plan, state = _run(wired, shape, trial)
        peak = reserved = 1024 * kib("VmHWM") - before
        gc.collect()
        left = 1024 * kib("VmRSS") - before
    sizes = (size / GIB for size in (plan.peak, plan.streamed, state))
    return Found(peak / GIB, reserved / GIB, left / GIB, seconds, *sizes)


def _run(wired: Any, shape: Any, trial: Trial) -> tuple[float, "Plan", int]:
    """Train as users do; seconds of a step, the plan, and bytes of the optimizer."""
    from ..training import session
    from ..training.host import private
    from . import speed_ours
    from .speed_job import Job

    made, make, plans, kept_bytes = speed_ours.make_config, session.make_optimizer, [], []

    def config(**given: Any) -> Any:
        return made(**given | trial.settings)

    def kept(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            plans.append(function(*args))
            return plans[-1]

        return call

    def optimizer(*args: Any) -> Any:
        def count(one: Any, *_: Any) -> None:
            if not kept_bytes:  # after the first step, which is not timed
                kept_bytes.append(_state_bytes(one))

        one = make(*args)
        one.register_step_post_hook(count)
        return one

    with ExitStack() as patched:

        def replace(place: Any, name: str, new: Any) -> None:
            patched.enter_context(mock.patch.object(place, name, new))

        replace(speed_ours, "make_config", config)
        replace(session, "plan_for", kept(session.plan_for))
        replace(session, "make_optimizer", optimizer)
        if trial.own_cast:
            replace(private, "make_plain", _nothing)
            replace(private, "make_convolutions_plain", _nothing)
        seconds = speed_ours.train(wired, Job(shape, trial.batch_size), trial.steps)
    return seconds, plans[-1], kept_bytes[0]


def _state_bytes(optimizer: Any) -> int:
    """Of all tensors that it keeps; those that several weights share (8-bit tables) count once."""
    import torch

    every = (value for state in optimizer.state.values() for value in state.values())
    kept = {value.data_ptr(): value for value in every if isinstance(value, torch.Tensor)}
    return sum(value.nbytes for value in kept.values())


def _nothing(_network: Any) -> None:
    """Instead of what makes layers plain."""


if __name__ == "__main__":
    main()
