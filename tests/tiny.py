"""Architecture-exact models with random weights, small enough to test, built by ComfyUI itself."""

from typing import Any

import comfy.ops
import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher


def random_weights(module: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """A state dict for `module` whose layers neither die nor explode."""
    dice = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in module.state_dict().items():
        noise = torch.randn(tensor.shape, generator=dice)
        fan_in = tensor.shape[1:].numel() if tensor.ndim > 1 else 1
        scale = 0.02 if tensor.ndim < 2 else fan_in**-0.5
        state[name] = noise * scale + (1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0)
    return state


def sd3(seed: int = 0, depth: int = 1) -> ModelPatcher:
    """SD3: flow matching, a transformer of width 64 x depth."""
    from comfy.ldm.modules.diffusionmodules.mmdit import OpenAISignatureMMDITWrapper

    hidden = 64 * depth
    network = OpenAISignatureMMDITWrapper(
        input_size=None,  # pyright: ignore[reportArgumentType]
        patch_size=2,
        in_channels=16,
        depth=depth,
        adm_in_channels=2048,
        context_embedder_config={
            "target": "torch.nn.Linear",
            "params": {"in_features": 4096, "out_features": hidden},
        },
        num_patches=64,
        pos_embed_max_size=8,
        qk_norm="rms",
        operations=comfy.ops.disable_weight_init,
    )
    return _load(random_weights(network, seed))


def unet(seed: int = 0, **changes: Any) -> ModelPatcher:
    """SD1.5: eps prediction, a UNet of two levels instead of four."""
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    settings = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 320,  # by which ComfyUI knows the family
        "num_res_blocks": [1, 1],
        "channel_mult": [1, 1],
        "num_heads": 8,
        "use_spatial_transformer": True,
        "transformer_depth": [1, 1],
        "transformer_depth_output": [1, 1, 1, 1],
        "transformer_depth_middle": 1,
        "context_dim": 768,
        "operations": comfy.ops.disable_weight_init,
    }
    network = UNetModel(**(settings | changes))
    return _load(random_weights(network, seed))


def _load(state: dict[str, torch.Tensor]) -> ModelPatcher:
    with torch.inference_mode():  # as loader nodes do
        model = comfy.sd.load_diffusion_model_state_dict({k: v.clone() for k, v in state.items()})
    assert model, "ComfyUI did not recognise the tiny model"
    return model


def caption(model: ModelPatcher, seed: int, tokens: int = 77) -> list[Any]:
    """CONDITIONING with random contents, of the shape that this model wants."""
    dice = torch.Generator().manual_seed(seed)
    width = {"SD3": 4096, "BaseModel": 768, "SDXL": 2048}[type(model.model).__name__]
    text = torch.randn(1, tokens, width, generator=dice)
    pooled = torch.randn(1, 2048 if width == 4096 else 1280, generator=dice)
    return [[text, {"pooled_output": pooled}]]
