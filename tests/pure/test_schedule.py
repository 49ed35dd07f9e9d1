"""How the learning rate moves: risen from near 0, then down in the way that its name says."""

import math

import pytest
import torch

from atelier.training.config import make_config
from atelier.training.schedule import SCHEDULES, make_schedule

STEPS, WARMUP = 40, 8
LEFT = [(step - WARMUP) / (STEPS - WARMUP) for step in range(WARMUP, STEPS)]


def rates(name, warmup=WARMUP, **more):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=2.0)
    schedule = make_schedule(name, optimizer, STEPS, warmup, **more)
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"] / 2)
        optimizer.step()
        schedule.step()
    return found


SHAPES = {
    "constant": ({}, lambda part: 1),
    "linear": ({}, lambda part: 1 - part),
    "cosine": ({}, lambda part: (1 + math.cos(math.pi * part)) / 2),
    "cosine_with_restarts": (
        {"cycles": 4},
        lambda part: (1 + math.cos(math.pi * (4 * part % 1))) / 2,
    ),
    "polynomial": ({"power": 2.0}, lambda part: (1 - part) ** 2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_schedule_has_the_shape_of_its_name_after_it_has_risen(name):
    if name not in SCHEDULES:
        pytest.skip("diffusers is not installed")
    more, shape = SHAPES[name]
    found = rates(name, **more)
    rise, rest = found[:WARMUP], found[WARMUP:]
    assert rise == sorted(rise) and 0 <= rise[0] < 0.2 < rise[-1] < 1
    # diffusers' polynomial ends at 1e-7
    assert rest == pytest.approx([shape(part) for part in LEFT], abs=1e-6)
    assert rates(name, warmup=0, **more)[0] == pytest.approx(1)


def test_every_schedule_is_looked_at():
    assert set(SCHEDULES) <= SHAPES.keys()


@pytest.mark.parametrize(
    ("setting", "schedule"),
    [("schedule_cycles", "cosine_with_restarts"), ("schedule_power", "polynomial")],
)
def test_what_is_of_one_schedule_is_refused_with_another(setting, schedule):
    with pytest.raises(ValueError, match=f"{setting} is for schedule = '{schedule}', not"):
        make_config(**{setting: 3})
    if schedule in SCHEDULES:
        assert getattr(make_config(**{setting: 3, "schedule": schedule}), setting) == 3
