"""The settings of a training run. Field descriptions are the nodes' tooltips."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .schedule import SCHEDULES

Targets = Literal["attention", "attention_mlp", "all_linear"]


class TrainConfig(BaseModel):
    """Everything that decides what a run learns, apart from the model and the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    steps: int = Field(
        400,
        ge=1,
        le=1_000_000,
        description="Optimizer steps. 20 pictures usually want 400 to 2,000; the held-out loss and "
        "the grid tell when it was enough.",
    )
    batch_size: int = Field(
        1,
        ge=1,
        le=1024,
        description="Pictures in a step, each with its own caption. More is steadier, and costs "
        "memory and time in proportion.",
    )
    accumulation: int = Field(
        1,
        ge=1,
        le=1024,
        description="Batches that are added up for one step: the effect of a larger batch at the "
        "memory of a small one.",
    )
    learning_rate: float = Field(
        1e-4,
        gt=0,
        le=10,
        description="Size of a step. 1e-4 suits most LoRAs; lower it if the pictures break, raise "
        "it if nothing is learned.",
    )
    schedule: str = Field(
        "cosine",
        description="How the learning rate falls over the run. With diffusers installed there are "
        "more to choose from.",
    )
    warmup: int = Field(
        0, ge=0, le=100_000, description="Steps in which the learning rate rises from 0."
    )
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="Pull of AdamW towards zero. Rarely needs a change."
    )
    clip_norm: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="Largest length of the gradient; longer ones are shortened. 0 turns it off.",
    )
    rank: int = Field(
        16,
        ge=1,
        le=1024,
        description="Size of the LoRA: how much it can learn, and how large its file is. 8 to 32 "
        "for a subject, more for a style.",
    )
    alpha: float = Field(
        16.0,
        gt=0,
        le=4096,
        description="Scale of the LoRA: its effect is multiplied by alpha / rank. Leave it equal "
        "to the rank unless a recipe says otherwise.",
    )
    targets: Targets = Field(
        "attention_mlp",
        description="Which layers learn: attention; attention and MLP (the usual choice); or every "
        "linear layer.",
    )
    resolution: int = Field(
        1024,
        ge=64,
        le=8192,
        description="Pictures are trained at about this width times this height, in pixels, in "
        "their own shape. Use what the base model was made for.",
    )
    timestep_sampling: Literal["auto", "uniform", "logit_normal"] = Field(
        "auto",
        description="Which noise levels are practised. auto: logit-normal for flow models (SD3, "
        "Flux, Qwen …), uniform for the others.",
    )
    prior_weight: float = Field(
        1.0,
        ge=0,
        le=100,
        description="How much the class pictures count beside the training pictures, when some are "
        "wired.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**63 - 1,
        description="Decides the start of the LoRA, the order of pictures and all noise. The same "
        "seed gives the same LoRA.",
    )
    validate_every: int = Field(
        50,
        ge=0,
        le=1_000_000,
        description="Steps between measurements of the held-out loss, when held-out pictures are "
        "wired. 0 turns them off.",
    )
    save_every: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Steps between checkpoints, from which a stopped run goes on.",
    )


def make_config(**settings: Any) -> TrainConfig:
    """A checked `TrainConfig`; `ValueError` names each wrong setting, its value and its range."""
    try:
        config = TrainConfig(**settings)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}"
            for e in error.errors()
        ]
        raise ValueError("Training settings: " + "; ".join(lines)) from error
    if config.schedule not in SCHEDULES:
        raise ValueError(
            f"schedule: there is no {config.schedule!r} here. Choose one of {', '.join(SCHEDULES)}"
            " (installing diffusers adds more)."
        )
    return config


def describe(setting: str) -> str:
    """The manual's sentence on a setting, for tooltips."""
    text = TrainConfig.model_fields[setting].description
    assert text, setting
    return text
