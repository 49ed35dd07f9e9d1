"""A judge for the demo's world: which attributes does a picture show, and is there a hat?

A small convolutional network trained on drawings alone (make_checker.py), never on what the base
makes. It sees pictures as 16 x 16 cells, the grid that the drawings sit on.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from .world import NEW, VALUES

WEIGHTS = Path(__file__).with_name("checker.safetensors")
CELLS = 16
HEADS: dict[str, tuple[str, ...]] = {**VALUES, NEW: ("no", "yes")}


class Checker(nn.Module):
    """Use `Checker.load()` and `read`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 48, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(48, 64, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(64, 96, 3, padding=1, stride=2),
            nn.GELU(),
            nn.Conv2d(96, 128, 3, padding=1, stride=2),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(128 * 16, 160),
            nn.GELU(),
        )
        self.head = nn.Linear(160, sum(len(values) for values in HEADS.values()))

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Checker":
        """The trained checker, in float32, on the CPU."""
        checker = cls()
        checker.load_state_dict({name: part.float() for name, part in load_file(path).items()})
        return checker.eval().requires_grad_(False)

    def forward(self, cells: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scores per attribute, [B, values], of pictures as cells, [B, 3, 16, 16] in 0..1."""
        scores = self.head(self.body(cells * 2 - 1))
        parts = scores.split([len(values) for values in HEADS.values()], dim=1)
        return dict(zip(HEADS, parts, strict=True))

    @torch.no_grad()
    def read(self, images: torch.Tensor) -> list[dict[str, str]]:
        """What each picture shows: attribute to value, `hat` ("yes" or "no") among them.

        `images`: [B, H, W, 3] in 0..1 (ComfyUI's IMAGE), square, of any size from 16.
        """
        scores = self(as_cells(images))
        best = {name: part.argmax(1).tolist() for name, part in scores.items()}
        return [
            {name: HEADS[name][places[row]] for name, places in best.items()}
            for row in range(len(images))
        ]


def as_cells(images: torch.Tensor) -> torch.Tensor:
    """[B, H, W, 3] to the means of 16 x 16 cells, float32 [B, 3, 16, 16]."""
    pictures = images.float().clamp(0, 1).movedim(-1, 1)
    return nn.functional.adaptive_avg_pool2d(pictures, CELLS)
