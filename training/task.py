"""The loss of a batch: noise, noise level, prediction, target, in that order."""

import random
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from . import objective
from .adapters.adapter import Adapter
from .adapters.together import Together
from .examples import Example, Examples
from .files import digest
from .host.forward import Denoiser
from .host.mode import own_randomness
from .host.precision import Precision
from .settings.objective import ObjectiveSettings

HELD_OUT_TIMES = (0.125, 0.375, 0.625, 0.875)


class HeldOut(NamedTuple):
    """Loss on held-out pictures: over all noise levels, and at each of `HELD_OUT_TIMES`."""

    mean: float
    by_time: dict[str, float]


class Task:
    """What is learned, on one model. Holds the run's own generator, on the device.

    The generator is seeded anew for every batch from (seed, stream, step): a run that goes on at
    step n draws what it would have drawn, and there is no state to save. `adapter` is needed where
    the target of a stream is the base's own prediction (`from_base`), or where it drops inputs.
    Raises `ValueError` for settings that have no meaning on this model.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        settings: ObjectiveSettings | None,
        seed: int,
        adapter: Together | Adapter | None = None,
        from_base: str = "",
        precision: Precision | None = None,
        drops: bool = False,
    ) -> None:
        self.denoiser = denoiser
        self.settings = settings or ObjectiveSettings()
        self.seed = seed
        self.adapter = adapter
        self.from_base = from_base
        self.precision = precision or Precision()
        self.drops = drops
        self.generator = torch.Generator(denoiser.device)
        objective.refuse(self.settings, denoiser.prediction)

    @property
    def flow(self) -> bool:
        return self.denoiser.prediction == "flow"

    def number(self, stream: str, step: int) -> int:
        return int(digest(f"{self.seed}/{stream}/{step}")[:8], 16)

    def seeded(self, stream: str, step: int) -> torch.Generator:
        return self.generator.manual_seed(self.number(stream, step))

    def sigma(self, time: Tensor, latent: Tensor) -> Tensor:
        """Noise levels `[B]` for times `[B]` in (0, 1), for pictures of the size of `latent`."""
        how = self.settings.timestep_shift
        if how == "model":
            return self.denoiser.sigma(time)
        if how == "none":
            return time
        factor = objective.resolution_shift(self.denoiser.tokens(latent))
        return objective.shifted(time, factor)

    def predict(self, x_t: Tensor, sigma: Tensor, batch: Sequence[Example]) -> Tensor:
        with self.precision.autocast(x_t.device):
            return self.denoiser.predict(x_t, sigma, [example.conditioning for example in batch])

    def loss(
        self,
        batch: Sequence[Example],
        noise: Tensor,
        sigma: Tensor,
        time: Tensor | None = None,
        disturbance: Tensor | None = None,
        from_base: bool = False,
    ) -> Tensor:
        """Loss of each sample `[B]`; `noise` `[B, C, …]`, `sigma` and `time` `[B]`.

        `disturbance` is added to the noise that the network sees, not to what it should find.
        """
        settings, prediction = self.settings, self.denoiser.prediction
        x0 = torch.cat([example.latent for example in batch])
        seen = noise if disturbance is None else noise + disturbance
        x_t = self.denoiser.noised(x0, seen, sigma)
        if from_base:
            wanted = self._of_base(x_t, sigma, batch)
        else:
            wanted = self.denoiser.target(x0, noise, sigma)
        relative = self.denoiser.relative(sigma)
        when = relative if time is None else time
        delta = objective.huber_delta(settings.huber_schedule, settings.huber_delta, when, relative)
        mask = None
        if any(example.mask is not None for example in batch):
            ones = torch.ones_like(x0[:1, :1])
            mask = torch.cat([ones if e.mask is None else e.mask for e in batch])
        errors = objective.loss_per_sample(
            self.predict(x_t, sigma, batch), wanted, settings.loss, delta, mask
        )
        return errors * objective.weights(
            settings.weighting, settings.min_snr_gamma, prediction, relative
        )

    @torch.no_grad()
    def _of_base(self, x_t: Tensor, sigma: Tensor, batch: Sequence[Example]) -> Tensor:
        assert self.adapter
        self.adapter.enabled(False)
        try:
            return self.predict(x_t, sigma, batch)
        finally:
            self.adapter.enabled(True)

    def training_loss(self, batch: Sequence[Example], stream: str, step: int) -> Tensor:
        """Loss of each sample `[B]` at noise and noise levels of this step's own."""
        settings, dice = self.settings, self.seeded(stream, step)
        even = None
        if settings.timestep_spread:
            start = random.Random(f"{self.seed}/{stream}/times").random()
            even = objective.spread(len(batch), step, start)
        time = objective.timesteps(settings, self.flow, len(batch), dice, even)
        sigma = self.sigma(time, batch[0].latent)
        shape = (len(batch), *batch[0].latent.shape[1:])
        noise = objective.training_noise(settings, shape, dice)
        disturbance = None
        if settings.input_perturbation:
            more = torch.randn(shape, generator=dice, device=dice.device)
            disturbance = settings.input_perturbation * more
        # peft's dropout draws from torch's global generator
        drawn = own_randomness(self.number(stream, step)) if self.drops else nullcontext()
        with drawn:
            return self.loss(batch, noise, sigma, time, disturbance, stream == self.from_base)

    @torch.no_grad()
    def held_out_loss(self, examples: Examples) -> HeldOut:
        """Loss at fixed pictures, noise and noise levels: comparable between steps."""
        total = torch.zeros((), device=self.denoiser.device)
        parts = torch.zeros(len(HELD_OUT_TIMES), device=self.denoiser.device)
        for number, example in enumerate(examples):
            dice = self.seeded("held-out", number)
            noise = torch.randn(example.latent.shape, generator=dice, device=dice.device)
            for place, at in enumerate(HELD_OUT_TIMES):
                time = torch.tensor([at], device=self.denoiser.device)
                sigma = self.sigma(time, example.latent)
                loss = self.loss([example], noise, sigma, time).sum()
                total += loss
                parts[place] += loss
        each = (parts / len(examples)).tolist()
        by_time = {f"{at}": loss for at, loss in zip(HELD_OUT_TIMES, each, strict=True)}
        return HeldOut(total.item() / (len(examples) * len(HELD_OUT_TIMES)), by_time)
