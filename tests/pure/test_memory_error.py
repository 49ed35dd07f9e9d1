"""What is offered where a step did not fit."""

import pytest
import torch

from atelier.training.config import make_config
from atelier.training.memory_error import is_out_of_memory, recomputing, way_out

MIB = 2**20
PLAN = {"step": 1000 * MIB, "step_recomputed": 400 * MIB, "adapter": 100 * MIB}
PLAN |= {"free": 800 * MIB, "recompute": False}


def offered(plan=None, free=800 * MIB, **settings):
    return way_out(PLAN | (plan or {}), make_config(**{"checkpointing": "none"} | settings), free)


CASES = {
    "nothing to do but queue again": (
        {},
        {"checkpointing": "auto"},
        "A step keeps 1,000 MiB. Queue again: the run goes on with blocks computed again, and a "
        "step keeps 400 MiB.",
    ),
    "recompute": ({}, {}, "Set checkpointing = 'block' in Memory Options: then it keeps 400 MiB"),
    "a smaller batch, to the same effect": (
        {"recompute": True, "free": 500 * MIB},
        {"batch_size": 4},
        "Set batch_size = 2 and accumulation = 2 (the same effect): then it keeps 200 MiB",
    ),
    "both": (
        {"free": 400 * MIB},
        {"batch_size": 4},
        "Set checkpointing = 'block' in Memory Options and batch_size = 2 and accumulation = 2",
    ),
    "a lower resolution": (
        {"recompute": True, "free": 500 * MIB},
        {"resolution": 1024},
        "Set resolution = 768: then it keeps 225 MiB, which fits",
    ),
    "nothing that fits": (
        {"free": 101 * MIB},
        {"resolution": 128},
        "Set checkpointing = 'block' in Memory Options and resolution = 64: then it keeps 100 MiB, "
        "the least there is; it may still not fit",
    ),
    "nothing at all": (
        {"recompute": True},
        {"resolution": 64},
        "no other setting is left",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_that_fits_is_offered(case):
    plan, settings, text = CASES[case]
    assert text in offered(plan, **settings)


def test_what_failed_is_not_offered_again_though_the_plan_says_it_fits():
    text = offered({"free": 10**6 * MIB, "recompute": True}, free=10**6 * MIB, batch_size=2)
    assert "batch_size = 1" in text and "keeps 200 MiB" in text


def test_the_next_sitting_computes_blocks_again_if_that_was_left_to_us():
    assert recomputing(PLAN, make_config()) == PLAN | {"recompute": True}
    for plan, settings in (
        (None, {}),
        (PLAN, {"checkpointing": "none"}),
        (PLAN | {"recompute": True}, {}),
        (PLAN | {"step_recomputed": PLAN["step"]}, {}),
    ):
        assert recomputing(plan, make_config(**settings)) is None


def test_without_a_plan_there_is_advice():
    assert "lower resolution or batch_size" in way_out(None, make_config(), 0)


def test_what_is_out_of_memory():
    cpu = "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
    for error in (torch.OutOfMemoryError("CUDA"), MemoryError(), RuntimeError(cpu)):
        assert is_out_of_memory(error)
    for error in (RuntimeError("shape"), ValueError("out of memory")):
        assert not is_out_of_memory(error)
