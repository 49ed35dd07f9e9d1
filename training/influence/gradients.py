"""The gradient of a picture's loss, as the trainer computes it, by what the run trains."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .. import objective
from ..examples import Example
from ..session import Session
from .projection import Projection

STREAM = "influence"  # of the task's generator
_DRAWN = 4096  # times that stand for what the settings practise


def middle_times(session: Session, count: int) -> list[float]:
    """`count` times in (0, 1), each in the middle of an equal share of those that are practised."""
    task = session.task
    drawn = objective.timesteps(task.settings, task.flow, _DRAWN, task.seeded(STREAM, 0))
    shares = (torch.arange(count, device=drawn.device) + 0.5) / count
    return torch.quantile(drawn, shares).tolist()


class Gradients:
    """Of pictures at fixed noise levels, with fixed noise: the same for each picture of a size."""

    def __init__(self, session: Session, projection: Projection, count: int) -> None:
        self.session = session
        self.projection = projection
        self.times = middle_times(session, count)
        self.parameters = session.state.adapter.parameters()

    def of(self, example: Example) -> Tensor:
        """Of the mean loss at the noise levels, projected, on the CPU.

        Raises `FloatingPointError` that names the picture if it is not finite.
        """
        scaler = self.session.state.scaler
        scale = scaler.get_scale() if scaler.is_enabled() else 1.0
        while True:
            self._backward(example, scale)
            given = [p.grad for p in self.parameters if p.grad is not None]
            made = self.projection.of(given) / scale
            for parameter in self.parameters:
                parameter.grad = None
            if torch.isfinite(made).all():
                return made.cpu()
            if scale <= 1:
                raise FloatingPointError(
                    f"The gradient of {example.path.name} is not finite: look whether the picture "
                    "is damaged, or take it out of the dataset."
                )
            scale /= 16  # fp16 overflowed

    def loss(self, example: Example) -> float:
        """The mean at the noise levels; no gradient is kept of it."""
        return sum(losses.sum().item() for losses in self._parts(example)) / len(self.times)

    def _backward(self, example: Example, scale: float) -> None:
        for losses in self._parts(example):
            (losses.sum() * (scale / len(self.times))).backward()

    def _parts(self, example: Example) -> Iterator[Tensor]:
        """Losses, as many at a time as a step of the run has: its memory was planned for these."""
        size, numbers = self.session.config.batch_size, range(len(self.times))
        for start in range(0, len(numbers), size):
            yield self._losses(example, numbers[start : start + size])

    def _losses(self, example: Example, numbers: Sequence[int]) -> Tensor:
        task = self.session.task
        time = torch.tensor([self.times[n] for n in numbers], device=task.denoiser.device)
        shape = (1, *example.latent.shape[1:])
        noise = torch.cat(
            [
                objective.training_noise(task.settings, shape, task.seeded(STREAM, 1 + number))
                for number in numbers
            ]
        )
        sigma = task.sigma(time, example.latent)
        return task.loss([example] * len(numbers), noise, sigma, time)
