"""Run folders that earlier versions wrote (tests/old_runs): found, gone on with, extended.

`version-N` was made by the code of that version from tests/old_runs/pictures: `finished`, and
`unfinished` stopped after three of four steps of the same request. Add a folder when
`migrations.VERSION` grows; change none.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from atelier.training.config import make_config
from atelier.training.data.folder import load_folder
from atelier.training.host import folders
from atelier.training.migrations import VERSION
from atelier.training.resume import resume
from atelier.training.run import Run
from atelier.training.trainer import train_lora

from .trained import stop_at, wired

OLD = Path(__file__).resolve().parents[1] / "old_runs"
VERSIONS = sorted(path.name for path in OLD.glob("version-*"))


@pytest.fixture
def wires(base):
    pictures = load_folder(OLD / "pictures")
    return wired(base, pictures, held_out=pictures)


@pytest.fixture(params=VERSIONS)
def old(request):
    """The two runs, where this version looks for runs."""
    for path in (OLD / request.param).iterdir():
        shutil.copytree(path, folders.runs() / path.name)
    return [Run(folders.runs() / name) for name in ("finished", "unfinished")]


def go(call, *args, **how):
    with torch.inference_mode():
        return call(*args, **how)


def close(one, other):
    """Not to the bit: another processor may have made them."""
    one, other = one.lora(), other.lora()
    return one.keys() == other.keys() and all(
        torch.allclose(one[key], other[key], rtol=1e-3, atol=1e-6) for key in one
    )


def test_there_is_a_folder_of_every_version_before():
    assert {f"version-{number}" for number in range(1, VERSION)} <= set(VERSIONS)


def test_a_finished_one_is_found(wires, old, monkeypatch):
    finished, _ = old
    stop_at(monkeypatch, 1, AssertionError("trained again"))
    config = make_config(**finished.asked()["config"])
    assert go(train_lora, wires, config, "finished").folder == finished.folder
    assert go(resume, wires, "finished").folder == finished.folder


@pytest.mark.parametrize("by", ["name", "request"])
def test_an_unfinished_one_goes_on(wires, old, by):
    finished, unfinished = old
    before = unfinished.logged()
    if by == "name":
        run = go(resume, wires, "unfinished")
    else:
        config = make_config(**unfinished.asked()["config"])
        run = go(train_lora, wires, config, "unfinished")
    assert run.folder == unfinished.folder and run.finished
    assert run.logged()[: len(before)] == before
    assert close(finished, run)


def test_one_can_be_given_more_steps(wires, old):
    run = go(resume, wires, "finished", steps=6)
    assert run.name == "finished-2"
    assert [line["step"] for line in run.logged() if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert json.loads((run.folder / "config.json").read_text())["version"] == VERSION
