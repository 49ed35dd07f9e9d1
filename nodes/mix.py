from typing import Any

from comfy_api.latest import io, ui

from ..training.data.dataset import Dataset
from ..training.data.mix import mixed
from .types import DatasetWire

MOST = 4


def _inputs() -> list[Any]:
    wires = [
        DatasetWire.Input(
            f"dataset_{number}",
            optional=number > 2,
            tooltip="Pictures of one kind. They come in the order of the inputs.",
        )
        for number in range(1, MOST + 1)
    ]
    weights = [
        io.Float.Input(
            f"weight_{number}",
            default=1.0,
            min=0.0,
            max=1000.0,
            step=0.01,
            tooltip=f"Share of dataset_{number} beside the other weights: with 3 and 1, three of "
            "four pictures shown are of the first. 0 leaves it out.",
        )
        for number in range(1, MOST + 1)
    ]
    return wires + weights


class MixDatasets(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierMixDatasets",
            display_name="Mix Datasets",
            category="Atelier/Dataset",
            description="Several datasets as one, each shown as often as its weight says, however "
            "many pictures it has. To have them one behind the other, chain Load Dataset.",
            inputs=_inputs(),
            outputs=[
                DatasetWire.Output(display_name="dataset", tooltip="All pictures, with repeats."),
                io.String.Output(
                    display_name="shares", tooltip="What share each dataset has, for a person."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        weight_1: float,
        weight_2: float,
        weight_3: float,
        weight_4: float,
        **datasets: Dataset,
    ) -> io.NodeOutput:
        weights = {"1": weight_1, "2": weight_2, "3": weight_3, "4": weight_4}
        wired = sorted(datasets)
        mix = mixed([datasets[name] for name in wired], [weights[name[-1]] for name in wired])
        told = "\n".join(mix.told[-len(wired) :])
        return io.NodeOutput(mix, told, ui=ui.PreviewText(told))
