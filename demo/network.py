"""The demo base's two networks, made of ComfyUI's own module classes with weights from a seed.

`engine.start()` must have run. ComfyUI's classes leave their weights unset, since it always loads
them; here they are set as their papers say.
"""

import importlib
import math

import torch
from torch import nn

DEPTH = 3
WIDTH = 64 * DEPTH  # ComfyUI reads the depth off the width
LATENT_CHANNELS = 16
TEXT_WIDTH = 768  # what the text tower fills of the 4096 (context) and 2048 (pooled) that SD3 has
GRID = 64  # positions in each direction: pictures up to 64 x 16 = 1024 px


@torch.no_grad()
def autoencoder() -> nn.Module:
    """TAESD with 16 channels (`taesd_encoder`, `taesd_decoder`), begun as a plain average.

    The first three features carry the colours through: the encoder begins as the mean of 8 x 8
    pixels put through a random mixing into 16 channels, the decoder as its inverse enlarged, and
    every residual block as the identity. From the usual random start the same training takes many
    times longer.
    """
    module = importlib.import_module("comfy.taesd.taesd")
    network: nn.Module = module.TAESD(latent_channels=LATENT_CHANNELS)
    spread = nn.functional.normalize(torch.randn(LATENT_CHANNELS, 3)) * 3.5  # colours vary by 0.3
    back = torch.linalg.pinv(spread)
    for name, part in network.named_modules():
        if not isinstance(part, nn.Conv2d):
            continue
        nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5))
        if part.bias is not None:
            nn.init.zeros_(part.bias)
        if name.endswith("conv.4"):  # the last of a residual block
            nn.init.zeros_(part.weight)
            continue
        nn.init.zeros_(part.weight[:3])
        side = slice(1, 3) if part.stride[0] == 2 else slice(1, 2)
        share = 1 / 4 if part.stride[0] == 2 else 1.0
        if name.endswith(".conv.0") or name.endswith(".conv.2"):
            nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5))
        elif part.out_channels == LATENT_CHANNELS:
            nn.init.zeros_(part.weight)
            part.weight[:, :3, 1, 1] = spread
            part.bias.copy_(-spread.sum(1) / 2)
        elif part.in_channels == LATENT_CHANNELS:
            part.weight[:3, :, 1, 1] = back
            part.bias[:3] = 0.5
        else:
            for colour in range(3):
                part.weight[colour, colour, side, side] = share
    return network


@torch.no_grad()
def mmdit() -> nn.Module:
    """SD3's MMDiT, depth 3, for contexts of 768; adaLN-zero start (Peebles and Xie, 2023)."""
    module = importlib.import_module("comfy.ldm.modules.diffusionmodules.mmdit")
    operations = importlib.import_module("comfy.ops").disable_weight_init
    network: nn.Module = module.OpenAISignatureMMDITWrapper(
        input_size=None,
        patch_size=2,
        in_channels=LATENT_CHANNELS,
        depth=DEPTH,
        adm_in_channels=TEXT_WIDTH,
        context_embedder_config={
            "target": "torch.nn.Linear",
            "params": {"in_features": TEXT_WIDTH, "out_features": WIDTH},
        },
        num_patches=GRID * GRID,
        pos_embed_max_size=GRID,
        pos_embed_scaling_factor=None,
        qk_norm="rms",
        dtype=torch.float32,
        operations=operations,
    )
    for name, part in network.named_modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
            if "adaLN_modulation" in name or name == "final_layer.linear":
                nn.init.zeros_(part.weight)
        elif isinstance(part, nn.Conv2d):
            nn.init.xavier_uniform_(part.weight.view(len(part.weight), -1))
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif getattr(part, "weight", None) is not None:
            nn.init.ones_(part.weight)  # the norms of queries and keys
    network.get_buffer("pos_embed").copy_(positions())
    return network


def positions() -> torch.Tensor:
    """Sines and cosines of row and column, [1, 4096, 192]; whole numbers, not scaled."""
    rates = 1000.0 ** -(torch.arange(WIDTH // 4, dtype=torch.float64) / (WIDTH // 4))
    angles = torch.arange(GRID, dtype=torch.float64)[:, None] * rates
    line = torch.cat([angles.sin(), angles.cos()], 1)
    columns = line[None].expand(GRID, GRID, -1)
    rows = line[:, None].expand(GRID, GRID, -1)
    return torch.cat([columns, rows], -1).reshape(1, GRID * GRID, WIDTH).float()
