from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..training.data.dataset import Dataset
from ..training.data.folder import listing, load_folder
from ..training.host.folders import allowed_roots, resolve_folder
from .types import DatasetWire


class LoadDataset(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierLoadDataset",
            display_name="Load Dataset",
            category="Atelier/Dataset",
            description="A folder of pictures, each with its caption in a text file of the same "
            "name, as a dataset to train on.",
            inputs=[
                io.String.Input(
                    "folder",
                    default="",
                    tooltip="Folder of pictures: its name in ComfyUI's input folder, or a full "
                    "path. Folders inside it are read too.",
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
            ],
            outputs=[
                DatasetWire.Output(
                    display_name="dataset", tooltip="The pictures and captions, in a fixed order."
                ),
                io.Int.Output(display_name="pictures", tooltip="How many pictures there are."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str, **others: Any):
        return listing(resolve_folder(folder)), others

    @classmethod
    def execute(
        cls,
        folder: str,
        default_caption: str,
        repeats: int = 1,
        notes: str = "",
        dataset: Dataset | None = None,
    ) -> io.NodeOutput:
        own = load_folder(resolve_folder(folder), default_caption, repeats, allowed_roots())
        own = replace(own, notes={own.name: notes.strip()} if notes.strip() else {})
        dataset = own.beside(dataset) if dataset else own
        return io.NodeOutput(dataset, len(dataset))
