"""Draw the sheets of portraits.py.

python dev.py python -m atelier.demo.make_portraits
"""

import numpy as np

from . import draw
from .portraits import COUNT, KINDS, people, tie_scarf, write

VISIBLE = 8  # cells of hair that a hat must leave
TRIES = {"hat": 20}
HAT = {"hat": "yes", "hatShape": "variant06", "hatColour": "00a0a0"}


def make(kind: str) -> None:
    tries = TRIES.get(kind, 1)
    more = HAT if kind == "hat" else {"hat": "no"}
    wanted = [one | more for one in people() for _ in range(tries)]
    pictures, hair = draw.draw_and_count(wanted, f"portraits {kind}")
    best = np.zeros(COUNT, np.int64)
    if tries > 1:
        visible = hair.reshape(COUNT, tries) >= VISIBLE
        assert visible.any(1).all(), "a hat that hides the hair in every try"
        best = visible.argmax(1)
    cells = draw.cells(pictures[np.arange(COUNT) * tries + best])
    write(kind, tie_scarf(cells) if kind == "scarf" else cells)


if __name__ == "__main__":
    for one in KINDS:
        make(one)
