"""Make the demo base from nothing: draw, caption, train the flow, write the file.

    python dev.py python -m atelier.demo.make_base [--steps N]

Half an hour on two cores. Every stage leaves its work in `.dev/making/`, and the same command goes
on from there; `--steps` more than before trains the flow further. `base.safetensors` holds what was
trained; `install.py` adds what needs no training.
"""

import argparse
import importlib
import itertools
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from . import draw, engine, network, tower, world
from .folding import Attention, folded

BASE = Path(__file__).with_name("base.safetensors")
SEED = 1
DRAWINGS = 8000
CAPTIONS = 6  # of every drawing
LONGEST = 64  # tokens kept of a caption; none is longer
BATCH = 48
RATE = 1.5e-3
DROPPED = 0.1  # share of captions left empty, for guidance
STRANGE = 0.0  # share of captions with a word put in that means nothing
KEPT = 0.999  # of the averaged weights, each step
SHIFT = 2.0  # of the noise levels trained on, towards noise


def data(folder: Path) -> np.ndarray:
    """The drawings' grids, uint8 [N, 16, 16, 3]."""
    path = folder / "grids.npy"
    if not path.exists():
        np.save(path, draw.cells(draw.draw(pictures(), "base")))
    return np.load(path)


def pictures() -> list[dict[str, str]]:
    """What the drawings show; held-out combinations are not among them."""
    return world.pictures(DRAWINGS, seed=11, kept_out=False)


def tokens(folder: Path) -> torch.Tensor:
    """CAPTIONS captions of every drawing in tokens, int32 [N, CAPTIONS, LONGEST]."""
    path = folder / "tokens.pt"
    if not path.exists():
        rng = random.Random(SEED)
        table = torch.full((DRAWINGS, CAPTIONS, LONGEST), tower.END, dtype=torch.int32)
        tokenizer = importlib.import_module("comfy.text_encoders.sd3_clip").SD3Tokenizer()
        for place, attributes in enumerate(pictures()):
            for number in range(CAPTIONS):
                text = world.caption(world.some(attributes, rng), rng)
                pairs = tokenizer.tokenize_with_weights(text)["l"]
                ids = [pair[0] for pair in itertools.chain.from_iterable(pairs)]
                assert ids[LONGEST - 3] == tower.END, f"too long: {text}"
                table[place, number] = torch.tensor(ids[:LONGEST])
        torch.save(table, path)
    return torch.load(path, weights_only=True)


def forbidden() -> list[int]:
    """The tokens of the words that the base must not see."""
    tokenizer = importlib.import_module("comfy.text_encoders.sd3_clip").SD3Tokenizer()
    pairs = tokenizer.tokenize_with_weights(" ".join(world.NEW_WORDS))["l"][0]
    return [pair[0] for pair in pairs if pair[0] < tower.BEGIN]


def disturbed(ids: torch.Tensor, generator: torch.Generator, barred: torch.Tensor) -> torch.Tensor:
    """`ids` [B, L] with some captions emptied and some given a word that says nothing."""
    count, length = ids.shape
    chance = torch.rand(count, generator=generator)
    ids = ids.clone()
    ids[chance < DROPPED, 1:] = tower.END
    for row in (chance > 1 - STRANGE).nonzero().flatten().tolist():
        end = int((ids[row] == tower.END).int().argmax())
        word = int(torch.randint(0, tower.BEGIN, (), generator=generator))
        at = int(torch.randint(1, end + 1, (), generator=generator))
        if word not in barred and end < length - 4:
            ids[row] = torch.cat([ids[row, :at], torch.tensor([word]), ids[row, at:-1]])
    return ids


class Flow:
    """The training of the MMDiT, with all that a later call needs to go on."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.path, self.steps, self.step = folder / "flow.pt", steps, 0
        torch.manual_seed(SEED)
        self.model = network.mmdit()
        self.average = {name: weight.detach().clone() for name, weight in self.named()}
        weights = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
        self.generator = torch.Generator().manual_seed(SEED)
        if self.path.exists():
            state = torch.load(self.path, weights_only=True)
            self.step = state["step"]
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.generator.set_state(state["generator"])
            self.optimizer.load_state_dict(state["optimizer"])

    def named(self) -> list[tuple[str, nn.Parameter]]:
        return list(self.model.named_parameters())

    def rate(self) -> float:
        """Up over 100 steps, level, then down in a line over the last two fifths."""
        return RATE * min(
            1.0, self.step / 100, (self.steps - self.step) / (0.4 * self.steps) + 0.01
        )

    def loss(self, clean: torch.Tensor, ids: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Mean squared error of the velocity, noise - clean (Lipman et al., 2023)."""
        count = len(clean)
        u = (
            torch.randperm(count, generator=self.generator)
            + torch.rand(1, generator=self.generator)
        ) / count
        sigma = SHIFT * u / (1 + (SHIFT - 1) * u)
        noise = torch.randn(clean.shape, generator=self.generator)
        mixed = torch.lerp(clean, noise, sigma.view(-1, 1, 1, 1))
        ids, bias = folded(ids)
        context, pooled = tower.encode(ids, table)
        options = {"optimized_attention_override": Attention(bias, clean[0, 0].numel() // 4)}
        with torch.autocast("cpu", torch.bfloat16):
            velocity = self.model(
                mixed, sigma * 1000, context=context, y=pooled, transformer_options=options
            )
        return (velocity.float() - (noise - clean)).square().mean()

    def train(self, clean: torch.Tensor, captions: torch.Tensor) -> None:
        table = torch.from_numpy(tower.codes()).float()
        barred = torch.tensor(forbidden())
        began, first, losses = time.monotonic(), self.step, []
        while self.step < self.steps:
            chosen = torch.randint(0, len(clean), (BATCH,), generator=self.generator)
            number = torch.randint(0, captions.shape[1], (BATCH,), generator=self.generator)
            ids = disturbed(captions[chosen, number].long(), self.generator, barred)
            loss = self.loss(clean[chosen], ids, table)
            self.optimizer.zero_grad()
            self.optimizer.param_groups[0]["lr"] = self.rate()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            kept = min(KEPT, (1 + self.step) / (10 + self.step))
            for name, weight in self.named():
                self.average[name].lerp_(weight.detach(), 1 - kept)
            losses.append(loss.item())
            if self.step % 50 == 0:
                pace = (time.monotonic() - began) / (self.step - first)
                mean = sum(losses[-50:]) / len(losses[-50:])
                print(
                    f"flow {self.step}/{self.steps}: loss {mean:.4f}, {pace:.3f} s a step",
                    flush=True,
                )
            if self.step % 500 == 0 or self.step == self.steps:
                self.save()

    def weights(self) -> dict[str, torch.Tensor]:
        """The averaged weights, and the positions, which are not trained."""
        return self.model.state_dict() | self.average

    def save(self) -> None:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average,
            "generator": self.generator.get_state(),
            "optimizer": self.optimizer.state_dict(),
        }
        half = self.path.with_suffix(".half")
        torch.save(state, half)
        half.replace(self.path)


def write(vae: nn.Module, flow: Flow, path: Path = BASE) -> None:
    """The trained part in half precision, with what it is and where it comes from."""
    parts = {f"model.diffusion_model.{name}": weight for name, weight in flow.weights().items()}
    parts |= {f"first_stage_model.{name}": weight for name, weight in vae.state_dict().items()}
    metadata = {
        "title": "Atelier demo base",
        "license": "CC0-1.0",
        "source": "Trained from nothing by demo/make_base.py on drawings of DiceBear's style "
        "Pixel Art (art CC0 1.0 by DiceBear, https://www.dicebear.com/styles/pixel-art); no "
        "other pictures and no other weights.",
        "figures": json.dumps({"drawings": DRAWINGS, "flow_steps": flow.step, "batch": BATCH}),
    }
    save_file(
        {name: part.detach().half().contiguous() for name, part in parts.items()}, path, metadata
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=9000, help="of the flow, in all")
    parser.add_argument("--out", type=Path, default=BASE)
    options = parser.parse_args()
    engine.start()
    folder = draw.work_folder()
    grids = data(folder)
    clean = network.encode(torch.from_numpy(grids) / 255)
    flow = Flow(folder, options.steps)
    flow.train(clean, tokens(folder))
    write(network.autoencoder(), flow, options.out)
    print(f"Written: {options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
