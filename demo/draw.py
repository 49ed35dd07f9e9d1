"""Draw portraits with exact attributes: DiceBear in Node for the drawing, resvg for the pixels.

Needed only to make the demo base and its pictures again (requirements-make.txt, Node 18 or newer).
"""

import io
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import resvg_py  # pyright: ignore[reportMissingImports] - requirements-make.txt brings it
from PIL import Image

from .world import Attributes

PACKAGES = ("@dicebear/core@9.4.3", "@dicebear/pixel-art@9.4.3")
SIDE = 128
CELLS = 16


def work_folder() -> Path:
    """Where the making leaves its packages and half-done work; safe to delete."""
    home = os.environ.get("ATELIER_DEV")
    folder = (Path(home) if home else Path(__file__).resolve().parent.parent / ".dev") / "making"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def drawings(asked: Sequence[Attributes], seed: str) -> list[tuple[str, str]]:
    """SVG and hair colour (#rrggbb) for each set of attributes; what they do not name is random."""
    parts = work_folder()
    if not (parts / "node_modules" / "@dicebear" / "pixel-art").is_dir():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(parts), *PACKAGES],
            check=True,
        )
    orders = [dict(one) | {"seed": f"{seed} {place}"} for place, one in enumerate(asked)]
    answer = subprocess.run(
        ["node", str(Path(__file__).with_name("draw.mjs"))],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"ATELIER_PARTS": str(parts)},
    )
    return [(one["svg"], one["extra"]["hairColor"]) for one in json.loads(answer.stdout)]


def draw(asked: Sequence[Attributes], seed: str) -> np.ndarray:
    """Pictures of `asked`, uint8 [N, 128, 128, 3]."""
    return draw_and_count(asked, seed)[0]


def draw_and_count(asked: Sequence[Attributes], seed: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, and how many cells of each show hair (a hat may hide most of it), int [N]."""
    result = np.empty((len(asked), SIDE, SIDE, 3), np.uint8)
    hair = np.zeros(len(asked), np.int64)
    for place, (svg, colour) in enumerate(drawings(asked, seed)):
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
        with Image.open(io.BytesIO(png)) as picture:
            result[place] = np.asarray(picture.convert("RGB"))
        is_hair = cells(result[place : place + 1])[0] == tuple(bytes.fromhex(colour[1:]))
        hair[place] = is_hair.all(axis=-1).sum()
    return result, hair


def cells(pictures: np.ndarray) -> np.ndarray:
    """The 16 x 16 grid behind each drawing, uint8 [N, 16, 16, 3]; the drawing is this, enlarged."""
    step = SIDE // CELLS
    grid = pictures[:, step // 2 :: step, step // 2 :: step]
    assert (enlarged(grid) == pictures).all(), "a drawing that does not sit on the grid"
    return grid


def enlarged(grid: np.ndarray) -> np.ndarray:
    """The drawing that a grid of cells stands for: [..., 16, 16, 3] to [..., 128, 128, 3]."""
    return grid.repeat(SIDE // CELLS, -3).repeat(SIDE // CELLS, -2)
