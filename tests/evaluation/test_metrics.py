"""Metrics against torchmetrics and scipy, which say the same in other ways."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance
from torchmetrics.functional.pairwise import (  # pyright: ignore[reportMissingImports]
    pairwise_cosine_similarity,
)
from torchmetrics.image.kid import poly_mmd  # pyright: ignore[reportMissingImports]

from atelier.training.evaluation import metrics

SHAPES = st.tuples(st.integers(2, 7), st.integers(2, 7), st.integers(1, 9), st.integers(0, 999))


def drawn(shape):
    one, other, wide, seed = shape
    dice = np.random.default_rng(seed)
    return dice.normal(size=(one, wide)), dice.normal(size=(other, wide))


def close(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


@given(SHAPES)
def test_cosines_are_those_of_torchmetrics(shape):
    one, other = drawn(shape)
    expected = pairwise_cosine_similarity(torch.tensor(one), torch.tensor(other))
    close(metrics.cosines(one, other), expected)
    close(metrics.to_references(one, other), expected.mean(1))


@given(SHAPES)
def test_real_against_real_is_the_mean_of_all_other_pairs(shape):
    one, _ = drawn(shape)
    table = pairwise_cosine_similarity(torch.tensor(one), reduction="mean")  # the diagonal is 0
    close(metrics.among(one), table * len(one) / (len(one) - 1))


@given(SHAPES)
def test_the_nearest_is_scipys(shape):
    one, other = drawn(shape)
    far = distance.cdist(one, other, "cosine")
    found = metrics.nearest(one, other)
    close(found.alike, 1 - far.min(1))
    close(far[np.arange(len(one)), found.places], far.min(1))


@given(SHAPES)
def test_diversity_is_the_mean_of_scipys_pairs(shape):
    one, other = drawn(shape)
    found = metrics.diversity(np.concatenate([one, other]), ["a"] * len(one) + ["b"] * len(other))
    close(found[: len(one)].mean(), distance.pdist(one, "cosine").mean())
    close(found[len(one) :].mean(), distance.pdist(other, "cosine").mean())


@given(SHAPES)
def test_drift_and_match_are_row_by_row(shape):
    one, _ = drawn(shape)
    other = one[::-1] + 0.5
    rows = [distance.cosine(a, b) for a, b in zip(one, other, strict=True)]
    close(metrics.drift(one, other), rows)
    close(metrics.match(one, other), np.einsum("nd,nd->n", one, other))


def clip_score(pictures, texts):
    """As torchmetrics' CLIPScore has it, less its factor of 100 and its cut at 0."""
    pictures, texts = torch.tensor(pictures), torch.tensor(texts)
    pictures = pictures / pictures.norm(p=2, dim=-1, keepdim=True)
    texts = texts / texts.norm(p=2, dim=-1, keepdim=True)
    return (pictures * texts).sum(dim=-1)


def test_rows_of_length_one_give_the_clip_score():
    dice = np.random.default_rng(1)
    one, other = dice.normal(size=(2, 20, 8))
    close(metrics.match(metrics.unit(one), metrics.unit(other)), clip_score(one, other))


def test_chance_is_what_other_texts_give():
    pictures, texts = np.eye(3), np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 1]])
    # pictures 0 and 1 with text 2: 0; picture 2 with texts 0 and 1: 0
    assert metrics.chance(pictures, texts) == 0
    assert metrics.chance(np.ones((3, 3)), texts) == 1
    assert metrics.chance(pictures[:1], texts[:1]) == 0  # there is no other


@pytest.mark.parametrize("wide", [4, 64])
def test_kid_is_that_of_torchmetrics(wide):
    dice = np.random.default_rng(2)
    one, other = dice.normal(size=(60, wide)), dice.normal(0.2, 1.1, size=(50, wide))
    expected = poly_mmd(torch.tensor(one[:50]), torch.tensor(other))
    close(metrics.kid(one[:50], other), expected)
    assert metrics.kid(one, other) != pytest.approx(float(expected))


def test_cmmd_is_that_of_the_paper():
    """By loops over pairs, with distances from scipy."""
    dice = np.random.default_rng(3)
    one, other = dice.normal(size=(55, 16)), dice.normal(0.3, 1, size=(50, 16))
    a, b = (rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (one, other))

    def kernel(left, right):
        return np.exp(-distance.cdist(left, right, "sqeuclidean") / 200).mean()

    expected = 1000 * (kernel(a, a) + kernel(b, b) - 2 * kernel(a, b))
    close(metrics.cmmd(one, other), expected)
    close(metrics.cmmd(one, one), 0)


@pytest.mark.parametrize("one", [metrics.cmmd, metrics.kid], ids=["cmmd", "kid"])
def test_small_sets_have_no_distance(one):
    with pytest.raises(ValueError, match="49 pictures are too few"):
        one(np.ones((60, 2)), np.ones((49, 2)))


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), min_size=1))
def test_hashes_differ_by_their_bits(pairs):
    one, other = (np.array(side, np.uint64) for side in zip(*pairs, strict=True))
    assert metrics.bits_apart(one, other).tolist() == [(a ^ b).bit_count() for a, b in pairs]


def test_nobody_is_their_own_nearest():
    pictures = np.array([[1.0, 0], [0.9, 0.1], [0, 1]])
    assert metrics.nearest(pictures, pictures, same=True).places.tolist() == [1, 0, 1]


WORST = {
    "one group": ([3.0], 3.0),
    "ten groups": ([5.0, 1, 9, 9, 9, 9, 9, 9, 9, 9], 1.0),
    "twenty groups": ([5.0, 1, *[9.0] * 18], 3.0),
}


@pytest.mark.parametrize("means, expected", WORST.values(), ids=WORST.keys())
def test_the_worst_decile(means, expected):
    assert metrics.worst_decile(np.array(means)) == expected


def test_groups_leave_out_what_is_no_number():
    found = metrics.by_group(np.array([1.0, np.nan, 3, np.nan]), ["a", "a", "a", "b"])
    assert found.tolist() == [2.0]


def test_a_picture_alone_has_no_diversity():
    assert np.isnan(metrics.diversity(np.ones((1, 2)), ["a"])).all()
    assert np.isnan(metrics.among(np.ones((1, 2)))).all()
