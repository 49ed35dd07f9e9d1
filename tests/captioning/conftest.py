"""Pictures of plain colours, whose captions can be known."""

from contextlib import contextmanager

import pytest
from PIL import Image

from atelier.training.captioning.captioner import Captioner, Said
from atelier.training.data.dataset import Dataset, Record

COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230)}


@pytest.fixture
def folder(tmp_path):
    """A folder for pictures, which `drawn` fills."""
    place = tmp_path / "pictures"
    place.mkdir()
    return place


def drawn(folder, names, captions=None):
    """Pictures `NAME.png`, of the colour that the name begins with, and their dataset."""
    records = []
    for name in names:
        path = folder / f"{name}.png"
        Image.new("RGB", (48, 32), COLOURS[name.split("-")[0]]).save(path)
        caption = (captions or {}).get(name, "")
        if caption:
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")
        records.append(Record(path, caption.replace("\n", " ").strip(), 48, 32))
    return Dataset("pictures", tuple(records))


class Painter:
    """A captioner that says the colour, and counts what it was asked."""

    def __init__(self, tags=False, key="painter", says="a {} picture", before=None):
        self.asked, self.loaded, self.unloaded = [], 0, 0
        self.says, self.before = says, before or (lambda number: None)
        self.captioner = Captioner("painter", key, tags, self._open)

    @contextmanager
    def _open(self):
        self.loaded += 1
        try:
            yield self._say
        finally:
            self.unloaded += 1

    def _say(self, picture):
        self.before(len(self.asked))
        pixel = picture.getpixel((0, 0))
        name = min(
            COLOURS,
            key=lambda one: sum(abs(a - b) for a, b in zip(COLOURS[one], pixel, strict=True)),
        )
        self.asked.append(name)
        return Said(self.says.replace("{}", name))


def written(folder):
    return {
        path.stem: path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("*.txt"))
    }
