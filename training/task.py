"""The loss of a batch: noise, noise level, prediction, target, in that order."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .examples import Example
from .files import digest
from .host.forward import Denoiser
from .objective import TimestepSampling, loss_per_sample, target, timesteps

HELD_OUT_TIMES = (0.125, 0.375, 0.625, 0.875)


class Task:
    """What is learned, on one model. Holds the run's own generator, on the device.

    The generator is seeded anew for every batch from (seed, stream, step): a run that goes on at
    step n draws what it would have drawn, and there is no state to save.
    """

    def __init__(self, denoiser: Denoiser, sampling: TimestepSampling | None, seed: int) -> None:
        self.denoiser = denoiser
        self.sampling: TimestepSampling = sampling or denoiser.default_timesteps
        self.seed = seed
        self.generator = torch.Generator(denoiser.device)

    def seeded(self, stream: str, step: int) -> torch.Generator:
        number = int(digest(f"{self.seed}/{stream}/{step}")[:8], 16)
        return self.generator.manual_seed(number)

    def loss(self, batch: Sequence[Example], noise: Tensor, sigma: Tensor) -> Tensor:
        """Loss of each sample `[B]`; `noise` `[B, C, …]`, `sigma` `[B]`."""
        x0 = torch.cat([example.latent for example in batch])
        x_t = self.denoiser.noised(x0, noise, sigma)
        predicted = self.denoiser.predict(x_t, sigma, [example.conditioning for example in batch])
        return loss_per_sample(predicted, target(self.denoiser.prediction, x0, noise, sigma))

    def training_loss(self, batch: Sequence[Example], stream: str, step: int) -> Tensor:
        """Loss of each sample `[B]` at noise and noise levels of this step's own."""
        dice = self.seeded(stream, step)
        sigma = self.denoiser.sigma(timesteps(self.sampling, len(batch), dice))
        shape = (len(batch), *batch[0].latent.shape[1:])
        noise = torch.randn(shape, generator=dice, device=dice.device)
        return self.loss(batch, noise, sigma)

    @torch.no_grad()
    def held_out_loss(self, examples: Sequence[Example]) -> float:
        """Mean loss at fixed pictures, noise and noise levels: comparable between steps."""
        total = torch.zeros((), device=self.denoiser.device)
        for number, example in enumerate(examples):
            dice = self.seeded("held-out", number)
            noise = torch.randn(example.latent.shape, generator=dice, device=dice.device)
            for time in HELD_OUT_TIMES:
                sigma = self.denoiser.sigma(torch.tensor([time], device=self.denoiser.device))
                total += self.loss([example], noise, sigma).sum()
        return total.item() / (len(examples) * len(HELD_OUT_TIMES))
