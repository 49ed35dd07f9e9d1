"""Text encoders that can also write: ComfyUI's own, wired as CLIP (0.33; not in 0.3.75)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from comfy.sd import CLIP
from PIL import Image

from ..captioning.captioner import ASK, CannotCaption, Captioner, Said, Say, shown, tidy
from ..captioning.settings import SentenceSettings
from ..files import digest
from .fingerprint import text_fingerprint
from .progress import check_interrupt


def clip_captioner(clip: CLIP, settings: SentenceSettings) -> Captioner:
    """The captioner that a wired CLIP is. Raises `ValueError` for one that cannot write."""
    _refuse_mute(clip)
    name = _name(clip)
    key = digest("clip", name, settings.model_dump_json(), text_fingerprint(clip))

    def say(picture: Image.Image) -> Said:
        check_interrupt()
        ids = _written(clip, picture, settings)
        text = clip.decode(ids)  # pyright: ignore[reportAttributeAccessIssue]
        return Said(tidy(text), len(ids) >= settings.max_tokens)

    @contextmanager
    def opened() -> Iterator[Say]:
        yield say

    return Captioner(name, key, False, opened)


def _name(clip: CLIP) -> str:
    tree: Any = clip.cond_stage_model
    return str(getattr(tree, "clip_name", None) or type(tree).__name__)


def _refuse_mute(clip: CLIP) -> None:
    if not hasattr(clip, "generate"):
        raise ValueError(
            "In this version of ComfyUI text encoders cannot write. Update ComfyUI (0.33 can), or "
            "caption with Caption with Vision Model or Caption with Server."
        )
    tree: Any = clip.cond_stage_model
    inner: Any = getattr(tree, getattr(tree, "clip", ""), tree)
    writer = getattr(inner, "transformer", inner)
    if not hasattr(writer, "generate"):
        raise ValueError(
            f"The text encoder that is wired ({_name(clip)}) can read and not write. Load one that "
            "is a whole vision–language model, such as Qwen3-VL or Gemma 3, with ComfyUI's Load "
            "CLIP."
        )


def _written(clip: CLIP, picture: Image.Image, settings: SentenceSettings) -> list[int]:
    small = np.asarray(shown(picture, settings.picture_size), np.float32) / 255.0
    tokens = clip.tokenize(
        settings.prompt.strip() or ASK,
        image=torch.from_numpy(small)[None],
        skip_template=False,
        min_length=1,
        thinking=False,
    )
    if not _sees(tokens):
        raise CannotCaption(
            f"The text encoder that is wired ({_name(clip)}) does not look at pictures. Load a "
            "vision–language model, such as Qwen3-VL or Gemma 3."
        )
    speaking: Any = clip
    return speaking.generate(
        tokens,
        do_sample=settings.temperature > 0,
        max_length=settings.max_tokens,
        temperature=settings.temperature or 1.0,
        top_k=50,
        top_p=0.95,
        min_p=0.0,
        repetition_penalty=1.0,
        presence_penalty=0.0,
        seed=settings.seed,
    )


def _sees(tokens: Any) -> bool:
    """Whether a picture is among the tokens."""
    if isinstance(tokens, dict):
        return any(map(_sees, tokens.values())) or tokens.get("type") == "image"
    return isinstance(tokens, list | tuple) and any(map(_sees, tokens))
