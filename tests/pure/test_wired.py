"""Pictures from other nodes as a dataset: what is written, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from atelier.training.data.pictures import open_mask, open_rgb
from atelier.training.data.wired import images_dataset, mark


def picture(height, width, channels=3, seed=0):
    dice = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, height, width, channels), generator=dice) / 255


def levels(image):
    return (image.squeeze(0) * 255).round().byte().numpy()


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_pictures_come_back_pixel_for_pixel(tmp_path):
    batch = torch.cat([picture(20, 30, seed=seed) for seed in (1, 2)])
    data = images_dataset([picture(7, 5), batch], ["one", "two\n two b", "three"], [], tmp_path, 2)
    assert [(r.width, r.height) for r in data.records] == [(5, 7), (30, 20), (30, 20)]
    assert [r.caption for r in data.records] == ["one", "two two b", "three"]
    assert [r.lines for r in data.records] == [(), ("two", "two b"), ()]
    assert {r.repeats for r in data.records} == {2} and {r.mask for r in data.records} == {None}
    for record, image in zip(data.records, [picture(7, 5), *batch.split(1)], strict=True):
        assert np.array_equal(np.asarray(open_rgb(record.path)), levels(image))


def test_masks_stand_beside_and_white_counts(tmp_path):
    mask = torch.zeros(8, 6)
    mask[:3] = 1.0
    mask[3] = 0.5
    data = images_dataset([picture(8, 6)], ["a"], [mask], tmp_path)
    shown = open_mask(data.records[0].path, data.records[0].mask)
    assert shown and shown.mode == "L"
    rows = [255, 255, 255, 128, 0, 0, 0, 0]
    assert np.array_equal(np.asarray(shown), np.repeat(np.array(rows)[:, None], 6, 1))


def test_transparency_is_white_and_a_mask(tmp_path):
    image = picture(4, 4, 4)
    image[..., 3] = 0.0
    image[0, :2, :, 3] = 1.0
    (record,) = images_dataset([image], ["a"], [], tmp_path).records
    seen = np.asarray(open_rgb(record.path))
    assert np.array_equal(seen[:2], levels(image)[:2, :, :3]) and (seen[2:] == 255).all()
    shown = open_mask(record.path, record.mask)
    assert np.array_equal(np.asarray(shown), levels(image)[..., 3])
    wired = images_dataset([image], ["a"], [torch.ones(1, 4, 4)], tmp_path).records[0]
    assert (np.asarray(open_mask(wired.path, wired.mask)) == 255).all()


def test_grey_is_rgb(tmp_path):
    (record,) = images_dataset([picture(4, 4, 1)], ["a"], [], tmp_path).records
    seen = np.asarray(open_rgb(record.path))
    assert np.array_equal(seen, np.repeat(levels(picture(4, 4, 1)), 3, -1))


def test_the_same_pictures_are_the_same_files_and_dataset(tmp_path):
    wires = [picture(9, 9), picture(9, 9, seed=1)], ["a"], [torch.ones(2, 9, 9)]
    first = images_dataset(*wires, tmp_path / "one")
    before = files(tmp_path / "one")
    assert len(before) == 3  # one mask serves both
    again = images_dataset(*wires, tmp_path / "one")
    assert files(tmp_path / "one") == before and again == first
    elsewhere = images_dataset(*wires, tmp_path / "two")
    assert elsewhere.fingerprint == first.fingerprint
    for change in (
        images_dataset(wires[0][::-1], *wires[1:], tmp_path),
        images_dataset(wires[0], ["b"], wires[2], tmp_path),
        images_dataset(*wires[:2], [torch.zeros(2, 9, 9)], tmp_path),
        images_dataset(*wires, tmp_path, 2),
    ):
        assert change.fingerprint != first.fingerprint


def test_pictures_of_one_size_and_another_shape_are_not_mistaken(tmp_path):
    flat = torch.zeros(1, 4, 9, 3)
    data = images_dataset([flat, flat.view(1, 9, 4, 3)], ["a"], [], tmp_path)
    sizes = [Image.open(record.path).size for record in data.records]
    assert sizes == [(9, 4), (4, 9)]


BAD = {
    "no pictures": ([], ["a"], [], "No picture came"),
    "captions": ([picture(4, 4)] * 3, ["a", "b"], [], "3 images and 2 captions: wire one text"),
    "masks": ([picture(4, 4)] * 2, ["a"], [torch.ones(4, 4)], "2 images and 1 masks"),
    "no caption": ([picture(4, 4)] * 2, ["a", " \n"], [], "No caption for picture 2"),
    "mask size": (
        [picture(4, 4), picture(4, 6)],
        ["a"],
        [torch.ones(4, 4), torch.ones(64, 64)],
        "Picture 2 has 6 x 4 pixels and its mask 64 x 64.*Load Image gives",
    ),
    "channels": ([picture(4, 4, 2)], ["a"], [], r"Picture 1 is of the shape \[4, 4, 2\]"),
    "video": ([torch.ones(1, 2, 4, 4, 3)], ["a"], [], "Picture 1 is of the shape"),
    "mask shape": ([picture(4, 4)], ["a"], [picture(4, 4)], "Mask 1 is of the shape"),
    "nan": ([picture(4, 4), torch.full((1, 4, 4, 3), torch.nan)], ["a"], [], "Picture 2 has val"),
    "nan mask": ([picture(4, 4)], ["a"], [torch.full((4, 4), torch.inf)], "Mask 1 has values"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_together_is_refused_with_numbers(name, tmp_path):
    images, captions, masks, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        images_dataset(images, captions, masks, tmp_path)


def test_a_deleted_folder_is_noticed(tmp_path):
    folder = tmp_path / "wired"
    before = mark(folder)
    images_dataset([picture(4, 4)], ["a"], [], folder)
    assert mark(folder) == before
    (folder / "about.txt").unlink()
    assert mark(folder) != before
