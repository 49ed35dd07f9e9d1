"""Score Grid and Recommend Checkpoint, as ComfyUI calls them, on a grid that lies on disk."""

import pytest
import torch

from atelier.nodes.judge import CLASSICAL, NO_CLIP, RecommendCheckpoint, ScoreGrid
from atelier.tests.evaluation.laid_out import lay_out, picture
from atelier.training.data.dataset import Dataset
from atelier.training.evaluation.contenders import Limits
from atelier.training.host import folders

LORA = {"diffusion_model.x.lora_A.weight": torch.ones(2, 2)}


@pytest.fixture
def sets(tmp_path):
    held = [picture(tmp_path / f"held{n}.png", 100 + n, 1) for n in range(4)]
    ones = [picture(tmp_path / f"one{n}.png", 200 + n, 1) for n in range(6)]
    return {"references": Dataset("held", tuple(held)), "training": Dataset("ones", tuple(ones))}


@pytest.fixture
def name(tmp_path):
    found = f"scored-{tmp_path.name}"
    lay_out(folders.grids() / found, folders.cells(), found)
    return found


def scored(name, **sets):
    return ScoreGrid.execute(grid=name, clip_folder=NO_CLIP, features=CLASSICAL, **sets)


def recommended(name, lora=LORA):
    return RecommendCheckpoint.execute(grid=name, lora=lora, **Limits().model_dump())


def test_a_grid_goes_in_and_the_chosen_lora_comes_out(name, sets):
    grid, report = scored(name, **sets).args
    assert grid == name and "IDENTITY by classical features" in report
    before = RecommendCheckpoint.fingerprint_inputs(grid=name)
    state, strength, text, plot = recommended(grid).args
    assert state == LORA and strength == 1.0
    assert text.startswith("Recommended: step 20") and "Train for more steps" in text
    assert plot.shape == (1, 512, 768, 3)
    assert RecommendCheckpoint.fingerprint_inputs(grid=name) != before


def test_a_lora_that_is_nowhere_is_to_be_wired(name, sets):
    scored(name, **sets)
    with pytest.raises(ValueError, match="Wire it to 'lora'"):
        recommended(name, None)


def test_without_references_nothing_is_recommended(name, sets):
    del sets["references"]
    scored(name, **sets)
    with pytest.raises(ValueError, match="Wire held-out pictures"):
        recommended(name)


BAD = {"a path": "../../runs", "nowhere": "nowhere", "a drive": "C:\\x"}


@pytest.mark.parametrize("grid", BAD.values(), ids=BAD.keys())
def test_a_grid_that_is_none_is_named(grid):
    for node in (scored, recommended):
        with pytest.raises(ValueError, match=r"There is no grid|cannot be a file name"):
            node(grid)
    assert ScoreGrid.fingerprint_inputs(grid=grid) == ""
