"""What a tuned model has that its base has not, as a LoRA file."""

import json
from collections.abc import Callable, Mapping
from functools import partial

import torch
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP

from ..loras.lowrank import Budget
from ..loras.resize import extracted
from ..loras.result import Result
from .family import naming
from .lora_work import made, weights_of
from .text import text_naming

_NETWORK = "diffusion_model."


def extract_lora(
    tuned: ModelPatcher,
    base: ModelPatcher,
    tuned_clip: CLIP | None,
    base_clip: CLIP | None,
    budget: Budget,
    prefix: str,
    precision: str,
) -> tuple[str, str]:
    """The new file's name, and what to tell. Text encoders are taken along where both are there.

    Raises `ValueError` where the two are not of one family, or one clip is wired and not the other.
    """
    if (tuned_clip is None) != (base_clip is None):
        raise ValueError("Wire both clips, tuned_clip and base_clip, or neither of them.")
    names = naming(base.model)  # pyright: ignore[reportArgumentType]
    own, other = _layers(tuned, _NETWORK), _layers(base, _NETWORK)
    _refuse_others(own, other, "models")
    stems = {
        layer: names.key(layer.removeprefix(_NETWORK), "alpha").removesuffix(".alpha")
        for layer in own
    }
    steps = _steps(tuned, base, stems, budget)
    if tuned_clip and base_clip:
        _refuse_others(_layers(tuned_clip.patcher), _layers(base_clip.patcher), "text encoders")
        known = text_naming(base_clip, own_words=names.res_blocks > 0).stems
        stems = {layer: known[layer] for layer in _layers(base_clip.patcher) if layer in known}
        steps += _steps(tuned_clip.patcher, base_clip.patcher, stems, budget)
    header = {"atelier.family": type(base.model).__name__}
    asked = {"rank": budget.rank, "energy": budget.energy, "error": budget.error}
    header["atelier.extract"] = json.dumps(asked | {"text_encoders": base_clip is not None})
    return made(steps, prefix, precision, header, "Extracting")


def _layers(patcher: ModelPatcher, inside: str = "") -> list[str]:
    """The linear and convolution layers below `inside`."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    assert isinstance(patcher.model, torch.nn.Module)
    return [
        name
        for name, module in patcher.model.named_modules()
        if name.startswith(inside) and isinstance(module, kinds)
    ]


def _refuse_others(own: list[str], other: list[str], what: str) -> None:
    if own != other:
        odd = min(set(own) ^ set(other), default="its layers' order")
        raise ValueError(f"The {what} are not of one family: {odd} is in one of them only.")


def _steps(
    tuned: ModelPatcher, base: ModelPatcher, stems: Mapping[str, str], budget: Budget
) -> list[Callable[[], Result | None]]:
    after, before = weights_of(tuned), weights_of(base)

    def step(layer: str, stem: str) -> Result | None:
        key = f"{layer}.weight"
        return extracted(stem, after(key), before(key), budget)

    return [partial(step, layer, stem) for layer, stem in stems.items()]
