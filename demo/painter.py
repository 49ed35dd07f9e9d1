"""Pictures for prompts, by ComfyUI's own loader, text encoder, sampler and VAE."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from . import engine, install

STEPS, GUIDANCE, SIDE = 20, 3.0, 128


class Painter:
    """The demo base loaded by ComfyUI: `model`, `clip` and `vae` are what Load Checkpoint gives."""

    def __init__(self, base: Path | None = None) -> None:
        engine.start(base)
        base = base or engine.base_directory()
        install.install(base)
        path = base / "models" / "checkpoints" / install.CHECKPOINT
        loaded = importlib.import_module("comfy.sd").load_checkpoint_guess_config(str(path))
        self.model, self.clip, self.vae = loaded[:3]
        assert self.model is not None and self.clip is not None and self.vae is not None

    def conditioning(self, prompts: Sequence[str]) -> list[list[Any]]:
        """One CONDITIONING for a batch: row i of it is prompt i."""
        parts = [
            self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))[0] for text in prompts
        ]
        pooled = torch.cat([options["pooled_output"] for _, options in parts])
        return [[torch.cat([context for context, _ in parts]), {"pooled_output": pooled}]]

    def paint(
        self,
        prompts: Sequence[str],
        seed: int = 0,
        model: Any = None,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        batch: int = 20,
    ) -> torch.Tensor:
        """A picture for every prompt, [N, 128, 128, 3] in 0..1.

        `model` is a ModelPatcher in place of the base (with a LoRA on it, say). Picture i has the
        same noise whatever the other prompts are: seed + i // batch, place i % batch.
        """
        sampling = importlib.import_module("nodes").common_ksampler
        empty = self.conditioning([""])
        pictures: list[torch.Tensor] = []
        for start in range(0, len(prompts), batch):
            some = prompts[start : start + batch]
            latent = {"samples": torch.zeros(len(some), 16, SIDE // 8, SIDE // 8)}
            with torch.inference_mode():
                (result,) = sampling(
                    model or self.model,
                    seed + start // batch,
                    steps,
                    guidance,
                    "euler",
                    "normal",
                    self.conditioning(some),
                    empty,
                    latent,
                )
                pictures.append(self.vae.decode(result["samples"]).float().cpu())
        return torch.cat(pictures).clone()
