"""Train the demo's own encoder (training/evaluation/packaged.py) on drawings.

    python dev.py python -m atelier.demo.make_features

Ten minutes on one core. Its drawings, seed and network are not those of the checker, which judges
what scores made with it say. It learns the attributes and, so that its features know more of a
picture than has a word, to draw the picture again (the part that draws is not kept), and which
people wear the same thing (stickers.py). It is never shown a thing that the demo teaches.
"""

import itertools
import json

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ..training.evaluation.packaged import (
    FEATURES,
    SIDE,
    WEIGHTS,
    Network,
    PackagedWords,
    Phrases,
    named,
)
from . import draw, world
from .make_checker import VISIBLE, asked
from .stickers import CELLS as SMALL
from .stickers import stickers

SEED, DRAWINGS, HELD_OUT = 611, 9000, 400
STEPS, RATE = 2500, 2e-3
THINGS, WEARERS, BARE = 20, 4, 24  # of a batch: things, people who wear each, people who wear none
KNOWN_THINGS = 6000
SHAPE, ALIKE, WARMTH = 10.0, 0.1, 0.2  # weights of drawing again and of likeness; its temperature
VALUES = {
    name: list(values) for name, values in (*world.VALUES.items(), (world.NEW, ("no", "yes")))
}


def phrases() -> Phrases:
    """Every way in which a caption names a value."""
    found: Phrases = {}
    for name, value in ((one, value) for one in world.PLACES for value in world.VALUES[one]):
        words = {"skin": world.SKINS, "length": world.LENGTHS}.get(name, world.SHADES)[value]
        for template, word in itertools.product(world.PLACES[name], words):
            found[world.placed(template, word)] = {name: value}
            found[template.replace("a {}", "{}").format(word)] = {name: value}
    pairs = itertools.product(world.VALUES["length"], world.VALUES["hair"])
    for length, hair in pairs:
        for how, shade in itertools.product(world.LENGTHS[length], world.SHADES[hair]):
            found[f"{how} {shade} hair"] = {"length": length, "hair": hair}
    for name, values in world.FACES.items():
        for value, ways in values.items():
            found |= {way: {name: value} for way in ways}
    return found | {word: {world.NEW: "yes"} for word in (world.NEW_PHRASE, *world.NEW_WORDS)}


def drawn(count: int, seed: int, kept_out: bool) -> tuple[torch.Tensor, list[dict[str, str]]]:
    """Drawings `[N, 3, SIDE, SIDE]` in 0..1; those whose hat hides the hair are left out."""
    wanted = asked(count, seed, kept_out)
    pictures, hair = draw.draw_and_count(wanted, f"features {seed}")
    kept = np.flatnonzero(hair >= VISIBLE)
    small = draw.cells(pictures[kept]).repeat(SIDE // SMALL, 1).repeat(SIDE // SMALL, 2)
    return torch.from_numpy(small).movedim(-1, 1) / 255, [wanted[place] for place in kept]


def worn(pictures: torch.Tensor) -> torch.Tensor:
    """Moved by a pixel, blurred, brighter or darker, noisy: as a base may draw."""
    count = len(pictures)
    across, down = torch.randint(-1, 2, (2,)).tolist()
    found = torch.roll(pictures, (down, across), (2, 3))
    blurred = nn.functional.avg_pool2d(found, 3, 1, 1, count_include_pad=False)
    found = torch.lerp(found, blurred, 0.8 * torch.rand(count, 1, 1, 1))
    found = found * (1 + 0.08 * torch.randn(count, 1, 1, 1)) + 0.03 * torch.randn(count, 3, 1, 1)
    return (found + 0.08 * torch.rand(count, 1, 1, 1) * torch.randn_like(found)).clamp(0, 1)


def wearing(pictures: torch.Tensor, things: torch.Tensor) -> torch.Tensor:
    """Pictures with things `[N, 4, SMALL, SMALL]` put on them."""
    shown = nn.functional.interpolate(things, scale_factor=SIDE // SMALL)
    return torch.lerp(pictures, shown[:, :3], shown[:, 3:])


def alike(features: torch.Tensor) -> torch.Tensor:
    """How badly those who wear the same thing stand together: the supervised contrastive loss
    (Khosla et al. 2020, equation 2). Features are those of THINGS x WEARERS and BARE pictures.
    """
    rows = nn.functional.normalize(features, dim=1)
    groups = torch.cat([torch.arange(THINGS).repeat_interleave(WEARERS), torch.full((BARE,), -1)])
    oneself = torch.eye(len(rows), dtype=torch.bool)
    logits = (rows @ rows.T / WARMTH).masked_fill(oneself, -torch.inf)
    told = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(oneself, 0)
    same = (groups[:, None] == groups) & ~oneself
    return -((told * same).sum(1) / same.sum(1))[: THINGS * WEARERS].mean()


def truth(wanted: list[dict[str, str]]) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor([values.index(one[name]) for one in wanted])
        for name, values in VALUES.items()
    }


def split(scores: torch.Tensor) -> dict[str, torch.Tensor]:
    parts = scores.split([len(values) for values in VALUES.values()], dim=1)
    return dict(zip(VALUES, parts, strict=True))


def main() -> None:
    torch.manual_seed(SEED)
    said = phrases()
    for text, wanted in world.prompts(200, SEED, extra={world.NEW: "yes"}):
        assert named(text, said) == wanted, f"{text} is read as {named(text, said)}, not {wanted}"
    pictures, wanted = drawn(DRAWINGS, SEED, kept_out=False)
    labels = truth(wanted)
    things = torch.from_numpy(stickers(KNOWN_THINGS, np.random.default_rng(SEED)))
    network = Network(sum(map(len, VALUES.values())))
    again = nn.Sequential(nn.Linear(FEATURES, 256), nn.SiLU(), nn.Linear(256, 3 * SMALL * SMALL))
    optimizer = torch.optim.AdamW(
        [*network.parameters(), *again.parameters()], lr=RATE, weight_decay=0.02
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS, pct_start=0.1)
    for step in range(1, STEPS + 1):
        chosen = torch.randint(0, len(pictures), (THINGS * WEARERS + BARE,))
        some = things[torch.randint(0, len(things), (THINGS,))].repeat_interleave(WEARERS, 0)
        shown = pictures[chosen]
        shown[: len(some)] = wearing(shown[: len(some)], some)
        features, scores = network(worn(shown) * 2 - 1)
        losses = [
            nn.functional.cross_entropy(part, labels[name][chosen], label_smoothing=0.05)
            for name, part in split(scores).items()
        ]
        cells = nn.functional.avg_pool2d(shown, SIDE // SMALL).flatten(1)
        shape, likeness = nn.functional.mse_loss(again(features), cells), alike(features)
        loss = torch.stack(losses).mean() + SHAPE * shape + ALIKE * likeness
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 250 == 0:
            told = loss.item(), shape.item(), likeness.item()
            print(f"features {step}/{STEPS}: loss {told[0]:.4f}, {told[1]:.4f}, {told[2]:.4f}")
    pictures, wanted = drawn(HELD_OUT, SEED + 1, kept_out=True)
    with torch.no_grad():
        scores = split(network.eval()(pictures * 2 - 1)[1])
    labels = truth(wanted)
    result = {
        name: (scores[name].argmax(1) == labels[name]).float().mean().item() for name in VALUES
    }
    print(f"held out ({len(wanted)}): {result}")
    about = {"values": VALUES, "phrases": said, "accuracy": result}
    weights = {
        name: part.detach().half().contiguous()
        for name, part in network.state_dict().items()
        if part.is_floating_point()
    }
    metadata = {name: json.dumps(value) for name, value in about.items()}
    save_file(weights, WEIGHTS, metadata | {"license": "CC0-1.0"})
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1000:.0f} kB; {PackagedWords().name}")


if __name__ == "__main__":
    main()
