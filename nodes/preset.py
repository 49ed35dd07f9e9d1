from typing import get_args

from comfy_api.latest import io

from ..training.data.trigger import with_trigger
from ..training.host.progress import show_text
from ..training.presets import Effort, Purpose, explain, preset, values
from .types import DatasetWire, OptionsWire


class TrainPreset(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierTrainPreset",
            display_name="Train Preset",
            category="Atelier/Train",
            description="Settings to begin with, for a subject, a style or a concept on this base, "
            "and where each of them comes from.",
            inputs=[
                io.Model.Input("model", tooltip="The base to train on."),
                DatasetWire.Input(
                    "dataset", tooltip="The pictures: their number decides the steps."
                ),
                io.Combo.Input(
                    "purpose",
                    options=list(get_args(Purpose)),
                    default="subject",
                    tooltip="subject: one person, animal or thing. style: how things are drawn. "
                    "concept: anything else, such as a pose, a garment or an idea.",
                ),
                io.Combo.Input(
                    "effort",
                    options=list(get_args(Effort)),
                    default="balanced",
                    tooltip="quick: to see whether anything is learned. balanced: the usual. "
                    "thorough: about twice as long.",
                ),
                io.String.Input(
                    "trigger_word",
                    default="",
                    optional=True,
                    tooltip="The word by which you will ask for it, such as `ohwx`. It is put in "
                    "front of each caption that lacks it; the files are not changed. Empty: "
                    "captions stay.",
                ),
            ],
            outputs=[
                OptionsWire.Output(
                    display_name="options",
                    tooltip="For Train LoRA, where they go before its own widgets.",
                ),
                DatasetWire.Output(
                    display_name="dataset", tooltip="The pictures, with the trigger word."
                ),
                io.String.Output(
                    display_name="text", tooltip="Each setting and where it comes from."
                ),
                io.Int.Output(
                    display_name="resolution",
                    tooltip="Side in pixels that is trained at: for width and height of "
                    "Evaluation Grid, say.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls, model, dataset, purpose: Purpose, effort: Effort, trigger_word: str = ""
    ) -> io.NodeOutput:
        from ..training.host.inspect import family_of, prediction_of  # brings peft: a second

        family, prediction, pictures = family_of(model), prediction_of(model), len(dataset)
        chosen = preset(purpose, effort, family, prediction, pictures)
        title = f"A {purpose}, {effort}, from {pictures} pictures, on {family} ({prediction})"
        text = explain(chosen, title, family)
        show_text(text)
        options = values(chosen)
        marked = with_trigger(dataset, trigger_word)
        return io.NodeOutput(options, marked, text, options["resolution"])
