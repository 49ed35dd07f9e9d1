"""What moves while training, and the one list of what a checkpoint holds."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from . import checkpoint, nest
from .adapters.together import Together
from .run import Run


@dataclass
class Best:
    """The lowest held-out loss, where it was, its weights, and how many measurements ago."""

    loss: float = float("inf")
    step: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    since: int = 0


def running_mean(adapter: Together, decay: float) -> AveragedModel | None:
    """torch's own exponential moving average over the adapter; None for a decay of 0."""
    if not decay:
        return None
    weights = nn.ParameterList(adapter.parameters())
    return AveragedModel(weights, multi_avg_fn=get_ema_multi_avg_fn(decay))


def _copy(values: Iterable[torch.Tensor], into: Iterable[torch.Tensor]) -> None:
    for value, place in zip(values, into, strict=True):
        place.copy_(value.detach())


@dataclass
class State:
    """`trees` hold what drops out while training. `whole` is False while a step is being taken.
    `measured` is the last step at which the held-out loss was, `saved` that of the last checkpoint.
    `unreached` are the layers that the first gradient did not come to.
    """

    adapter: Together
    optimizer: Optimizer
    schedule: LRScheduler
    scaler: GradScaler
    mean: AveragedModel | None = None
    trees: tuple[nn.Module, ...] = ()
    best: Best = field(default_factory=Best)
    step: int = 0
    measured: int = 0
    whole: bool = True
    saved: int = -1
    unreached: list[str] = field(default_factory=list)

    def save(self, run: Run) -> None:
        """Everything that a checkpoint holds. Noise and order are functions of seed and step."""
        tree = {
            "step": self.step,
            "adapter": self.adapter.state(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "mean": self.mean.state_dict() if self.mean else {},
            "best": vars(self.best),
            "measured": self.measured,
        }
        run.refuse_vanished()
        nest.save(run.checkpoints / checkpoint.NAME.format(self.step), tree)
        checkpoint.keep_newest(run.checkpoints)
        self.saved = self.step

    def load(self, tree: dict[str, Any]) -> None:
        """Go on from what `save` wrote. Without a schedule in it, this run's own is gone through to
        the step: a branch may have another number of steps.
        """
        self.step = self.saved = tree["step"]
        try:
            self.adapter.load(tree["adapter"])
        except RuntimeError as error:  # of another size
            raise ValueError(
                f"The checkpoint of step {self.step} does not fit the model that is wired: {error}"
            ) from error
        schedule = tree["schedule"]
        rates = [] if schedule else self._rates_at(self.step)
        self.optimizer.load_state_dict(tree["optimizer"])
        if schedule:
            self.schedule.load_state_dict(schedule)
        else:
            for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        self.scaler.load_state_dict(tree["scaler"])
        if self.mean:
            self.mean.load_state_dict(tree["mean"])
        self.best = Best(**tree["best"])
        self.measured = tree.get("measured", self.step)

    def _rates_at(self, step: int) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch: the optimizer has not moved yet
            for _ in range(step):
                self.schedule.step()
        return [group["lr"] for group in self.optimizer.param_groups]

    def take_step(self) -> bool:
        """Move the weights by their gradients; False if fp16 overflowed and nothing moved."""
        self.whole = False
        before = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        moved = self.scaler.get_scale() >= before
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.mean and moved:
            self.mean.update_parameters(nn.ParameterList(self.adapter.parameters()))
        self.step += 1
        self.whole = True
        return moved

    def compare(self, loss: float) -> None:
        """Remember the judged weights if their held-out `loss` is the lowest so far."""
        if loss < self.best.loss:
            with self.judged():
                weights = {name: value.clone() for name, value in self.adapter.state().items()}
            self.best = Best(loss, self.step, weights)
        else:
            self.best.since += 1
        self.measured = self.step

    @contextmanager
    def judged(self) -> Iterator[None]:
        """Inside, the adapter has the weights that become the LoRA: the mean, where one is kept.

        Nothing drops out. Afterwards every bit is as it was: a schedule-free optimizer's own way
        there and back rounds.
        """
        schedule_free: Any = self.optimizer if hasattr(self.optimizer, "eval") else None
        parameters = [parameter.data for parameter in self.adapter.parameters()]
        moving = [data.clone() for data in parameters] if self.mean or schedule_free else []
        if schedule_free:
            schedule_free.eval()
        dropping = [module for tree in self.trees for module in tree.modules() if module.training]
        for module in dropping:
            module.training = False
        if self.mean:
            _copy(self.mean.module.parameters(), parameters)
        try:
            yield
        finally:
            for module in dropping:
                module.training = True
            if schedule_free:
                schedule_free.train()
            if moving:
                _copy(moving, parameters)
