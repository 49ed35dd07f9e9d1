"""Training of the text encoders beside the network."""

from typing import Literal

from pydantic import Field

from .group import Group


class TextSettings(Group):
    text_encoders: Literal["none", "clip", "all"] = Field(
        default="none",
        description="Text encoders that learn too: none; the CLIPs (helps SD1.x and SDXL with new "
        "words); all, T5 and language models too, which costs much memory.",
    )
    text_rate: float = Field(
        default=5e-5,
        gt=0,
        le=10,
        description="Learning rate of the text encoders: half of the network's or less, or they "
        "forget other words (kohya's scripts, OneTrainer).",
    )
    text_rank: int = Field(
        default=8, ge=1, le=1024, description="Rank of the adapter on the text encoders."
    )
