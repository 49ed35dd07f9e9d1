"""Every bad input is refused by name or read rightly, and nothing is lost or changed by it."""

import functools
import random

import pytest
from PIL import Image

from atelier.tests.hostile import (
    captions,
    drawn,
    folders,
    formats,
    made,
    paths,
    pictures,
    tensors,
)
from atelier.tests.hostile.counted import SECRET, Case, Counts, count
from atelier.training.data.pictures import PictureError, open_rgb, size_of

MODULES = (pictures, folders, formats, captions, tensors, paths, drawn)
PARTS = {module.__name__.split(".")[-1]: module for module in MODULES}

pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow's, of which there are hundreds


@functools.cache
def counted(part: str) -> Counts:
    return count(PARTS[part].cases())


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_lost_or_changed_and_every_error_says_what_is_wrong(part):
    counts = counted(part)
    assert not counts.failures, "\n".join(counts.failures)
    assert counts.lost == counts.changed == 0
    assert counts.tried == counts.refused + counts.accepted_rightly
    assert counts.refused and counts.accepted_rightly


def test_there_are_hundreds_of_them():
    assert sum(counted(part).tried for part in PARTS) >= 2000


def _turn_limit_off(place):
    Image.MAX_IMAGE_PIXELS = (Image.MAX_IMAGE_PIXELS or 0) + 1


def _refuse(text):
    def use(place):
        raise ValueError(text)

    return use


WRONG = {
    "a file is written": (lambda place: (place / "new").touch(), "wrote"),
    "a file is written elsewhere": (lambda place: (place.parent / "new").touch(), "wrote"),
    "a file is changed": (lambda place: (place / "a").write_text("b"), "changed"),
    "a file is deleted": (lambda place: (place / "a").unlink(), "lost"),
    "a secret is changed": (
        lambda place: (place.parents[2] / "outside" / "secret.txt").write_text("b"),
        "changed",
    ),
    "it crashes": (lambda place: {}["a"], "crashed with KeyError"),
    "it is accepted": (lambda place: "so be it", "was accepted"),
    "an error has no name in it": (_refuse("bad"), "without"),
    "an error tells a secret": (_refuse(f"a.png {SECRET}"), "tells too much"),
    "an error turns the text": (_refuse("a.png \u202e"), "hides"),
    "the process is changed": (_turn_limit_off, "Pillow's limit"),
    "random numbers are drawn": (lambda place: random.random(), "random numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_count_notices_when(name, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**8)
    use, words = WRONG[name]
    counts = count([Case(name, lambda place: (place / "a").touch(), use, ("a.png",))])
    assert any(words in failure for failure in counts.failures), counts


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_a_bomb_is_refused_where_another_node_has_switched_off_the_limit(
    kind, tmp_path, monkeypatch
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    path = tmp_path / "bomb.png"
    make = {"PNG": made.png, "WEBP": made.webp, "BMP": made.bmp, "TIFF": made.tiff}[kind]
    path.write_bytes(make(16_383, 16_383))
    for read in (size_of, open_rgb):
        with pytest.raises(PictureError, match=r"bomb\.png is too large: 16383 x 16383 pixels"):
            read(path)


def test_a_file_of_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.webp"
    with path.open("wb") as file:
        file.write(made.encoded(made.quarters(), "WEBP"))
        file.truncate(2**31)  # takes no room on the disk
    with pytest.raises(PictureError, match=r"huge\.webp is too large: 2\.0 GiB"):
        size_of(path)
