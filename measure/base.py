"""Does the demo base follow prompts? 200 captions it never saw, read by the checker."""

import json
import textwrap
import time
from collections import Counter

import torch
from PIL import Image, ImageDraw
from safetensors import safe_open

from ..demo import checker, painter, world
from .report import PLACE, Report, Value

ASKED, SHORT, HATS = 200, 60, 60
Pairs = list[tuple[str, dict[str, str]]]


def measure(quick: bool) -> Report:
    """Sample with ComfyUI (20 Euler steps, guidance 3, 128 px) and compare asked with seen."""
    share = 5 if quick else 1
    paint = painter.Painter()
    judge = checker.Checker.load()
    full = world.prompts(ASKED // share, seed=1)
    began = time.monotonic()
    pictures = paint.paint([text for text, _ in full], seed=100)
    pace = (time.monotonic() - began) / len(full)
    seen = judge.read(pictures)
    rows = [row(name, full, seen) for name in world.VALUES]
    short = world.prompts(SHORT // share, seed=2, ask=3)
    seen_short = judge.read(paint.paint([text for text, _ in short], seed=200))
    hats = world.prompts(HATS // share, seed=3, extra={world.NEW: "yes"})
    seen_hats = judge.read(paint.paint([text for text, _ in hats], seed=300))
    kept = [float(row(name, hats, seen_hats)["found"]) for name in world.VALUES]
    figures: dict[str, Value] = {
        "adherence": mean([float(one["found"]) for one in rows]),
        "adherence_worst_attribute": min(float(one["found"]) for one in rows),
        "adherence_three_attributes": mean(
            [
                float(one[name] == was[name])
                for (_, one), was in zip(short, seen_short, strict=True)
                for name in one
            ]
        ),
        "hats_unasked": mean([float(one[world.NEW] == "yes") for one in seen]),
        "hats_without_lora": mean([float(one[world.NEW] == "yes") for one in seen_hats]),
        "adherence_with_hat_phrase": mean(kept),
        "checker_accuracy": checker_accuracy(),
        "n": len(full),
        "seconds_per_picture": round(pace, 3),
    }
    if not quick:
        sheet(pictures[:24], full[:24])
    return Report(figures, rows, notes())


def mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4)


def row(name: str, asked: Pairs, seen: list[dict[str, str]]) -> dict[str, Value]:
    """How often attribute `name` was drawn as asked, and with which value worst."""
    total: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for (_, wanted), found in zip(asked, seen, strict=True):
        total[wanted[name]] += 1
        right[wanted[name]] += wanted[name] == found[name]
    worst = min(total, key=lambda value: right[value] / total[value])
    return {
        "attribute": name,
        "values": len(world.VALUES[name]),
        "asked": sum(total.values()),
        "found": round(sum(right.values()) / sum(total.values()), 4),
        "worst value": worst,
        "its share found": round(right[worst] / total[worst], 4),
    }


def checker_accuracy() -> float:
    """The checker's worst attribute on held-out drawings, as it was made."""
    with safe_open(checker.WEIGHTS, framework="pt") as file:
        found = json.loads(file.metadata()["accuracy"])
    return round(min(found.values()), 4)


def notes() -> str:
    return (
        "The demo base, sampled by ComfyUI's own loader, text encoder, sampler (20 Euler steps, "
        "guidance 3, 128 px) and VAE. Every prompt names one value of each attribute, in a "
        "combination that no training picture shows, so that no training caption can have been "
        "the same; values are balanced. `found`: the share of pictures in which the checker, "
        "which was trained on drawings only, sees what was asked. `checker_accuracy` is its worst "
        "attribute on held-out drawings passed through the autoencoder. "
        "`adherence_three_attributes`: short prompts that name three. `hats_without_lora`: the "
        f'share of pictures with a hat where the prompt says "{world.NEW_PHRASE}", which the base '
        "has never seen; `adherence_with_hat_phrase`: what else those prompts ask, found.\n\n"
        "![24 of the pictures](base.jpg)"
    )


def sheet(pictures: torch.Tensor, asked: Pairs) -> None:
    """24 pictures with their prompts beneath, as docs/measurements/base.jpg."""
    columns, wide, high = 6, 200, 216
    page = Image.new("RGB", (columns * wide, -(-len(asked) // columns) * high), "white")
    pen = ImageDraw.Draw(page)
    for place, (picture, (text, _)) in enumerate(zip(pictures, asked, strict=True)):
        left, top = place % columns * wide, place // columns * high
        values = (picture * 255).round().to(torch.uint8).numpy()
        page.paste(Image.fromarray(values), (left + (wide - 128) // 2, top + 6))
        pen.text((left + 6, top + 138), textwrap.fill(text, 34), fill="black", font_size=10)
    PLACE.mkdir(parents=True, exist_ok=True)
    page.save(PLACE / "base.jpg", quality=88)
