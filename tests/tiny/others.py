"""Networks of families that fewer people train: architecture-exact and small."""

from typing import Any

from comfy.model_patcher import ModelPatcher

from .files import load, random_weights
from .networks import OPERATIONS, flux_config, known, unet


def hunyuan_image(seed: int = 0, meanflow: bool = False, **how: Any) -> ModelPatcher:
    """Hunyuan Image 2.1, or with `meanflow` its distilled form."""
    from comfy.ldm.hunyuan_video.model import HunyuanVideo, HunyuanVideoParams

    config = flux_config() | {
        "in_channels": 64,
        "out_channels": 64,
        "vec_in_dim": None,
        "axes_dim": [64, 64],
        "theta": 256,
        "patch_size": [1, 1],
        "guidance_embed": meanflow,
        "byt5": False,
        "meanflow": meanflow,
        "meanflow_sum": False,
        "use_cond_type_embedding": False,
        "vision_in_dim": None,
    }
    network = HunyuanVideo(**known(HunyuanVideoParams, config), operations=OPERATIONS)
    return load(random_weights(network, seed), **how)


def hunyuan_dit(seed: int = 0, first: bool = False, **how: Any) -> ModelPatcher:
    """Hunyuan-DiT 1.2: v prediction, two text encoders, skips from the first to the last blocks.

    Its `first` versions are also told the picture's size and a style.
    """
    from comfy.ldm.hydit.models import HunYuanDiT

    sizes: dict[str, Any] = {"num_heads": 2}
    told: dict[str, Any] = {"size_cond": first, "use_style_cond": first}
    network = HunYuanDiT(hidden_size=64, depth=4, **sizes, **told, operations=OPERATIONS)
    shown = {"extra_embedder.0.weight": (256, 3968)} if first else None  # which of the two it is
    return load(random_weights(network, seed), shown, sizes, **how)


def hidream(seed: int = 0, **how: Any) -> ModelPatcher:
    """HiDream-I1: experts that are chosen token by token, and a layer of Llama to each block."""
    from comfy.ldm.hidream.model import HiDreamImageTransformer2DModel

    sizes: dict[str, Any] = {
        "num_attention_heads": 2,
        "num_layers": 1,
        "num_single_layers": 1,
        "caption_channels": [64, 64],
        "llama_layers": [0, 1],
    }
    network = HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=16,
        axes_dims_rope=(64, 32, 32),  # pyright: ignore[reportArgumentType]
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)


def omnigen2(seed: int = 0, **how: Any) -> ModelPatcher:
    """OmniGen2: layers for pictures that are given rest where none is."""
    from comfy.ldm.omnigen.omnigen2 import OmniGen2Transformer2DModel

    sizes: dict[str, Any] = {
        "hidden_size": 240,
        "num_attention_heads": 2,
        "num_kv_heads": 1,
        "num_layers": 1,
        "num_refiner_layers": 1,
        "text_feat_dim": 64,
    }
    network = OmniGen2Transformer2DModel(
        axes_dim_rope=(40, 40, 40),
        axes_lens=(1024, 1664, 1664),
        timestep_scale=1000.0,
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)


def sdxl_refiner(seed: int = 0, **how: Any) -> ModelPatcher:
    """SDXL's refiner: no attention on its first and last level, and one text encoder."""
    config: dict[str, Any] = {
        "context_dim": 1280,
        "adm_in_channels": 2560,
        "num_classes": "sequential",
        "use_linear_in_transformer": True,
        "num_heads": -1,
        "num_head_channels": 64,
        "model_channels": 64,
        "num_res_blocks": [2, 2, 2, 2],
        "channel_mult": [1, 1, 1, 1],
        "transformer_depth": [0, 0, 1, 1, 1, 1, 0, 0],
        "transformer_depth_output": [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0],
        "transformer_depth_middle": 1,
    }
    full = {
        "input_blocks.0.0.weight": (384, 4, 3, 3),  # by which ComfyUI knows the family
    }
    depths = {4: 4, 5: 4, 7: 4, 8: 4}
    full |= {
        f"input_blocks.{block}.1.transformer_blocks.{i}.norm1.bias": ()
        for block, depth in depths.items()
        for i in range(depth)
    }
    return unet(seed, shown=full, **config | how)
