"""Networks of families that came after ComfyUI 0.3.75: architecture-exact and small."""

from functools import partial
from typing import Any
from unittest import mock

from comfy.model_patcher import ModelPatcher

from .files import load, random_weights
from .networks import OPERATIONS, flux_config, known
from .others import COSMOS


def anima(seed: int = 0, **how: Any) -> ModelPatcher:
    """Anima: Cosmos Predict 2, and a transformer of its own that reads the text."""
    from comfy.ldm.anima import model  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {"num_heads": 2, "crossattn_emb_channels": 64}
    reader = {"source_dim": 64, "target_dim": 64, "model_dim": 64, "num_layers": 1, "num_heads": 2}
    with mock.patch.object(model, "LLMAdapter", partial(model.LLMAdapter, **reader)):
        network = model.Anima(
            model_channels=128, num_blocks=1, **COSMOS, **sizes, operations=OPERATIONS
        )
        return load(random_weights(network, seed), None, sizes, **how)


def longcat_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """LongCat Image: Flux.1 that is told no pooled text and no guidance, and counts the words."""
    from comfy.ldm.flux.model import Flux, FluxParams

    config = flux_config() | {"vec_in_dim": None, "guidance_embed": False, "txt_ids_dims": [1, 2]}
    network = Flux(**known(FluxParams, config), operations=OPERATIONS)
    shown = {"txt_in.weight": (256, 3584)}  # by which ComfyUI knows the family
    return load(random_weights(network, seed), shown, {"context_in_dim": 64}, **how)


def kandinsky5_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """Kandinsky 5 Image: attends to the text, which has blocks of its own."""
    from comfy.ldm.kandinsky5.model import Kandinsky5  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {"model_dim": 256, "in_text_dim": 64}
    network = Kandinsky5(
        time_dim=64,
        ff_dim=256,
        visual_embed_dim=64,
        num_text_blocks=1,
        num_visual_blocks=1,
        axes_dims=(32, 48, 48),
        rope_scale_factor=(1.0, 1.0, 1.0),
        **sizes,
        operations=OPERATIONS,
    )
    shown = {"visual_embeddings.in_layer.bias": (2560,)}  # by which ComfyUI knows the family
    return load(random_weights(network, seed), shown, sizes, **how)


def ernie_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """Ernie Image: one modulation for all blocks, and the text behind the picture."""
    from comfy.ldm.ernie.model import ErnieImageModel  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {
        "hidden_size": 256,
        "num_attention_heads": 2,
        "num_layers": 1,
        "ffn_hidden_size": 256,
        "text_in_dim": 64,
    }
    network = ErnieImageModel(**sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def krea2(seed: int = 0, **how: Any) -> ModelPatcher:
    """Krea 2: gated attention, and a transformer that joins several layers of the text encoder."""
    from comfy.ldm.krea2.model import SingleStreamDiT  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {"txtheads": 2, "txtkvheads": 2}
    network = SingleStreamDiT(
        features=256,
        heads=2,
        kvheads=1,
        layers=1,
        txtlayers=3,
        txtdim=64,
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)


def ideogram4(seed: int = 0, **how: Any) -> ModelPatcher:
    """Ideogram 4: text and picture in one sequence, in which the picture is far from the text."""
    from comfy.ldm.ideogram4 import model  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {
        "num_attention_heads": 1,
        "intermediate_size": 256,
        "adaln_dim": 64,
        "llm_features_dim": 64,
    }
    network = model.Ideogram4Transformer2DModel(num_layers=1, **sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def joy_image(seed: int = 0, **how: Any) -> ModelPatcher:
    """JoyImage: latents of five dimensions, and text in double blocks to the end."""
    from comfy.ldm.joyimage import model  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {"text_dim": 64}
    network = model.JoyImageTransformer3DModel(
        hidden_size=256,
        num_attention_heads=2,
        num_layers=2,
        theta=10000,
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)


def mage_flow(seed: int = 0, **how: Any) -> ModelPatcher:
    """Mage-Flow: Qwen-Image's blocks without patches, and times in bf16."""
    from comfy.ldm.mage_flow import model  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {"num_attention_heads": 2, "joint_attention_dim": 64}
    network = model.MageFlowTransformer2DModel(num_layers=2, **sizes, operations=OPERATIONS)
    shown = {"txt_norm.weight": (2560,)}  # by which ComfyUI knows the family
    return load(random_weights(network, seed), shown, sizes, **how)


def lens(seed: int = 0, **how: Any) -> ModelPatcher:
    """Lens: several layers of the text encoder, and no patches."""
    from comfy.ldm.lens import model  # pyright: ignore[reportMissingImports]

    network = model.LensTransformer2DModel(
        num_layers=2,
        num_attention_heads=2,
        enc_hidden_dim=32,
        selected_layer_index=(0, 1),
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), **how)


def hidream_o1(seed: int = 0, **how: Any) -> ModelPatcher:
    """HiDream-O1: a language model that reads words and draws pixels, by patches of 32."""
    from comfy.ldm.hidream_o1 import model  # pyright: ignore[reportMissingImports]

    text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    seeing = {"hidden_size": 64, "intermediate_size": 64, "depth": 1, "num_heads": 2}
    sizes: dict[str, Any] = {
        "text_config_overrides": text | {"num_attention_heads": 2, "num_key_value_heads": 1},
        "vision_config_overrides": seeing,
    }
    network = model.HiDreamO1Transformer(**sizes, operations=OPERATIONS)
    return load(random_weights(network, seed), None, sizes, **how)


def z_image_pixel(seed: int = 0, **how: Any) -> ModelPatcher:
    """Z-Image on pixels: a small network of its own ends it."""
    from comfy.ldm.lumina import model

    sizes: dict[str, Any] = {"dim": 256, "n_heads": 2, "n_kv_heads": 2}
    network = model.NextDiTPixelSpace(  # pyright: ignore[reportAttributeAccessIssue]
        patch_size=4,
        in_channels=3,
        n_layers=1,
        qk_norm=True,
        cap_feat_dim=64,
        axes_dims=[32, 48, 48],
        ffn_dim_multiplier=8.0 / 3.0,
        z_image_modulation=True,
        time_scale=1000.0,
        pad_tokens_multiple=32,
        decoder_hidden_size=64,
        decoder_num_res_blocks=1,
        **sizes,
        operations=OPERATIONS,
    )
    shown = {"cap_embedder.1.weight": (3840, 64)}  # by which ComfyUI knows the family
    return load(random_weights(network, seed), shown, sizes, **how)


def boogu(seed: int = 0, **how: Any) -> ModelPatcher:
    """Boogu: OmniGen2 with blocks in which the text has layers of its own."""
    from comfy.ldm.boogu import model  # pyright: ignore[reportMissingImports]

    sizes: dict[str, Any] = {
        "hidden_size": 240,
        "num_attention_heads": 2,
        "num_kv_heads": 1,
        "instruction_feat_dim": 64,
    }
    network = model.BooguTransformer2DModel(
        num_layers=1,
        num_double_stream_layers=1,
        num_refiner_layers=1,
        **sizes,
        operations=OPERATIONS,
    )
    return load(random_weights(network, seed), None, sizes, **how)
