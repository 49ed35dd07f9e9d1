"""The pages of a grid as they travel on: never more than a few pictures' memory."""

import numpy as np
import pytest
from PIL import Image

from atelier.training.host import images


def page(path, size, colour):
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def pages(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_HELD", 100 * 60)
    sizes = {"a": (50, 60), "b": (50, 59), "c": (50, 60), "tall": (100, 240)}
    return {name: page(tmp_path / f"{name}.png", sizes[name], (51, 102, 255)) for name in sizes}


def test_pages_are_whole_until_they_are_too_many(pages):
    found = images.first_pages([pages["a"], pages["b"], pages["c"]])
    assert [one.shape for one in found] == [(1, 60, 50, 3), (1, 59, 50, 3)]
    assert np.array_equal(found[0][0, 0, 0].numpy(), np.array([51, 102, 255], np.float32) / 255)


def test_a_page_that_is_too_large_is_made_smaller(pages):
    (found,) = images.first_pages([pages["tall"], pages["b"]])
    assert found.shape == (1, 120, 50, 3)
    assert np.allclose(found[0, 60, 25].numpy(), np.array([51, 102, 255]) / 255, atol=1e-6)
