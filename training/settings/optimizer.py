"""How the weights move."""

from pydantic import Field, field_validator

from ..optimizers import missing, parse_arguments
from ..schedule import SCHEDULES
from .group import ADDED, Group


class OptimizerSettings(Group):
    optimizer: str = Field(
        default="adamw",
        description="adamw: the usual one. adafactor: less memory. prodigy finds the learning rate "
        "itself (set learning_rate to 1). Some are in packages of their own: those in 8 bit in "
        "bitsandbytes, prodigy in prodigyopt, schedule_free in schedulefree, lion and what follows "
        "it in pytorch-optimizer. Where one is not installed, the run says what to type.",
    )
    optimizer_arguments: str = Field(
        default="",
        description="More arguments for the optimizer: lines like `betas = (0.9, 0.99)`.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=10, description="Pull towards zero. Rarely needs a change."
    )
    schedule: str = Field(
        default="cosine",
        description="How the learning rate falls over the run. With diffusers installed there are "
        "more to choose from.",
    )
    warmup: int = Field(
        default=0, ge=0, le=100_000, description="Steps in which the learning rate rises from 0."
    )
    schedule_cycles: int = Field(
        default=1,
        ge=1,
        le=1000,
        json_schema_extra=ADDED,
        description="Of cosine_with_restarts: how often the learning rate falls from full to 0, "
        "starting anew each time. With 1 it never restarts.",
    )
    schedule_power: float = Field(
        default=1.0,
        gt=0,
        le=10,
        json_schema_extra=ADDED,
        description="Of polynomial: above 1 the learning rate falls sooner, below 1 later. 1 is a "
        "straight line.",
    )
    accumulation: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Batches that are added up for one step: the effect of a larger batch at the "
        "memory of a small one.",
    )
    clip_norm: float = Field(
        default=1.0,
        ge=0,
        le=1e6,
        description="Largest length of the gradient; longer ones are shortened. 0 turns it off.",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Keep a running mean of the weights, and make the LoRA from it: 0.99 averages "
        "over about 100 steps. 0 turns it off.",
    )
    plus_ratio: float = Field(
        default=1.0,
        ge=1,
        le=1000,
        json_schema_extra=ADDED,
        description="LoRA+ (Hayou et al. 2024): how many times faster a LoRA's second matrix, "
        "which starts at zero, learns than its first. 16 in the paper, with a lower "
        "learning_rate; 1 is the usual LoRA. For lora and dora.",
    )

    @field_validator("optimizer")
    @classmethod
    def _known_optimizer(cls, name: str) -> str:
        if reason := missing(name):
            raise ValueError(reason)
        return name

    @field_validator("optimizer_arguments")
    @classmethod
    def _readable_arguments(cls, text: str) -> str:
        parse_arguments(text)
        return text

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, name: str) -> str:
        if name not in SCHEDULES:
            raise ValueError(
                f"there is no such schedule here; choose one of {', '.join(SCHEDULES)} (installing "
                "diffusers adds more)"
            )
        return name
