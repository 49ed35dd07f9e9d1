"""One node for each group of settings. They can be chained; the last one wins."""

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..training.host.choices import SAMPLERS, SCHEDULERS
from ..training.optimizers import OPTIMIZERS
from ..training.schedule import SCHEDULES
from ..training.settings.adapter import AdapterSettings
from ..training.settings.basic import NUMBERS, BasicSettings, in_their_place
from ..training.settings.data import DataSettings
from ..training.settings.group import Group
from ..training.settings.memory import MemorySettings
from ..training.settings.objective import ObjectiveSettings
from ..training.settings.optimizer import OptimizerSettings
from ..training.settings.sampling import SamplingSettings
from ..training.settings.text import TextSettings
from ..training.settings.validation import ValidationSettings
from ..training.settings.words import WordSettings
from .fields import in_place, inputs
from .types import OptionsWire


def _schema(
    group: type[Group], what: str, description: str, choices: dict[str, Sequence[str]] | None = None
) -> io.Schema:
    more = OptionsWire.Input(
        "options", optional=True, tooltip="Other options, which are passed on with these."
    )
    return io.Schema(
        node_id=f"Atelier{what.replace(' ', '')}Options",
        display_name=f"{what} Options",
        category="Atelier/Train",
        description=description,
        inputs=[*inputs(group, choices), more],
        outputs=[OptionsWire.Output(display_name="options", tooltip="For Train LoRA.")],
    )


class _Options(io.ComfyNode):
    @classmethod
    def execute(cls, options: dict[str, Any] | None = None, **settings: Any) -> io.NodeOutput:
        return io.NodeOutput((options or {}) | settings)


class BasicOptions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierBasicOptions",
            display_name="Basic Options",
            category="Atelier/Train",
            description="Numbers of your own in place of those that Train Preset chose.",
            inputs=[
                OptionsWire.Input("options", tooltip="Of Train Preset, or of other options."),
                *in_place(BasicSettings, NUMBERS),
            ],
            outputs=[OptionsWire.Output(display_name="options", tooltip="For Train LoRA.")],
        )

    @classmethod
    def execute(cls, options: dict[str, Any], **own: float) -> io.NodeOutput:
        return io.NodeOutput(in_their_place(options, own))


class DataOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(DataSettings, "Data", "How pictures and captions are varied while training.")


class AdapterOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            AdapterSettings,
            "Adapter",
            "What kind of adapter is trained, on which layers, and how large it is.",
        )


class TextOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(TextSettings, "Text Encoder", "Training of the text encoders as well.")


class WordOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            WordSettings,
            "Word",
            "New words that get vectors of their own (textual inversion), with the LoRA or alone.",
        )


class ObjectiveOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            ObjectiveSettings,
            "Objective",
            "Which noise levels are practised, and how errors are counted.",
        )


class OptimizerOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            OptimizerSettings,
            "Optimizer",
            "How the weights move: optimizer, schedule, clipping, running mean.",
            {"optimizer": OPTIMIZERS, "schedule": SCHEDULES},
        )


class ValidationOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            ValidationSettings,
            "Validation",
            "How often the run is looked at and saved, when it stops, and what is kept.",
        )


class SamplingOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            SamplingSettings,
            "Sampling",
            "Pictures that are drawn while the run goes on.",
            {"sample_sampler": SAMPLERS, "sample_scheduler": SCHEDULERS},
        )


class MemoryOptions(_Options):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(MemorySettings, "Memory", "What a run costs in memory and time.")
