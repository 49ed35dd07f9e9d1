"""Did the demo LoRA learn? A new attribute, on combinations that it never saw.

Trains on the demo base through the same `train_lora` that the node calls, draws with ComfyUI's own
sampler, and lets the independent checker of demo/ read the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..demo import engine
from ..demo.checker import Checker
from ..demo.install import CHECKPOINT, FOLDER, install
from ..demo.world import prompts
from .report import Report, Value

SETTINGS = {
    "steps": 400,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "rank": 16,
    "alpha": 16,
    "resolution": 128,
}
QUICK = {"steps": 140, "learning_rate": 5e-3}
SEEDS = (1, 2, 3, 4)
SAMPLED, QUICKLY_SAMPLED = 20, 10  # steps of the sampler


@dataclass(frozen=True)
class Base:
    """ComfyUI's MODEL, CLIP and VAE of the demo checkpoint; `encoded` are texts that were asked."""

    model: Any
    clip: Any
    vae: Any
    encoded: dict[str, Any] = field(default_factory=dict)

    def conditioning(self, text: str) -> Any:
        """As CLIP Text Encode gives it, once for each text."""
        from nodes import CLIPTextEncode

        if text not in self.encoded:
            (self.encoded[text],) = CLIPTextEncode().encode(self.clip, text)
        return self.encoded[text]


def load_base() -> Base:
    import folder_paths
    from nodes import CheckpointLoaderSimple

    install(engine.base_directory())
    assert folder_paths.get_full_path("checkpoints", CHECKPOINT)
    return Base(*CheckpointLoaderSimple().load_checkpoint(CHECKPOINT))


def train(base: Base, name: str, class_pictures: bool, **changes: Any) -> dict[str, torch.Tensor]:
    """The LoRA that the demo's pictures give, as LORA_MODEL."""
    from ..training.config import make_config
    from ..training.data.folder import load_folder
    from ..training.prepare import Wires
    from ..training.trainer import train_lora

    pictures = engine.base_directory() / "input" / FOLDER
    wires = Wires(
        base.model,
        base.clip,
        base.vae,
        load_folder(pictures / "hats"),
        load_folder(pictures / "held-out"),
        load_folder(pictures / "class") if class_pictures else None,
    )
    return train_lora(wires, make_config(**(SETTINGS | changes)), name).lora()


@torch.inference_mode()  # as ComfyUI runs nodes
def draw(
    base: Base, lora: dict[str, torch.Tensor] | None, texts: Sequence[str], steps: int = SAMPLED
) -> torch.Tensor:
    """Pictures `[len(texts) * len(SEEDS), H, W, 3]`, text by text, as KSampler draws them.

    The seeds of a text go through the sampler together, each with the noise that is its own.
    """
    import comfy.sample
    from comfy_extras.nodes_train import LoraModelLoader
    from nodes import EmptyLatentImage, VAEDecode

    model = LoraModelLoader.execute(base.model, lora, 1.0).args[0] if lora else base.model
    nothing = base.conditioning("")
    (empty,) = EmptyLatentImage().generate(128, 128)
    one = comfy.sample.fix_empty_latent_channels(model, empty["samples"])
    noises: list[Any] = [comfy.sample.prepare_noise(one, seed) for seed in SEEDS]
    noise = torch.cat(noises)
    how = (steps, 3.0, "euler", "simple")
    pictures: list[Any] = []
    for text in texts:
        wanted, start = base.conditioning(text), one.repeat(len(SEEDS), 1, 1, 1)
        latents = comfy.sample.sample(model, noise, *how, wanted, nothing, start, disable_pbar=True)
        pictures.append(VAEDecode().decode(base.vae, {"samples": latents})[0])
    return torch.cat(pictures)


@dataclass(frozen=True)
class Counts:
    """Shares of pictures: with a hat, and of the other asked attributes that are as asked."""

    hats: float
    kept: float


def count(
    base: Base,
    lora: dict[str, torch.Tensor] | None,
    asked: list[tuple[str, dict[str, str]]],
    steps: int = SAMPLED,
) -> Counts:
    read = Checker.load().read(draw(base, lora, [text for text, _ in asked], steps))
    wanted = [attributes for _, attributes in asked for _ in SEEDS]
    pairs = list(zip(read, wanted, strict=True))
    hats = [found["hat"] == "yes" for found, _ in pairs]
    kept = [
        found[name] == value
        for found, attributes in pairs
        for name, value in attributes.items()
        if name != "hat"
    ]
    return Counts(sum(hats) / len(hats), sum(kept) / len(kept))


def measure(quick: bool) -> Report:
    engine.start()
    n = 8 if quick else 16
    with_hat = prompts(n, seed=2, ask=4, extra={"hat": "yes"})
    without_hat = prompts(n, seed=3, ask=4)
    base = load_base()
    changes = QUICK if quick else {}
    alone = train(base, "measure-learning", class_pictures=False, **changes)
    beside = train(base, "measure-learning-class", class_pictures=True, **changes)
    cases = {
        "hat asked, base alone": (None, with_hat),
        "hat asked, LoRA": (alone, with_hat),
        "hat asked, LoRA with class pictures": (beside, with_hat),
        "no hat asked, base alone": (None, without_hat),
        "no hat asked, LoRA": (alone, without_hat),
        "no hat asked, LoRA with class pictures": (beside, without_hat),
    }
    steps = QUICKLY_SAMPLED if quick else SAMPLED
    found = {name: count(base, lora, asked, steps) for name, (lora, asked) in cases.items()}
    rows: list[dict[str, Value]] = [
        {"case": name, "hats": f"{c.hats:.1%}", "other attributes kept": f"{c.kept:.1%}"}
        for name, c in found.items()
    ]
    figures: dict[str, Value] = {
        "with_lora": found["hat asked, LoRA with class pictures"].hats,
        "without_lora": found["hat asked, base alone"].hats,
        "kept": found["hat asked, LoRA with class pictures"].kept,
        "with_lora_alone": found["hat asked, LoRA"].hats,
        "kept_alone": found["hat asked, LoRA"].kept,
        "leak": found["no hat asked, LoRA"].hats,
        "leak_with_class_pictures": found["no hat asked, LoRA with class pictures"].hats,
        "n": n * len(SEEDS),
    }
    notes = (
        f"{n} prompts of unseen combinations x {len(SEEDS)} seeds in each row; KSampler, Euler, "
        f"{steps} steps, CFG 3. Training: {SETTINGS | changes}."
    )
    return Report(
        {k: round(v, 4) for k, v in figures.items() if isinstance(v, float | int)}, rows, notes
    )
