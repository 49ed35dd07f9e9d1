"""Which layer of which network a tensor's name means, whoever wrote it. Pure.

A *stem* is what stands before a part: `lora_unet_input_blocks_1_1_proj_in`, or
`transformer.proj_out`. A layer's *identity* is the same for all ways of naming it: diffusers' name
where Atelier knows it, which is the finer one for SD3 and Flux.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from ..adapters.diffusers_names import (
    BLOCKS,
    WHOLE,
    Family,
    transformer_layers,
    unet_layer,
)

# Who names so, and which network it is. The longer ones first.
_PREFIXES = (
    ("unet.base_model.model.", "net"),
    ("base_model.model.", "net"),
    ("diffusion_model.", "net"),
    ("transformer.", "net"),
    ("unet.", "net"),
    ("lora_transformer_", "net"),
    ("lora_unet_", "net"),
    ("lycoris_", "net"),
    ("text_encoders.clip_l.transformer.", "text1"),
    ("text_encoders.clip_g.transformer.", "text2"),
    ("text_encoders.", "own"),
    ("text_encoder_2.", "text2"),
    ("text_encoder_3.", "text3"),
    ("text_encoder.", "text1"),
    ("lora_te1_", "text1"),
    ("lora_te2_", "text2"),
    ("lora_te3_", "text3"),
    ("lora_te_", "text1"),
)
# Words with an underscore, in the layers' names of the networks that people train.
_WORDS = frozenset(
    """
    down_blocks up_blocks mid_block transformer_blocks single_transformer_blocks to_q to_k to_v
    to_out to_add_out add_q_proj add_k_proj add_v_proj proj_in proj_out proj_mlp time_emb_proj
    conv_shortcut conv_in conv_out time_embedding add_embedding linear_1 linear_2 ff_context
    norm1_context norm_out time_text_embed timestep_embedder text_embedder guidance_embedder
    context_embedder x_embedder t_embedder y_embedder cap_embedder pos_embed input_blocks
    output_blocks middle_block in_layers out_layers emb_layers skip_connection time_embed label_emb
    joint_blocks x_block context_block adaLN_modulation final_layer double_blocks single_blocks
    img_attn txt_attn img_mlp txt_mlp img_mod txt_mod img_in txt_in time_in vector_in guidance_in
    in_layer out_layer distilled_guidance_layer in_proj out_proj double_stream_modulation_img
    double_stream_modulation_txt single_stream_modulation text_model self_attn cross_attn q_proj
    k_proj v_proj text_projection noise_refiner context_refiner feed_forward attention_norm
    time_caption_embed text_embedding time_projection patch_embedding img_emb k_img v_img head_proj
    """.split()  # noqa: SIM905 - a list of words
)
_LONGEST = max(word.count("_") + 1 for word in _WORDS)
_UNET = re.compile(r"(input_blocks|output_blocks|middle_block|time_embed|label_emb|out)\.\d")
_LDM_RESNET = {
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_LDM_WHOLE = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
}


class Name(NamedTuple):
    """`part` is the network (`net`, `text1` …), `layer` its layer's name with dots."""

    prefix: str
    part: str
    layer: str


def parse(stem: str) -> Name:
    """What a stem means; a stem of an unknown kind is a layer of the network as it stands."""
    for prefix, part in _PREFIXES:
        if stem.startswith(prefix):
            layer = stem.removeprefix(prefix)
            if prefix.endswith("_"):
                return Name(prefix, part, dotted(layer))
            if ".processor." in layer:  # diffusers before peft
                layer = re.sub(r"\.to_out$", ".to_out.0", layer.replace(".processor.", "."))
            return Name(prefix, part, layer)
    return Name("", "net", stem)


def stem(prefix: str, layer: str) -> str:
    """The name of a layer behind a prefix: kohya's have underscores for dots."""
    return prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)


def dotted(name: str) -> str:
    """A layer's name from kohya's, in which underscores stand for dots too.

    Back with underscores it is always the same name.
    """
    pieces, words = name.split("_"), []
    at = 0
    while at < len(pieces):
        for length in range(min(_LONGEST, len(pieces) - at), 0, -1):
            word = "_".join(pieces[at : at + length])
            if length == 1 or word in _WORDS:
                words.append(word)
                at += length
                break
    return ".".join(words)


def readable(identity: str) -> str:
    """A layer's identity for a person: its name with dots, behind its text encoder's if any."""
    part, _, layer = identity.partition("+")[0].partition(" ")
    return dotted(layer) if part == "net" else f"{part} {dotted(layer)}"


def block_of(identity: str) -> str:
    """The block that a layer's identity lies in: `down_blocks.1.attentions.0`, `text1 layers.3`."""
    part, _, layer = identity.partition("+")[0].partition(" ")
    pieces = dotted(layer).split(".")
    first = next((at for at, piece in enumerate(pieces) if piece.isdigit()), 0)
    if part != "net":
        return f"{part} {'.'.join(pieces[max(0, first - 1) : first + 1])}"
    inside = pieces[first + 1 : first + 2] in (["attentions"], ["resnets"])
    return ".".join(pieces[: first + (3 if inside else 1)])


def family_of(layers: Iterable[str]) -> Family | None:
    """SD3 or Flux by the blocks that ComfyUI has for them, else nothing."""
    blocks = {layer.partition(".")[0] for layer in layers}
    if "joint_blocks" in blocks:
        return "sd3"
    return "flux" if blocks & {"double_blocks", "single_blocks"} else None


def in_unet(layer: str) -> bool:
    """Whether this is how ComfyUI names a layer of SD1, SD2 or SDXL."""
    return bool(_UNET.match(layer))


def in_diffusers(layer: str, family: Family | None) -> tuple[str, ...]:
    """diffusers' names of a layer in the order of its rows; its own name if none is known."""
    with suppress(ValueError):  # a layer that diffusers does not have
        if in_unet(layer):
            return (unet_layer(layer),)
        if family:
            return transformer_layers(layer, family)
    return (layer,)


def ldm_layer(layer: str, wide: bool) -> str:
    """ComfyUI's name of a layer that diffusers' UNet has. `wide`: SDXL, not SD1 or SD2."""
    if layer in _LDM_WHOLE:
        return _LDM_WHOLE[layer]
    found = re.fullmatch(
        r"(down_blocks|up_blocks|mid_block)\.(?:(\d+)\.)?(\w+)\.(\d+)\.(.+)", layer
    )
    if not found:
        return layer
    block, level, kind, number, inner = found.groups()
    inner = _LDM_RESNET.get(inner, inner) if kind == "resnets" else inner
    place = {"resnets": 0, "attentions": 1}.get(kind)
    if block == "mid_block":
        at = 1 if kind == "attentions" else 2 * int(number)
        return f"middle_block.{at}.{inner}"
    first = 3 * int(level)
    if kind == "downsamplers":
        return f"input_blocks.{first + 3}.0.op"
    if kind == "upsamplers":
        attended = wide or level != "0"
        return f"output_blocks.{first + 2}.{2 if attended else 1}.conv"
    if block == "down_blocks":
        return f"input_blocks.{first + int(number) + 1}.{place}.{inner}"
    return f"output_blocks.{first + int(number)}.{place}.{inner}"


def whole_layer(layer: str, family: Family) -> tuple[str, int] | None:
    """ComfyUI's layer of which diffusers' `layer` is a part, and which of them by its rows."""
    for own, theirs in WHOLE[family].items():
        if layer == theirs:
            return own, 0
    blocks, number, inner = [*layer.split(".", 2), "", ""][:3]
    for own, (theirs, inside) in BLOCKS.items():
        if theirs != blocks or (own == "joint_blocks") != (family == "sd3"):
            continue
        for mine, parts in inside.items():
            if inner in parts:
                return f"{own}.{number}.{mine}", parts.index(inner)
    return None


def swapped(layer: str, family: Family | None, rows: int, width: int) -> bool:
    """Whether diffusers has the two halves of a layer's rows the other way round.

    `layer` is diffusers' name; its weight is [rows, width] (see `diffusers_names`).
    """
    if family is None:
        return False
    return layer == "norm_out.linear" or (
        layer.endswith("norm1_context.linear") and rows == 2 * width
    )
