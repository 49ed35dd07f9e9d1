"""The demo base's two networks, made of ComfyUI's own module classes with weights from a seed.

`engine.start()` must have run. ComfyUI's classes leave their weights unset, since it always loads
them; here they are set as their papers say.
"""

import importlib

import torch
from torch import nn

from . import tower

DEPTH = 3
WIDTH = 64 * DEPTH  # ComfyUI reads the depth off the width
LATENT_CHANNELS = 16
TEXT_WIDTH = 768  # what the text tower fills of the 4096 (context) and 2048 (pooled) that SD3 has
DEVIATION = 0.09  # of the mixed colours, over the drawings
SD3_SCALE, SD3_SHIFT = 1.5305, 0.0609  # SD3's latents are (latent - shift) * scale
GRID = 64  # positions in each direction: pictures up to 64 x 16 = 1024 px


@torch.no_grad()
def autoencoder() -> nn.Module:
    """TAESD with 16 channels (`taesd_encoder`, `taesd_decoder`), written down, not trained.

    The drawings sit on cells of 8 x 8 pixels, which is what one latent stands for. So the encoder
    is the mean of each cell, its three colours mixed into 16 channels (`encode` is the same in one
    line), and the decoder the way back, enlarged. The first three features carry the colours;
    every residual block is the identity, and all else is zero. It is exact for what sits on the
    grid, and blurs what does not to cells.
    """
    module = importlib.import_module("comfy.taesd.taesd")
    network: nn.Module = module.TAESD(latent_channels=LATENT_CHANNELS)
    for name, part in network.named_modules():
        if not isinstance(part, nn.Conv2d):
            continue
        nn.init.zeros_(part.weight)
        if part.bias is not None:
            nn.init.zeros_(part.bias)
        if ".conv." in name:  # inside a residual block
            continue
        if part.out_channels == LATENT_CHANNELS:
            part.weight[:, :3, 1, 1] = mixing()
            part.get_parameter("bias").copy_(-mixing().sum(1) / 2)
        elif part.in_channels == LATENT_CHANNELS:
            part.weight[:3, :, 1, 1] = torch.linalg.pinv(mixing())
            part.get_parameter("bias")[:3] = 0.5
        else:
            halves = part.stride[0] == 2
            side, share = (slice(1, 3), 0.25) if halves else (slice(1, 2), 1.0)
            for colour in range(3):
                part.weight[colour, colour, side, side] = share
    network.get_parameter("vae_scale").fill_(DEVIATION * SD3_SCALE)
    network.get_parameter("vae_shift").fill_(SD3_SHIFT)
    return network


def mixing() -> torch.Tensor:
    """How three colours become 16 channels, [16, 3]; small, so that TAESD's tanh bends nothing."""
    raw = torch.from_numpy(tower.signs(tower.SEED + 2, LATENT_CHANNELS, 3 * 32)).float()
    return 0.3 * nn.functional.normalize(raw.view(LATENT_CHANNELS, 3, 32).sum(-1) + 0.5)


def encode(cells: torch.Tensor) -> torch.Tensor:
    """Cells [N, 16, 16, 3] in 0..1 to what the diffusion model sees, [N, 16, 16, 16], deviation 1.

    The same as the encoder and SD3's `process_in` on the drawing that the cells stand for.
    """
    return torch.einsum("nhwc,kc->nkhw", cells - 0.5, mixing()) / DEVIATION


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
        elif isinstance(getattr(part, "weight", None), nn.Parameter):
            nn.init.ones_(part.get_parameter("weight"))  # the norms of queries and keys
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
