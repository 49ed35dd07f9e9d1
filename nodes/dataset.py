from dataclasses import replace
from typing import Any

from comfy_api.latest import io, ui

from ..training.data.dataset import CLASS, Dataset
from ..training.data.load import SUFFIXES, Places, load, stamps
from ..training.data.readers.choose import CHOICES
from ..training.host.folders import allowed_roots, cache, resolve, resolve_source
from .types import DatasetWire


def _places() -> Places:
    return Places(resolve, allowed_roots(), cache())


class LoadDataset(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierLoadDataset",
            display_name="Load Dataset",
            category="Atelier/Dataset",
            description="Pictures with their captions as a dataset to train on: a folder, a zip "
            "file, kohya's folders or dataset file, or a list such as metadata.jsonl.",
            inputs=[
                io.String.Input(
                    "folder",
                    default="",
                    tooltip="Folder of pictures: its name in ComfyUI's input folder, or a full "
                    "path. Folders inside it are read too. It may also name a .zip, a .toml of "
                    "kohya's trainer, or a .jsonl, .csv or .json that lists pictures.",
                ),
                io.String.Input(
                    "default_caption",
                    default="",
                    tooltip="Caption for pictures that have none. Empty: a picture without a "
                    "caption is an error.",
                ),
                io.Int.Input(
                    "repeats",
                    default=1,
                    min=1,
                    max=1000,
                    optional=True,
                    tooltip="How often each picture is shown, beside those of other folders: a "
                    "small folder with 3 counts as one three times its size.",
                ),
                io.String.Input(
                    "notes",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Where the pictures come from and who may use them, for the LoRA's "
                    "file. 'share safely' in Save LoRA leaves it out.",
                ),
                DatasetWire.Input(
                    "dataset",
                    optional=True,
                    tooltip="Other pictures, from another dataset node: they come before these.",
                ),
                io.Combo.Input(
                    "captions",
                    options=list(CHOICES),
                    default=CHOICES[0],
                    optional=True,
                    tooltip="Where captions stand. auto: wherever there are some, and an error "
                    "where two differ; then say here which are meant.",
                ),
            ],
            outputs=[
                DatasetWire.Output(
                    display_name="dataset", tooltip="The pictures and captions, in a fixed order."
                ),
                io.Int.Output(display_name="pictures", tooltip="How many pictures there are."),
                DatasetWire.Output(
                    display_name="class_pictures",
                    tooltip="Pictures of kohya's 'reg' folders, for class_pictures of Train LoRA. "
                    "It may hold none.",
                ),
                io.String.Output(
                    display_name="read", tooltip="What was read and what was not, for a person."
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str, **others: Any):
        return stamps(resolve_source(folder, SUFFIXES), _places()), others

    @classmethod
    def execute(
        cls,
        folder: str,
        default_caption: str,
        repeats: int = 1,
        notes: str = "",
        dataset: Dataset | None = None,
        captions: str = CHOICES[0],
    ) -> io.NodeOutput:
        source = resolve_source(folder, SUFFIXES)
        found = load(source, _places(), default_caption, repeats, captions)
        if notes.strip():
            found = replace(found, notes={found.name: notes.strip()} | found.notes)
        own, of_class = found.flagged(CLASS, there=False), found.flagged(CLASS)
        told = "\n".join(found.told)
        dataset = own.beside(dataset) if dataset else own
        return io.NodeOutput(dataset, len(dataset), of_class, told, ui=ui.PreviewText(told))
