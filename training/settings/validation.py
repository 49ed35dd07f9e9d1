"""What is looked at and kept while a run goes on."""

from typing import Literal

from pydantic import Field

from .group import ADDED, Group


class ValidationSettings(Group):
    validate_every: int = Field(
        default=50,
        ge=0,
        le=1_000_000,
        description="Steps between measurements of the held-out loss, when held-out pictures are "
        "wired. 0 turns them off.",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Stop early when the held-out loss was not better for this many measurements. "
        "0 never stops early.",
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="Which weights become the LoRA: those of the last step, or those with the "
        "lowest held-out loss. The other is kept in the run's folder.",
    )
    save_every: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Steps between checkpoints, from which a stopped run goes on.",
    )
    keep_loras: bool = Field(
        default=True,
        json_schema_extra=ADDED,
        description="Keep the LoRA of every checkpoint too, in the run's folder, so that "
        "Evaluation Grid can compare them. Off saves disk: a file as large as the LoRA each.",
    )
    tensorboard: bool = Field(
        default=False,
        json_schema_extra=ADDED,
        description="Write TensorBoard event files into the run's folder as well. Needs the "
        "package tensorboard, which Atelier does not install.",
    )
