"""Every setting changes what it should, and nothing else, in two steps of training the demo's base.

A step is looked at in parts; those that a setting does not name must be the same to the last bit. A
new setting has to be put into one of the tables.
"""

import hashlib
from typing import Any

import pytest
import torch
from safetensors.torch import save

from atelier.training import loop
from atelier.training.config import TrainConfig
from atelier.training.task import Task

from .trained import train

# Parts: the adapter at the `start`; which `pictures` of which size, their `latents` and their
# `captions` after the text encoder; `times`, `noise` and what of it only the network sees
# (`unseen`); the first `loss`; the `rates` of the steps; what was `learned`.
SHOWN = {"latents", "loss", "learned"}
SAID = {"captions", "loss", "learned"}
BEGUN = {"start", "learned"}  # a LoRA starts by doing nothing: the first loss is the base's
PICTURES = {"pictures", "latents", "captions", "noise", "loss", "learned"}
FEW = {"caption_variants": 2}  # each is encoded
TEXT = {"text_encoders": "clip", "text_rate": 1e-3}  # at less, fp16 may round it away

# By setting: another value, what it needs beside it, and the parts that change.
CHANGES: dict[str, tuple[Any, dict[str, Any], set[str]]] = {
    "steps": (3, {}, {"rates", "learned"}),
    "batch_size": (1, {}, PICTURES | {"times"}),
    "learning_rate": (2e-3, {}, {"rates", "learned"}),
    "rank": (3, {}, BEGUN),
    "resolution": (128, {}, PICTURES - {"captions"}),
    "seed": (1, {}, PICTURES | BEGUN | {"times"}),
    "more_resolutions": ("128", {}, PICTURES - {"loss"}),  # the first batch is of the small ones
    "flip": (True, {"seed": 1}, SHOWN),  # by which the first picture is
    "crops": (3, {}, SHOWN),
    "shuffle_tags": (True, FEW, SAID),
    "keep_tags": (1, FEW | {"shuffle_tags": True}, SAID),
    "tag_dropout": (0.5, FEW, SAID),
    "wildcards": (True, {}, set()),  # there are none in the demo's captions
    "caption_variants": (3, FEW | {"shuffle_tags": True}, SAID),
    "caption_dropout": (1.0, {}, SAID),
    "adapter": ("lokr", {}, BEGUN),
    "alpha": (1.0, {}, {"learned"}),
    "rank_stabilized": (True, {}, {"learned"}),
    "targets": ("attention_mlp", {}, BEGUN),
    "include": ("x_block", {}, BEGUN),
    "exclude": ("x_block", {}, BEGUN),
    "ranks": ("x_block = 1", {}, BEGUN),
    "lokr_factor": (2, {"adapter": "lokr"}, BEGUN),
    "dropout": (0.5, {}, {"learned"}),
    "text_encoders": ("clip", {}, {"captions", "start", "learned"}),
    "text_rate": (1e-2, TEXT, {"captions", "learned"}),  # captions of the second step
    "text_rank": (2, TEXT, BEGUN | {"captions"}),
    "loss": ("l1", {}, {"loss", "learned"}),
    "huber_delta": (0.5, {"loss": "huber"}, {"loss", "learned"}),
    "huber_schedule": ("exponential", {"loss": "huber"}, {"loss", "learned"}),
    "weighting": ("cosmap", {}, {"loss", "learned"}),
    "timestep_sampling": ("mode", {}, {"times", "noise", "loss", "learned"}),
    "logit_mean": (0.5, {}, {"times", "loss", "learned"}),
    "logit_std": (0.5, {}, {"times", "loss", "learned"}),
    "mode_scale": (0.5, {"timestep_sampling": "mode"}, {"times", "loss", "learned"}),
    "timestep_shift": ("none", {}, {"times", "loss", "learned"}),
    "timestep_min": (0.3, {}, {"times", "loss", "learned"}),
    "timestep_max": (0.6, {}, {"times", "loss", "learned"}),
    "timestep_spread": (True, {}, {"times", "loss", "learned"}),
    "input_perturbation": (0.2, {}, {"unseen", "loss", "learned"}),
    "optimizer": ("sgd", {}, {"learned"}),
    "optimizer_arguments": ("betas = (0.5, 0.9)", {}, {"learned"}),
    "weight_decay": (5.0, {}, {"learned"}),
    "schedule": ("constant", {}, {"rates", "learned"}),
    "schedule_cycles": (2, {"schedule": "cosine_with_restarts"}, {"rates", "learned"}),
    "schedule_power": (2.0, {"schedule": "polynomial"}, {"rates", "learned"}),
    "warmup": (2, {}, {"rates", "learned"}),
    "accumulation": (2, {}, {"learned"}),
    "clip_norm": (1e-6, {"optimizer": "sgd"}, {"learned"}),
    "ema_decay": (0.9, {}, {"learned"}),
    "plus_ratio": (4.0, {}, {"learned"}),
    "compute": ("bf16", {}, {"loss", "learned"}),
    "checkpointing": ("block", {}, set()),
    "validate_every": (1, {}, set()),
    "save_every": (1, {}, set()),
    "keep_loras": (False, {"save_every": 1}, set()),
}
DRAWN = {"sample_every": 1, "sample_prompts": "a person", "sample_steps": 1}
CHANGES |= {
    name: (value, DRAWN, set())
    for name, value in {
        "sample_every": 2,
        "sample_prompts": "a hat",
        "sample_steps": 2,
        "sample_guidance": 1.0,
        "sample_sampler": "heun",
        "sample_scheduler": "karras",
        "sample_seed": 3,
    }.items()
}
_OF_EPS = "for models that are no flow: test_task.py, test_objective.py"
_MASKS = "wants masks: test_settings.py"
_WORDS = "wants a new word in the captions: test_words.py"
_CLASS = "wants class pictures: test_trainer.py, test_settings.py"
_HELD = "wants held-out pictures: test_settings.py"
ELSEWHERE = {
    "version": "of the file, and no setting",
    "min_snr_gamma": _OF_EPS,
    "noise_offset": _OF_EPS,
    "multires_noise": _OF_EPS,
    "multires_discount": _OF_EPS,
    "guidance": "for models that are told one: test_families.py",
    "masked": _MASKS,
    "unmasked_weight": _MASKS,
    "prior_weight": _CLASS,
    "prior_target": _CLASS,
    "patience": _HELD,
    "keep": _HELD,
    "new_words": _WORDS,
    "word_vectors": _WORDS,
    "word_start": _WORDS,
    "word_rate": _WORDS,
    "train_network": _WORDS,
    "tensorboard": "needs a package: test_watching.py",
    "streaming": "is for a device with too little room: test_memory.py",
    "compile": "needs a compiler: test_memory.py",
}
SMALL = {"steps": 2, "resolution": 64, "targets": "attention", "schedule": "linear"}
SMALL |= {"alpha": 0}  # equal to the rank


def digest(*values: Any) -> str:
    sha = hashlib.sha256()
    for number, value in enumerate(values):
        if isinstance(value, torch.Tensor):
            sha.update(save({f"{number}": value.detach().contiguous()}))
        else:
            sha.update(repr(value).encode())
    return sha.hexdigest()


def parts(wires, monkeypatch, **settings) -> dict[str, str]:
    """Of a run with these settings: each part, in short."""
    calls: list[dict[str, list[Any]]] = []
    real = Task.loss

    def loss(self, batch, noise, sigma, time=None, disturbance=None, from_base=False):
        assert self.adapter
        kept = {
            "start": [*self.adapter.state().items()],
            "pictures": [(one.path.name, one.size) for one in batch],
            "latents": [one.latent for one in batch],
            "captions": [cond.cond for one in batch for cond in one.conditioning.values()],
            "times": [time, sigma],
            "noise": [noise],
            "unseen": [disturbance],
        }
        kept = {name: [digest(*of)] for name, of in kept.items()}
        found = real(self, batch, noise, sigma, time, disturbance, from_base)
        calls.append(kept | {"loss": [found.detach().clone()]})
        return found

    def begin(*how, **more):
        calls.clear()  # what was looked at for the plan of memory
        return loop.train(*how, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Task, "loss", loss)
        patch.setattr("atelier.training.session.train", begin)
        run = train(wires, name="effects", **SMALL | settings)
    first = {name: digest(*calls[0][name]) for name in ("start", "loss")}
    every = {
        name: digest(*(value for call in calls[:2] for value in call[name]))
        for name in ("pictures", "latents", "captions", "times", "noise", "unseen")
    }
    rates = [line["learning_rate"] for line in run.logged() if "loss" in line]
    lora = sorted(run.lora().items())
    return (
        first | every | {"rates": digest(rates), "learned": digest(*(x for p in lora for x in p))}
    )


def test_every_setting_is_in_one_of_the_tables():
    assert not CHANGES.keys() & ELSEWHERE.keys()
    assert CHANGES.keys() | ELSEWHERE.keys() == TrainConfig.model_fields.keys()


@pytest.fixture(scope="module")
def usual():
    """Parts by what the settings need beside them, made once."""
    return {}


@pytest.mark.parametrize("name", CHANGES)
def test_a_setting_changes_what_it_should_and_nothing_else(wires, monkeypatch, usual, name):
    value, beside, wanted = CHANGES[name]
    if repr(beside) not in usual:
        usual[repr(beside)] = parts(wires, monkeypatch, **beside)
    before = usual[repr(beside)]
    after = parts(wires, monkeypatch, **beside | {name: value})
    assert {part for part in before if after[part] != before[part]} == wanted
