"""The folder that the dataset page's routes are asked about.

pytest reads this file before ComfyUI is started: what needs it is imported in the fixture.
"""

import shutil

import pytest

from atelier.tests.curation.conftest import scene


@pytest.fixture
def cats(comfy_base):
    """A folder in the input folder: a.png, b/c.jpg with captions, d.webp without, all upright."""
    from atelier.training.host.folders import cache, records

    folder = comfy_base / "input" / "cats"
    shutil.rmtree(folder, ignore_errors=True)
    for place in (records() / "curation", records() / "captions", cache()):
        shutil.rmtree(place, ignore_errors=True)
    (folder / "b").mkdir(parents=True)
    scene(1).save(folder / "a.png")
    scene(2, 400, 200).save(folder / "b" / "c.jpg")
    scene(3).save(folder / "d.webp")
    (folder / "a.txt").write_bytes(b"a cat,  on a sofa\r\n")
    (folder / "b" / "c.caption").write_text("ein Kätzchen", encoding="utf-8")
    return folder
