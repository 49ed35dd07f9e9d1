from comfy_api.latest import io, ui

from ..training.data.dataset import Dataset
from ..training.data.export import FORMS, export, lost
from ..training.files import safe_name
from ..training.host.folders import pictures
from ..training.host.progress import Progress
from .types import DatasetWire


class ExportDataset(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierExportDataset",
            display_name="Export Dataset",
            category="Atelier/Dataset",
            description="Writes pictures, captions and masks into output/atelier/datasets, for "
            "other trainers or to give away. Nothing is written over.",
            is_output_node=True,
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures to write."),
                io.String.Input(
                    "name",
                    default="my-dataset",
                    tooltip="Name of the folder; a number is added if there is one already.",
                ),
                io.Combo.Input(
                    "form",
                    options=list(FORMS),
                    default=FORMS[0],
                    tooltip="pictures and .txt: a caption file beside each picture. "
                    "metadata.jsonl: one file with all captions, for Hugging Face. kohya folders: "
                    "with repeats in the folders' names, and a dataset.toml.",
                ),
                io.Boolean.Input(
                    "zipped", default=False, tooltip="Write one zip file in place of a folder."
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="path", tooltip="What was written, for 'folder' in Load Dataset."
                )
            ],
        )

    @classmethod
    def execute(cls, dataset: Dataset, name: str, form: str, zipped: bool) -> io.NodeOutput:
        parent = pictures() / "datasets"
        bar = Progress(len(dataset))
        path = export(
            dataset,
            parent,
            safe_name(name, "name"),
            form,
            zipped,
            lambda picture: bar.update(bar.done + 1, picture),
        )
        told = "\n".join([f"Written: {path}", *lost(dataset, form)])
        return io.NodeOutput(str(path), ui=ui.PreviewText(told))
