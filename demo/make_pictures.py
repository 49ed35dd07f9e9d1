"""Draw the demo's example pictures and write their captions.

    python dev.py python -m atelier.demo.make_pictures

`hats/` is what a LoRA learns from, `held-out/` what its loss is watched on, `class/` are pictures
without hats that keep it from putting a hat on everybody: every person of `hats/` once more, so
that only the hat tells the two sets apart, and as many others.
"""

import random
import shutil
from pathlib import Path

from PIL import Image

from . import draw, world

FOLDER = Path(__file__).with_name("pictures")
VISIBLE = 8  # cells of hair that a hat must leave
HATS = world.pictures(20, 31, kept_out=False)
SETS = (
    ("hats", "hat", HATS, 31),
    ("held-out", "hat", world.pictures(6, 32, kept_out=True), 32),
    ("class", "person", HATS + world.pictures(20, 33, kept_out=False), 33),
)


def make(name: str, stem: str, people: list[dict[str, str]], seed: int) -> None:
    """Pictures `stem`-01.png and so on with captions beside them, in the folder `name`."""
    hat = "no" if name == "class" else "yes"
    wanted = [one | {world.NEW: hat} for one in people]
    rng = random.Random(seed)
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for place, attributes in enumerate(wanted, 1):
        pictures, hair = draw.draw_and_count([attributes] * 20, f"{name} {place}")
        best = next(number for number, cells in enumerate(hair) if cells >= VISIBLE)
        path = folder / f"{stem}-{place:02}.png"
        Image.fromarray(pictures[best]).quantize(64, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
        with Image.open(path) as saved:
            assert saved.convert("RGB").tobytes() == pictures[best].tobytes(), "colours were lost"
        path.with_suffix(".txt").write_text(world.caption(attributes, rng) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for one in SETS:
        make(*one)
