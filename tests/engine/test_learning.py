"""The demo's LoRA learns: the short form of `python dev.py measure learning`, with its limits."""

import pytest

from atelier.measure import learning


@pytest.mark.timeout(1800)
def test_the_lora_learned_and_class_pictures_keep_it_in_its_place():
    figures = {k: float(v) for k, v in learning.measure(quick=True).figures.items()}
    assert figures["n"] >= 8 * 4
    assert figures["with_lora"] - figures["without_lora"] >= 0.8
    assert figures["kept"] >= 0.85
    assert figures["leak_with_class_pictures"] <= figures["leak"] / 2
