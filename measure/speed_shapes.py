"""The models that speed is measured on: random weights in ComfyUI's own networks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from comfy.ldm.flux.model import Flux, FluxParams
from comfy.model_patcher import ModelPatcher

from ..tests.tiny import networks
from ..tests.tiny.files import load, random_weights


@dataclass(frozen=True)
class Shape:
    """A family at some size. `build(dtype)` gives its MODEL with random weights."""

    name: str
    build: Callable[[torch.dtype], ModelPatcher]
    latent: tuple[int, int, int]
    tokens: int = 77
    weights: torch.dtype = torch.float32

    def load(self) -> ModelPatcher:
        return self.build(self.weights)


def _sd15(dtype: torch.dtype) -> ModelPatcher:
    """SD1.5 at half its width, with three levels of four."""
    return networks.unet(
        model_channels=160,
        channel_mult=[1, 2, 4],
        num_res_blocks=[1, 1, 1],
        transformer_depth=[1, 1, 0],
        transformer_depth_output=[1, 1, 1, 1, 0, 0],
        dtype=dtype,
    )


def _sdxl(dtype: torch.dtype) -> ModelPatcher:
    """SDXL at two fifths of its width, with 0, 1, 2 transformer blocks for 0, 2, 10."""
    return networks.sdxl(
        model_channels=128,
        channel_mult=[1, 2, 4],
        transformer_depth=[0, 0, 1, 1, 2, 2],
        transformer_depth_output=[0, 0, 0, 1, 1, 1, 2, 2, 2],
        transformer_depth_middle=2,
        dtype=dtype,
    )


def _sdxl_whole(dtype: torch.dtype) -> ModelPatcher:
    """SDXL as it is: 2.6 billion weights, made in three times the memory that they take."""
    return networks.sdxl(
        model_channels=320,
        channel_mult=[1, 2, 4],
        transformer_depth=[0, 0, 2, 2, 10, 10],
        transformer_depth_output=[0, 0, 0, 2, 2, 2, 10, 10, 10],
        transformer_depth_middle=10,
        stored=dtype,
        dtype=dtype,
    )


def _flux(dtype: torch.dtype) -> ModelPatcher:
    """Flux.1 dev at a third of its width, with 2 of 19 double and 4 of 38 single blocks."""
    config = networks.flux_config() | {
        "context_in_dim": 1024,
        "vec_in_dim": 768,
        "guidance_embed": True,
        "hidden_size": 1024,
        "num_heads": 8,
        "depth": 2,
        "depth_single_blocks": 4,
    }
    network = Flux(**networks.known(FluxParams, config), operations=networks.OPERATIONS)
    return load(random_weights(network, 0), None, {"num_heads": 8}, dtype=dtype)


SMALL = (
    Shape("SD1.5", _sd15, (4, 32, 32)),
    Shape("SDXL", _sdxl, (4, 32, 32)),
    Shape("Flux", _flux, (16, 32, 32), 128),
)
LARGER = (Shape("SDXL 64x64", _sdxl, (4, 64, 64)),)  # of the latent; people train it at 128 x 128
WHOLE = (Shape("SDXL at 1024 px", _sdxl_whole, (4, 128, 128), 77, torch.bfloat16),)
