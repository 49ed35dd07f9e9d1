"""The dataset nodes, as a graph runs them; and ComfyUI's own node behind them."""

import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def nodes():
    from atelier.nodes import dataset, export, images, mix

    return {
        "load": dataset.LoadDataset.execute,
        "changed": dataset.LoadDataset.fingerprint_inputs,
        "mix": mix.MixDatasets.execute,
        "images": images.DatasetToImages.execute,
        "export": export.ExportDataset.execute,
    }


@pytest.fixture
def folder(pictures, comfy_base):
    """Four pictures of the demo in kohya's folders, below the input folder."""
    place = comfy_base / "input" / "kohyas"
    files = sorted(pictures.glob("*.png"))
    for number, file in enumerate(files):
        home = place / ("reg/1_person" if number == 3 else f"img/{number % 2 + 1}_hat")
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, home)
        if number == 0:
            shutil.copy(file.with_suffix(".txt"), home)
    yield place
    shutil.rmtree(place)


def test_load_dataset_parts_class_pictures_and_says_what_it_read(nodes, folder):
    dataset, count, of_class, told = nodes["load"]("kohyas", "", notes="mine").result
    assert (count, len(dataset), len(of_class)) == (3, 3, 1)
    assert dataset.notes == of_class.notes == {"kohyas": "mine"}
    assert {one.caption for one in dataset.records if one.caption == "hat"}
    assert "Captions: 1 from .txt, 3 from their folders." in told
    before = nodes["changed"]("kohyas")
    next(folder.rglob("*.txt")).write_text("another caption, longer")
    assert nodes["changed"]("kohyas") != before


def test_what_was_exported_is_loaded_by_its_path(nodes, folder):
    dataset = nodes["load"]("kohyas", "").result[0]
    for form in ("pictures and .txt", "metadata.jsonl", "kohya folders"):
        for zipped in (False, True):
            (path,) = nodes["export"](dataset, "mine", form, zipped).result
            again = nodes["load"](path, "").result[0]
            assert sorted(one.content for one in again.records) == sorted(
                one.content for one in dataset.records
            )
            assert sorted(one.caption for one in again.records) == sorted(
                one.caption for one in dataset.records
            )
    with pytest.raises(ValueError, match="cannot be a file name"):
        nodes["export"](dataset, "../mine", "metadata.jsonl", False)


def test_a_mix_of_three_wires_has_the_shares_that_were_asked(nodes, folder):
    loaded = nodes["load"]("kohyas", "").result
    mix, told = nodes["mix"](
        weight_1=3, weight_2=1, weight_3=9, weight_4=1, dataset_1=loaded[0], dataset_4=loaded[2]
    ).result
    assert told.count("asked") == 2 and "75.0%" in told and "25.0%" in told
    assert sum(one.repeats for one in mix.records[:3]) == 3 * mix.records[3].repeats


def test_pictures_out_are_what_comfyuis_own_dataset_node_takes(nodes, folder, base):
    import torch
    from comfy_extras.nodes_dataset import MakeTrainingDataset

    from atelier.training.data.pictures import open_rgb

    dataset = nodes["load"]("kohyas", "").result[0]
    Image.new("L", (128, 128), 0).save(
        dataset.records[1].path.with_name(f"{dataset.records[1].path.stem}-masklabel.png")
    )
    dataset = nodes["load"]("kohyas", "").result[0]
    images, captions, masks = nodes["images"](dataset, resolution=0, first=1, most=0).result
    assert captions == [one.caption for one in dataset.records]
    for image, mask, record in zip(images, masks, dataset.records, strict=True):
        assert tuple(image.shape) == (1, record.height, record.width, 3)
        expected = np.asarray(open_rgb(record.path), np.float32) / 255
        assert np.array_equal(image[0].numpy(), expected)
        assert mask.unique().tolist() == ([0.0] if record.mask else [1.0])
    _, clip, vae = base
    with torch.inference_mode():
        made: Any = MakeTrainingDataset.execute(images, [vae], [clip], captions)
    latents, conditioning = made.result
    assert len(latents) == len(conditioning) == len(dataset)
    assert latents[0]["samples"].shape[-2:] == (16, 16)
    (third,), *_ = nodes["images"](dataset, resolution=64, first=3, most=1).result
    assert tuple(third.shape) == (1, 64, 64, 3)
    with pytest.raises(ValueError, match="has 3 pictures, and first is 4"):
        nodes["images"](dataset, resolution=64, first=4, most=1)


def test_pictures_that_memory_cannot_hold_are_refused_before_they_are_decoded(nodes, folder):
    from atelier.training.data import unwired

    records = nodes["load"]("kohyas", "").result[0].records
    with pytest.raises(ValueError, match="Set 'most' lower"):
        unwired.images(records, unwired.own_sizes(records), 1000, lambda _: pytest.fail("decoded"))
