"""Presets: each combination is a valid training, and says where its values come from."""

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from atelier.training.config import make_config
from atelier.training.data.dataset import Dataset, Record
from atelier.training.data.trigger import with_trigger
from atelier.training.families import FAMILIES, PURPOSES, facts, find, suited
from atelier.training.objective import Prediction, refuse
from atelier.training.presets import Effort, Purpose, explain, preset, steps_for, values

EFFORTS = get_args(Effort)
KNOWN = [
    *product(("SD15", "SDXL", "PixArtAlpha", "PixArtSigma"), ("eps",)),
    *product(("SD20", "SDXL"), ("v",)),
    ("SDXL", "edm"),
    ("SD20", "eps"),
    *product(sorted(FAMILIES.keys() - {"SD15", "SD20", "SDXL", "PixArtAlpha"}), ("flow",)),
    *product(("", "WAN21"), get_args(Prediction)),
]
PEERS = ("kohya docs/", "OneTrainer ", "ai-toolkit", "SimpleTuner ", "diffusers ", "PixArt-sigma")
PAPERS = ("DreamBooth", "et al.")
OURS = ("demo/", "docs/measurements/")


@pytest.mark.parametrize(("family", "prediction"), KNOWN)
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_every_preset_is_a_training_that_this_model_allows(purpose, effort, family, prediction):
    chosen = preset(purpose, effort, family, prediction, 20)
    config = make_config(**values(chosen))
    refuse(config, prediction)
    assert {"steps", "learning_rate", "rank", "resolution", "batch_size"} <= chosen.keys()
    assert config.warmup <= config.steps // 10
    assert config.resolution == facts(family).resolution or effort == "quick" or family == "SD20"


@pytest.mark.parametrize(("family", "prediction"), KNOWN)
@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_every_value_says_where_it_comes_from(purpose, effort, family, prediction):
    chosen = preset(purpose, effort, family, prediction, 20)
    text = explain(chosen, "A title", family)
    assert text.startswith("A title\n") and facts(family).note in text
    for name, choice in chosen.items():
        own = name == "resolution" and family not in FAMILIES
        known = (*PEERS, *PAPERS, *(OURS if family == "AtelierDemo" else ()))
        assert own or any(mark in choice.source for mark in known), name
        assert f"{name} = " in text and choice.source in text


@pytest.mark.parametrize(
    ("effort", "steps"),
    [
        ("quick", {1: 200, 5: 200, 20: 500, 100: 1000, 2000: 4000}),
        ("balanced", {1: 500, 5: 500, 20: 2000, 100: 2000, 2000: 10_000}),
        ("thorough", {1: 1000, 5: 1000, 20: 4000, 100: 4000, 2000: 20_000}),
    ],
)
def test_steps_follow_the_number_of_pictures(effort, steps):
    assert {pictures: steps_for(effort, pictures) for pictures in steps} == steps


@pytest.mark.parametrize("pictures", [1, 2, 3, 7, 20, 63, 150, 399, 2000])
def test_more_effort_is_more_steps(pictures):
    quick, balanced, thorough = (steps_for(effort, pictures) for effort in EFFORTS)
    assert quick < balanced < thorough


def test_a_row_of_a_family_goes_before_that_of_all():
    assert preset("subject", "balanced", "SD3", "flow", 5)["clip_norm"].value == 0.1
    assert preset("subject", "quick", "QwenImage", "flow", 5)["resolution"].value == 512
    assert preset("subject", "balanced", "SD20", "v", 5)["resolution"].value == 768
    assert "noise_offset" not in preset("style", "balanced", "SDXL", "v", 5)


@pytest.mark.parametrize("wrong", [{"purpose": "face"}, {"effort": "slow"}])
def test_what_there_is_not_is_named(wrong):
    asked = {"purpose": "subject", "effort": "quick", "family": "", "prediction": "eps"} | wrong
    ((what, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{what} = '{value}' is not one of"):
        preset(**asked, pictures=5)


def test_families():
    assert find(["SSD1B", "SDXL", "BASE"]) == "SDXL"
    assert find(["ZImage", "Lumina2"]) == "ZImage"
    assert find(["WAN21_T2V"]) == ""
    assert facts("WAN21").name.startswith("a family that")
    for purpose in PURPOSES:
        assert len(suited(purpose)) > 2


def made(*captions, lines=()):
    record = Record(Path("a.png"), captions[0], 8, 8, lines=lines)
    others = (Record(Path("b.png"), caption, 8, 8, repeats=2) for caption in captions[1:])
    return Dataset("mine", (record, *others), {"licence": "mine"})


@pytest.mark.parametrize(
    ("caption", "marked"),
    [
        ("a cat on a sofa", "my cat, a cat on a sofa"),
        ("a photo of My Cat, asleep", "a photo of My Cat, asleep"),
        ("my cat", "my cat"),
        ("my cats", "my cat, my cats"),
        ("enemy cat", "my cat, enemy cat"),
        ("a ||| red, blue", "my cat, a ||| red, blue"),
        ("", "my cat"),
    ],
)
def test_the_trigger_word_goes_before_captions_that_lack_it(caption, marked):
    (record,) = with_trigger(made(caption), "  my   cat ").records
    assert record.caption == marked


def test_the_trigger_word_changes_nothing_else():
    before = made("a red. a blue.", "other", lines=("a red.", "a blue."))
    after = with_trigger(before, "c++")
    assert after.records[0].lines == ("c++, a red.", "c++, a blue.")
    assert after.records[1].repeats == 2
    assert before.records[0].caption == "a red. a blue."
    assert after.notes == before.notes | {"trigger": "c++"}
    assert with_trigger(after, "c++") == after
    assert with_trigger(after, "lisp").notes["trigger"] == "c++, lisp"
    assert with_trigger(before, "  ") is before
