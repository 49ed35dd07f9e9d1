"""A run with two checkpoints, its grid, scores and recommendation, over HTTP."""

import json
import shutil

import pytest
from PIL import Image

from atelier.training.sweep.client import PromptFailed

from .conftest import loader, run, training

NAME = "judged"
SUITE = """# trigger: a hat
# class word: nothing
## training
a person with red hair wearing a hat
## context
a sad person wearing a hat
a person with blue clothes wearing a hat
a person with a green background wearing a hat
a smiling person with long hair wearing a hat
## plain
a sad person
a person with red hair
"""


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def judged(**changes):
    """Grid LoRAs, Evaluation Grid, Score Grid, Recommend Checkpoint, Ship of what it chose."""
    settings = {"name": NAME, "prompts": SUITE, "negative": "", "seeds": "1, 2", "strengths": "1"}
    settings |= {"steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple"}
    base = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "width": 64, "height": 64}
    own = {"run": NAME, "checkpoints": "all", "files": "", "stack_rows": "together"}
    folders = {"2": "pictures", "8": "held-out"}
    limits = {"learned": 0.3, "copied": 0.2, "unfollowed": 0.25, "leaned": 0.35}
    limits |= {"redrawn": 0.75, "drifted": 1.5, "steady": 0.5}
    return {
        "1": loader(),
        **{
            place: node("AtelierLoadDataset", folder=folder, default_caption="")
            for place, folder in folders.items()
        },
        "6": node("AtelierGridLoras", **own),
        "5": node("AtelierEvaluationGrid", **settings | base | {"axes": ["6", 0]}),
        "10": node(
            "AtelierScoreGrid",
            **{"grid": ["5", 1], "clip_folder": "none", "features": "the demo's own"}
            | {"references": ["8", 0], "training": ["2", 0]}
            | changes,
        ),
        "11": node("AtelierRecommend", grid=["10", 0], **limits),
        "12": node(
            "AtelierSaveLora", lora=["11", 0], filename_prefix="test/chosen", share_safely=True
        ),
        "13": node("SaveImage", images=["11", 3], filename_prefix="plot"),
    }


def trained():
    """A run whose checkpoints at steps 4 and 8 are kept as LoRAs."""
    options = {"validate_every": 4, "patience": 0, "keep": "last", "save_every": 4}
    graph = training(name=NAME, steps=8)
    graph["20"] = node("AtelierValidationOptions", **options, keep_loras=True)
    graph["8"] = judged()["8"]
    graph["3"]["inputs"] |= {"options": ["20", 0], "held_out": ["8", 0]}
    return graph


@pytest.fixture(scope="module")
def made(server, base):
    shutil.copytree(base / "input" / "atelier-demo" / "held-out", base / "input" / "held-out")
    run(server, trained())
    return run(server, judged())


@pytest.fixture(scope="module")
def scores(made, base):
    return json.loads((base / "output/atelier/grids" / NAME / "scores.json").read_text())


def test_every_score_has_its_encoder_and_every_cell_its_numbers(scores, base):
    told = scores["scores"]
    assert {"identity", "style", "prompt", "copying", "diversity", "consistency"} < set(told)
    assert all("demo's own" in told[name]["encoder"] for name in ("identity", "prompt"))
    cells = json.loads((base / "output/atelier/grids" / NAME / "manifest.json").read_text())
    keys = {cell["key"] for cell in cells["cells"]}
    assert len(keys) == 7 * 2 * 3 and set(told["identity"]["cells"]) == keys
    assert set(told["identity"]["columns"]) == {"0", "1", "2"}


def test_the_nearest_training_pictures_lie_beside_the_grid(scores, base):
    pair = next(iter(scores["scores"]["copying"]["pairs"].values()))
    assert pair["name"].endswith(".png")
    assert Image.open(base / "output/atelier/grids" / NAME / pair["picture"]).size == (128, 128)


def test_one_checkpoint_is_recommended_and_goes_on(scores, made, base):
    chosen = scores["recommendation"]["chosen"]
    assert chosen["lora"] == NAME and chosen["checkpoint"] in (4, 8)
    assert made["11"]["text"][0].startswith("Recommended: ")
    assert made["12"]["text"] == ["models/loras/test/chosen_00001.safetensors"]
    shown = made["13"]["images"][0]
    assert Image.open(base / "output" / shown["subfolder"] / shown["filename"]).width == 768
    kept = base / "user/__atelier/runs" / NAME / "recommended.json"
    assert json.loads(kept.read_text())["step"] == chosen["checkpoint"]


def test_what_was_looked_at_is_not_looked_at_again(server, base, scores):
    """With the grid named by hand; the run brings its held-out losses."""
    kept = base / "user/__atelier/cache/embeddings"
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")}
    graph = trained() | {"10": judged(grid=NAME)["10"]}
    del graph["4"]
    graph["10"]["inputs"]["run"] = ["3", 2]
    (text,) = run(server, graph)["10"]["text"]
    assert "HELD OUT by the run's own loss" in text
    assert {path: path.stat().st_mtime_ns for path in kept.rglob("*.safetensors")} == before
    again = json.loads((base / "output/atelier/grids" / NAME / "scores.json").read_text())
    assert again["scores"]["identity"] == scores["scores"]["identity"]
    (first, last) = again["scores"]["held_out"]["curve"]
    assert (first["step"], last["step"]) == (4, 8) and len(first["times"]) == 4


def test_the_recommended_checkpoint_is_shipped(server, base, scores):
    graph = trained()
    del graph["4"]
    graph["9"] = node(
        "AtelierShip", name="best", share_safely=False, checkpoint="recommended", run=["3", 2]
    )
    (text,) = run(server, graph)["9"]["text"]
    step = scores["recommendation"]["chosen"]["checkpoint"]
    assert f"step {step}, recommended" in text


BAD = {
    "no grid": ({"grid": "nowhere"}, "There is no grid 'nowhere'"),
    "a path": ({"grid": "../runs"}, "cannot be a file name"),
    "no CLIP": ({"grid": NAME, "clip_folder": "../x"}, "not in list|There is no CLIP"),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_scored_is_named(server, made, changes, message):
    graph = {name: one for name, one in judged(**changes).items() if name in ("2", "8", "10")}
    with pytest.raises(PromptFailed, match=message):
        run(server, graph)


def test_a_grid_whose_pictures_are_gone_is_named(server, base, made):
    folder = base / "output/atelier/grids/gone"
    shutil.copytree(base / "output/atelier/grids" / NAME, folder)
    told = json.loads((folder / "manifest.json").read_text())
    told["cells"][0]["key"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(told))
    graph = {n: one for n, one in judged(grid="gone").items() if n in ("2", "8", "10", "11")}
    with pytest.raises(PromptFailed, match="is gone. Draw the grid again"):
        run(server, graph)
    graph["11"]["inputs"]["grid"] = "gone"
    with pytest.raises(PromptFailed, match="its scores are of other pictures"):
        run(server, {"11": graph["11"]})
