"""How many tokens captions take, by ComfyUI's own tokenizers, and how common words are to CLIP."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from comfy.sd import CLIP
from comfy.sd1_clip import SDTokenizer

from ..captions.lint import Counted
from .words import tokenizers_of, tokens_of

_ENDLESS = 100_000  # ComfyUI's T5 and language models are given a room of 99,999,999
_BYTES = 512  # of CLIP's tokens; the words follow, the most frequent first


def count(texts: Sequence[str], clip: CLIP | None = None) -> list[Counted]:
    """Tokens of each text itself, by text encoder; without a CLIP, by the CLIP-L of SD1.x to Flux.

    Start, end and padding are not counted. `room` is what the text encoder reads at once.
    """
    readers = tokenizers_of(clip.tokenizer) if clip else {"clip_l": _own()}
    return [
        Counted(name, _room(one), tuple(_length(one, text) for text in texts))
        for name, one in readers.items()
    ]


def _length(tokenizer: Any, text: str) -> int:
    """Tokens of `text` itself. Those that do not mark them put the same around every text."""
    tokens = _tokens(tokenizer, text)
    if bare := _bare(tokens):
        return bare - _bare(_tokens(tokenizer, "a")) + 1
    return sum(token[2] > 0 for token in tokens)


def _tokens(tokenizer: SDTokenizer, text: str) -> list[Any]:
    parts: Any = tokenizer.tokenize_with_weights(text, return_word_ids=True)
    return [token for part in parts for token in part]


def _bare(tokens: list[Any]) -> int:
    """How many do not say which word they are of, as LongCat Image's and Lens's."""
    return sum(len(token) < 3 for token in tokens)


@lru_cache(maxsize=100_000)
def count_one(caption: str) -> int:
    """Tokens of a caption for CLIP-L, which has room for 75."""
    return len(tokens_of(_own(), caption))


def rank(word: str) -> float:
    """The place of a word among CLIP's tokens, from the most frequent on; infinite for none.

    CLIP's tokens were made in the order of how often their parts met (Sennrich et al. 2016).
    """
    place = _vocabulary().get(f"{word.lower()}</w>")
    return math.inf if place is None else max(0, place - _BYTES)


def _room(tokenizer: Any) -> int | None:
    if tokenizer.max_length >= _ENDLESS:
        return None
    return tokenizer.max_length - tokenizer.tokens_start - (tokenizer.end_token is not None)


@lru_cache(maxsize=1)
def _own() -> SDTokenizer:
    return SDTokenizer()


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, int]:
    return _own().tokenizer.get_vocab()
