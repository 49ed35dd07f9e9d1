from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..training.data.wired import images_dataset, mark
from ..training.host.folders import cache
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
