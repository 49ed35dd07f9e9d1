"""What VAE and text encoder gave is kept by content: what changed is made again, and no more."""

import gc
import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from atelier.training import examples
from atelier.training.config import make_config
from atelier.training.data.cache import Cache
from atelier.training.data.folder import load_folder
from atelier.training.examples import Encoder, Pictures, batches

VAE: Any = SimpleNamespace(spacial_compression_encode=lambda: 8)
CLIP: Any = SimpleNamespace()
CONFIG = make_config(resolution=64, rank=2)


@pytest.fixture
def folder(tmp_path):
    def write(count, size=(80, 64)):
        dice = np.random.default_rng(0)
        (tmp_path / "set").mkdir()
        for number in range(count):
            pixels = dice.integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / f"{number:04d}.png", compress_level=1)
            (tmp_path / "set" / f"{number:04d}.txt").write_text(f"number {number % 3}")
        return tmp_path / "set"

    return write


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    """With stand-ins that count: a latent tells the mean colour of its picture."""
    made: list[str] = []

    def picture(_vae, pixels):
        made.append("picture")
        height, width = (side // 8 for side in pixels.shape[:2])
        return torch.full((1, 4, height, width), float(pixels.mean()))

    def caption(_clip, text):
        made.append(text)
        return [[torch.full((1, 77, 8), float(len(text))), {}]]

    monkeypatch.setattr(examples, "encode_picture", picture)
    monkeypatch.setattr(examples, "encode_caption", caption)
    return Encoder(CLIP, VAE, "clip", "vae", Cache(tmp_path / "cache")), made


def encoded(encoder, folder, config=CONFIG):
    """What was sent through the networks for this folder, sorted, and what the set then is."""
    encoder, made = encoder
    made.clear()
    found = encoder.encode(load_folder(folder), config, lambda _: None)
    return sorted(made), found


def test_what_changed_is_encoded_again_and_nothing_else(folder, encoder):
    where = folder(4)
    captions = ["number 0", "number 1", "number 2"]
    assert encoded(encoder, where)[0] == [*captions, *["picture"] * 4]
    assert encoded(encoder, where)[0] == []

    (where / "0001.txt").write_text("another")
    assert encoded(encoder, where)[0] == ["another"]

    before = encoded(encoder, where)[1][2].latents[0].load()
    Image.new("RGB", (80, 64), "red").save(where / "0002.png")
    made, now = encoded(encoder, where)
    assert made == ["picture"] and not torch.equal(now[2].latents[0].load(), before)

    (where / "0003.png").rename(where / "0009.png")  # the same picture by another name
    (where / "0003.txt").rename(where / "0009.txt")
    assert encoded(encoder, where)[0] == []


def test_other_views_sizes_and_networks_are_encoded_and_the_first_ones_kept(folder, encoder):
    where = folder(2)
    (where / "0001.txt").write_text("number 0")
    more = {
        "crops": ({"crops": 3}, 2 * 2),
        "flip": ({"flip": True}, 2),
        "both": ({"crops": 3, "flip": True}, 2 * 2),  # the mirrored crops: the others are there
        "resolution": ({"more_resolutions": "128"}, 2),
    }
    assert encoded(encoder, where)[0] == ["number 0", "picture", "picture"]
    for settings, pictures in more.values():
        config = make_config(resolution=64, rank=2, **settings)
        assert encoded(encoder, where, config)[0] == ["picture"] * pictures
        assert encoded(encoder, where, config)[0] == []
    assert encoded(encoder, where)[0] == []

    one, made = encoder
    for key, again in (("vae_key", ["picture"] * 2), ("clip_key", ["number 0"])):
        other = replace(one, **{key: "another"})
        assert encoded((other, made), where)[0] == again
        assert encoded((other, made), where)[0] == []


def alive(size):
    """How many tensors of so many bytes there are."""
    things = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
    return sum(tensor.nbytes == size for tensor in things)


def test_a_thousand_pictures_stream(folder, encoder):
    """Every one is drawn, and no more of them lie in memory than there is room for."""
    where = folder(1000, size=(64, 64))
    made, found = encoded(encoder, where)
    assert made.count("picture") == len(found) == 1000
    one = found[0].latents[0].load().nbytes
    room = 20 * one
    denoiser: Any = SimpleNamespace(
        device=torch.device("cpu"),
        latent=lambda latent: latent,
        conditioning=lambda text, latent, guidance: {"text": SimpleNamespace(cond=text[0][0])},
    )
    others = alive(one)  # of tests before
    pictures = Pictures(found, denoiser, CONFIG, room=room)
    stream = iter(batches(found, 4, 0, "dataset"))
    shown = set()
    for _ in range(260):
        for number in next(stream):
            shown.add(pictures.draw(number, random.Random(number)).path.name)
            assert pictures.used <= room
    assert len(shown) == 1000
    assert pictures.used > room / 2  # what fits is kept
    assert alive(one) - others <= 20
