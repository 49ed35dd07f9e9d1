"""The wired text encoder as a private tree that can be trained, and captions through it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import comfy.lora
import comfy.model_management as management
import torch
from comfy.sd import CLIP

from ..adapters.keys import TextNaming
from ..adapters.patterns import Size
from ..adapters.targets import TEXT
from ..data.words import as_embeddings
from ..settings.text import TextSettings
from .linear import is_linear, make_plain
from .private import clone_input, collect, take_patches, unload
from .results import NewResults
from .staying import Staying, frozen_copy


@contextmanager
def private_text(wired: CLIP) -> Iterator[CLIP]:
    """A CLIP around a private, frozen copy of the wired one's networks, gone when the block ends.

    As `private_copy` is for the MODEL: on the same bytes, not loaded yet.
    """
    unload(wired.patcher)
    tree: Any = wired.cond_stage_model
    tree = frozen_copy(tree, without=getattr(tree, "current_patcher", None))
    private = wired.clone()
    private.cond_stage_model = tree
    patcher = Staying(tree, wired.patcher.load_device, wired.patcher.offload_device)
    private.patcher = patcher
    try:
        take_patches(patcher, wired.patcher)
        make_plain(tree)
        for norm in tree.modules():  # CLIP, T5 and the LLMs add in place to what a norm has seen
            if "Norm" in type(norm).__name__:
                norm.register_forward_pre_hook(clone_input)
        for parameter in tree.parameters():
            parameter.requires_grad_(False)
        yield private
    finally:
        unload(private.patcher)
        del private, tree
        collect()


def load_text(private: CLIP) -> torch.device:
    """Put the private text encoder on its device, whole."""
    management.load_models_gpu([private.patcher], force_full_load=True)
    return private.patcher.load_device


def text_sizes(clip: CLIP, settings: TextSettings) -> dict[str, Size]:
    """The layers of the text encoders that learn. `ValueError` if there is none."""
    size = Size(settings.text_rank, float(settings.text_rank))
    first = "clip_" if settings.text_encoders == "clip" else ""
    found = {
        name: size
        for name, module in clip.cond_stage_model.named_modules()
        if is_linear(module) and name.startswith(first) and re.search(TEXT, f"{name}.")
    }
    if not found:
        reads = any(True for _ in clip.cond_stage_model.parameters())
        way = "Choose 'all', or 'none'." if reads else "The MODEL itself reads: choose 'none'."
        raise ValueError(
            f"text_encoders = {settings.text_encoders!r}: the CLIP that is wired "
            f"({type(clip.cond_stage_model).__name__}) has no such layers. {way}"
        )
    return found


def text_naming(clip: CLIP, own_words: bool) -> TextNaming:
    """How files name the text encoders' layers: kohya's way where there is one.

    `own_words`: the model has one text encoder, which kohya calls `lora_te_`, not `lora_te1_`.
    """
    stems: dict[str, str] = {}
    wanted = re.compile(r"lora_te_" if own_words else r"lora_te\d_")
    for stem, key in comfy.lora.model_lora_keys_clip(clip.cond_stage_model, {}).items():
        layer = str(key).removesuffix(".weight")
        if layer not in stems or wanted.match(stem):
            stems[layer] = stem
    return TextNaming(stems)


def encode_with_gradient(private: CLIP, text: str, words: Sequence[str] = ()) -> list[Any]:
    """CONDITIONING for one caption, through which the loss reaches the adapter and new `words`."""
    tokens = private.tokenize(as_embeddings(text, words))
    with NewResults():
        return private.encode_from_tokens_scheduled(tokens, show_pbar=False)
