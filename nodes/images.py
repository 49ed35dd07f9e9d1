from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..training.curation.curate import usual_step
from ..training.data import unwired
from ..training.data.dataset import Dataset
from ..training.data.wired import images_dataset, mark
from ..training.host.folders import cache
from ..training.host.memory import free_main_bytes
from ..training.host.progress import Progress
from .types import DatasetWire


def _folder() -> Path:
    return cache() / "wired"


class DatasetFromImages(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierImagesDataset",
            display_name="Dataset From Images",
            category="Atelier/Dataset",
            description="Pictures, captions and masks from other nodes as a dataset to train on.",
            is_input_list=True,
            inputs=[
                io.Image.Input(
                    "images", tooltip="Pictures: single ones, a batch, or a list of any sizes."
                ),
                io.String.Input(
                    "captions",
                    default="",
                    multiline=True,
                    tooltip="One caption for all pictures, or, over a wire, a list with one for "
                    "each.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="A mask for each picture, of its size, white where it counts. Turn on "
                    "'masked' in Data Options.",
                ),
                io.Int.Input(
                    "repeats",
                    default=1,
                    min=1,
                    max=1000,
                    optional=True,
                    tooltip="How often each picture is shown, beside those of other datasets.",
                ),
            ],
            outputs=[
                DatasetWire.Output(
                    display_name="dataset", tooltip="The pictures and captions, in their order."
                ),
                io.Int.Output(display_name="pictures", tooltip="How many pictures there are."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_inputs: Any):
        return mark(_folder())

    @classmethod
    def execute(
        cls,
        images: Sequence[Any],
        captions: Sequence[str],
        masks: Sequence[Any] = (),
        repeats: Sequence[int] = (1,),
    ) -> io.NodeOutput:
        dataset = images_dataset(images, captions, masks, _folder(), repeats[0])
        return io.NodeOutput(dataset, len(dataset))


class DatasetToImages(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierDatasetImages",
            display_name="Dataset To Images",
            category="Atelier/Dataset",
            description="A dataset's pictures, captions and masks as lists, for other nodes: to "
            "look at, to work on, or for ComfyUI's Make Training Dataset.",
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures to take."),
                io.Int.Input(
                    "resolution",
                    default=0,
                    min=0,
                    max=8192,
                    tooltip="Scale and cut to the sizes of a training at so many pixels. 0: each "
                    "at its own size.",
                ),
                io.Int.Input(
                    "first", default=1, min=1, max=2**31, tooltip="Number of the first picture."
                ),
                io.Int.Input(
                    "most",
                    default=0,
                    min=0,
                    max=2**31,
                    tooltip="How many at most; 0 is all. All of them are in memory at once.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images", is_output_list=True, tooltip="One picture each."
                ),
                io.String.Output(
                    display_name="captions",
                    is_output_list=True,
                    tooltip="The captions, in the order of the pictures.",
                ),
                io.Mask.Output(
                    display_name="masks",
                    is_output_list=True,
                    tooltip="Their masks, white where it counts; all white without one.",
                ),
            ],
        )

    @classmethod
    def execute(cls, dataset: Dataset, resolution: int, first: int, most: int) -> io.NodeOutput:
        records = unwired.part(dataset, first, most)
        sizes = unwired.own_sizes(records)
        if resolution:
            sizes = unwired.trained_sizes(records, resolution, usual_step(resolution))
        bar = Progress(len(records))
        images, masks = unwired.images(
            records, sizes, free_main_bytes() / 2, lambda name: bar.update(bar.done + 1, name)
        )
        return io.NodeOutput(images, [record.caption for record in records], masks)
