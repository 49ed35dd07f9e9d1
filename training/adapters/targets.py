"""Which layers of a network learn, and with what rank, by their names. Pure."""

import re
from collections.abc import Iterable, Sequence

from ..settings.adapter import AdapterSettings
from .patterns import Size, parse_patterns, parse_ranks

_ATTENTION = r"attn\d*|\w+_attn\d*|attention|self_attention|cross_attention|kv_mapper"
_MLP = r"mlp|mlp[CX]|\w+_mlp|mlp_\w+|ff|ffn|ff_\w+|(\w+_)?feed_forward|channelwise|linear1|linear2"
# Behind a block's number: not in an embedder of the whole network.
_IN_BLOCK = r"(^|\.)\d+\.(.+\.)?"
# HiDream's experts see some of the tokens each; ai-toolkit's train_lora_hidream_48.yaml leaves them
# out. Anima reads the text with layers of its own, which its makers ask to leave as they are, and
# kohya's docs/anima_train_network.md does. HiDream-O1's eye sees no picture here. Cosmos names
# modulation by what it goes before.
_NOT = r"^(?!.*(\.experts\.|^llm_adapter\.|^visual\.|modulation)).*?"
# Modulation and embedding layers are left alone by the first two: they are small, shared by every
# token, and drift first (kohya's and diffusers' defaults leave them out too).
PATTERNS = {
    "attention": rf"{_NOT}{_IN_BLOCK}({_ATTENTION})(\.|$)",
    "attention_mlp": rf"{_NOT}{_IN_BLOCK}({_ATTENTION}|{_MLP})(\.|$)",
    "all_linear": "",
    "all": "",
}
# Of CLIP, T5, LLMs, BERT and Jina's; and not of an LLM's eye, which sees no caption.
_TEXT = r"self_attn|SelfAttention|EncDecAttention|attention|mixer"
_TEXT += r"|mlp|DenseReluDense|intermediate|output"
TEXT = rf"^(?!.*\.(visual|vision_model)\.).*\.({_TEXT})\."
# Blocks that were found to carry one thing, by ComfyUI's name for the model.
# SDXL: B-LoRA (Frenkel et al. 2024, section 4.1), diffusers' up_blocks.0.attentions.0 and .1.
# Flux: single blocks 7, 12, 16 and 20 carry a likeness (TheLastBen, 2024).
BLOCKS = {
    ("SDXL", "subject_blocks"): r"^output_blocks\.0\.1\.",
    ("SDXL", "style_blocks"): r"^output_blocks\.1\.1\.",
    ("Flux", "subject_blocks"): r"^single_blocks\.(7|12|16|20)\.linear",
}


def choose(
    names: Iterable[str], targets: str, include: str = "", exclude: str = "", family: str = ""
) -> list[str]:
    """Those of the layers `names` that the settings mean, in their order.

    `family` is what `BLOCKS` calls the model. Raises `ValueError` if none is left.
    """
    names = list(names)
    pattern = re.compile(_pattern(targets, family))
    wanted, barred = parse_patterns(include), parse_patterns(exclude)
    chosen = [
        name
        for name in names
        if pattern.search(name)
        and (not wanted or any(one.search(name) for one in wanted))
        and not any(one.search(name) for one in barred)
    ]
    if not chosen:
        patterns = f" with include {include!r} and exclude {exclude!r}" if wanted or barred else ""
        raise ValueError(
            f"This model has no layer for targets = {targets!r}{patterns}. Its {len(names)} layers "
            f"are named like {', '.join(names[:3]) or '(none)'}; choose targets = 'all_linear', or "
            "other patterns."
        )
    return chosen


def layer_sizes(
    names: Iterable[str], settings: AdapterSettings, rank: int, family: str = ""
) -> dict[str, Size]:
    """The chosen layers with the rank and alpha of each."""
    groups = parse_ranks(settings.ranks)
    usual = Size(rank, settings.alpha or float(rank))
    chosen = choose(names, settings.targets, settings.include, settings.exclude, family)
    return {name: _size(name, groups, usual) for name in chosen}


def _size(name: str, groups: Sequence[tuple[re.Pattern[str], Size]], usual: Size) -> Size:
    return next((size for pattern, size in groups if pattern.search(name)), usual)


def _pattern(targets: str, family: str) -> str:
    if targets in PATTERNS:
        return PATTERNS[targets]
    if (family, targets) not in BLOCKS:
        known = ", ".join(name for name, what in BLOCKS if what == targets)
        raise ValueError(
            f"targets = {targets!r} is known for {known}, not for {family or 'this model'}. Choose "
            "targets = 'attention_mlp', or name the blocks in include."
        )
    return BLOCKS[family, targets]
