from typing import Any

from comfy_api.latest import io, ui

from ..training.captions.changes import edit_dataset, text, write_changes
from ..training.captions.lint_dataset import lint_dataset
from ..training.captions.settings import CaptionEdits, LintSettings
from ..training.curation.looks import Looks
from ..training.data.dataset import Dataset
from ..training.host.folders import cache, writable
from ..training.host.token_counts import count, rank
from ..training.settings.group import checked
from .fields import inputs
from .types import DatasetWire

SMALL = 128  # pixels: enough to tell what looks alike


class EditCaptions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierEditCaptions",
            display_name="Edit Captions",
            category="Atelier/Caption",
            description="Changes the captions of a whole dataset at once: trigger, find and "
            "replace, synonyms, tags taken out, put in order, each once. Shows what changes.",
            is_output_node=True,
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures whose captions are edited."),
                *inputs(CaptionEdits),
                io.Boolean.Input(
                    "write",
                    default=False,
                    tooltip="Write what changed into the caption files beside the pictures; what "
                    "they held is kept in .bak there. Off: no file is touched. Look at the report "
                    "first.",
                ),
            ],
            outputs=[
                DatasetWire.Output(
                    display_name="dataset", tooltip="The same pictures with edited captions."
                ),
                io.String.Output(
                    display_name="report", tooltip="What changes: each caption before and after."
                ),
            ],
        )

    @classmethod
    def execute(cls, dataset: Dataset, write: bool, **settings: Any) -> io.NodeOutput:
        edited = edit_dataset(dataset, checked(CaptionEdits, "Edit Captions", settings))
        files = write_changes(edited.changes, writable()) if write else {}
        report = text(edited, files)
        return io.NodeOutput(edited.dataset, report, ui=ui.PreviewText(report))


class LintCaptions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierLintCaptions",
            display_name="Lint Captions",
            category="Atelier/Caption",
            description="Looks for captions that teach the wrong thing: empty, generic, shared, "
            "contradicting, too long, without the trigger, or always the same. Counts tokens.",
            is_output_node=True,
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures whose captions are judged."),
                *inputs(LintSettings),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="CLIP of the base: tokens are counted as each of its text encoders "
                    "does. Without it, as the CLIP-L of SD1.x, SDXL, SD3 and Flux does.",
                ),
            ],
            outputs=[
                DatasetWire.Output(display_name="dataset", tooltip="The dataset as it came in."),
                io.String.Output(
                    display_name="report", tooltip="What was found and how to mend it, in words."
                ),
                io.String.Output(display_name="json", tooltip="The findings as JSON."),
            ],
        )

    @classmethod
    def execute(cls, dataset: Dataset, clip=None, **settings: Any) -> io.NodeOutput:
        limits = checked(LintSettings, "Lint Captions", settings)
        looks = Looks(cache() / "looks", SMALL)
        found = lint_dataset(dataset, limits, lambda each: count(each, clip), rank, looks.of)
        report = found.text()
        return io.NodeOutput(dataset, report, found.json(), ui=ui.PreviewText(report))
