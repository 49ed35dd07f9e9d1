"""New words in ComfyUI's text encoders: vectors that a prompt calls by `embedding:word`.

A tokenizer puts tensors among its tokens where a prompt names an embedding, and the text encoder
takes them for rows of its table. Copies of the tokenizers that find our parameters under a word's
name are all that it takes for the loss to reach them.
"""

import copy
import re
from typing import Any

import torch
from comfy.sd import CLIP
from comfy.sd1_clip import SDClipModel, SDTokenizer
from torch import Tensor

from ..adapters.words import Vectors, Words
from ..data.words import CALL
from ..settings.words import WordSettings

# Anima's network is told T5's tokens by number, and ComfyUI fails where one is a vector.
_BY_NUMBER = {"AnimaTokenizer": ("t5xxl",)}
_OF_ONE_CLIP = "emb_params"  # for SD1.x and SD2.x, as webui names it; ComfyUI takes any name there


def refuse_words(clip: CLIP, settings: WordSettings) -> None:
    """`ValueError` where ComfyUI reads no embeddings for one of the CLIP's text encoders.

    Or where `word_start` has nothing that could be started from.
    """
    readers = _readers(clip)
    if deaf := _deaf(clip, readers, settings.words[0]):
        raise ValueError(
            f"new_words: ComfyUI reads no embeddings, or not everywhere in a prompt, for "
            f"{', '.join(deaf)}, a text encoder of the CLIP that is wired "
            f"({type(clip.cond_stage_model).__name__}). Leave new_words empty, and train a LoRA "
            "with the word in the captions."
        )
    for text in settings.starts.values():
        for tokenizer, _ in readers.values():
            if not tokens_of(tokenizer, text):
                raise ValueError(f"word_start: {text!r} has no tokens for {_key(tokenizer)}")


def _deaf(clip: CLIP, readers: "Readers", word: str) -> list[str]:
    """The tokenizers that do not find an embedding that is all of a prompt.

    Templates stand around a prompt, and not everywhere does ComfyUI part the name from them.
    """
    tried = {word: {_key(tokenizer): torch.zeros(1, 1) for tokenizer, _ in readers.values()}}
    tokenizer: Any = reading(clip.tokenizer, tried) if readers else clip.tokenizer
    by_number = _BY_NUMBER.get(type(clip.tokenizer).__name__, ())
    return [
        name
        for name, parts in tokenizer.tokenize_with_weights(f"{CALL}{word}").items()
        if name in by_number
        or (
            isinstance(parts, list)
            and not any(torch.is_tensor(token[0]) for part in parts for token in part)
        )
    ]


def start_words(private: CLIP, settings: WordSettings) -> Words:
    """The new words as they start, on the text encoder's device, and made known to `private`."""
    device = private.patcher.load_device
    count = torch.arange(settings.word_vectors)
    readers = _readers(private)
    start: dict[str, dict[str, Tensor]] = {}
    with torch.no_grad():
        for word, text in settings.starts.items():
            start[word] = {}
            for tokenizer, encoder in readers.values():
                rows = _rows(encoder, tokens_of(tokenizer, text))
                start[word][_key(tokenizer)] = rows[count % len(rows)].to(device)
    keys = [_key(tokenizer) for tokenizer, _ in readers.values()]
    single = len(readers) == len(tokenizers_of(private.tokenizer)) == 1
    words = Words(start, {key: _OF_ONE_CLIP for key in keys if single and key.startswith("clip_")})
    private.tokenizer = reading(private.tokenizer, words.vectors)
    return words


def reading(tokenizer: Any, vectors: Vectors) -> Any:
    """A copy of ComfyUI's `tokenizer` that finds `vectors` under the names of their words."""
    tokenizer = copy.copy(tokenizer)
    for name, one in tokenizers_of(tokenizer).items():
        own: Any = copy.copy(one)
        own._try_get_embedding = _Lookup(one, vectors)
        setattr(tokenizer, name, own)
    return tokenizer


class _Lookup:
    """In place of a tokenizer's `_try_get_embedding`."""

    def __init__(self, tokenizer: SDTokenizer, vectors: Vectors) -> None:
        self.key = _key(tokenizer)
        self.vectors = vectors
        self.files = tokenizer._try_get_embedding
        # 0.33 gives the name too, between vectors and what is left of the text, and ends it where
        # a template's mark begins
        asked = self.files("atelier<") if tokenizer.embedding_directory is not None else ()
        self.named = len(asked) > 2
        self.cuts = "<" in asked

    def __call__(self, text: str) -> tuple[Any, ...]:
        name, *rest = text.split() or [""]
        if self.cuts and (mark := re.search(r"[<\[]", name)):
            name, rest = name[: mark.start()], [name[mark.start() :], *rest]
        if name not in self.vectors:
            return self.files(text)
        of = self.vectors[name]
        # As ComfyUI does for a file without this key: then the text encoder is not there.
        rows = of[self.key] if self.key in of else next(iter(of.values()))
        return (rows, *([name] if self.named else []), " ".join(rest))


def tokenizers_of(tokenizer: Any) -> dict[str, SDTokenizer]:
    return {name: one for name, one in vars(tokenizer).items() if isinstance(one, SDTokenizer)}


Readers = dict[str, tuple[SDTokenizer, SDClipModel]]


def _readers(clip: CLIP) -> Readers:
    """The tokenizers whose text encoders are there; ComfyUI calls both by one name, or nearly."""
    model = clip.cond_stage_model
    found = {
        name: (one, getattr(model, name, getattr(model, name.removeprefix("clip_"), None)))
        for name, one in tokenizers_of(clip.tokenizer).items()
    }
    return {
        name: (one, encoder)
        for name, (one, encoder) in found.items()
        if isinstance(encoder, SDClipModel)
    }


def _key(tokenizer: SDTokenizer) -> str:
    """What an embedding's file calls the text encoder."""
    return str(tokenizer.embedding_key)


def tokens_of(tokenizer: SDTokenizer, text: str) -> list[Any]:
    """Those of the text itself: numbers, or vectors where it names an embedding."""
    parts: Any = tokenizer.tokenize_with_weights(text, return_word_ids=True)
    return [token for part in parts for token, _, word in part if word]


def _rows(encoder: Any, tokens: list[Any]) -> Tensor:
    """What the text encoder's table has for `tokens`, `[n, width]` in fp32."""
    device = encoder.transformer.get_input_embeddings().weight.device
    return encoder.process_tokens([tokens], device)[0][0]
