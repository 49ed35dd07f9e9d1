"""CMMD and KID of a grid's columns: what they are, how sure, and when nothing is said."""

import numpy as np
import pytest

from atelier.training.evaluation import metrics, score_text
from atelier.training.evaluation.set_distances import set_distances
from atelier.training.evaluation.shots import Seen, Shot

WIDE = 12
FLOOR, NEAR, FAR = 0, 1, 2


def grid(prompts=30, seeds=2, kind="context"):
    """The base, and two columns with a LoRA, of which the first is nearer to the references."""
    dice = np.random.default_rng(5)
    shots, rows = [], []
    for column, away in ((FLOOR, 1.5), (NEAR, 0.2), (FAR, 1.5)):
        for prompt in range(prompts):
            for seed in range(seeds):
                place = f"{column}-{prompt}-{seed}", column, f"p{prompt}", f"p{prompt}"
                shots.append(Shot(*place, kind, seed, column == FLOOR))
                rows.append(dice.normal(away, 1, WIDE))
    return shots, np.array(rows)


def seen(rows, references=60, training=60):
    dice = np.random.default_rng(9)
    real = dice.normal(0, 1, (references + training, WIDE))
    return Seen("a test", rows, real[:references], real[references:])


@pytest.mark.parametrize(
    ("name", "one"), [("cmmd", metrics.cmmd), ("kid", lambda a, b: 1000 * metrics.kid(a, b))]
)
def test_they_are_those_of_the_functions(name, one):
    shots, rows = grid()
    told = seen(rows)
    score = set_distances(shots, told)[name]
    for column in (FLOOR, NEAR, FAR):
        own = rows[[shot.column == column for shot in shots]]
        found = score.columns[column].found
        assert found.mean == pytest.approx(one(own, told.references), rel=1e-9)
        assert found.low < found.mean < found.high and (found.n, found.groups) == (60, 30)
    assert score.floor == pytest.approx(score.columns[FLOOR].found.mean)
    assert score.ceiling == pytest.approx(one(told.training, told.references))
    assert score.encoder == "a test" and score.better == "lower"


@pytest.mark.parametrize("name", ["cmmd", "kid"])
def test_what_is_nearer_surely_is_and_what_is_alike_is_not(name):
    shots, rows = grid()
    score = set_distances(shots, seen(rows))[name]
    nearer, same = (score.columns[column].difference for column in (NEAR, FAR))
    assert nearer and nearer.below
    assert same and not same.below and not same.above
    assert score.columns[FLOOR].difference is None


def test_an_interval_holds_the_true_distance_about_as_often_as_it_says():
    """Of sets from one distribution KID is 0: 40 times the interval is asked for it."""
    held = 0
    for turn in range(40):
        dice = np.random.default_rng(turn)
        shots = [Shot(f"{n}", 0, f"p{n}", "", "context", 1, True) for n in range(50)]
        rows = dice.normal(size=(110, WIDE))
        score = set_distances(shots, Seen("", rows[:50], rows[50:], rows[:0]))["kid"]
        held += score.columns[0].found.low <= 0 <= score.columns[0].found.high
    assert held >= 34


@pytest.mark.parametrize("name", ["cmmd", "kid"])
def test_of_fewer_than_fifty_it_is_said(name):
    shots, rows = grid()
    few = set_distances(shots, seen(rows, references=49))[name]
    assert not few.columns and "49 held-out pictures, and 50 are the least" in few.says
    shots, rows = grid(prompts=7, seeds=7)
    told = set_distances(shots, seen(rows))[name].told(shots)
    assert told["cells"] == {} and told["floor"] is None
    for column in told["columns"].values():
        assert column["mean"] is None and column["too_few"] and column["n"] == 49
    text = score_text.text({name: told}, ["base", "near", "far"])
    assert "near: 49 pictures are too few to say" in text


def test_prompts_that_ask_for_another_style_or_for_nothing_do_not_count():
    for kind in ("style", "plain"):
        shots, rows = grid(kind=kind)
        found = set_distances(shots, seen(rows))["cmmd"].columns
        assert [column.found.n for column in found.values()] == [0, 0, 0]
