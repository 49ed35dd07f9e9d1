"""The demo base drawn from and trained on quickly: what is known in closed form is not computed.

The demo's text tower is written down by hand and its VAE keeps one colour for each latent, so both
are a line of arithmetic (demo/tower.py, demo/network.py). The network is ComfyUI's own, with the
LoRA put on by ComfyUI's own loader; the sampler is its Euler. tests/engine/test_judging_draw.py
compares with KSampler and VAE Decode.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import comfy.model_management as management
import comfy.samplers
import torch

from ..demo import network, tower
from ..demo.folding import Attention, folded
from .learning import Base, load_base

STEPS, GUIDANCE = 6, 3.0
CELLS, CHANNELS, LONGEST = 16, 16, 77
BATCH = 48
CONTEXT, POOLED = 4096, 2048

Lora = dict[str, torch.Tensor]


class Studio:
    """The base, loaded once. Pictures are cells, uint8 `[N, 16, 16, 3]`."""

    def __init__(self) -> None:
        self.base: Base = load_base()
        self.codes = torch.from_numpy(tower.codes()).float()
        mixing = network.mixing()
        self.unmixing = torch.linalg.pinv(mixing) * network.DEVIATION

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Token ids, `[N, 77]`, as the tower wants them."""
        rows = []
        for text in texts:
            pairs = self.base.clip.tokenize(text)["l"]
            assert len(pairs) == 1, f"too long: {text}"
            rows.append([pair[0] for pair in pairs[0]])
        return torch.tensor(rows)

    def conditioning(self, text: str) -> list[Any]:
        """CONDITIONING as CLIP Text Encode gives it."""
        context, pooled = tower.encode(self.tokens([text]), self.codes)
        context = torch.nn.functional.pad(context, (0, CONTEXT - context.shape[-1]))
        pooled = torch.nn.functional.pad(pooled, (0, POOLED - pooled.shape[-1]))
        return [[context, {"pooled_output": pooled}]]

    @torch.inference_mode()
    def paint(
        self,
        lora: Lora | None,
        texts: Sequence[str],
        seeds: Sequence[int],
        strength: float = 1.0,
    ) -> torch.Tensor:
        """One picture for each text with the seed beside it; noise is as KSampler makes it."""
        model = self._with(lora, strength)
        noise = {seed: noise_of(seed) for seed in set(seeds)}
        sampling = model.get_model_object("model_sampling")
        sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", STEPS)
        management.load_models_gpu([model])
        parts = []
        for start in range(0, len(texts), BATCH):
            some = [*texts[start : start + BATCH]]
            x = torch.stack([noise[seed] for seed in seeds[start : start + BATCH]])
            velocity = self._velocity(model.model.diffusion_model, some)
            for now, after in pairwise(sigmas):
                x = x + (after - now) * velocity(x, now)
            parts.append(x)
        return self.cells(torch.cat(parts))

    def cells(self, latents: torch.Tensor) -> torch.Tensor:
        """What VAE Decode shows of latents in the model's scale, one pixel for each cell."""
        colours = torch.einsum("nkhw,ck->nhwc", latents, self.unmixing) + 0.5
        return (colours.clamp(0, 1) * 255).round().to(torch.uint8)

    def _with(self, lora: Lora | None, strength: float) -> Any:
        from comfy_extras.nodes_train import LoraModelLoader

        if not lora:
            return self.base.model
        return LoraModelLoader.execute(self.base.model, lora, strength).args[0]

    def _velocity(self, net: Any, texts: list[str]) -> Any:
        """The guided velocity of a batch: with its texts and with none, in one forward."""
        count = len(texts)
        ids, bias = folded(self.tokens([*texts, *[""] * count]))
        context, pooled = tower.encode(ids, self.codes)
        context = torch.nn.functional.pad(context, (0, CONTEXT - context.shape[-1]))
        pooled = torch.nn.functional.pad(pooled, (0, POOLED - pooled.shape[-1]))
        attention = Attention(bias, CELLS * CELLS // 4)
        options = {"optimized_attention_override": attention}

        def velocity(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            times = (sigma * 1000).expand(2 * count)
            twice = torch.cat([x, x])
            with torch.autocast("cpu", torch.bfloat16):
                out = net(twice, times, context=context, y=pooled, transformer_options=options)
            asked, free = out.float().split(count)
            return free + GUIDANCE * (asked - free)

        return velocity


def noise_of(seed: int) -> torch.Tensor:
    """`[16, 16, 16]`, as KSampler makes it."""
    return torch.randn(
        (1, CHANNELS, CELLS, CELLS), generator=torch.manual_seed(seed), device="cpu"
    )[0]
