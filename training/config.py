"""The settings of a training run, all groups together."""

from typing import Any, Literal

from pydantic import model_validator

from .data.words import spoken
from .settings.adapter import AdapterSettings
from .settings.basic import BasicSettings
from .settings.data import DataSettings
from .settings.group import checked
from .settings.memory import MemorySettings
from .settings.objective import ObjectiveSettings
from .settings.optimizer import OptimizerSettings
from .settings.sampling import SamplingSettings
from .settings.text import TextSettings
from .settings.validation import ValidationSettings
from .settings.words import WordSettings

OF_SCHEDULES = {"schedule_cycles": "cosine_with_restarts", "schedule_power": "polynomial"}


class TrainConfig(
    BasicSettings,
    DataSettings,
    AdapterSettings,
    TextSettings,
    WordSettings,
    ObjectiveSettings,
    OptimizerSettings,
    ValidationSettings,
    SamplingSettings,
    MemorySettings,
):
    """Everything that decides what a run learns, apart from the model and the data."""

    version: Literal[1] = 1

    @model_validator(mode="after")
    def _together(self) -> "TrainConfig":
        """What no single setting can know."""
        if self.rank_stabilized and self.adapter not in ("lora", "dora"):
            raise ValueError(f"rank_stabilized is for lora and dora, not for {self.adapter}")
        if self.plus_ratio != 1 and self.adapter not in ("lora", "dora"):
            raise ValueError(f"plus_ratio is for lora and dora, not for {self.adapter}")
        for name, schedule in OF_SCHEDULES.items():
            if getattr(self, name) != 1 and self.schedule != schedule:
                raise ValueError(
                    f"{name} is for schedule = {schedule!r}, not for {self.schedule!r}"
                )
        if self.timestep_min >= self.timestep_max:
            raise ValueError(
                f"timestep_min {self.timestep_min} must be below timestep_max {self.timestep_max}"
            )
        if (self.patience or self.keep == "best") and not self.validate_every:
            raise ValueError(
                "validate_every 0 measures no held-out loss, by which patience and keep = 'best' "
                "go: set it above 0, or patience to 0 and keep to 'last'"
            )
        if not self.train_network and not self.encodes:
            raise ValueError(
                "train_network = False leaves nothing that learns: name new_words, or set "
                "text_encoders to 'clip' or 'all'"
            )
        if self.words_alone and self.caption_dropout:
            raise ValueError(
                f"caption_dropout {self.caption_dropout} shows pictures without the new words, "
                "which teaches nothing where words alone learn: set it to 0"
            )
        _ = self.starts  # as many as there are words
        return self

    @property
    def encodes(self) -> bool:
        """Whether captions go through the text encoders in every step."""
        return self.text_encoders != "none" or bool(self.words)

    @property
    def words_alone(self) -> bool:
        return not self.train_network and self.text_encoders == "none"

    def changes(self, text: str) -> bool:
        """Whether what the text encoders give for `text` changes while training."""
        return self.text_encoders != "none" or bool(spoken(text, self.words))


def make_config(**settings: Any) -> TrainConfig:
    """A checked `TrainConfig`; `ValueError` names each wrong setting, its value and its range."""
    return checked(TrainConfig, "Training settings", settings)
