"""When a run counts as there in `measure learn_speed`, and what is told of several."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from atelier.measure import learn_speed
from atelier.measure.learn_speed_trainers import Left, Way

WAY = Way(1e-2, 4)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> learn_speed.Judge:
    def count(_base: Any, lora: Any, _asked: Any) -> Any:
        return SimpleNamespace(hats=lora, kept=1 - lora)

    monkeypatch.setattr(learn_speed, "count", count)
    nothing: Any = None
    return learn_speed.Judge(nothing)


def run(*shares: float, pace: float = 0.5) -> list[Left]:
    """Hats after 2, 4, 6 ... steps."""
    one: Any = shares
    return [Left(2 * n, 2 * n * pace, share) for n, share in enumerate(one, start=1)]


def test_it_is_the_median_of_the_runs_and_between_two_marks(judge):
    runs = [run(0.8, 1.0, 0.2), run(0.9, 0.0, 0.0), run(0.0, 0.0, 0.9)]
    found = judge.found("ours", WAY, runs, math.inf)
    assert found.steps == pytest.approx((3, 2, 6)) and not found.missed
    assert found.seconds == pytest.approx(3 * 0.5)
    assert judge.rows[0]["others kept"] == "10%"  # where each was there: 0, 10 and 10 %


def test_where_most_were_never_there_it_is_at_least_all_that_there_was(judge):
    native = judge.found("TrainLoraNode", WAY, [run(0.1, 0.2), run(0.9), run(0.5, 0.5)], math.inf)
    assert native.missed and native.median_steps == 4
    own = judge.found("ours", WAY, [run(0.9, pace=0.25)] * 3, math.inf)
    assert learn_speed.times(native, own) == pytest.approx(4 / 2 * 2)


def test_a_way_that_is_not_sooner_is_not_looked_at_to_its_end(judge):
    runs = [run(0.1, 0.2, 0.9, 0.9), run(0.1, 0.2, 0.9, 0.9), run(0.9)]
    found = judge.found("ours", WAY, runs, 1.5)
    assert found.missed and found.most == 4
