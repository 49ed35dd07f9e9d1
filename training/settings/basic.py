"""The settings that every run has to think about: they stand on the Train LoRA node itself."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from .group import Group


class BasicSettings(Group):
    steps: int = Field(
        default=400,
        ge=1,
        le=1_000_000,
        description="Optimizer steps. 20 pictures usually want 400 to 2,000; the held-out loss and "
        "the grid tell when it was enough.",
    )
    batch_size: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Pictures in a step, each with its own caption. More is steadier, and costs "
        "memory and time in proportion.",
    )
    learning_rate: float = Field(
        default=1e-4,
        gt=0,
        le=10,
        description="Size of a step. 1e-4 suits most LoRAs; lower it if the pictures break, raise "
        "it if nothing is learned.",
    )
    rank: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="Size of the LoRA: how much it can learn, and how large its file is. 8 to 32 "
        "for a subject, more for a style.",
    )
    resolution: int = Field(
        default=1024,
        ge=64,
        le=8192,
        description="Pictures are trained at about this width times this height, in pixels, in "
        "their own shape. Use what the base model was made for.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**63 - 1,
        description="Decides the start of the LoRA, the order of pictures and all noise. The same "
        "seed gives the same LoRA.",
    )


# Those of them that a preset decides.
NUMBERS = ("steps", "batch_size", "learning_rate", "rank", "resolution")


def in_their_place(options: Mapping[str, Any], own: Mapping[str, float]) -> dict[str, Any]:
    """`options` with those of `own` that are not 0. A warm-up stays within a tenth of the steps, as
    in a preset."""
    asked = {name: value for name, value in own.items() if value}
    if "steps" in asked and "warmup" in options:
        asked["warmup"] = min(options["warmup"], int(asked["steps"]) // 10)
    return {**options, **asked}
