from typing import Any

from comfy_api.latest import io, ui

from ..training.data.dataset import Dataset
from ..training.data.trigger import NOTE
from ..training.evaluation.prompts import SuiteSettings, suggest
from ..training.evaluation.suite import read, write
from ..training.evaluation.suite_files import save
from ..training.files import safe_name
from ..training.host.folders import records
from ..training.settings.group import checked
from .fields import inputs
from .types import DatasetWire


class PromptSuite(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierPromptSuite",
            display_name="Prompt Suite",
            category="Atelier/Evaluate",
            description="Prompts that show whether a LoRA works: training captions, the trigger "
            "alone, in new contexts and in other styles, and the same without it.",
            is_output_node=True,
            inputs=[
                *inputs(SuiteSettings),
                io.String.Input(
                    "text",
                    multiline=True,
                    default="",
                    tooltip="Your own suite: what the node shows, copied here and edited. It is "
                    "used in place of all settings above. Empty: by the settings.",
                ),
                io.String.Input(
                    "save_as",
                    default="",
                    tooltip="Name of a text file in user/__atelier/suites to keep it in. Another "
                    "text of the same name gets a number. Empty: no file.",
                ),
                DatasetWire.Input(
                    "dataset",
                    optional=True,
                    tooltip="The pictures that the LoRA is trained on, for their captions.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="prompts", tooltip="The suite as text, for Evaluation Grid."
                )
            ],
        )

    @classmethod
    def execute(
        cls, text: str, save_as: str, dataset: Dataset | None = None, **settings: Any
    ) -> io.NodeOutput:
        if text.strip():
            suite = read(text)
        else:
            captions = [one.caption for one in dataset.records] if dataset else []
            noted = dataset.notes.get(NOTE, "") if dataset else ""
            wanted = checked(SuiteSettings, "Prompt Suite", settings)
            suite = suggest(captions, noted.split(", ")[0], wanted)
        out = write(suite)
        kept = ""
        if save_as.strip():
            path = save(records() / "suites", safe_name(save_as, "save_as"), out)
            kept = f"\n\nKept in {path}"
        return io.NodeOutput(out, ui=ui.PreviewText(out + kept))
