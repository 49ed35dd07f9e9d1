"""The demo's LoRA learns: short forms of `measure learning` and `measure adapters`, with limits."""

import pytest

from atelier.measure import adapters, learning


@pytest.mark.timeout(1800)
def test_the_lora_learned_and_class_pictures_keep_it_in_its_place():
    figures = {k: float(v) for k, v in learning.measure(quick=True).figures.items()}
    assert figures["n"] >= 8 * 4
    assert figures["with_lora"] - figures["without_lora"] >= 0.8
    assert figures["kept"] >= 0.85
    assert figures["leak_with_class_pictures"] <= figures["leak"] / 2


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", adapters.KINDS)
def test_every_kind_of_adapter_learned(kind):
    figures = {k: float(v) for k, v in adapters.measure(True, [kind]).figures.items()}
    assert figures[f"{kind}_with"] - figures["without"] >= 0.8
    assert figures[f"{kind}_kept"] >= 0.85
    assert figures[f"{kind}_leak_with_class_pictures"] <= figures[f"{kind}_leak"] / 2
