"""A training on pictures from a wire is the training on the same pictures from a folder."""

import shutil

import numpy as np
import torch
from PIL import Image

from atelier.training.data.folder import load_folder
from atelier.training.data.wired import images_dataset
from atelier.training.host import folders

from .trained import same, train, wired


def test_masked_pictures_from_a_wire_give_what_files_give(base, pictures):
    images, masks, captions = [], [], []
    for path in sorted(pictures.glob("*.png")):
        image = np.asarray(Image.open(path).convert("RGB"))
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[: len(mask) // 2] = 255
        images.append(torch.from_numpy(image / np.float32(255))[None])
        masks.append(torch.from_numpy(mask / np.float32(255))[None])
        captions.append(path.with_suffix(".txt").read_text())
        Image.fromarray(mask).save(path.with_name(f"{path.stem}-masklabel.png"))
    data = images_dataset(images, captions, masks, folders.cache() / "wired")
    files = wired(base, load_folder(pictures))
    unmasked = train(files, name="unmasked")
    of_files = train(files, name="files", masked=True)
    of_wires = train(wired(base, data), name="wires", masked=True)
    assert same([of_files.lora()], [of_wires.lora()])
    assert [line["loss"] for line in of_files.logged()] == [
        line["loss"] for line in of_wires.logged()
    ]
    assert not same([unmasked.lora()], [of_wires.lora()])
    shutil.rmtree(folders.cache() / "wired")
    again = images_dataset(images, captions, masks, folders.cache() / "wired")
    assert train(wired(base, again), name="wires", masked=True).folder == of_wires.folder
