"""ComfyUI's own TrainLoraNode, executed in inference mode as ComfyUI executes it."""

from collections.abc import Sequence
from typing import Any

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_train import TrainLoraNode

from ..training.host.family import ADDS_IN_PLACE
from .speed_job import COMPUTE, RANK, RATE, Job, Stopwatch, data, progress_to
from .speed_shapes import Shape


def load(shape: Shape) -> ModelPatcher:
    """Helped, where a ComfyUI older than 0.14 fails in backward: on Flux.

    Its blocks add in place to what their norms have kept. The cure is ours, so that there is
    something to compare with.
    """
    wired = shape.load()
    if not hasattr(management, "in_training"):
        for block in wired.model.diffusion_model.modules():
            if isinstance(block, ADDS_IN_PLACE):
                for norm in block.modules():
                    if isinstance(norm, torch.nn.LayerNorm):
                        norm.register_forward_pre_hook(_clone)
    return wired


def _clone(_norm: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    return tuple(tensor.clone() for tensor in inputs)


def train(wired: ModelPatcher, job: Job, steps: int) -> float:
    """Seconds of a step, over `steps` of them. `job.targets` is not asked: it trains everything."""
    random = data(wired, job.shape)
    watch = Stopwatch()
    with progress_to(watch.tell):
        execute(
            wired,
            random.latents.split(1),
            random.conditioning,
            steps=steps + 1,
            batch_size=job.batch_size,
            gradient_checkpointing=job.checkpointing == "block",
        )
    return watch.seconds


@torch.inference_mode()  # as ComfyUI runs nodes
def execute(
    model: ModelPatcher, latents: Sequence[torch.Tensor], captions: Sequence[Any], **changes: Any
) -> None:
    """Run the node on latents `[1, C, H, W]` and a CONDITIONING for each."""
    given = {
        "model": model,
        "grad_accumulation_steps": 1,
        "learning_rate": RATE,
        "rank": RANK,
        "optimizer": "AdamW",
        "loss_function": "MSE",
        "seed": 0,
        "training_dtype": COMPUTE,
        "lora_dtype": "fp32",
        "algorithm": "LoRA",
        "gradient_checkpointing": False,
        "existing_lora": "[None]",
    }
    TrainLoraNode.execute(
        latents=[{"samples": latent} for latent in latents],
        positive=list(captions),
        **{name: [value] for name, value in (given | changes).items()},
    )
