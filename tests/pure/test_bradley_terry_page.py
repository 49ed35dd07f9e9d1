"""The page's strengths are those that the server tells."""

import random

import numpy as np
import pytest

from atelier.training.evaluation.bradley_terry import count_wins, preference

from .script import evaluate

MODULE = "../judge/bradley-terry.js"


def drawn(seed, count, many):
    dice = random.Random(seed)
    votes = []
    for _ in range(many):
        one, other = dice.sample(range(count), 2)
        votes.append((one, other, dice.choice([1.0, 1.0, 0.5, 0.0] if one < other else [0.0, 1.0])))
    return votes


@pytest.mark.parametrize(
    ("votes", "count"),
    [
        (drawn(1, 4, 60), 4),
        (drawn(2, 7, 200), 8),
        ([(0, 1, 1.0), (1, 2, 1.0)], 3),
        ([(0, 1, 0.5)], 4),
        ([], 2),
    ],
)
def test_agree(votes, count):
    ours = preference(count_wins(votes, count))
    page = evaluate(MODULE, "m.preference(values[0], values[1])", votes, count)
    assert page["held"] == ours.held
    for one, other in zip(page["columns"], ours.strengths, strict=True):
        assert (one["votes"], one["wins"]) == (other.votes, other.wins)
        for name in ("score", "low", "high"):
            wanted = getattr(other, name)
            if wanted is None:
                assert one[name] is None
            else:
                assert np.isclose(one[name], wanted, atol=1e-8), (name, one)
