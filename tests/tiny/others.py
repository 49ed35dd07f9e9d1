"""Networks of families that fewer people train: architecture-exact and small."""

from typing import Any

import torch
from comfy.model_patcher import ModelPatcher

from .files import load, random_weights
from .networks import OPERATIONS, flux_config, known, sd2, sdxl, unet


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


# Depths by which ComfyUI knows SDXL's small relatives, and whether they have a middle.
_SMALL = {
    "SSD1B": ([0, 0, 2, 2, 4, 4], -1),
    "Segmind_Vega": ([0, 0, 1, 1, 2, 2], -1),
    "KOALA_700M": ([0, 2, 5], -2),
    "KOALA_1B": ([0, 2, 6], 1),
}


def small_sdxl(kind: str, seed: int = 0, **how: Any) -> ModelPatcher:
    """SSD-1B, Segmind Vega, KOALA: SDXL with fewer layers, and some with half a middle or none."""
    depths, middle = _SMALL[kind]
    per_level = len(depths) // 3
    config: dict[str, Any] = {
        "num_res_blocks": [per_level] * 3,
        "transformer_depth": [min(depth, 1) for depth in depths],
        "transformer_depth_output": [
            min(depths[per_level * level], 1) for level in range(3) for _ in range(per_level + 1)
        ],
        "transformer_depth_middle": middle,
        "shown": {
            f"input_blocks.{_block(place, per_level)}.1.transformer_blocks.{i}.norm1.bias": ()
            for place, depth in enumerate(depths)
            for i in range(depth)
        },
    }
    return sdxl(seed, **config | how)


def _block(place: int, per_level: int) -> int:
    """Number of the input block of the residual block at `place`: one more begins each level."""
    return 1 + place + place // per_level


def unclip(seed: int = 0, **how: Any) -> ModelPatcher:
    """SD 2.1 unCLIP: a picture's embedding may come beside the text; without one it is zero."""
    return sd2(seed, True, num_classes="sequential", adm_in_channels=1536, **how)


def stable_cascade(seed: int = 0, **how: Any) -> ModelPatcher:
    """Stable Cascade's stage C, which paints in latents 42 times smaller than the picture."""
    from comfy.ldm.cascade.stage_c import StageC

    sizes: dict[str, Any] = {
        "c_cond": 128,
        "c_hidden": [128, 128],
        "nhead": [2, 2],
        "blocks": [[1, 1], [1, 1]],
    }
    network = StageC(**sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def stable_cascade_b(seed: int = 0, **how: Any) -> ModelPatcher:
    """Its stage B, which paints what stage C has decided."""
    from comfy.ldm.cascade.stage_b import StageB

    sizes: dict[str, Any] = {
        "c_hidden": [64, 64, 64, 64],
        "nhead": [-1, -1, 2, 2],
        "blocks": [[1, 1, 1, 1], [1, 1, 1, 1]],
        "block_repeat": [[1, 1, 1, 1], [1, 1, 1, 1]],
    }
    network = StageB(**sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


COSMOS: dict[str, Any] = {
    "max_img_h": 240,
    "max_img_w": 240,
    "max_frames": 128,
    "in_channels": 16,
    "out_channels": 16,
    "patch_spatial": 2,
    "patch_temporal": 1,
    "pos_emb_cls": "rope3d",
    "use_adaln_lora": True,
}


def cosmos(seed: int = 0, **how: Any) -> ModelPatcher:
    """Cosmos Predict2, text to image: flow that ComfyUI writes with noise levels up to 80."""
    from comfy.ldm.cosmos.predict2 import MiniTrainDIT

    sizes: dict[str, Any] = {
        "model_channels": 128,
        "num_blocks": 1,
        "num_heads": 2,
        "crossattn_emb_channels": 64,
        "adaln_lora_dim": 16,
    }
    network = MiniTrainDIT(**COSMOS, **sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def chroma_radiance(seed: int = 0, **how: Any) -> ModelPatcher:
    """Chroma Radiance: Chroma on pixels, which come in and go out by patches of 16."""
    from comfy.ldm.chroma_radiance.model import ChromaRadiance, ChromaRadianceParams

    sizes = {"num_heads": 2, "out_dim": 256, "hidden_dim": 64, "n_layers": 1, "nerf_depth": 1}
    config = flux_config() | sizes
    config |= {
        "in_channels": 3,
        "out_channels": 3,
        "in_dim": 64,
        "vec_in_dim": None,
        "patch_size": 16,
        "nerf_hidden_size": 64,
        "nerf_mlp_ratio": 4,
        "nerf_max_freqs": 8,
        "nerf_tile_size": 512,
        "nerf_final_head_type": "conv",
        "nerf_embedder_dtype": torch.float32,
        "use_x0": False,  # from here: of newer ComfyUI
        "use_sequential_txt_ids": False,
    }
    network = ChromaRadiance(**known(ChromaRadianceParams, config), operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)
