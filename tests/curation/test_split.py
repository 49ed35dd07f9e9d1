"""What is held out stays held out, and nothing stands on both sides."""

import random
from pathlib import Path

import numpy as np
import pytest

from atelier.training.curation.embeddings import Embedded
from atelier.training.curation.look import Look
from atelier.training.curation.split import split
from atelier.training.data.dataset import Dataset, Record
from atelier.training.files import digest

SHARE = 0.2


def made(numbers):
    """A dataset and its looks; a picture of a number is like that of 1000 more."""
    looks = []
    for number in numbers:
        dice = np.random.default_rng(number % 1000)
        small = dice.integers(0, 256, 768).astype(np.uint8)
        small[0] ^= number >= 1000
        bits = int(dice.integers(2**63))
        looks.append(Look(digest(f"{number}"), "", None, bits, small.tobytes()))
    records = tuple(Record(Path(f"{number}"), "", 8, 8) for number in numbers)
    return Dataset("cats", records), looks


def vectors(numbers, kinds):
    """Each picture is of the kind that its number leaves when divided; kinds are far apart."""
    dice = [np.random.default_rng(number % 1000).normal(0, 0.1, 16) for number in numbers]
    middles = np.eye(16) * 9
    found = [middles[number % kinds] + one for number, one in zip(numbers, dice, strict=True)]
    return Embedded("test", np.arange(len(numbers)), np.array(found, np.float32))


def held(numbers, seed=0, share=SHARE, kinds=0):
    embedded = vectors(numbers, kinds) if kinds else None
    trained, out = split(*made(numbers), share, seed, 0.88, embedded)
    sides = [[int(one.path.name) for one in part.records] for part in (trained, out)]
    assert sorted([*sides[0], *sides[1]]) == sorted(numbers)
    assert [sorted(side, key=numbers.index) for side in sides] == sides
    return set(sides[1])


def test_about_the_share_is_held_out_and_a_seed_chooses():
    out = held(list(range(500)))
    assert 70 <= len(out) <= 130
    assert held(list(range(500)), seed=1) != out


def test_pictures_that_are_added_removed_or_moved_change_no_other():
    before = held(list(range(200)))
    assert held(list(range(300))) & set(range(200)) == before
    assert held(list(range(50, 200))) == before - set(range(50))
    assert held(random.Random(0).sample(range(200), 200)) == before


def test_what_is_alike_is_on_one_side():
    out = held([*range(100), *range(1000, 1100)])
    assert {one for one in out if one < 1000} == {one - 1000 for one in out if one >= 1000}


def test_one_is_held_out_and_one_is_trained_at_least():
    assert len(held([1, 2, 3], share=0.0)) == 1
    assert len(held([1, 2, 3], share=0.999)) == 2


def test_there_must_be_two_that_differ_and_all_must_be_readable():
    with pytest.raises(ValueError, match="all of them look alike"):
        held([1, 1001])
    dataset, looks = made([1, 2])
    with pytest.raises(ValueError, match="a.png is damaged. Take it out with Curate"):
        split(dataset, [looks[0], Look("x", "a.png is damaged.")], SHARE, 0, 0.88)


@pytest.mark.parametrize("seed", range(5))
def test_each_cluster_that_is_large_enough_has_some_held_out(seed):
    """Seven kinds of fourteen: by lot alone a fifth of the kinds would have none."""
    numbers = list(range(98))
    out = held(numbers, seed, share=0.1, kinds=7)
    assert {one % 7 for one in out} == set(range(7))
    assert held(numbers, seed, share=0.1) <= out


def test_pictures_that_are_added_move_only_what_a_cluster_has_lent():
    def out(count, kinds=0):
        return held(list(range(count)), share=0.1, kinds=kinds)

    before, after, drawn = out(98, kinds=7), out(140, kinds=7), out(98)
    assert drawn < before and drawn <= after
    assert len((after & set(range(98))) ^ before) <= 3


def test_copies_and_mirrored_ones_stay_on_one_side_with_clusters_too():
    numbers = [*range(60), *range(1000, 1060)]
    out = held(numbers, kinds=6)
    assert {one for one in out if one < 1000} == {one - 1000 for one in out if one >= 1000}


def test_clusters_too_small_for_one_lend_none():
    assert len(held(list(range(40)), share=0.02, kinds=10)) <= 2
