from typing import Any

from comfy_api.latest import io, ui

from ..training.config import make_config
from ..training.host.progress import show_text
from ..training.settings.basic import BasicSettings
from .fields import inputs
from .types import OptionsWire


class InspectBase(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierInspectBase",
            display_name="Inspect Base",
            category="Atelier/Train",
            description="What the wired model is, whether it can be trained here, and which of its "
            "layers the settings of a training would change.",
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="The base that you think of training on."),
                *(one for one in inputs(BasicSettings) if one.id == "rank"),
                OptionsWire.Input(
                    "options",
                    optional=True,
                    tooltip="The options for Train LoRA: a preset's, or Adapter Options with its "
                    "patterns.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="The text encoders, to see which of their layers would learn.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="text", tooltip="What was found, for a person.")
            ],
        )

    @classmethod
    def execute(
        cls, model, rank: int, options: dict[str, Any] | None = None, clip=None
    ) -> io.NodeOutput:
        from ..training.host.inspect import describe  # brings peft: a second

        text = describe(model, make_config(**{"rank": rank} | (options or {})), clip)
        show_text(text)
        return io.NodeOutput(text, ui=ui.PreviewText(text))
