"""How many tokens a caption takes, as ComfyUI's own CLIP tokenizer counts."""

from functools import lru_cache
from typing import Any

from comfy.sd1_clip import SDTokenizer


@lru_cache(maxsize=1)
def _tokenizer() -> SDTokenizer:
    return SDTokenizer()


@lru_cache(maxsize=100_000)
def count_tokens(caption: str) -> int:
    """Those of the text itself, without start, end and padding; a prompt of CLIP has room for 75.

    SD1.x, SDXL, SD3 and Flux share this tokenizer; T5 and the LLMs count otherwise.
    """
    parts: Any = _tokenizer().tokenize_with_weights(caption, return_word_ids=True)
    return sum(1 for part in parts for token in part if token[2])
