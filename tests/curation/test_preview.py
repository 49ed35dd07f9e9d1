"""The preview shows what the trainer sees: the same pixels and captions, from the same code."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from .conftest import scene

SETTINGS = {
    "plain": {},
    "crops": {"crops": 3, "flip": True},
    "two sizes": {"more_resolutions": "192"},
    "captions": {"shuffle_tags": True, "caption_dropout": 0.1, "caption_variants": 3},
}


@pytest.fixture
def dataset(write):
    captions = {"a": "a, b, c, d", "b": "b, e, f"}
    return write(captions=captions, a=scene(1, 320, 200), b=scene(2, 200, 300))


VAE: Any = SimpleNamespace(spacial_compression_encode=lambda: 8)


@pytest.mark.parametrize("case", SETTINGS)
def test_it_shows_every_view_and_caption_that_is_encoded_and_no_other(case, dataset, monkeypatch):
    from atelier.training import examples, preview
    from atelier.training.config import make_config

    config = make_config(resolution=128, **SETTINGS[case])
    pixels, texts = [], []
    monkeypatch.setattr(examples, "encode_picture", lambda vae, one: pixels.append(one))
    monkeypatch.setattr(examples, "encode_caption", lambda clip, text: texts.append(text))
    cache: Any = SimpleNamespace(entry=lambda made_from, make: make())
    clip: Any = None
    examples.Encoder(clip, VAE, "", "", cache).encode(dataset, config, lambda _: None)
    shown = preview.shown(dataset, config, VAE, lambda _: None)
    seen = [view.load() for one in shown for view in one.latents]
    assert len(seen) == len(pixels) > 1
    assert all(np.array_equal(one, other) for one, other in zip(seen, pixels, strict=True))
    assert list(dict.fromkeys(text for one in shown for text in one.captions)) == texts


def test_cells_name_crops_mirrors_and_dropped_captions_and_are_bounded(dataset):
    from atelier.training import preview
    from atelier.training.config import make_config

    config = make_config(resolution=128, crops=2, flip=True, caption_dropout=0.5)
    cells = list(preview.cells(dataset, config, VAE, pictures=1, each=4))
    assert len(cells) == 4
    assert cells[0].title.startswith("a.png · ") and "mirrored" in cells[1].title
    assert "crop 1" in cells[2].title
    assert [cell.text for cell in cells[:2]] == ["1 of 4: a, b, c, d", "2 of 4: (no caption)"]
    assert len(list(preview.cells(dataset, config, VAE, pictures=9, each=2))) == 4


def test_what_a_mask_leaves_out_is_tinted_and_the_rest_is_as_it_is(dataset):
    from dataclasses import replace

    from PIL import Image

    from atelier.training import preview
    from atelier.training.config import make_config

    record = dataset.records[0]
    mask = record.path.with_name("mask.bmp")
    page = Image.new("L", (record.width, record.height), 0)
    page.paste(255, (0, 0, record.width // 2, record.height))
    page.save(mask)
    one = replace(dataset, records=(replace(record, mask=mask),))
    plain, masked = (
        np.asarray(next(iter(preview.cells(one, config, VAE, 1, 1))).picture, float)
        for config in (
            make_config(resolution=128),
            make_config(resolution=128, masked=True),
        )
    )
    width = plain.shape[1]
    assert np.abs(plain - masked)[:, : width // 2 - 8].max() <= 1
    assert np.abs(plain - masked)[:, width // 2 + 8 :].mean() > 20
