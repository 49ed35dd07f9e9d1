"""Bradley and Terry's model against sums by hand, and against scipy's own minimiser."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from atelier.training.evaluation.bradley_terry import NORMAL, count_wins, preference

SETS = {
    "three": [[0, 7, 9], [3, 0, 6], [1, 4, 0]],
    "ties": [[0, 4.5, 2], [2.5, 0, 3.5], [5, 1.5, 0]],
    "a ring": [[0, 5, 0, 2], [1, 0, 4, 0], [0, 2, 0, 3], [3, 0, 1, 0]],
    "uneven": [[0, 90, 40], [11, 0, 2], [3, 1, 0]],
}


def known(result):
    """Scores and intervals, where there are some."""
    found = [(one.score, one.low, one.high) for one in result.strengths]
    return [(float(x or 0), float(y or 0), float(z or 0)) for x, y, z in found if x is not None]


def by_minimiser(wins):
    """Scores and standard errors, by scipy and a Hessian of differences."""
    count = len(wins)

    def loss(free):
        scores = np.append(free, -free.sum())
        return -sum(
            wins[i][j] * np.log(expit(scores[i] - scores[j]))
            for i in range(count)
            for j in range(count)
        )

    found = minimize(loss, np.zeros(count - 1), method="BFGS", options={"gtol": 1e-10}).x
    step, size = 1e-4, count - 1
    unit = np.eye(size) * step
    hessian = np.zeros((size, size))
    for (i, a), (j, b) in product(enumerate(unit), repeat=2):
        around = loss(found + a + b) - loss(found + a - b) - loss(found - a + b)
        hessian[i, j] = (around + loss(found - a - b)) / (4 * step**2)
    whole = np.vstack([np.eye(size), -np.ones(size)])
    spread = whole @ np.linalg.inv(hessian) @ whole.T
    return np.append(found, -found.sum()), np.sqrt(np.diag(spread))


@pytest.mark.parametrize("name", SETS)
def test_agrees_with_another_minimiser(name):
    wins = np.array(SETS[name], float)
    scores, errors = by_minimiser(wins)
    result = preference(wins)
    assert not result.held
    assert [score for score, _, _ in known(result)] == pytest.approx(scores, abs=1e-5)
    widths = [(high - low) / 2 / NORMAL for _, low, high in known(result)]
    assert widths == pytest.approx(errors, abs=1e-5)


def test_two_are_as_by_hand():
    result = preference(np.array([[0, 8], [2, 0]]))
    half = math.log(8 / 2) / 2
    error = math.sqrt(1 / 8 + 1 / 2) / 2
    one, other = result.strengths
    assert (one.score, other.score) == pytest.approx((half, -half), abs=1e-9)
    assert one.low == pytest.approx(half - NORMAL * error, abs=1e-9)
    assert (one.votes, one.wins, other.wins) == (10, 8, 2)


def test_ties_are_half_a_win_and_votes_are_counted():
    wins = count_wins([(0, 1, 1.0), (1, 0, 0.5), (1, 2, 0.0)], 4)
    assert wins.tolist() == [[0, 1.5, 0, 0], [0.5, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert preference(wins).strengths[3].score is None


@pytest.mark.parametrize(
    "wins",
    [
        [[0, 5], [0, 0]],  # never lost
        [[0, 2, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],  # two groups that never met
    ],
)
def test_without_a_maximum_all_are_held(wins):
    result = preference(np.array(wins, float))
    assert result.held
    scores = [score for score, _, _ in known(result)]
    assert len(scores) == len(wins)
    assert all(math.isfinite(score) for score in scores) and sum(scores) == pytest.approx(0)
    assert scores[0] >= scores[1]
    assert all(low < score < high for score, low, high in known(result))


def test_nothing_is_said_of_no_votes():
    result = preference(np.zeros((3, 3)))
    assert not result.held and [one.score for one in result.strengths] == [None] * 3
