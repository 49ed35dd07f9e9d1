"""Text in pictures: what is told of what RapidOCR read, and RapidOCR itself where it is there."""

import importlib.metadata
import random

import numpy as np
import pytest
from PIL import Image

from atelier.measure.planted_text import written
from atelier.training.curation import lettering
from atelier.training.curation.curate import curate
from atelier.training.curation.embeddings import Embedded, Embeddings
from atelier.training.curation.lettering import Lettering
from atelier.training.curation.looks import Looks
from atelier.training.curation.settings import CurationSettings
from atelier.training.data.dataset import Dataset, Record

SQUARE = [[10, 10], [30, 10], [30, 20], [10, 20]]  # 200 pixels


def installed() -> bool:
    try:
        return bool(importlib.metadata.version(lettering.PACKAGE))
    except importlib.metadata.PackageNotFoundError:
        return False


class Reads:
    """What RapidOCR gives back, told beforehand."""

    def __init__(self, found):
        self.found = found

    def __call__(self, picture, use_cls):
        assert picture.flags.c_contiguous and not use_cls
        return self.found, None


@pytest.mark.parametrize(
    ("found", "numbers"),
    [
        (None, [0, 0, 0, 0, 0, 0]),
        ([], [0, 0, 0, 0, 0, 0]),
        ([[SQUARE, "© ab 1", 0.95]], [0.02, 3, 3, 3, 3, 3]),
        ([[SQUARE, "abcd", 0.55]], [0, 4, 0, 0, 0, 0]),
        ([[SQUARE, "abcd", "0.75"], [SQUARE, "ef", 0.5]], [0.02, 6, 4, 4, 0, 0]),
    ],
)
def test_letters_are_counted_by_sureness(monkeypatch, found, numbers):
    monkeypatch.setattr(lettering.importlib.metadata, "version", lambda name: "1.4.4")
    reader = Lettering()
    reader.__dict__["_reader"] = Reads(found)
    picture = reader.prepare(Image.new("RGB", (100, 100), "red"))
    assert picture[0, 0].tolist() == [0, 0, 255]  # blue first
    np.testing.assert_allclose(reader.encode([picture]), [numbers], atol=1e-6)


def test_what_is_not_installed_is_named_with_the_way_out(monkeypatch):
    def gone(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(lettering.importlib.metadata, "version", gone)
    with pytest.raises(ValueError, match="pip install rapidocr-onnxruntime. Or switch text off"):
        Lettering()


def test_pictures_with_letters_enough_are_set_aside(tmp_path):
    records = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        pixels = np.random.default_rng(number).integers(0, 255, (96, 96, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        records.append(Record(path, "a picture", 96, 96))
    looks = Looks(tmp_path / "looks", 96).of(records)
    vectors = np.array([[0.1, 9, 9, 0, 0, 0], [0.1, 9, 2, 2, 0, 0]], np.float32)
    read = Embedded("RapidOCR", np.array([0, 2]), vectors)
    limits = CurationSettings(noise=0, alike=0, border=0, enlarged=0)
    found = curate(Dataset("x", tuple(records)), looks, limits, read=read)
    told = [
        [str(one) for one in verdict.reasons if one.kind == "text"] for verdict in found.verdicts
    ]
    assert told == [
        ["text: about 9 letters on 10.0% of it; crop them off or paint them over"],
        [],
        [],
    ]


@pytest.mark.skipif(not installed(), reason="rapidocr-onnxruntime, an extra, is not installed")
def test_a_watermark_is_read(tmp_path):
    plain = Image.effect_mandelbrot((400, 300), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    paths = [tmp_path / "plain.png", tmp_path / "marked.png"]
    plain.save(paths[0])
    written(plain, random.Random(1)).save(paths[1])
    records = [Record(path, "a picture", 400, 300) for path in paths]
    looks = Looks(tmp_path / "looks", 512).of(records)
    read = Embeddings(tmp_path / "read", Lettering()).of(records, looks)
    assert [number for number, _ in lettering.lettered(read)] == [1]
