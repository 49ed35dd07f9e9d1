"""The mark of machine-made media, read by readers that are not ours."""

import json
import xml.etree.ElementTree as Xml

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from atelier.training.browse.contents import Contents
from atelier.training.browse.thumbnails import Thumbnails
from atelier.training.evaluation import grid
from atelier.training.mark import (
    MADE_BY_MACHINE,
    XMP_KEY,
    graph_texts,
    is_marked,
    marked_bytes,
    save_marked,
)
from atelier.training.metadata import THUMBNAIL, thumbnail

from .test_plan import plan

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


def source_type(data: bytes) -> str | None:
    """What a file's XMP packet says, found by its markers as a scanner does (XMP part 3, 1.2)."""
    if b"<x:xmpmeta" not in data:
        return None
    packet = data[data.index(b"<x:xmpmeta") : data.index(b"</x:xmpmeta>") + len("</x:xmpmeta>")]
    tree = Xml.fromstring(packet)  # noqa: S314 - our own
    (told,) = tree.iter(f"{RDF}Description")
    return told.get(f"{IPTC}DigitalSourceType")


def noise(side=20):
    return Image.effect_noise((side, side), 50).convert("RGB")


def test_a_png_has_the_mark_and_nothing_that_the_picture_carried(tmp_path):
    picture = noise()
    picture.info = {"workflow": "secret", "prompt": "secret", "icc_profile": b"secret"}
    path = tmp_path / "a.png"
    save_marked(picture, path)
    again = PngImageFile(path)
    assert again.tobytes() == picture.tobytes()
    assert set(again.text) == {XMP_KEY} and b"secret" not in path.read_bytes()
    assert source_type(path.read_bytes()) == MADE_BY_MACHINE
    assert b"iTXt" + XMP_KEY.encode() in path.read_bytes()


def test_the_graph_goes_beside_the_mark(tmp_path):
    save_marked(noise(), tmp_path / "a.png", {"workflow": '{"nodes": []}'})
    again = PngImageFile(tmp_path / "a.png")
    assert again.text["workflow"] == '{"nodes": []}' and XMP_KEY in again.text


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_other_kinds_have_it_where_their_readers_look(kind, tmp_path):
    data = marked_bytes(noise(), kind, quality=80)
    assert source_type(data) == MADE_BY_MACHINE
    (tmp_path / "a").write_bytes(data)
    assert MADE_BY_MACHINE.encode() in Image.open(tmp_path / "a").info["xmp"]


def test_a_thumbnail_has_it():
    import base64

    data = base64.b64decode(thumbnail(noise())[THUMBNAIL].split(",")[1])
    assert source_type(data) == MADE_BY_MACHINE


def test_cells_and_pages_of_a_grid_have_it(tmp_path):
    import numpy as np

    made = plan(prompts="a", seeds="1", strengths="1")
    pixels = np.linspace(0, 1, 16 * 16 * 3).reshape(16, 16, 3)
    graph = graph_texts({"workflow": {"nodes": ["\u00e9"]}, "prompt": {"1": {}}, "base": "no"})
    cells = [grid.save_cell(tmp_path / "cells", cell.key, pixels, graph) for cell in made.cells]
    pages = grid.save_pages(made, tmp_path / "cells", tmp_path / "grids", graph)
    for path in (*cells, *pages):
        assert source_type(path.read_bytes()) == MADE_BY_MACHINE, path
        text = PngImageFile(path).text
        assert json.loads(text["workflow"]) == {"nodes": ["\u00e9"]} and text["prompt"]
        assert b"tEXtworkflow" in path.read_bytes()  # the kind of chunk that the page reads
    bare = grid.save_cell(tmp_path / "other", made.cells[0].key, pixels)
    assert bare.name == cells[0].name
    assert PngImageFile(bare).tobytes() == PngImageFile(cells[0]).tobytes()
    again = grid.save_pages(made, tmp_path / "cells", tmp_path / "grids", {"workflow": "other"})
    assert again == pages and "other" not in PngImageFile(pages[0]).text["workflow"]


def test_a_graph_that_is_not_known_is_left_out():
    assert graph_texts({"workflow": None, "prompt": {}}) == {}


def test_small_copies_have_it_where_the_picture_has_it(tmp_path):
    small = Thumbnails(tmp_path / "small", Contents())
    save_marked(noise(300), tmp_path / "made.png", {"workflow": "{}"})
    noise(300).save(tmp_path / "real.png")
    (tmp_path / "made.webp").write_bytes(marked_bytes(noise(), "WEBP"))
    (tmp_path / "none.png").write_text("no picture")
    assert source_type(small.of(tmp_path / "made.png", 192)) == MADE_BY_MACHINE
    assert source_type(small.of(tmp_path / "real.png", 192)) is None
    assert [is_marked(path) for path in sorted(tmp_path.glob("*.*"))] == [True, True, False, False]
