"""What a picture is like, in numbers that need no model: colours, plains, edges and texture.

Each part is a histogram, as square roots: the distance of two such is Hellinger's. It tells kinds
of pictures apart, photographs from drawings say, and finds a picture again that was mirrored or
cut. It knows nothing of what is shown.
"""

import numpy as np
from PIL import Image

NAME = "classical features 1"  # another number where anything below is made otherwise
SIDE = 96  # pixels: what is looked at is a square of that side
_GRID, _WAYS = 3, 8  # cells across, and directions of edges
_RANGES = (1.5, 4, 8, 16, 32, 64, 128)  # levels


def features(picture: Image.Image) -> np.ndarray:
    """About 150 numbers from 0 to 1 of an RGB picture, float32."""
    page = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = np.asarray(page)
    grey = pixels.mean(-1, dtype=np.float32)
    parts = [
        0.7 * _hues(np.asarray(page.convert("HSV"))),
        0.5 * _few_colours(pixels),
        _plains(grey),
        _texture(grey),
        0.7 * _edges(grey),
    ]
    return np.concatenate(parts).astype(np.float32)


def _shares(numbers: np.ndarray, kinds: int) -> np.ndarray:
    return np.sqrt(np.bincount(numbers.ravel(), minlength=kinds) / numbers.size)


def _hues(hsv: np.ndarray) -> np.ndarray:
    """Greys by four levels, and 8 hues, each at 3 strengths, dark and light."""
    hue, strength, level = (hsv[..., channel].astype(np.int64) for channel in range(3))
    strong = np.digitize(strength, [32, 96, 176])
    own = 4 + ((strong - 1) * 8 + hue // 32) * 2 + (level >= 128)
    return _shares(np.where(strong == 0, level // 64, own), 52)


def _few_colours(pixels: np.ndarray) -> np.ndarray:
    """What the commonest 1, 8 and 64 colours cover, and how many there are."""
    levels = pixels.astype(np.int64) >> 3
    found = np.bincount((levels[..., 0] * 1024 + levels[..., 1] * 32 + levels[..., 2]).ravel())
    found = np.sort(found[found > 0])[::-1]
    covered = [found[:most].sum() / found.sum() for most in (1, 8, 64)]
    return np.sqrt([*covered, min(1.0, len(found) / 4000)])


def _plains(grey: np.ndarray) -> np.ndarray:
    """How much changes within 3 x 3 pixels: drawings have plains, photographs have none."""
    seen = np.lib.stride_tricks.sliding_window_view(grey, (3, 3))
    return _shares(np.digitize(seen.max((2, 3)) - seen.min((2, 3)), _RANGES), 8)


def _texture(grey: np.ndarray) -> np.ndarray:
    """Local binary patterns that are uniform (Ojala et al., 2002), by how many are brighter."""
    around = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
    inner = SIDE - 2
    middle = grey[1:-1, 1:-1] + 2
    brighter = np.stack([grey[y : y + inner, x : x + inner] > middle for y, x in around])
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(0)
    return _shares(np.where(changes <= 2, brighter.sum(0), 9), 10)


def _edges(grey: np.ndarray) -> np.ndarray:
    """Which way edges go in each cell of a grid (Dalal and Triggs, 2005), of all edges.

    With those of the mirrored picture: both have the same.
    """
    down, across = np.gradient(grey)
    way = (np.arctan2(down, across) % np.pi / np.pi * _WAYS).astype(np.int64) % _WAYS
    cell = np.arange(SIDE) * _GRID // SIDE
    number = (cell[:, None] * _GRID + cell) * _WAYS + way
    steep = np.bincount(number.ravel(), np.hypot(down, across).ravel(), _GRID * _GRID * _WAYS)
    cells = steep.reshape(_GRID, _GRID, _WAYS)
    cells = cells + cells[:, ::-1, ::-1]
    return np.sqrt(cells.ravel() / max(cells.sum(), 1e-3))
