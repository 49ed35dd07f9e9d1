"""One forward for every family that ComfyUI loads: conditioning, noise, the raw output."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import comfy.model_sampling as sampling
import comfy.samplers
import torch
from comfy.conds import CONDRegular
from comfy.model_patcher import ModelPatcher
from comfy.sampler_helpers import convert_cond
from torch import Tensor

from ..objective import Prediction, target
from .family import caption_defaults, paints_over
from .trainable import refuse_picture

Conditioning = dict[str, CONDRegular]

# EDM before V_PREDICTION before EPS: each is a subclass of the next.
_PREDICTIONS: tuple[tuple[type, Prediction], ...] = (
    (sampling.CONST, "flow"),
    (sampling.COSMOS_RFLOW, "flow"),
    (sampling.EDM, "edm"),
    (sampling.V_PREDICTION, "v"),
    (sampling.IMG_TO_IMG, "x0"),
    (sampling.X0, "x0"),
    (sampling.EPS, "eps"),
)
# A picture goes in where noise should; the second is not in every version.
_UNTRAINABLE = tuple(
    kind
    for name in ("IMG_TO_IMG", "IMG_TO_IMG_FLOW")
    if (kind := getattr(sampling, name, None)) is not None
)


def _raw_output(_sigma: Tensor, model_output: Tensor, _model_input: Tensor) -> Tensor:
    return model_output


def prediction_of(model_sampling: Any, family: str) -> Prediction:
    """What a network with ComfyUI's `model_sampling` predicts; `family` is for the message.

    Raises `ValueError` for what cannot be trained.
    """
    kind = type(model_sampling)
    for base, prediction in _PREDICTIONS:
        if issubclass(kind, base) and not issubclass(kind, _UNTRAINABLE):
            return prediction
    raise ValueError(
        f"{family} predicts in a way that Atelier cannot train "
        f"({', '.join(base.__name__ for base in kind.__mro__[1:3])}). Use another base model."
    )


class Denoiser:
    """The private copy's network as a function of noised latents, noise levels and captions.

    Shapes: latents `[B, C, H, W]` (or `[B, C, T, H, W]`) in the model's own scale, sigmas `[B]`.
    """

    def __init__(self, private: ModelPatcher, device: torch.device) -> None:
        self.model = private.model
        self.device = device
        self.sampling = self.model.model_sampling
        # Cosmos's flow counts noise to a part of picture, where others count its share.
        self.to_one = isinstance(self.sampling, sampling.COSMOS_RFLOW)
        self.prediction: Prediction = prediction_of(self.sampling, type(self.model).__name__)
        self.options: dict[str, Any] = dict(private.model_options.get("transformer_options", {}))
        # A node's faster attention (sage, say) has no backward: see `training_mode`.
        self.options.pop("optimized_attention_override", None)
        # `apply_model` ends by turning the raw output into x0. The tree is ours, so it need not:
        # the objective then is exact, with no division by a small sigma.
        self.sampling.calculate_denoised = _raw_output

    @contextmanager
    def as_sampled(self) -> Iterator[None]:
        """Inside, `apply_model` gives x0 again, as ComfyUI's samplers want it."""
        del self.sampling.calculate_denoised
        try:
            yield
        finally:
            self.sampling.calculate_denoised = _raw_output

    @property
    def dtype(self) -> torch.dtype:
        """The precision in which ComfyUI runs the network."""
        return self.model.manual_cast_dtype or self.model.get_dtype()

    def latent(self, encoded: Tensor) -> Tensor:
        """A VAE's output in the model's own scale: the one place where latents are scaled."""
        return self.model.process_latent_in(encoded)

    def sigma(self, time: Tensor) -> Tensor:
        """Noise levels for times in (0, 1), with the model's own schedule and shift; of flow
        models the share of noise, in (0, 1) too."""
        own = self.sampling
        if self.to_one:
            return time * own.sigma_max / (1 + own.sigma_max)
        if isinstance(own, sampling.ModelSamplingFlux | sampling.StableCascadeSampling):
            return own.sigma(time)
        if discrete := getattr(own, "num_timesteps", None):
            return own.sigma(time * (discrete - 1))
        if hasattr(own, "multiplier"):
            return own.sigma(time * own.multiplier)
        low, high = own.log_sigmas[0], own.log_sigmas[-1]
        return (low + time * (high - low)).exp()

    def level(self, sigma: Tensor) -> Tensor:
        """What ComfyUI's samplers call `sigma`."""
        if not self.to_one:
            return sigma
        return (sigma / (1 - sigma)).clamp(max=self.sampling.sigma_max)

    def noised(self, x0: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """x_t as ComfyUI's samplers make it."""
        return self.sampling.noise_scaling(self.level(sigma), noise, x0, False)

    def target(self, x0: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
        """What the raw output should be: `objective.target` in the units of the network, which is
        shown louder noise than standard (HiDream-O1), or latents of another spread than 1."""
        louder = getattr(self.sampling, "noise_scale", 1.0)
        noise = noise if louder == 1 else louder * noise
        if self.prediction not in ("v", "edm") or self.spread == 1:
            return target(self.prediction, x0, noise, sigma)
        return target(self.prediction, x0 / self.spread, noise, self.relative(sigma))

    @property
    def spread(self) -> float:
        """sigma_data of Karras et al. 2022, section 5: 0.5 of Playground 2.5, else 1."""
        return float(getattr(self.sampling, "sigma_data", 1.0))

    def relative(self, sigma: Tensor) -> Tensor:
        """Noise to clean latent, so that the signal-to-noise ratio is 1 / relative²."""
        return sigma if self.spread == 1 else sigma / self.spread

    def tokens(self, latent: Tensor) -> int:
        """How many patches the network makes of `latent`: 2 x 2 where nothing else is said."""
        network, config = self.model.diffusion_model, self.model.model_config.unet_config
        patch = config.get("patch_size", getattr(network, "patch_size", 2))
        if latent.shape[1] >= 64:  # the VAE has put patches into channels (Flux.2, Ernie Image)
            patch = 1
        side = patch if isinstance(patch, int) else patch[-1]
        return latent.shape[-1] * latent.shape[-2] // side**2

    def conditioning(
        self, encoded: list[Any], latent: Tensor, guidance: float = 1.0
    ) -> Conditioning:
        """What the network gets for one caption at the size of `latent` `[1, C, …]`.

        `encoded` is a CONDITIONING with one entry. Made once, used in every step. `guidance` is for
        networks that are told one, if the caption does not say it.
        """
        if len(encoded) != 1:
            raise ValueError("A caption must give one piece of conditioning; got several.")
        (text, given), *_ = encoded
        encoded = [[text, caption_defaults(self.model, guidance) | given]]
        noise = torch.zeros_like(latent)
        conds = comfy.samplers.process_conds(
            self.model,
            noise,
            {"positive": convert_cond(encoded)},
            self.device,
            latent_image=latent,
        )
        model_conds = conds["positive"][0]["model_conds"]
        if "c_concat" in model_conds and not paints_over(self.model):
            refuse_picture(f"a {type(self.model).__name__}, which makes pictures from a picture")
        return {
            name: self._brought(value.process_cond(batch_size=1, device=self.device, area=None))
            for name, value in model_conds.items()
        }

    def _brought(self, part: Any) -> Any:
        """On the device: ComfyUI would bring it over in each step."""
        there = isinstance(part.cond, Tensor)
        return part._copy_with(part.cond.to(self.device)) if there else part

    def predict(self, x_t: Tensor, sigma: Tensor, conds: Sequence[Conditioning]) -> Tensor:
        """The raw output for a batch in which sample i has caption i: B network samples, not B².

        Captions whose conditioning cannot stand in one tensor (other token counts) go through the
        network in groups; the result is in the order given.
        """
        groups: list[list[int]] = []
        for number, cond in enumerate(conds):
            for group in groups:
                if _fit(conds[group[0]], cond):
                    group.append(number)
                    break
            else:
                groups.append([number])
        if len(groups) == 1:
            return self._apply(x_t, sigma, conds)
        parts = [self._apply(x_t[g], sigma[g], [conds[i] for i in g]) for g in groups]
        order = torch.tensor([i for group in groups for i in group], device=x_t.device).argsort()
        return torch.cat(parts)[order]

    def _apply(self, x_t: Tensor, sigma: Tensor, conds: Sequence[Conditioning]) -> Tensor:
        level = self.level(sigma)
        options = self.options | {"cond_or_uncond": [0] * len(conds), "sigmas": level}
        joined = comfy.samplers.cond_cat(list(conds))
        return self.model.apply_model(x_t, level, transformer_options=options, **joined)


def _fit(one: Conditioning, other: Conditioning) -> bool:
    if "attention_mask" in one:  # some networks take the first caption's for the whole batch
        return False
    return one.keys() == other.keys() and all(one[name].can_concat(other[name]) for name in one)
