"""Vectors of pictures: what the classical ones tell, and what is kept of any."""

import numpy as np
import pytest
from PIL import Image

from atelier.training.curation.embeddings import BATCH, Embeddings
from atelier.training.curation.features import features

from .conftest import scene


class Counting:
    """Classical features, and a list of what was prepared."""

    name = "counting"
    resolution = 256

    def __init__(self, key="counting"):
        self.key = key
        self.seen = []

    def prepare(self, picture):
        self.seen.append(picture.size)
        return features(picture)

    def encode(self, prepared):
        return np.stack(prepared)


@pytest.fixture
def embed(look, tmp_path):
    def embedded(dataset, encoder, tick=lambda _: None):
        return Embeddings(tmp_path / "vectors", encoder).of(dataset.records, look(dataset), tick)

    return embedded


def test_a_mirrored_picture_has_the_same_features_and_another_has_not():
    one = scene(1, 384, 288)
    turned = one.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert np.abs(features(one) - features(turned)).max() < 0.02
    assert np.linalg.norm(features(one) - features(scene(2, 384, 288))) > 0.1


def test_features_tell_what_is_plain_and_have_one_length():
    plain = features(Image.new("RGB", (50, 20), "red"))
    assert plain.shape == features(scene(1)).shape and np.isfinite(plain).all()
    assert np.linalg.norm(plain - features(scene(1))) > 1


def test_only_what_changed_is_encoded_again_and_another_encoder_begins_anew(write, embed):
    pictures = {name: scene(seed) for seed, name in enumerate("abcd")}
    encoder = Counting()
    first = embed(write(**pictures), encoder)
    assert len(encoder.seen) == 4 and first.encoder == "counting"
    again = embed(write(**pictures | {"b": scene(9)}), encoder)
    assert len(encoder.seen) == 5
    same = [
        np.array_equal(one, other) for one, other in zip(first.vectors, again.vectors, strict=True)
    ]
    assert same == [True, False, True, True]
    other = Counting("another")
    embed(write(), other)
    assert len(other.seen) == 4


def test_what_cannot_be_read_has_no_vector_and_copies_are_encoded_once(write, embed):
    dataset = write(a=scene(1), b=scene(2), c=scene(1))
    path = dataset.records[1].path
    path.write_bytes(path.read_bytes()[:3000])
    encoder = Counting()
    found = embed(dataset, encoder)
    assert found.of.tolist() == [0, 2] and len(encoder.seen) == 1
    assert np.array_equal(found.vectors[0], found.vectors[1])


def test_no_picture_at_all_is_no_error(write, embed):
    dataset = write(a=scene(1))
    dataset.records[0].path.write_bytes(b"no picture")
    assert embed(dataset, Counting()).of.tolist() == []


def test_what_was_encoded_is_kept_when_the_work_is_stopped(write, embed):
    many = BATCH + 4
    dataset = write(**{f"p{seed:02d}": scene(seed, 96, 64) for seed in range(many)})
    told = []

    def stop(name):
        told.append(name)
        if len(told) == BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(dataset, Counting(), stop)
    encoder = Counting()
    assert len(embed(dataset, encoder).vectors) == many
    assert len(encoder.seen) == many - BATCH


@pytest.mark.parametrize("damage", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"{"])
def test_a_damaged_file_of_vectors_is_made_again(damage, write, embed, tmp_path):
    dataset = write(a=scene(1))
    first = embed(dataset, Counting())
    (file,) = (tmp_path / "vectors").rglob("*.safetensors")
    file.write_bytes(damage)
    encoder = Counting()
    assert np.array_equal(embed(dataset, encoder).vectors, first.vectors)
    assert len(encoder.seen) == 1


def test_numbers_that_are_none_are_refused_with_the_encoders_name(write, embed):
    class Broken(Counting):
        def encode(self, prepared):
            return np.full((len(prepared), 4), np.nan)

    with pytest.raises(ValueError, match=r"counting gave numbers that are none \(NaN\)"):
        embed(write(a=scene(1)), Broken())
