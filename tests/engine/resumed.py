"""Small runs that are stopped and gone on with, and whether two ended the same to the last bit."""

import pytest
import torch

from atelier.tests.bits import equal
from atelier.training import checkpoint
from atelier.training.host import folders
from atelier.training.resume import resume
from atelier.training.run import Run

from .trained import same, stop_at, train

SMALL = {"rank": 1, "alpha": 1, "resolution": 64, "batch_size": 1, "targets": "attention"}
SMALL |= {"include": r"joint_blocks\.0\.x_block", "schedule": "constant"}
LOOKS = {"sample_every": 3, "sample_prompts": "a person", "sample_steps": 1}


def go_on(wires, name, **how):
    with torch.inference_mode():  # as ComfyUI runs nodes
        return resume(wires, name, **how)


def only(name):
    (found,) = folders.runs().glob(f"{name}*")
    return Run(found)


def samples(run):
    folder = folders.pictures() / "runs" / run.name / "samples"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def assert_same_end(one, other):
    """Weights, running mean, optimizer, schedule, scaler, best, log and pictures."""
    assert same([one.lora()], [other.lora()])
    trees = [checkpoint.newest(run.checkpoints) or {} for run in (one, other)]
    for part in trees[0]:
        assert equal(trees[0][part], trees[1][part]), part
    assert one.logged() == other.logged()
    assert samples(one) == samples(other)
    for which in ("last", "best"):
        paths = [run.other_file(which) for run in (one, other)]
        assert paths[0].is_file() == paths[1].is_file()


def stopped(wires, monkeypatch, step=5, **changes):
    with monkeypatch.context() as patch:
        stop_at(patch, step, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(wires, name="first", **SMALL | changes)
    return only("first")
