"""Train the demo base's autoencoder on grids of flat cells: portraits, recoloured, and plain noise."""

import copy
import time

import numpy as np
import torch
from torch import nn

from . import draw, network

STEPS = 500
BATCH = 8
WINDOW = 8  # cells: crops of 64 px
RATE = 1e-3
NOISE = 0.2  # put on latents before decoding, so that the decoder bears what sampling leaves


def batch(grids: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Crops of portraits, half of them recoloured, a quarter replaced by random cells.

    Returns [BATCH, 3, 64, 64] in 0..1.
    """
    crops = np.empty((BATCH, WINDOW, WINDOW, 3), np.float32)
    for place in range(BATCH):
        top, left = rng.integers(0, draw.CELLS - WINDOW + 1, 2)
        crop = grids[rng.integers(len(grids)), top : top + WINDOW, left : left + WINDOW] / 255
        if place % 4 == 3:
            crop = rng.random((6, 3))[rng.integers(0, 6, (WINDOW, WINDOW))]
        elif place % 2:
            crop = crop[..., rng.permutation(3)] * rng.uniform(0.5, 1)
            crop = 1 - crop if rng.random() < 0.3 else crop
        crops[place] = crop
    return torch.from_numpy(draw.enlarged(crops)).permute(0, 3, 1, 2).contiguous()


def train(grids: np.ndarray, seed: int, steps: int = STEPS) -> tuple[nn.Module, dict[str, float]]:
    """The trained autoencoder, in float32, and figures about it.

    Its `vae_scale` and `vae_shift` are set so that latents have mean 0 and deviation 1 after SD3's
    `process_in`, which is (latent - 0.0609) * 1.5305.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network.autoencoder().to(memory_format=torch.channels_last)
    encoder, decoder = model.get_submodule("taesd_encoder"), model.get_submodule("taesd_decoder")
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    began = time.monotonic()
    error = torch.zeros(())
    for step in range(1, steps + 1):
        pictures = batch(grids, rng).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents = encoder(pictures)
            noise = torch.randn_like(latents) * NOISE * torch.rand(BATCH, 1, 1, 1)
            back = decoder(latents + noise).float()
        latents = latents.float()
        error = (back - pictures).abs().mean()
        spread = (latents.std((0, 2, 3)) - 1).square() + latents.mean((0, 2, 3)).square()
        loss = error + 2 * (back - pictures).square().mean() + 0.05 * spread.mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            took = (time.monotonic() - began) / step
            print(f"autoencoder {step}/{steps}: error {error.item():.4f}, {took:.2f} s a step", flush=True)
    settle(model, grids[:64])
    return model, {"autoencoder_steps": steps, "autoencoder_error": round(error.item(), 5)}


@torch.no_grad()
def encode(model: nn.Module, grids: np.ndarray) -> torch.Tensor:
    """Grids of cells [N, 16, 16, 3] to the encoder's own latents, float32 [N, 16, 16, 16].

    Few at a time and in bfloat16: what fits the processor's cache is three times as fast.
    """
    encoder = copy.deepcopy(model.get_submodule("taesd_encoder")).bfloat16()
    parts: list[torch.Tensor] = []
    for start in range(0, len(grids), 4):
        pictures = torch.from_numpy(draw.enlarged(grids[start : start + 4]) / np.float32(255))
        pictures = pictures.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        parts.append(encoder(pictures.bfloat16()).float())
        if start % 1000 == 0:
            print(f"encoded {start}/{len(grids)}", flush=True)
    return torch.cat(parts)


@torch.no_grad()
def settle(model: nn.Module, grids: np.ndarray) -> None:
    """Set `vae_scale` and `vae_shift` from the spread of real latents."""
    deviation = encode(model, grids).std()
    model.get_parameter("vae_scale").fill_(deviation * 1.5305)
    model.get_parameter("vae_shift").fill_(0.0609)
