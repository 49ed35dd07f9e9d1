"""The planted cases of measure/judging.py: what is in them is what they are called after."""

import numpy as np
import pytest

from atelier.demo import portraits
from atelier.demo.stickers import CELLS, stickers
from atelier.measure.judging_cases import GOOD, PLANTED, cases, checks, suite
from atelier.measure.judging_read import Checked, right_ones
from atelier.measure.judging_world import WORLDS
from atelier.training.evaluation.intervals import interval

HERE = pytest.mark.parametrize("here", WORLDS, ids=[one.name for one in WORLDS])


@HERE
def test_the_judge_sees_the_thing_on_its_own_sheet_alone(here):
    for kind in portraits.KINDS:
        share = portraits.shows(here.thing, portraits.sheet(kind)).mean()
        assert share == 1 if kind == here.thing else share < 0.01


@HERE
def test_the_same_seed_gives_the_same_cases_and_another_seed_others(here):
    def captions(seed):
        return [one.recipe.pictures.captions for one in cases(here, seed).values()]

    assert captions(3) == captions(3) != captions(4)


@HERE
def test_held_out_pictures_are_in_no_training(here):
    good = cases(here, 0)[GOOD]
    held = {one.tobytes() for one in good.held_out}
    assert not held & {one.tobytes() for one in good.recipe.pictures.cells}


@HERE
def test_contexts_are_phrases_that_no_case_saw(here):
    every = cases(here, 1)
    seen = {text for one in every.values() for text in one.recipe.pictures.captions}
    for case in every.values():
        asked = [one for one in suite(here, 1, case) if one.kind == "context"]
        assert len(asked) >= 8
        assert all(here.trigger in one.text and here.called not in one.text for one in asked)
        assert not seen & {one.text for one in asked}


@HERE
def test_plain_prompts_do_not_call_it(here):
    every = cases(here, 2)
    plain = [one.text for one in suite(here, 2, every[GOOD]) if one.kind == "plain"]
    plain += [text for (text, _), wanted in checks(here, 2) if not wanted]
    assert plain
    assert not any(here.trigger in text for text in plain)


@HERE
def test_planted_cases_are_what_they_are_called(here):
    every = cases(here, 5)
    assert set(every) == {GOOD, *PLANTED}
    assert len(set(every["single phrase"].recipe.pictures.captions)) == 1
    assert len(every["overfitted"].recipe.pictures.cells) < 8
    assert every["leaking"].recipe.others is None
    assert not any(here.trigger in text for text in every["leaking"].recipe.pictures.captions)
    assert every["undertrained"].columns[0][0] < min(step for step, _ in every[GOOD].columns)


def test_a_scarf_is_seen_in_worn_colours_and_not_in_noise():
    dice = np.random.default_rng(0)
    worn = portraits.sheet("scarf").astype(int) + dice.integers(-30, 30, (240, 16, 16, 3))
    assert portraits.shows("scarf", worn.clip(0, 255).astype(np.uint8)).all()
    noise = dice.integers(0, 256, (240, 16, 16, 3), np.uint8)
    assert not portraits.shows("scarf", noise).any()


RIGHT = {
    "one fault is no difference": ([22, 21, 13], {1, 2}),
    "five are": ([22, 17, 0], {1}),
    "of middling ones": ([14, 12, 4], {1, 2}),
}


@pytest.mark.parametrize("good, expected", RIGHT.values(), ids=RIGHT.keys())
def test_right_is_what_lies_within_the_interval_of_the_best(good, expected):
    """`good` of 22 pictures: a column without a fault is not known without doubt either."""
    columns = [
        Checked(step, 1.0, interval(np.arange(22) < count), 1, 1, 0)
        for step, count in enumerate(good, start=1)
    ]
    assert right_ones(columns) == {(step, 1.0) for step in expected}


def test_the_encoder_is_shown_things_of_many_kinds_and_none_that_the_demo_teaches():
    things = stickers(300, np.random.default_rng(0))
    cover = things[:, 3]
    assert things.shape == (300, 4, CELLS, CELLS) and things.min() >= 0 and things.max() <= 1
    assert set(np.unique(cover)) == {0, 1} and cover.any((1, 2)).all()
    assert len({one.tobytes() for one in things}) == 300
    taught = np.zeros((CELLS, CELLS), bool)
    for row, first, after, _ in portraits.KNOT:
        taught[row, first:after] = True
    assert not (cover == taught).all((1, 2)).any()
