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
    "tags": {"shuffle_tags": True, "tag_dropout": 0.5, "keep_tags": 1, "caption_variants": 4},
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


def test_each_cell_is_as_large_as_its_bucket_and_says_so(dataset):
    from atelier.training import preview
    from atelier.training.config import make_config
    from atelier.training.data.buckets import bucket_sizes, nearest_bucket
    from atelier.training.examples import bucket_step

    config = make_config(resolution=128, more_resolutions="192")
    expected = [
        (record.path.name, nearest_bucket(record.width, record.height, sizes))
        for record in dataset.records
        for sizes in (bucket_sizes(one, bucket_step(one, VAE)) for one in (128, 192))
    ]
    cells = list(preview.cells(dataset, config, VAE, pictures=9, each=1))
    assert [cell.picture.size for cell in cells] == [size for _, size in expected]
    assert [cell.title for cell in cells] == [f"{name} · {w} x {h}" for name, (w, h) in expected]
    assert len({size for _, size in expected}) == 4


def test_dropped_and_shuffled_tags_are_shown_as_they_are_trained(dataset):
    from atelier.training import preview
    from atelier.training.config import make_config

    config = make_config(
        resolution=128, shuffle_tags=True, tag_dropout=0.5, keep_tags=1, caption_variants=6
    )
    cells = list(preview.cells(dataset, config, VAE, pictures=1, each=16))
    captions = [cell.text.partition(": ")[2].split(", ") for cell in cells]
    assert len(captions) > 2 and all(tags[0] == "a" for tags in captions)
    assert all(set(tags) <= {"a", "b", "c", "d"} for tags in captions)
    assert min(map(len, captions)) < 4
    again = preview.cells(dataset, make_config(**config.model_dump() | {"seed": 1}), VAE, 1, 16)
    assert [cell.text for cell in again] != [cell.text for cell in cells]


def test_a_mask_is_mirrored_and_cropped_with_its_view(dataset):
    from dataclasses import replace

    from PIL import Image

    from atelier.training import preview
    from atelier.training.config import make_config

    record = dataset.records[0]
    page = Image.new("L", (record.width, record.height), 0)
    page.paste(255, (0, 0, record.width // 4, record.height))
    mask = record.path.with_name("mask.bmp")
    page.save(mask)
    one = replace(dataset, records=(replace(record, mask=mask),))
    settings = {"resolution": 128, "flip": True, "crops": 2}
    plain, masked = (
        [
            np.asarray(cell.picture, float)
            for cell in preview.cells(one, make_config(**settings, masked=on), VAE, 1, 4)
        ]
        for on in (False, True)
    )
    tinted = [np.abs(a - b).max((0, 2)) > 8 for a, b in zip(plain, masked, strict=True)]
    assert not tinted[0][:8].any() and tinted[0][-8:].all()
    assert tinted[1][:8].all() and not tinted[1][-8:].any()
    assert np.array_equal(tinted[0], tinted[1][::-1])
    assert len(tinted) == 4 and not np.array_equal(tinted[2], tinted[0])


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
