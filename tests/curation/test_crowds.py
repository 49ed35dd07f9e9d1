"""What is said of a set as a whole, on vectors that are made here."""

import numpy as np
import pytest

from atelier.training.curation import crowds as module
from atelier.training.curation.crowds import LEAST, clusters, crowds, strangeness


def cloud(count, seed=0, middle=0.0, spread=1.0, numbers=32):
    dice = np.random.default_rng(seed)
    return (middle + spread * dice.standard_normal((count, numbers))).astype(np.float32)


@pytest.mark.parametrize("count", [21, 22, 60])
def test_what_is_foreign_is_far_and_the_rest_is_not(count):
    told = strangeness(np.concatenate([cloud(count), cloud(1, 1, middle=3.0)]))
    assert told[-1] > 6
    assert told[:-1].max() < 4 and abs(float(np.median(told))) < 0.5


@pytest.mark.parametrize("count", [20, 21])
def test_a_picture_is_measured_against_the_middle_of_the_others(count):
    vectors = np.round(cloud(count, numbers=5), 1)
    vectors[3] = vectors[4]  # a tie
    others = np.stack([np.median(np.delete(vectors, one, 0), axis=0) for one in range(count)])
    assert np.allclose(module._middles(vectors), others)


def test_of_few_pictures_nothing_is_said():
    few = np.concatenate([cloud(LEAST - 2), cloud(1, 1, middle=9.0)])
    assert not strangeness(few).any()
    assert crowds(np.repeat(few[:1], LEAST - 1, 0), 0.1) == []
    assert not strangeness(np.zeros((0, 4), np.float32)).any()


def test_pictures_that_are_all_the_same_are_no_outliers():
    assert not strangeness(np.ones((30, 4), np.float32)).any()


def test_a_scene_that_is_too_frequent_is_found_whole_and_alone():
    scene = cloud(20, 1, middle=0.5, spread=0.2)
    whole = np.concatenate([cloud(40), scene])
    (found,) = crowds(whole, 0.2)
    assert found.tolist() == list(range(40, 60))
    assert crowds(cloud(60), 0.2) == []
    assert crowds(whole, 0.4) == []


def test_two_scenes_are_two_crowds_the_larger_first_in_any_order():
    parts = [cloud(40), cloud(14, 1, 1.0, 0.2), cloud(20, 2, -1.0, 0.2)]
    whole = np.concatenate(parts)
    large, small = crowds(whole, 0.15)
    assert (large >= 54).all() and len(large) == 20
    assert len(small) == 14
    order = np.random.default_rng(0).permutation(len(whole))
    again = [set(order[one].tolist()) for one in crowds(whole[order], 0.15)]
    assert again == [set(large.tolist()), set(small.tolist())]


def test_clusters_are_the_same_in_any_order_and_counted_from_the_largest():
    whole = np.concatenate(
        [cloud(30, 0, 0.0, 0.1), cloud(20, 1, 5.0, 0.1), cloud(10, 2, -5.0, 0.1)]
    )
    found = clusters(whole)
    kinds = [set(found[:30].tolist()), set(found[30:50].tolist()), set(found[50:].tolist())]
    assert sum(map(len, kinds)) == len(set.union(*kinds))  # none has pictures of two kinds
    sizes = np.bincount(found)[1:]
    assert sorted(sizes, reverse=True) == list(sizes) and sizes.min() > 0
    order = np.random.default_rng(0).permutation(len(whole))
    pairs = {(int(a), int(b)) for a, b in zip(found[order], clusters(whole[order]), strict=True)}
    assert len(pairs) == len(sizes)


def test_few_pictures_are_one_cluster_and_many_are_told_by_a_sample(monkeypatch):
    assert clusters(cloud(3)).tolist() == [1, 1, 1]
    monkeypatch.setattr(module, "_SAMPLE", 20)
    whole = np.concatenate([cloud(60, 0, 0.0, 0.1), cloud(40, 1, 5.0, 0.1)])
    found = clusters(whole)
    assert not set(found[:60].tolist()) & set(found[60:].tolist())
