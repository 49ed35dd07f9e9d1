"""While a run goes on: what is measured is fixed, and what is drawn is what the user would see."""

import numpy as np
import pytest
from comfy.sd import load_lora_for_models
from PIL import Image
from safetensors.torch import load_file

from atelier.training.host import folders

from .test_settings import PROMPTS, SAMPLED, native
from .trained import same, train, wired


def test_held_out_loss_is_of_fixed_pictures_times_and_noise(held):
    """A network that hardly moves gets the same loss every time, and training's own goes about."""
    run = train(held, learning_rate=1e-9, validate_every=2, flip=True, caption_dropout=0.5)
    measured = [line for line in run.logged() if "held_out" in line]
    first, *others = (line["held_out_by_time"] for line in measured)
    assert len(others) == 2 and list(first) == ["0.125", "0.375", "0.625", "0.875"]
    assert all(one == pytest.approx(first, rel=1e-5) for one in others)
    losses = [line["loss"] for line in run.logged() if "loss" in line]
    assert max(losses) > 1.1 * min(losses)


def test_samples_keep_the_loras_that_are_on_the_wire(wires, base):
    model, clip, vae = base
    other = train(wires, name="other", seed=5, learning_rate=0.02).lora()
    patched, _ = load_lora_for_models(model, None, other, 1.0, 0.0)
    on_it = wired((patched, clip, vae), wires.dataset)
    run = train(on_it, name="run", **SAMPLED, learning_rate=0.01)
    folder = folders.pictures() / "runs" / run.name / "samples"
    for step, lora in ((0, {}), (6, run.lora())):
        drawn = np.asarray(Image.open(folder / f"step-{step:06d}-1.png"), np.float32)
        assert np.abs(drawn - native((patched, clip, vae), lora, PROMPTS[0])).max() <= 2
        assert np.abs(drawn - native(base, lora, PROMPTS[0])).max() > 8
    assert patched and patched.patches and not model.patches


def test_the_last_weights_are_kept_too_where_the_best_become_the_lora(held):
    settings = {"learning_rate": 0.5, "schedule": "constant", "clip_norm": 0, "validate_every": 1}
    settings |= {"steps": 4}
    best = train(held, name="best", **settings, keep="best")
    last = train(held, name="last", **settings)
    assert same([load_file(best.other_file("last"))], [last.lora()])
    assert same([load_file(last.other_file("best"))], [best.lora()])
    assert not same([best.lora()], [last.lora()])
