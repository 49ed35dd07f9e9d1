"""Pictures that are drawn here: sharp, of many colours, with a little grain, all different."""

import random

import numpy as np
import pytest
from PIL import Image, ImageDraw


def scene(seed, width=320, height=256):
    dice = random.Random(seed)
    grain = np.random.default_rng(seed)
    ramp = np.linspace(dice.randrange(60), dice.randrange(120, 200), width)[None, :, None]
    tint = np.array([dice.uniform(0.6, 1.2) for _ in range(3)])
    pixels = ramp * tint + np.linspace(0, 40, height)[:, None, None]
    page = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(page)
    for _ in range(40):
        points = [(dice.uniform(0, width), dice.uniform(0, height)) for _ in range(3)]
        pen.polygon(points, fill=tuple(dice.randrange(20, 240) for _ in range(3)))
    for _ in range(30):
        x, y, r = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(3, 24)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(dice.randrange(256) for _ in range(3)))
    noisy = np.asarray(page, np.float32) + grain.normal(0, 1.0, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def dim(picture):
    return picture.point([level // 10 for level in range(256)] * 3)


@pytest.fixture
def write(tmp_path):
    """Saves pictures by name, and gives them as a dataset, in the order of their names."""
    from atelier.training.data.dataset import Dataset, Record
    from atelier.training.data.pictures import PictureError, size_of

    def size(path):
        try:
            return size_of(path)
        except PictureError:
            return 320, 256

    def saved(captions=(), **pictures):
        folder = tmp_path / "pictures"
        folder.mkdir(exist_ok=True)
        for name, picture in pictures.items():
            picture.save(folder / f"{name}.png", compress_level=1)
        files = sorted(folder.glob("*.png"))
        return Dataset(
            "pictures",
            tuple(
                Record(path, dict(captions).get(path.stem, "a scene"), *size(path))
                for path in files
            ),
        )

    return saved


@pytest.fixture
def look(tmp_path):
    from atelier.training.curation.looks import Looks

    def looked(dataset, resolution=288):
        return Looks(tmp_path / "looks", resolution).of(dataset.records)

    return looked
