"""Every family's network, architecture-exact and small."""

from collections.abc import Mapping
from typing import Any

import comfy.ops
import torch
from comfy.model_patcher import ModelPatcher

from .files import LOAD, Shapes, load, random_weights

OPERATIONS = comfy.ops.disable_weight_init


def sd3(seed: int = 0, depth: int = 1, self_attention: bool = False, **how: Any) -> ModelPatcher:
    """SD3: flow matching, a transformer of width 64 x depth; SD3.5 medium has `self_attention`."""
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
        x_block_self_attn_layers=[0] if self_attention else [],
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), **how)


def unet(
    seed: int = 0,
    extra: Mapping[str, torch.Tensor] | None = None,
    shown: Shapes | None = None,
    stored: torch.dtype = torch.float32,
    **changes: Any,
) -> ModelPatcher:
    """SD1.5: eps prediction, a UNet of two levels instead of four and of a fifth of the width.

    `extra` are marks in the file, as for v prediction; `shown` is what detection sees; `stored` is
    the file's precision; `changes` are of its settings, or for `load`.
    """
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    config: dict[str, Any] = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 64,
        "num_res_blocks": [1, 1],
        "channel_mult": [1, 1],
        "num_heads": 8,
        "use_spatial_transformer": True,
        "transformer_depth": [1, 1],
        "transformer_depth_output": [1, 1, 1, 1],
        "transformer_depth_middle": 1,
        "context_dim": 768,
        "legacy": False,
    }
    how = {key: changes.pop(key) for key in LOAD & changes.keys()}
    config |= changes
    network = UNetModel(**config, device="meta", operations=OPERATIONS)
    state = random_weights(network, seed, stored)
    sizes = ("model_channels", "channel_mult", *(key for key in config if "depth" in key))
    return load(
        state | dict(extra or {}),
        # 320 channels, by which ComfyUI knows the family
        {"input_blocks.0.0.weight": (320, config["in_channels"], 3, 3)} | dict(shown or {}),
        {size: config[size] for size in sizes},
        **how,
    )


def sd2(seed: int = 0, velocity: bool = False, **changes: Any) -> ModelPatcher:
    """SD2.x: known as a v model by one bias of its last block, which the small one lacks."""
    mark = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
    config: dict[str, Any] = {
        "context_dim": 1024,
        "use_linear_in_transformer": True,
        "num_heads": -1,
        "num_head_channels": 64,
    }
    if velocity:
        config["extra"] = {mark: torch.linspace(-1, 1, 64)}
    return unet(seed, **config | changes)


def sd_x4(**changes: Any) -> ModelPatcher:
    """SD x4 upscaler: it is given a small picture beside the noise, and how noisy that is."""
    shown = {
        "input_blocks.0.0.weight": (256, 7, 3, 3),
        "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": (256, 1024),
    }
    config: dict[str, Any] = {
        "in_channels": 7,
        "context_dim": 1024,
        "num_classes": 1000,
        "use_linear_in_transformer": True,
        "disable_self_attentions": [True, True, True, False],
        "channel_mult": [1, 1, 1, 1],
        "num_res_blocks": [1, 1, 1, 1],
        "transformer_depth": [1, 1, 1, 1],
        "transformer_depth_output": [1] * 8,
    }
    return unet(shown=shown, **config | changes)


def sdxl(seed: int = 0, kind: str = "eps", **changes: Any) -> ModelPatcher:
    """SDXL as eps, v (NoobAI …) or edm (Playground 2.5): depth 1 where the real one has 10."""
    marks = {"eps": (), "v": ("v_pred", "ztsnr"), "edm": ("edm_mean", "edm_std")}[kind]
    depths = {4: 2, 5: 2, 7: 10, 8: 10}
    config: dict[str, Any] = {
        "context_dim": 2048,
        "adm_in_channels": 2816,
        "num_classes": "sequential",
        "num_res_blocks": [2, 2, 2],
        "channel_mult": [1, 1, 1],
        "transformer_depth": [0, 0, 1, 1, 1, 1],
        "transformer_depth_output": [0, 0, 0, 1, 1, 1, 1, 1, 1],
    }
    shown = {
        f"input_blocks.{block}.1.transformer_blocks.{i}.norm1.bias": ()
        for block, depth in depths.items()
        for i in range(depth)
    }
    config |= {"extra": {mark: torch.zeros(4) for mark in marks}, "shown": shown}
    return sd2(seed, **config | changes)


def flux(seed: int = 0, guidance: bool = True, channels: int = 16, **how: Any) -> ModelPatcher:
    """Flux.1 dev, or schnell without `guidance`; with 96 `channels` Fill, with 32 Canny, Depth."""
    from comfy.ldm.flux.model import Flux, FluxParams

    config = flux_config() | {
        "in_channels": channels,
        "vec_in_dim": 768,
        "guidance_embed": guidance,
    }
    network = Flux(**known(FluxParams, config), operations=OPERATIONS)
    return load(random_weights(network, seed), None, {"num_heads": 2}, **how)


def flux2(seed: int = 0, **how: Any) -> ModelPatcher:
    """Flux.2: no patches, no pooled text, modulation shared by all blocks."""
    from comfy.ldm.flux.model import Flux, FluxParams

    config = flux_config() | {
        "in_channels": 128,
        "out_channels": 128,
        "patch_size": 1,
        "vec_in_dim": None,
        "axes_dim": [32, 32, 32, 32],
        "txt_ids_dims": [3],
        "theta": 2000,
        "mlp_ratio": 3.0,
        "global_modulation": True,
        "mlp_silu_act": True,
        "qkv_bias": False,
        "ops_bias": False,
        "guidance_embed": True,
    }
    network = Flux(**known(FluxParams, config), operations=OPERATIONS)
    return load(random_weights(network, seed), None, {"num_heads": 2}, **how)


def chroma(seed: int = 0, **how: Any) -> ModelPatcher:
    """Chroma: Flux.1 whose modulation comes from one small network."""
    from comfy.ldm.chroma.model import Chroma, ChromaParams

    sizes = {"num_heads": 2, "out_dim": 256, "hidden_dim": 64, "n_layers": 1}
    config = flux_config() | sizes
    config |= {"in_channels": 64, "out_channels": 64, "in_dim": 64, "vec_in_dim": None}
    network = Chroma(**known(ChromaParams, config), operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def flux_config() -> dict[str, Any]:
    return {
        "in_channels": 16,
        "out_channels": 16,
        "context_in_dim": 64,
        "hidden_size": 256,
        "mlp_ratio": 4.0,
        "num_heads": 2,
        "depth": 1,
        "depth_single_blocks": 1,
        "axes_dim": [16, 56, 56],
        "txt_ids_dims": [],
        "theta": 10000,
        "patch_size": 2,
        "qkv_bias": True,
    }


def known(parameters: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Those entries of `config` that this ComfyUI's dataclass has."""
    return {key: config[key] for key in parameters.__dataclass_fields__ if key in config}


def lumina2(seed: int = 0, **how: Any) -> ModelPatcher:
    sizes = {"dim": 192, "n_heads": 2, "n_kv_heads": 1}
    config = sizes | {"axes_dims": [32, 32, 32], "ffn_dim_multiplier": 4.0}
    return _next_dit(seed, config, sizes, full_width=2304, **how)


def z_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """Z-Image: Lumina 2 with padding tokens and another modulation."""
    sizes = {"dim": 256, "n_heads": 2, "n_kv_heads": 2}
    config = sizes | {
        "axes_dims": [32, 48, 48],
        "ffn_dim_multiplier": 8.0 / 3.0,
        "z_image_modulation": True,
        "time_scale": 1000.0,
        "pad_tokens_multiple": 32,
    }
    return _next_dit(seed, config, sizes, full_width=3840, **how)


def _next_dit(
    seed: int, config: dict[str, Any], sizes: dict[str, Any], full_width: int, **how: Any
) -> ModelPatcher:
    from comfy.ldm.lumina.model import NextDiT

    network = NextDiT(
        in_channels=16,
        n_layers=1,
        qk_norm=True,
        cap_feat_dim=64,
        **config,
        operations=OPERATIONS,
    )
    shown = {"cap_embedder.1.weight": (full_width, 64)}  # which of the two it is
    return load(random_weights(network, seed), shown, sizes, **how)


def qwen_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """Qwen-Image: latents of five dimensions."""
    from comfy.ldm.qwen_image.model import QwenImageTransformer2DModel

    sizes: dict[str, Any] = {"num_attention_heads": 2, "joint_attention_dim": 64}
    network = QwenImageTransformer2DModel(num_layers=2, **sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def aura_flow(seed: int = 0, **how: Any) -> ModelPatcher:
    from comfy.ldm.aura.mmdit import MMDiT

    sizes = {"dim": 128, "n_heads": 2, "global_conddim": 128, "cond_seq_dim": 64}
    network = MMDiT(n_layers=2, n_double_layers=1, max_seq=64, **sizes, operations=OPERATIONS)
    shown = {"cond_seq_linear.weight": (128, 2048)}  # by which ComfyUI knows the family
    return load(random_weights(network, seed), shown, sizes, **how)


def pixart(seed: int = 0, sigma: bool = True, **how: Any) -> ModelPatcher:
    """PixArt-Sigma, or PixArt-alpha, which is also told the picture's size."""
    from comfy.ldm.pixart.pixartms import PixArtMS

    sizes: dict[str, Any] = {"hidden_size": 96, "num_heads": 4, "caption_channels": 64}
    network = PixArtMS(
        depth=1,
        model_max_length=300 if sigma else 120,
        micro_condition=not sigma,
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)
