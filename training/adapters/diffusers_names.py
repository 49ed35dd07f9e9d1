"""How diffusers calls, and parts, the layers that ComfyUI has for a network. Pure.

What diffusers' loaders read (0.42, `loaders/lora_pipeline.py`; ran):
- SD1.x and SD2.x: kohya names over diffusers' own layer names (`unet_layer`), with an alpha;
- SDXL: kohya names over ComfyUI's layer names, with an alpha. Over diffusers' own, it passes over
  the layers outside the blocks;
- SD3: `transformer.<diffusers' layer>.lora_A.weight` only, and a file with an alpha is refused;
- Flux.1: the same, with or without an alpha; kohya names too, but of the blocks only.
`diffusion_model.*` for SD3 and Flux is refused for its alpha, or passed over with a warning.
ComfyUI reads all of these. So do both with `one_alpha` of a kohya file, `transformer_state`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

Family = Literal["sd3", "flux"]
Lora = Mapping[str, tuple[Tensor, Tensor, float]]  # by layer: A [rank, in, …], B [out, rank], alpha

_UNET_WHOLE = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.2": "conv_out",
}
_RESNET = {
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}

_QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
_TEXT_QKV = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
_NETWORK = "diffusion_model."
_KOHYA_PARTS = (".lora_down.weight", ".lora_up.weight", ".alpha")
_LAST_NORM = "norm_out.linear"
_TEXT_NORM = "norm1_context.linear"
# ComfyUI's layer and those that diffusers has for it; several share its output rows, in order.
WHOLE: dict[Family, dict[str, str]] = {
    "sd3": {
        "context_embedder": "context_embedder",
        "x_embedder.proj": "pos_embed.proj",
        "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
        "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
        "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
        "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
        "final_layer.adaLN_modulation.1": _LAST_NORM,
        "final_layer.linear": "proj_out",
    },
    "flux": {
        "img_in": "x_embedder",
        "txt_in": "context_embedder",
        "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
        "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
        "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
        "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
        "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
        "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
        "final_layer.adaLN_modulation.1": _LAST_NORM,
        "final_layer.linear": "proj_out",
    },
}
BLOCKS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "joint_blocks": (
        "transformer_blocks",
        {
            "x_block.attn.qkv": _QKV,
            "x_block.attn.proj": ("attn.to_out.0",),
            "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
            "x_block.attn2.proj": ("attn2.to_out.0",),
            "x_block.mlp.fc1": ("ff.net.0.proj",),
            "x_block.mlp.fc2": ("ff.net.2",),
            "x_block.adaLN_modulation.1": ("norm1.linear",),
            "context_block.attn.qkv": _TEXT_QKV,
            "context_block.attn.proj": ("attn.to_add_out",),
            "context_block.mlp.fc1": ("ff_context.net.0.proj",),
            "context_block.mlp.fc2": ("ff_context.net.2",),
            "context_block.adaLN_modulation.1": (_TEXT_NORM,),
        },
    ),
    "double_blocks": (
        "transformer_blocks",
        {
            "img_attn.qkv": _QKV,
            "img_attn.proj": ("attn.to_out.0",),
            "img_mlp.0": ("ff.net.0.proj",),
            "img_mlp.2": ("ff.net.2",),
            "img_mod.lin": ("norm1.linear",),
            "txt_attn.qkv": _TEXT_QKV,
            "txt_attn.proj": ("attn.to_add_out",),
            "txt_mlp.0": ("ff_context.net.0.proj",),
            "txt_mlp.2": ("ff_context.net.2",),
            "txt_mod.lin": (_TEXT_NORM,),
        },
    ),
    "single_blocks": (
        "single_transformer_blocks",
        {
            "linear1": (*_QKV, "proj_mlp"),
            "linear2": ("proj_out",),
            "modulation.lin": ("norm.linear",),
        },
    ),
}


def unet_layer(layer: str, res_blocks: int = 2) -> str:
    """diffusers' name of a layer of SD1.x, SD2.x or SDXL.

    `res_blocks`: how many there are in a level (ComfyUI's `num_res_blocks`); 2 in all of these.
    """
    if layer in _UNET_WHOLE:
        return _UNET_WHOLE[layer]
    if found := re.fullmatch(r"input_blocks\.(\d+)\.([01])\.(.+)", layer):
        level, number = divmod(int(found[1]) - 1, res_blocks + 1)
        block = f"down_blocks.{level}"
    elif found := re.fullmatch(r"output_blocks\.(\d+)\.([012])\.(.+)", layer):
        level, number = divmod(int(found[1]), res_blocks + 1)
        block = f"up_blocks.{level}"
    elif found := re.fullmatch(r"middle_block\.(([012]))\.(.+)", layer):
        block, number = "mid_block", int(found[1]) // 2
    else:
        raise _nameless(layer)
    place, inner = found[2], found[3]
    if inner == "op":
        return f"{block}.downsamplers.0.conv"
    if inner == "conv":
        return f"{block}.upsamplers.0.conv"
    if inner in _RESNET:
        return f"{block}.resnets.{number}.{_RESNET[inner]}"
    if place != "1":
        raise _nameless(layer)
    return f"{block}.attentions.{number}.{inner}"


def transformer_layers(layer: str, family: Family) -> tuple[str, ...]:
    """diffusers' names for a layer of SD3 or Flux: several where ComfyUI has them in one."""
    if layer in WHOLE[family]:
        return (WHOLE[family][layer],)
    blocks, number, inner = [*layer.split(".", 2), "", ""][:3]
    name, inside = BLOCKS.get(blocks, ("", {}))
    if inner not in inside:
        raise _nameless(layer)
    return tuple(f"{name}.{number}.{part}" for part in inside[inner])


def one_alpha(lora: Lora) -> dict[str, tuple[Tensor, Tensor, float]]:
    """The same LoRA with the same alpha for every layer, for a file with kohya names.

    Where alphas differ, diffusers takes the commonest for all attention layers. B makes up for it.
    """
    ((common, _),) = Counter(alpha for _, _, alpha in lora.values()).most_common(1)
    return {
        layer: (a, b if alpha == common else b * (alpha / common), common)
        for layer, (a, b, alpha) in lora.items()
    }


def text_with_one_alpha(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a file, with `one_alpha` for the text encoders' layers that have kohya's names.

    Those without an alpha get it too: it was their rank. All else is as it was.
    """
    down, up = ".lora_down.weight", ".lora_up.weight"
    stems = [key.removesuffix(up) for key in state if re.match(rf"lora_te.*{re.escape(up)}", key)]
    lora = {
        stem: (state[stem + down], state[stem + up].float(), _alpha(state, stem))
        for stem in stems
        if stem + down in state
    }
    same = one_alpha(lora) if lora else {}
    ups = {stem + up: b for stem, (_, b, _) in same.items()}
    return dict(state) | ups | {f"{stem}.alpha": torch.tensor(c) for stem, (*_, c) in same.items()}


def _alpha(state: Mapping[str, Tensor], stem: str) -> float:
    known = state.get(f"{stem}.alpha")
    return float(len(state[f"{stem}.lora_down.weight"]) if known is None else known)


def transformer_state(lora: Lora, family: Family) -> dict[str, Tensor]:
    """A LoRA as diffusers and ComfyUI read it for SD3 and Flux.

    There is no alpha in this form: both readers then take the scale for 1, so alpha / rank is
    multiplied into B. A layer that diffusers has in parts becomes one LoRA for each part: with A as
    it is, and the rows of B that are the part's.
    """
    state: dict[str, Tensor] = {}
    for layer, (a, b, alpha) in lora.items():
        names = transformer_layers(layer, family)
        parts = _rows(names, b * (alpha / a.shape[0]), width=a.shape[1])
        for name, part in zip(names, parts, strict=True):
            # Own memory for each: safetensors refuses tensors that share it.
            state[f"transformer.{name}.lora_A.weight"] = a.clone()
            state[f"transformer.{name}.lora_B.weight"] = part.contiguous().clone()
    return state


def for_diffusers(state: Mapping[str, Tensor], family: str) -> dict[str, Tensor]:
    """A LoRA file's tensors as diffusers reads them; `family` is ComfyUI's class of the model.

    Raises `ValueError` for what diffusers has no form for. It reads a `dora_scale`, but by DoRA's
    formula, where ComfyUI computes another (see `Adapter`): it would give another picture.
    """
    if family in ("BaseModel", "SDXL"):
        _refuse([key for key in state if not key.endswith(_KOHYA_PARTS)], family)
        return dict(state)  # what is written for ComfyUI is read by both
    names: dict[str, Family] = {"SD3": "sd3", "Flux": "flux"}
    if family not in names:
        raise ValueError(
            "form = 'diffusers' is known for SD1.x, SD2.x, SDXL, SD3 and Flux.1, not for "
            f"{family}. Choose form = 'comfyui'."
        )
    layers = [key.removesuffix(".alpha") for key in state if key.endswith(".alpha")]
    parts = ("lora_A.weight", "lora_B.weight", "alpha")
    known = {f"{layer}.{part}" for layer in layers for part in parts}
    _refuse([key for key in state if not key.startswith(_NETWORK) or key not in known], family)
    lora = {
        layer.removeprefix(_NETWORK): (
            state[f"{layer}.lora_A.weight"],
            state[f"{layer}.lora_B.weight"],
            state[f"{layer}.alpha"].item(),
        )
        for layer in layers
    }
    return transformer_state(lora, names[family])


def _refuse(odd: Sequence[str], family: str) -> None:
    """`ValueError` for keys that diffusers cannot read as ComfyUI does."""
    if not odd:
        return
    if not min(odd).startswith(("lora_unet_", _NETWORK)):
        what = f"the text encoders' part of a LoRA for {family} ({min(odd)})"
        raise ValueError(f"form = 'diffusers' has no names for {what}. Choose form = 'comfyui'.")
    raise ValueError(
        f"form = 'diffusers' is for adapter = 'lora' alone on {family}: what diffusers makes of "
        f"{min(odd)} is not what ComfyUI does. Choose form = 'comfyui'."
    )


def _rows(names: Sequence[str], b: Tensor, width: int) -> list[Tensor]:
    """The rows of `b` that belong to each of `names`; `width` is that of the network."""
    if len(names) > 1:  # query, key and value are as wide as the network, what is left is the MLP
        return list(b.split([width, width, width, len(b) - 3 * width][: len(names)]))
    last_of_text = names[0].endswith(_TEXT_NORM) and len(b) == 2 * width
    if names[0] == _LAST_NORM or last_of_text:
        shift, scale = b.chunk(2)  # the other way round in diffusers' AdaLayerNormContinuous
        return [torch.cat([scale, shift])]
    return [b]


def _nameless(layer: str) -> ValueError:
    return ValueError(f"diffusers has no name for the layer {layer!r} that Atelier knows.")
