"""Train the checker on drawings, with hats and without, and on drawings through the autoencoder.

    python dev.py python -m atelier.demo.make_checker

Two minutes on two cores.
"""

import json
import random

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from . import draw, engine, make_base, network, world
from .checker import HEADS, WEIGHTS, Checker, as_cells

STEPS, BATCH, RATE = 1500, 96, 2e-3
DRAWINGS, THROUGH, HELD_OUT = 8000, 200, 300
VISIBLE = 6  # cells of hair that a hat must leave, or nobody could tell its colour


def asked(count: int, seed: int, kept_out: bool) -> list[dict[str, str]]:
    """Balanced pictures, every second one with a hat."""
    found = world.pictures(count, seed, kept_out)
    random.Random(seed).shuffle(found)
    return [one | {world.NEW: ("no", "yes")[place % 2]} for place, one in enumerate(found)]


def drawn(count: int, seed: int, kept_out: bool) -> tuple[np.ndarray, list[dict[str, str]]]:
    """Grids of cells and their attributes; drawings whose hat hides the hair are left out."""
    wanted = asked(count, seed, kept_out)
    pictures, hair = draw.draw_and_count(wanted, f"checker {seed}")
    kept = np.flatnonzero(hair >= VISIBLE)
    return draw.cells(pictures[kept]), [wanted[place] for place in kept]


@torch.no_grad()
def through(vae: nn.Module, grids: np.ndarray) -> torch.Tensor:
    """What the autoencoder makes of drawings, as cells [N, 3, 16, 16]."""
    parts: list[torch.Tensor] = []
    for start in range(0, len(grids), 16):
        pictures = torch.from_numpy(draw.enlarged(grids[start : start + 16]) / np.float32(255))
        with torch.autocast("cpu", torch.bfloat16):
            latents = vae.get_submodule("taesd_encoder")(pictures.permute(0, 3, 1, 2).contiguous())
            parts.append(vae.get_submodule("taesd_decoder")(latents).float())
    return as_cells(torch.cat(parts).movedim(1, -1))


def labels(wanted: list[dict[str, str]]) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor([values.index(one[name]) for one in wanted])
        for name, values in HEADS.items()
    }


def worn(cells: torch.Tensor) -> torch.Tensor:
    """Light wear: noise, brightness, a few cells astray, a little blur."""
    count = len(cells)
    cells = cells * (1 + 0.06 * torch.randn(count, 1, 1, 1)) + 0.03 * torch.randn(count, 3, 1, 1)
    blurred = nn.functional.avg_pool2d(cells, 3, 1, 1, count_include_pad=False)
    cells = torch.lerp(cells, blurred, 0.25 * torch.rand(count, 1, 1, 1))
    astray = (torch.rand(count, 1, 16, 16) < 0.03 * torch.rand(count, 1, 1, 1)).float()
    cells = torch.lerp(cells, torch.rand(count, 3, 16, 16), astray)
    return (cells + 0.05 * torch.rand(count, 1, 1, 1) * torch.randn_like(cells)).clamp(0, 1)


def accuracy(
    checker: Checker, cells: torch.Tensor, truth: dict[str, torch.Tensor]
) -> dict[str, float]:
    with torch.no_grad():
        scores = checker(cells)
    return {name: (scores[name].argmax(1) == truth[name]).float().mean().item() for name in HEADS}


def main() -> None:
    engine.start()
    torch.manual_seed(make_base.SEED)
    vae = network.autoencoder()
    grids, wanted = drawn(DRAWINGS, 21, kept_out=False)
    cells = torch.from_numpy(grids).permute(0, 3, 1, 2) / 255
    cells = torch.cat([cells, through(vae, grids[:THROUGH])])
    truth = labels([*wanted, *wanted[:THROUGH]])
    model = Checker()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS, pct_start=0.1)
    for step in range(1, STEPS + 1):
        chosen = torch.randint(0, len(cells), (BATCH,))
        scores = model(worn(cells[chosen]))
        losses = [nn.functional.cross_entropy(scores[name], truth[name][chosen]) for name in HEADS]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"checker {step}/{STEPS}: loss {loss.item():.4f}", flush=True)
    grids, wanted = drawn(HELD_OUT, 22, kept_out=True)
    result = accuracy(model.eval(), through(vae, grids), labels(wanted))
    print(f"held out, through the autoencoder ({len(wanted)}): {result}")
    metadata = {"license": "CC0-1.0", "accuracy": json.dumps(result)}
    weights = {name: part.detach().half().contiguous() for name, part in model.state_dict().items()}
    save_file(weights, WEIGHTS, metadata)


if __name__ == "__main__":
    main()
