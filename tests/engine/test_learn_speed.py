"""When a run counts as there in `measure learn_speed`, and what is told of several."""

import math
from typing import Any

import pytest

from atelier.measure import learn_speed
from atelier.measure.learn_speed_trainers import Left, Trained, Way
from atelier.measure.learning import Counts

WAY = Way(1e-2, 4)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> learn_speed.Judge:
    def count(_base: Any, lora: Any, _asked: Any) -> Counts:
        return Counts(*lora)

    monkeypatch.setattr(learn_speed, "count", count)
    nothing: Any = None
    return learn_speed.Judge(nothing)


def run(*hats: float, pace: float = 0.5, kept: float = 1.0) -> Trained:
    """Hats after 2, 4, 6 ... steps."""
    lora: Any = [(share, kept) for share in hats]
    return Trained([Left(2 * n, one) for n, one in enumerate(lora, start=1)], pace)


def test_it_is_the_median_of_the_runs_and_between_two_marks(judge):
    runs = [run(0.8, 1.0, 0.2), run(0.9, 0.0, 0.0), run(0.0, 0.0, 0.9, kept=0.875)]
    found = judge.found("ours", WAY, runs, math.inf)
    assert found.steps == (3, 2, 6) and not found.missed
    assert found.seconds == pytest.approx(3 * 0.5)
    assert judge.rows[0]["others kept"] == "100%"


def test_a_step_is_whole(judge):
    assert judge.found("ours", WAY, [run(1.0, 1.0)], math.inf).steps == (2,)


def test_a_model_that_has_become_hats_and_nothing_else_has_not_learned(judge):
    wrecked = run(1.0, 1.0, kept=0.8)
    assert judge.found("TrainLoraNode", WAY, [wrecked], math.inf).missed
    mended = Trained((*wrecked.left, *(Left(6, one.lora) for one in run(0.95).left)), 0.5)
    assert judge.found("TrainLoraNode", WAY, [mended], math.inf).steps == (6,)


def test_where_most_were_never_there_it_is_at_least_all_that_there_was(judge):
    native = judge.found("TrainLoraNode", WAY, [run(0.1, 0.2), run(0.9), run(0.5, 0.5)], math.inf)
    assert native.missed and native.median_steps == 4
    own = judge.found("ours", WAY, [run(0.9, pace=0.25)] * 3, math.inf)
    assert learn_speed.times(native, own) == pytest.approx(4 / 2 * 2)


def test_a_way_that_is_not_sooner_is_not_looked_at_to_its_end(judge):
    runs = [run(0.1, 0.2, 0.9, 0.9), run(0.1, 0.2, 0.9, 0.9), run(0.9)]
    found = judge.found("ours", WAY, runs, 1.5)
    assert found.missed and found.most == 4
