"""What a run costs in memory and time."""

from typing import Literal

from pydantic import Field

from .group import Group


class MemorySettings(Group):
    checkpointing: Literal["auto", "none", "block"] = Field(
        default="auto",
        description="auto: block where a step does not fit otherwise, which is measured first. "
        "block: keep only what goes into each block and compute the rest again for the "
        "gradient. About a third slower, and far less memory; the numbers are the same. On a CPU "
        "only so far: never run on a GPU yet.",
    )
    compute: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        default="auto",
        description="Precision of the arithmetic. auto: that in which ComfyUI runs the model. The "
        "LoRA itself is kept in fp32 in every case; fp32: it computes in fp32 too, on a network "
        "that does not. Never run on a GPU yet.",
    )
    streaming: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether layers of the base stay in main memory and are brought to the device "
        "for each use, by ComfyUI's own offloading. auto: as many as do not fit beside a step "
        "whose blocks are computed again. on: all linear and convolution layers. Much slower, for "
        "the least memory; the same numbers but for rounding. Never run on a GPU yet.",
    )
    compile: bool = Field(
        default=False,
        description="Compile each kind of block with torch.compile: the first steps, and each new "
        "picture size, take minutes, and later ones less time. Needs Triton on a GPU, a C++ "
        "compiler on a CPU. Other numbers in the last digits. Never run on a GPU yet.",
    )
