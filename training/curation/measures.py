"""What can be measured in the pixels of one picture, with numpy alone.

All of it is measured in the picture as it would be trained on: bytes `[height, width, 3]`, scaled
down to the resolution of the training and never up.
"""

from dataclasses import dataclass

import numpy as np

LEAST = 32  # pixels of a side: less has nothing to measure
TILE = 16  # pixels
_PLAIN = 14  # levels of 255 that a plain border may differ by, after JPEG
_SMALL_STEP = 2  # levels
_MOST_STEP = 12  # levels: edges of what is drawn count no more than this as a step between blocks


@dataclass(frozen=True)
class Measures:
    """Numbers that say what may be wrong with one picture.

    `sharpness`: how steep the steepest edges are beside those of the halved picture, 0.5 where none
    is sharp, about 0.9 where they are. `noise`: levels of 255 in the calm parts. `blocks`: levels
    that steps between JPEG's blocks of 8 x 8 exceed others by. `brightest`, `darkest`: the levels
    that hardly anything that is drawn lies above or below. `border`: the largest plain band at an
    edge, as a share of the side.
    """

    sharpness: float
    noise: float
    blocks: float
    brightest: float
    darkest: float
    border: float


def measure(pixels: np.ndarray) -> Measures | None:
    """The measures of a picture; what lies in plain borders is left out of the others.

    None where there is nothing to measure: less than `LEAST` pixels, or one colour. A picture that
    is drawn in cells, as pixel art is, has sharp edges and no blocks or borders but its own.
    """
    grey = luma(pixels)
    if min(grey.shape) < LEAST or not np.ptp(grey):
        return None
    if in_cells(grey):
        return Measures(1.0, noise(grey), 0.0, *exposure(grey), 0.0)
    height, width = grey.shape
    (top, bottom), (left, right) = borders(pixels)
    inside = grey[top : height - bottom, left : width - right]
    if min(inside.shape) < LEAST:
        return None
    border = round(max(top / height, bottom / height, left / width, right / width), 4)
    return Measures(sharpness(inside), noise(inside), blocks(inside), *exposure(inside), border)


def luma(pixels: np.ndarray) -> np.ndarray:
    """Brightness in levels of 255, int16 `[height, width]`."""
    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(np.int16)


def _percentile(levels: np.ndarray, share: float) -> float:
    """The level that `share` of whole numbers from 0 on stay below, with the part between."""
    counted = np.cumsum(np.bincount(levels.ravel()))
    wanted = share * counted[-1]
    level = int(np.searchsorted(counted, wanted))
    before = counted[level - 1] if level else 0
    return level + float((wanted - before) / max(1, counted[level] - before)) - 0.5


def sharpness(grey: np.ndarray) -> float:
    """How much of the steepest steps comes from within two pixels.

    An edge that is sharp is as steep in the halved picture; one that was blurred, or scaled up, is
    twice as steep there. The steepest count, so that a picture with one sharp thing is sharp.
    """
    height, width = (side // 2 * 2 for side in grey.shape)
    even = grey[:height, :width]
    halved = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return round(4 * _steepest(grey, 2) / max(4.0, _steepest(halved, 8)), 4)


def _steepest(grey: np.ndarray, least: int) -> float:
    """The step between neighbours that one in 200 exceeds, of those of at least `least`.

    What is plain is left out, so that a small thing on a wide background counts as a large one.
    """
    across, down = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(grey, axis=0))
    steps = np.concatenate([across[across >= least], down[down >= least]])
    return _percentile(steps, 0.995) if steps.size > 50 else float(least)


def noise(grey: np.ndarray) -> float:
    """Standard deviation of the noise in the calmest tenth of the picture.

    J. Immerkaer, "Fast Noise Variance Estimation", 1996: a mask that sees neither plains nor edges.
    Tiles near black and white are left out, where noise is cut off, and so are wholly plain ones.
    """
    down = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    seen = np.abs(down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:])
    deviation = _tiles(seen) * np.sqrt(np.pi / 2) / 6
    level = _tiles(grey[1:-1, 1:-1])
    found = deviation[(deviation > 0.05) & (level > 12) & (level < 243)]
    return round(float(np.percentile(found, 10)), 4) if found.size >= 8 else 0.0


def _tiles(values: np.ndarray) -> np.ndarray:
    """The mean of every whole tile, float64."""
    rows, columns = (side // TILE for side in values.shape)
    cut = values[: rows * TILE, : columns * TILE]
    return cut.reshape(rows, TILE, columns, TILE).mean((1, 3), dtype=np.float64)


def blocks(grey: np.ndarray) -> float:
    """How much larger every eighth step is than any other, wherever the blocks begin."""
    return round((_eighths(grey) + _eighths(grey.T)) / 2, 4)


def _eighths(grey: np.ndarray) -> float:
    steps = np.minimum(np.abs(np.diff(grey, axis=1)), _MOST_STEP)
    above = (2 * steps[:, 1:-1] - steps[:, :-2] - steps[:, 2:]) / np.float32(2)
    weight = np.repeat(np.repeat(_drawn(grey, 32), 32, 0), 32, 1)[:, 1:]
    rows, columns = (min(sides) for sides in zip(above.shape, weight.shape, strict=True))
    columns -= columns % 8
    weight = weight[:rows, :columns]
    many = weight.sum(0)
    profile = (above[:rows, :columns] * weight).sum(0) / np.maximum(1, many)
    told = (many >= TILE).reshape(-1, 8).all(1)
    if not told.any():
        return 0.0
    phases = np.sort(np.median(profile.reshape(-1, 8)[told], axis=0))
    return float(phases[-1] - phases[-2])


def in_cells(grey: np.ndarray) -> bool:
    """Whether nothing changes but at every eighth step: pixel art that was enlarged."""
    for lines in (grey, grey.T):
        steps = np.abs(np.diff(lines, axis=1)) > _SMALL_STEP
        steps = steps[:, : steps.shape[1] // 8 * 8].reshape(len(steps), -1, 8).mean((0, 1))
        phases = np.sort(steps)
        if phases[-2] > 0.002:
            return False
    return True


def _drawn(grey: np.ndarray, size: int) -> np.ndarray:
    """Of the whole tiles of `size` pixels, those in which something changes."""
    rows, columns = (side // size for side in grey.shape)
    tiles = grey[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return tiles.max((1, 3)) - tiles.min((1, 3)) > 1


def exposure(grey: np.ndarray) -> tuple[float, float]:
    """The brightest and the darkest level of what is drawn, a few pixels of each left out.

    A plain background says nothing of the light, so tiles in which nothing changes are left out.
    """
    rows, columns = (side // 8 for side in grey.shape)
    tiles = grey[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    drawn = tiles.max((1, 3)) - tiles.min((1, 3)) > 1
    told = tiles.transpose(0, 2, 1, 3)[drawn] if drawn.mean() > 0.02 else grey
    return round(_percentile(told, 0.99), 2), round(_percentile(told, 0.05), 2)


def borders(pixels: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Lines of plain border at (top, bottom), (left, right); 0 where there is none.

    Bands are of one colour, which the picture itself hardly has: what stands before a plain
    background is not framed by it.
    """
    height, width = pixels.shape[:2]
    upright = _bands(pixels)
    between = pixels[upright[0] : height - upright[1]]  # of a frame, the sides of what is inside
    lying = _bands(between.transpose(1, 0, 2))
    inside = between[:, lying[0] : width - lying[1]]
    if not inside.size:
        return (0, 0), (0, 0)
    edges = ((pixels[0], pixels[-1]), (between[:, 0], between[:, -1]))
    first, second = (
        bands if any(bands) and _foreign(inside, ends[not bands[0]]) else (0, 0)
        for bands, ends in zip((upright, lying), edges, strict=True)
    )
    return first, second


def _foreign(inside: np.ndarray, edge: np.ndarray) -> bool:
    """Whether the picture hardly has the colour of an edge."""
    return bool((_apart(inside, np.median(edge, axis=0)) < _PLAIN).mean() < 0.3)


def _bands(lines: np.ndarray) -> tuple[int, int]:
    """Bands of one colour across from each other, or one alone that ends all the straighter."""
    (first, one), (last, other) = _band(lines), _band(lines[::-1])
    ends = np.median(lines[[0, -1]], axis=1)
    if first and last and _apart(ends[0], ends[1]) < _PLAIN:
        return first, last
    if max(one, other) < 0.7:
        return 0, 0
    return (first, 0) if one >= other else (0, last)


def _band(lines: np.ndarray) -> tuple[int, float]:
    """How many plain lines there are, and along what share of their edge the picture begins.

    That is half at least, or there is no band.
    """
    colour = np.median(lines[0], axis=0)
    for number in range(len(lines) * 9 // 20):
        if (_apart(lines[number], colour) < _PLAIN).mean() < 0.97:
            break
    else:
        return 0, 0.0
    straight = float((_apart(lines[number + 2], colour) > 20).mean())
    return (number, straight) if number >= 2 and straight > 0.5 else (0, 0.0)


def _apart(colours: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """How far colours `[…, 3]` are from one, in the channel that differs most."""
    return np.abs(colours.astype(np.int16) - colour.astype(np.int16)).max(-1)
