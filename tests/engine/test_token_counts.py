"""Tokens counted by ComfyUI's own tokenizers."""

import math
from typing import Any, cast

import pytest
from comfy.sd1_clip import SDTokenizer

from atelier.training.host.token_counts import count, rank
from atelier.training.host.words import tokenizers_of

from ..tiny.text_forms import FORMS, tokenizer


class Wired:
    """As much of a CLIP as is asked for: its tokenizer."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer


def test_without_a_wire_clip_l_counts_and_has_room_for_75():
    (one,) = count(["", "a cat", "cat " * 100])
    assert (one.encoder, one.room, one.counts) == ("clip_l", 75, (0, 2, 100))


def test_start_end_and_padding_are_not_counted():
    text = "a red hat on a table"
    raw = SDTokenizer().tokenizer(text)["input_ids"]
    assert count([text])[0].counts == (len(raw) - 2,)


@pytest.mark.parametrize(
    ("module", "name", "rooms"),
    [
        ("comfy.sdxl_clip", "SDXLTokenizer", {"clip_l": 75, "clip_g": 75}),
        ("comfy.text_encoders.flux", "FluxTokenizer", {"clip_l": 75, "t5xxl": None}),
        ("comfy.text_encoders.qwen_image", "QwenImageTokenizer", {"qwen25_7b": None}),
    ],
)
def test_each_text_encoder_of_the_clip_counts_for_itself(module, name, rooms):
    tokenizer = getattr(__import__(module, fromlist=[name]), name)()
    found = count(["a cat", "umbrellas and daffodils"], cast(Any, Wired(tokenizer)))
    assert {one.encoder: one.room for one in found} == rooms
    assert found[0].encoder in tokenizers_of(tokenizer)
    assert all(2 <= one.counts[0] < one.counts[1] for one in found)


@pytest.mark.parametrize("form", FORMS)
def test_words_are_counted_whatever_a_template_puts_around_them(form):
    wired: Any = Wired(tokenizer(FORMS[form]))
    for one in count(["", "a", "a red hat"], wired):
        none, single, several = one.counts
        assert none == 0 and 1 <= single < several <= len("a red hat") + 2, one


def test_common_words_come_before_made_up_ones():
    assert rank("Hat") < rank("spectacle") < rank("ohwx") < math.inf
    assert rank("zkwxq") == math.inf
