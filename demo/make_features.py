"""Train the demo's own encoder (training/evaluation/packaged.py) on drawings.

    python dev.py python -m atelier.demo.make_features

Twenty minutes on one core. Its drawings, seed and networks are not those of the checker, which
judges what scores made with it say. Both networks learn the attributes of people and, so that their
features know more of a picture than has a word, to draw the picture again (the part that draws is
not kept). The second also learns which people wear the same thing (stickers.py), however badly they
are drawn. Neither is ever shown a thing that the demo teaches.
"""

import itertools
import json
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ..training.evaluation.packaged import (
    FEATURES,
    PEOPLE,
    SIDE,
    THINGS,
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
RATE, HELD_BACK = 2e-3, 0.02  # learning rate and weight decay


@dataclass(frozen=True)
class Lesson:
    """How long a network learns, on how many people a step, and what drawing them again weighs."""

    steps: int
    people: int
    shape: float


LESSONS = {PEOPLE: Lesson(2500, 64, 10.0), THINGS: Lesson(2200, 104, 1.0)}
SHOWN, WEARERS = 20, 4  # of a step: things, and people who wear each; the others wear none
KNOWN = 6000  # things in all
WARMTH = 0.2  # temperature of likeness
ROUGH = 0.4  # of a picture: how badly it may be drawn
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


def roughened(pictures: torch.Tensor) -> torch.Tensor:
    """As a LoRA that has learned too little or too much may draw: with cells of other colours, with
    somebody else shining through, and stained.
    """
    count, side = len(pictures), (SIDE, SIDE)

    def much() -> torch.Tensor:
        return ROUGH * torch.rand(count, 1, 1, 1)

    wrong = nn.functional.interpolate(
        (torch.rand(count, 1, SMALL, SMALL) < much() / 10).float(), side
    )
    colours = nn.functional.interpolate(torch.rand(count, 3, SMALL, SMALL), side)
    found = torch.lerp(pictures, colours, wrong)
    found = torch.lerp(found, pictures[torch.randperm(count)], much() ** 2 / ROUGH)
    stains = nn.functional.interpolate(torch.randn(count, 3, 4, 4), side, mode="bilinear")
    grain = nn.functional.interpolate(torch.randn(count, 3, SMALL, SMALL), side)
    return (found + 0.2 * much() * stains + 0.25 * much() * grain).clamp(0, 1)


def wearing(pictures: torch.Tensor, things: torch.Tensor) -> torch.Tensor:
    """Pictures with things `[N, 4, SMALL, SMALL]` put on them, in about their colours."""
    shade = 0.1 * torch.rand(len(things), 1, 1, 1) * torch.randn(len(things), 3, 1, 1)
    shown = nn.functional.interpolate(things, (SIDE, SIDE))
    return torch.lerp(pictures, (shown[:, :3] + shade).clamp(0, 1), shown[:, 3:])


def likeness(features: torch.Tensor) -> torch.Tensor:
    """How badly those who wear the same thing stand together: the supervised contrastive loss
    (Khosla et al. 2020, equation 2). The first SHOWN x WEARERS rows are in the order of things.
    """
    rows = nn.functional.normalize(features, dim=1)
    worn = torch.arange(SHOWN).repeat_interleave(WEARERS)
    groups = torch.cat([worn, torch.full((len(rows) - len(worn),), -1)])
    oneself = torch.eye(len(rows), dtype=torch.bool)
    logits = (rows @ rows.T / WARMTH).masked_fill(oneself, -torch.inf)
    told = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(oneself, 0)
    same = (groups[:, None] == groups) & ~oneself
    return -((told * same).sum(1) / same.sum(1))[: len(worn)].mean()


def truth(wanted: list[dict[str, str]]) -> dict[str, torch.Tensor]:
    return {
        name: torch.tensor([values.index(one[name]) for one in wanted])
        for name, values in VALUES.items()
    }


def split(scores: torch.Tensor) -> dict[str, torch.Tensor]:
    parts = scores.split([len(values) for values in VALUES.values()], dim=1)
    return dict(zip(VALUES, parts, strict=True))


def learned(part: str, pictures: torch.Tensor, labels: dict[str, torch.Tensor]) -> Network:
    """The network of `part`, after its lesson."""
    torch.manual_seed(SEED)
    lesson, things = LESSONS[part], torch.from_numpy(stickers(KNOWN, np.random.default_rng(SEED)))
    network = Network(sum(map(len, VALUES.values())))
    again = nn.Sequential(nn.Linear(FEATURES, 256), nn.SiLU(), nn.Linear(256, 3 * SMALL * SMALL))
    parts = [*network.parameters(), *again.parameters()]
    optimizer = torch.optim.AdamW(parts, lr=RATE, weight_decay=HELD_BACK)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, lesson.steps, pct_start=0.1)
    for step in range(1, lesson.steps + 1):
        chosen = torch.randint(0, len(pictures), (lesson.people,))
        shown = pictures[chosen]
        if part == THINGS:
            some = things[torch.randint(0, KNOWN, (SHOWN,))].repeat_interleave(WEARERS, 0)
            shown[: len(some)] = wearing(shown[: len(some)], some)
        seen = worn(shown)
        features, scores = network((roughened(seen) if part == THINGS else seen) * 2 - 1)
        losses = [
            nn.functional.cross_entropy(value, labels[name][chosen], label_smoothing=0.05)
            for name, value in split(scores).items()
        ]
        cells = nn.functional.avg_pool2d(shown, SIDE // SMALL).flatten(1)
        shape = nn.functional.mse_loss(again(features), cells)
        loss = torch.stack(losses).mean() + lesson.shape * shape
        if part == THINGS:
            loss = loss + likeness(features)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"{part} {step}/{lesson.steps}: loss {loss.item():.4f}, {shape.item():.4f}")
    return network.eval()


def main() -> None:
    said = phrases()
    for text, wanted in world.prompts(200, SEED, extra={world.NEW: "yes"}):
        assert named(text, said) == wanted, f"{text} is read as {named(text, said)}, not {wanted}"
    pictures, wanted = drawn(DRAWINGS, SEED, kept_out=False)
    networks = {part: learned(part, pictures, truth(wanted)) for part in LESSONS}
    pictures, wanted = drawn(HELD_OUT, SEED + 1, kept_out=True)
    with torch.no_grad():
        scores = split(networks[PEOPLE](pictures * 2 - 1)[1])
    labels = truth(wanted)
    result = {
        name: (scores[name].argmax(1) == labels[name]).float().mean().item() for name in VALUES
    }
    print(f"held out ({len(wanted)}): {result}")
    about = {"values": VALUES, "phrases": said, "accuracy": result}
    weights = {
        f"{part}.{name}": value.detach().half().contiguous()
        for part, network in networks.items()
        for name, value in network.state_dict().items()
        if value.is_floating_point()
    }
    metadata = {name: json.dumps(value) for name, value in about.items()}
    save_file(weights, WEIGHTS, metadata | {"license": "CC0-1.0"})
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size / 1000:.0f} kB; {PackagedWords().name}")


if __name__ == "__main__":
    main()
