"""Dataset From Images as its users wire it, on a real server."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from atelier.training.settings.data import DataSettings
from atelier.training.sweep.client import PromptFailed

from .conftest import run, training

FOLDER = "masked"


def log(base, name):
    text = (base / "user" / "__atelier" / "runs" / name / "log.jsonl").read_text()
    return [json.loads(line)["loss"] for line in text.splitlines()]


def masked(**changes):
    """A training in which only what a mask shows counts."""
    prompt = training(steps=3, batch_size=1, **changes)
    options = DataSettings(masked=True).model_dump()
    prompt["6"] = {"class_type": "AtelierDataOptions", "inputs": options}
    prompt["3"]["inputs"]["options"] = ["6", 0]
    del prompt["4"]
    return prompt


def from_wires(name, picture):
    prompt = masked(name=name)
    prompt["8"] = {"class_type": "LoadImage", "inputs": {"image": picture}}
    wires = {"images": ["8", 0], "masks": ["8", 1], "captions": "a person with a hat"}
    prompt["2"] = {"class_type": "AtelierImagesDataset", "inputs": wires}
    return prompt


@pytest.fixture(scope="module")
def picture(base):
    """One of the demo's, in a folder with a mask file, and with the mask as its transparency."""
    folder = base / "input" / FOLDER
    folder.mkdir()
    source = next((base / "input" / "pictures").glob("*.png"))
    shutil.copy(source, folder / "one.png")
    (folder / "one.txt").write_text("a person with a hat")
    image = Image.open(source).convert("RGBA")
    mask = np.zeros((image.height, image.width), np.uint8)
    mask[: image.height // 2] = 255
    Image.fromarray(mask).save(folder / "one-masklabel.png")
    image.putalpha(Image.fromarray(255 - mask))  # Load Image: a mask is white where nothing shows
    image.save(base / "input" / "painted.png")
    return "painted.png"


def test_a_mask_on_a_wire_is_what_a_mask_file_is(server, base, picture):
    files = masked(name="files")
    files["2"]["inputs"]["folder"] = FOLDER
    run(server, files)
    prompt = from_wires("wires", picture)
    run(server, prompt)
    assert log(base, "files") == log(base, "wires")
    wired = base / "user" / "__atelier" / "cache" / "wired"
    assert len(list(wired.rglob("*.bmp"))) == 2
    shutil.rmtree(wired)
    run(server, prompt)
    assert len(list(wired.rglob("*.bmp"))) == 2
    runs = wired.parents[1] / "runs"
    assert sorted(path.name for path in runs.iterdir()) == ["files", "wires"]


def test_an_empty_mask_of_load_image_is_named(server, base, picture):
    Image.open(base / "input" / picture).convert("RGB").save(base / "input" / "plain.png")
    with pytest.raises(PromptFailed, match=r"Picture 1 has .* and its mask 64 x 64"):
        run(server, from_wires("refused", "plain.png"))
