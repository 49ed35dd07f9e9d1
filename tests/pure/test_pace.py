"""How long a grid takes: told before its first picture where the machine has drawn such ones."""

import json
from dataclasses import replace

import pytest

from atelier.training.evaluation import grid
from atelier.training.evaluation.pace import MOST_KINDS, Pace, kind_of

from .test_plan import plan


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def drawings():
    return grid.drawings(plan(prompts="a\nb", seeds="1, 2"))


def opened(file, clock):
    pace = Pace.open(file, "a card")
    pace.clock, pace.last = clock, clock.now
    return pace


def draw(pace, clock, some, seconds):
    for one, much in zip(some, seconds, strict=True):
        clock.now += much
        pace.drawn(one)


def test_nothing_is_said_of_what_was_never_drawn(tmp_path, clock):
    pace, some = opened(tmp_path / "pace.json", clock), drawings()
    assert pace.seconds(pace.work(some)) is None
    assert pace.seconds(pace.work([])) == 0
    assert Pace.open(tmp_path / "none.json", "a card").steps == {}


def test_the_first_picture_waits_for_the_model_and_is_a_guess_until_the_second(tmp_path, clock):
    pace, some = opened(tmp_path / "pace.json", clock), drawings()
    steps = some[0].cell.sampling.steps
    draw(pace, clock, some[:1], [60])
    assert pace.seconds(pace.work(some[1:2])) == pytest.approx(60)
    assert not (tmp_path / "pace.json").exists()
    draw(pace, clock, some[1:2], [2])
    assert pace.seconds(pace.work(some[2:4])) == pytest.approx(4)
    draw(pace, clock, some[2:3], [4])  # the newest counts for 0.3
    assert pace.seconds(pace.work(some[:1])) == pytest.approx(2 + 0.3 * 2)
    again = opened(tmp_path / "pace.json", clock)
    assert again.steps == {kind_of(some[0], "a card"): pytest.approx(2.6 / steps)}
    draw(again, clock, some[:1], [60])  # of another session: known already
    assert again.seconds(again.work(some[:1])) == pytest.approx(2.6)


def test_other_kinds_are_other_times(tmp_path, clock):
    pace, some = opened(tmp_path / "pace.json", clock), drawings()
    draw(pace, clock, some[:2], [9, 2])
    for changes in ({"width": 512}, {"cfg": 1.0}, {"sampler_name": "heun"}):
        others = [
            replace(one, cell=replace(one.cell, sampling=replace(one.cell.sampling, **changes)))
            for one in some
        ]
        assert pace.seconds(pace.work(others)) is None, changes
    assert opened(tmp_path / "pace.json", clock).machine == "a card"
    other = Pace.open(tmp_path / "pace.json", "another card")
    assert other.seconds(other.work(some)) is None


def test_a_damaged_file_is_none_and_it_does_not_grow(tmp_path, clock):
    file = tmp_path / "pace.json"
    for text in ("[", '{"a": "b", "c": -1, "d": null, "e": 1e9}', "[1]"):
        file.write_text(text)
        assert Pace.open(file, "a card").steps == {}
    file.write_text(json.dumps({f"kind {number}": 1 for number in range(MOST_KINDS)}))
    pace, some = opened(file, clock), drawings()
    draw(pace, clock, some[:2], [9, 2])
    kept = json.loads(file.read_text())
    assert len(kept) == MOST_KINDS and "kind 0" not in kept
