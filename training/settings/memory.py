"""What a run costs in memory and time."""

from typing import Literal

from pydantic import Field

from .group import Group


class MemorySettings(Group):
    checkpointing: Literal["auto", "none", "block"] = Field(
        default="auto",
        description="auto: block where a step does not fit otherwise, which is measured first. "
        "block: keep only what goes into each block and compute the rest again for the "
        "gradient. About a third slower, and far less memory; the numbers are the same.",
    )
    compute: Literal["auto", "bf16", "fp16"] = Field(
        default="auto",
        description="Precision of the arithmetic. auto: that in which ComfyUI runs the model. The "
        "LoRA itself is kept in fp32 in every case.",
    )
