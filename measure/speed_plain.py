"""The ordinary loop over diffusers' network with peft, as diffusers' own LoRA scripts have it.

The same architecture, weights and layers as ours. Latents and text are on the device, the LoRA is
fp32, the network runs under autocast, the gradient is clipped, the loss is read in every step.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher
from diffusers.optimization import get_scheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.training_utils import cast_training_params
from peft import LoraConfig
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_

from ..tests import peers
from ..training.adapters.adapter import trainable
from ..training.adapters.targets import choose
from ..training.config import make_config
from .speed_job import RANK, RATE, Job, Stopwatch, data
from .speed_shapes import Shape

BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}


@dataclass(frozen=True)
class Loaded:
    """A diffusers network and its data: latents `[N, C, H, W]` in the model's scale, on the device.

    `layers` are its names, by our name for targets, of the layers that we train. `shift` is that of
    a flow model's noise levels, None for a model that predicts the noise.
    """

    peer: peers.Peer
    latents: Tensor
    text: peers.Text
    layers: dict[str, list[str]]
    shift: float | None


@dataclass(frozen=True)
class Loop:
    """What the loop is asked. `tell(step, steps)` is called after every step."""

    steps: int
    tell: Callable[[int, int], None]
    batch_size: int = 1
    rate: float = RATE
    schedule: str = "cosine"
    compute: torch.dtype | None = torch.bfloat16


def load(shape: Shape) -> Loaded:
    wired = shape.load()
    random = data(wired, shape)
    device = management.get_torch_device()
    peer = peers.build(wired)
    peer.network.to(device, shape.weights)
    layers = {targets: layers_of(peer, wired, targets) for targets in ("all", "attention")}
    text = peers.Text(random.text.tokens.to(device), random.text.pooled.to(device))
    shift = 1.0 if type(wired.model).__name__ == "Flux" else None
    return Loaded(peer, random.latents.to(device), text, layers, shift)


def layers_of(peer: peers.Peer, wired: ModelPatcher, targets: str) -> list[str]:
    """Those of the diffusers network's layers that are, or are part of, layers that we train."""
    every = trainable(wired.model.diffusion_model, make_config(targets=targets))
    ours = set(choose(every, targets))
    return [layer for layer, (whole, _) in peer.rows.items() if whole in ours]


def train(loaded: Loaded, job: Job, steps: int) -> float:
    """Seconds of a step, over `steps` of them."""
    network = loaded.peer.network
    parameters = add_lora(network, loaded.layers[job.targets])
    network.train()
    if job.checkpointing == "block":
        network.enable_gradient_checkpointing()
    watch = Stopwatch()
    try:
        loop(loaded, parameters, Loop(steps + 1, watch.tell, job.batch_size))
    finally:
        network.disable_gradient_checkpointing()
        network.delete_adapters("default")
    return watch.seconds


def add_lora(network: Any, layers: Sequence[str]) -> list[nn.Parameter]:
    """Its parameters, in fp32; everything else is frozen."""
    names = "|".join(map(re.escape, layers))
    network.requires_grad_(False)
    network.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=f"({names})"))
    cast_training_params(network)
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def loop(loaded: Loaded, parameters: Sequence[nn.Parameter], asked: Loop) -> None:
    optimizer = torch.optim.AdamW(parameters, lr=asked.rate, weight_decay=0.01)
    schedule = get_scheduler(
        asked.schedule, optimizer, num_warmup_steps=0, num_training_steps=asked.steps
    )
    noises = DDPMScheduler(**BETAS)
    device = loaded.latents.device
    for step in range(1, asked.steps + 1):
        numbers = torch.randperm(len(loaded.latents), device=device)[: asked.batch_size]
        x0 = loaded.latents[numbers]
        text = peers.Text(loaded.text.tokens[numbers], loaded.text.pooled[numbers])
        noise = torch.randn_like(x0)
        if loaded.shift:
            even = torch.randn(len(x0), device=device).sigmoid()
            time = loaded.shift * even / (1 + (loaded.shift - 1) * even)
            sigma = time.view(-1, 1, 1, 1)
            x_t, target = (1 - sigma) * x0 + sigma * noise, noise - x0
        else:
            time = torch.randint(0, 1000, (len(x0),), device=device)
            x_t, target = noises.add_noise(x0, noise, time), noise  # pyright: ignore
        with torch.autocast(device.type, asked.compute) if asked.compute else nullcontext():
            predicted = _predict(loaded, x_t, time, text)
        loss = mse_loss(predicted.float(), target.float())
        loss.backward()
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss.detach().item()
        asked.tell(step, asked.steps)


def _predict(loaded: Loaded, x_t: Tensor, time: Tensor, text: peers.Text) -> Tensor:
    if loaded.shift:
        return loaded.peer(x_t, time, text)
    sizes = [[peers.SIZE, peers.SIZE, 0, 0, peers.SIZE, peers.SIZE]] * len(x_t)
    added = {"text_embeds": text.pooled, "time_ids": torch.tensor(sizes, device=x_t.device)}
    return loaded.peer.network(x_t, time, text.tokens, added_cond_kwargs=added).sample
