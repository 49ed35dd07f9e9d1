"""Two runs of one seed are the same to the last bit, whatever the process drew before."""

import random

import numpy as np
import pytest
import torch

from .trained import same, train

# All that draws something.
DRAWING = {
    "steps": 3,
    "resolution": 64,
    "batch_size": 1,
    "dropout": 0.3,
    "flip": True,
    "crops": 2,
    "tag_dropout": 0.3,
    "caption_variants": 2,
    "caption_dropout": 0.3,
    "input_perturbation": 0.1,
    "text_encoders": "clip",
    "text_rank": 2,
    "sample_every": 2,
    "sample_prompts": "a person",
    "sample_steps": 1,
}
KINDS = [
    pytest.param({}, id="lora"),
    pytest.param(DRAWING, id="everything"),
    pytest.param(DRAWING | {"adapter": "lokr"}, id="everything-lokr", marks=pytest.mark.long),
]


def generators():
    """Where the process's own generators are."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), (kind, list(keys), *rest), torch.get_rng_state().tolist()


def seed_all(number):
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.mark.parametrize("settings", KINDS)
def test_one_seed_gives_one_lora_and_the_processs_generators_stay(held, settings):
    runs = []
    for number, seed in enumerate((5, 5, 6)):
        seed_all(number)
        before = generators()
        runs.append(train(held, name=f"run{number}", seed=seed, **settings))
        assert generators() == before
    one, again, other = runs
    assert same([one.lora()], [again.lora()]) and one.logged() == again.logged()
    assert one.lora().keys() == other.lora().keys() and not same([one.lora()], [other.lora()])
