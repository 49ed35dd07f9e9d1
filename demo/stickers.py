"""Things of any kind that portraits may wear, for an encoder that shall see what has no word.

A LoRA teaches a thing that no encoder was told of. One that has seen many of them, on many people,
keeps what pictures have in common, as an encoder of natural pictures does (Khosla et al. 2020,
"Supervised contrastive learning").
"""

import numpy as np

CELLS = 16
TALLEST, WIDEST = 6, 10
UPRIGHT = 0.3  # of the things are taller than wide


def stickers(count: int, dice: np.random.Generator) -> np.ndarray:
    """Colours and cover, float32 `[count, 4, CELLS, CELLS]` in 0..1: patches of one colour or two,
    of some shape, somewhere.
    """
    return np.stack([_sticker(dice) for _ in range(count)])


def _sticker(dice: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:CELLS, :CELLS]
    high, wide = dice.integers(1, TALLEST + 1), dice.integers(2, WIDEST + 1)
    if dice.random() < UPRIGHT:
        high, wide = wide, high
    y, x = y - dice.integers(0, CELLS - high + 1), x - dice.integers(0, CELLS - wide + 1)
    box = (y >= 0) & (y < high) & (x >= 0) & (x < wide)
    rim = max(1, min(high, wide) // 3)
    round_ = ((2 * y - high + 1) / high) ** 2 + ((2 * x - wide + 1) / wide) ** 2 <= 1.05
    corner = (y >= high // 2) & (x < wide // 2)
    inside = (y >= rim) & (y < high - rim) & (x >= rim) & (x < wide - rim)
    shapes = box, box & round_, box & ~corner, box & ~inside
    patterns = np.zeros_like(y), y % 2, x % 2, (x + y) % 2, (y > high // 2).astype(y.dtype)
    cover, pattern = shapes[dice.integers(4)], patterns[dice.integers(5)]
    first, second = dice.random((2, 3, 1, 1))
    colours = np.where(pattern == 0, first, second)
    return np.concatenate([colours, cover[None]]).astype(np.float32)
