"""Intervals: that they hold what they say, that prompts count and not pictures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from atelier.training.evaluation.intervals import Interval, interval, paired, worst


def share_that_holds_the_truth(groups, each, rounds=300):
    """Of means of pictures that share prompts, whose true mean is 0."""
    dice = np.random.default_rng(0)
    labels = [place // each for place in range(groups * each)]
    hits = 0
    for _ in range(rounds):
        values = dice.normal(size=groups).repeat(each) + 0.3 * dice.normal(size=groups * each)
        found = interval(values, labels)
        hits += found.low <= 0 <= found.high
    return hits / rounds


@pytest.mark.parametrize("groups, each", [(6, 4), (12, 2), (40, 3)])
def test_about_95_of_100_intervals_hold_the_truth(groups, each):
    assert 0.90 <= share_that_holds_the_truth(groups, each) <= 0.98


def test_pictures_of_one_prompt_are_no_independent_evidence():
    dice = np.random.default_rng(1)
    values = dice.normal(size=10).repeat(20)
    by_prompt = interval(values, [place // 20 for place in range(200)])
    by_picture = interval(values)
    assert by_prompt.high - by_prompt.low > 3 * (by_picture.high - by_picture.low)
    assert by_prompt.mean == pytest.approx(by_picture.mean)


def test_of_many_single_pictures_it_is_scipys():
    values = np.random.default_rng(2).gamma(2, size=300)
    ours = interval(values)
    theirs = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(3))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


def test_a_paired_difference_is_surer_than_two_means():
    dice = np.random.default_rng(4)
    base = dice.normal(size=20)
    better = base + 0.2 + 0.05 * dice.normal(size=20)
    assert not interval(better).surely_above(interval(base))
    assert paired(better, base).above and paired(base, better).below


@pytest.mark.parametrize(
    ("one", "other", "surely"),
    [
        ((1.0, 0.8, 1.2), (0.5, 0.2, 0.7), True),  # they do not even overlap
        ((1.0, 0.7, 1.2), (0.5, 0.2, 0.8), True),  # they do: 0.5 is more than the root of 0.18
        ((1.0, 0.6, 1.2), (0.5, 0.2, 0.9), False),
        ((0.5, 0.4, 0.6), (1.0, 0.9, 1.1), False),
        ((math.nan, math.nan, math.nan), (0.5, 0.4, 0.6), False),
    ],
)
def test_the_difference_of_two_means_may_be_sure_where_they_overlap(
    one: tuple[float, float, float], other: tuple[float, float, float], surely: bool
) -> None:
    assert Interval(*one, 9, 9).surely_above(Interval(*other, 9, 9)) is surely


FEW = {
    "no picture": ([], [], True),
    "four prompts": ([1.0] * 40, [place // 10 for place in range(40)], True),
    "five prompts": ([1.0] * 10, [place // 2 for place in range(10)], False),
    "seven pictures": ([1.0] * 7, list(range(7)), True),
    "numbers that are none": ([1.0, 2, 3, 4, *[np.nan] * 10], list(range(14)), True),
}


@pytest.mark.parametrize("values, groups, few", FEW.values(), ids=FEW.keys())
def test_of_too_few_pictures_nothing_is_said(values, groups, few):
    found = interval(np.array(values), groups)
    assert found.too_few is few
    assert found.above is not few  # all are positive


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 8))
def test_an_interval_holds_its_mean_and_lies_in_the_data(values, groups):
    labels = [place % groups for place in range(len(values))]
    found = interval(np.array(values), labels)
    slack = 1e-9
    assert min(values) - slack <= found.low <= found.mean + slack
    assert found.mean - slack <= found.high <= max(values) + slack
    assert found == interval(np.array(values), labels)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_the_worst_tenth_is_below_the_mean(values):
    found, labels = np.array(values), list(range(len(values)))
    assert worst(found, labels).mean <= interval(found, labels).mean + 1e-9
    assert worst(found, labels).low <= worst(found, labels).high


def test_the_worst_tenth_by_drawing_again():
    """Against the plain way: draw groups, sort them, take the mean of the lowest."""
    dice = np.random.default_rng(5)
    means = dice.normal(size=30)
    drawn = np.sort(means[dice.integers(0, 30, (20000, 30))], axis=1)[:, :3].mean(1)
    ours = worst(means, list(range(30)))
    assert ours.mean == pytest.approx(np.sort(means)[:3].mean())
    # the outer percentiles of 30 groups: 2.5 % becomes 1.9 %
    assert ours.low == pytest.approx(np.quantile(drawn, 0.019), abs=0.05)
    assert ours.high == pytest.approx(np.quantile(drawn, 0.981), abs=0.05)


def test_what_is_told_is_json():
    assert Interval(float("nan"), float("nan"), float("nan"), 0, 0).told() == {
        "mean": None,
        "low": None,
        "high": None,
        "n": 0,
        "too_few": True,
    }
