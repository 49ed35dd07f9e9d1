from collections.abc import Mapping, Sequence
from typing import Any

from comfy_api.latest import io, ui

from ..training.host.lora_choice import lora_names, stamp
from ..training.host.lora_work import chosen, merge_loras
from ..training.host.progress import show_text
from ..training.loras.methods import METHODS, Recipe
from ..training.save import PRECISIONS
from ..training.stack.stack import Plain
from .types import LoraStack, StackWire

ROWS = (1, 2, 3, 4)


def file_inputs(prefix: str):
    """What every node has that writes a LoRA: its name and its precision."""
    return [
        io.String.Input(
            "filename_prefix",
            default=f"atelier/{prefix}",
            tooltip="Name of the file in models/loras; a number is added. '/' makes a sub-folder.",
        ),
        io.Combo.Input(
            "precision",
            options=list(PRECISIONS),
            default="fp16",
            optional=True,
            tooltip="How the file is stored. fp16 halves it; bf16 too, but keeps fewer digits; "
            "fp32 for work that goes on.",
        ),
    ]


def file_outputs() -> list[Any]:
    return [
        io.String.Output(
            display_name="lora_name", tooltip="The new file's name, as Load LoRA lists it."
        ),
        io.String.Output(display_name="text", tooltip="Its layers, ranks and error, to read."),
    ]


def shown(name: str, text: str) -> io.NodeOutput:
    show_text(text)
    return io.NodeOutput(name, text, ui=ui.PreviewText(text))


def _row(number: int) -> list[io.Input]:
    return [
        io.Combo.Input(
            f"lora_{number}",
            options=["None", *lora_names()],
            default="None",
            optional=number > 2,
            tooltip="A .safetensors file in models/loras. Press R if it is new.",
        ),
        io.Float.Input(
            f"strength_{number}",
            default=1.0,
            min=-10.0,
            max=10.0,
            step=0.01,
            optional=number > 2,
            tooltip="What its change is multiplied by, in the model and the text encoders. For "
            "slerp: how far the result lies towards this one.",
        ),
    ]


def file_rows(numbers: Sequence[int]) -> list[io.Input]:
    """Rows of a file and a strength that may stay empty."""
    return [
        one
        for number in numbers
        for one in (
            io.Combo.Input(
                f"lora_{number}",
                options=["None", *lora_names()],
                default="None",
                optional=True,
                tooltip="A .safetensors file in models/loras, before those of the stack.",
            ),
            io.Float.Input(
                f"strength_{number}",
                default=1.0,
                min=-10.0,
                max=10.0,
                step=0.01,
                optional=True,
                tooltip="The strength at which it is used, for the model and the text encoders.",
            ),
        )
    ]


def rows_of(rows: Mapping[str, Any], numbers: Sequence[int]) -> list[Plain]:
    """The rows of a node as files and strengths."""
    return [
        (rows[f"lora_{number}"], *[rows.get(f"strength_{number}", 1.0)] * 2)
        for number in numbers
        if f"lora_{number}" in rows
    ]


def stamps(rows: Mapping[str, Any], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """What changes when one of the files does."""
    names = (rows.get(f"lora_{number}") for number in numbers)
    return [stamp(name) for name in names if name and name != "None"]


def base_inputs() -> list[Any]:
    """What a DoRA's change depends on."""
    return [
        io.Model.Input(
            "model",
            optional=True,
            tooltip="The base, which a DoRA's effect depends on. Not needed for others.",
        ),
        io.Clip.Input(
            "clip",
            optional=True,
            tooltip="The base's text encoders, for a DoRA that changes them.",
        ),
    ]


def stack_inputs() -> list[io.Input]:
    """Rows from other nodes: of any pack, and of ours."""
    return [
        LoraStack.Input(
            "lora_stack",
            optional=True,
            tooltip="LoRAs with their strengths for the model and the text encoders, from a stack "
            "node of any pack.",
        ),
        StackWire.Input(
            "stack",
            optional=True,
            tooltip="LoRAs from LoRA Stack: files without block weights and schedules.",
        ),
    ]


class MergeLoras(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierMergeLoras",
            display_name="Merge LoRAs",
            category="Atelier/Stack",
            description="Several LoRAs as one file in models/loras, layer by layer, whoever wrote "
            "them: LoRA, LoHa, LoKr and DoRA of any rank, mixed. Nothing is written over.",
            is_output_node=True,
            inputs=[
                *(one for number in ROWS for one in _row(number)),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="linear",
                    tooltip="linear: the sum, exact. slerp: between two. svd: the sum at a smaller "
                    "rank. magnitude, ties, dare, dare_ties, della: fewer values, so that LoRAs "
                    "disturb one another less.",
                ),
                io.Int.Input(
                    "rank",
                    default=0,
                    min=0,
                    max=1024,
                    tooltip="Of the new file. 0: as many as needed to be exact (linear and slerp "
                    "without DoRA). The others need a rank: begin at the inputs' ranks together.",
                ),
                io.Float.Input(
                    "density",
                    default=0.5,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="Share of values that stay, for magnitude, ties, dare, dare_ties and "
                    "della. Lower where the LoRAs clash.",
                ),
                io.Float.Input(
                    "window",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="For della: by how much a large value's chance to stay is above "
                    "a small one's.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    tooltip="Chance for dare, dare_ties and della.",
                ),
                *file_inputs("merged"),
                *stack_inputs(),
                *base_inputs(),
            ],
            outputs=file_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs):
        return stamps(inputs, ROWS)

    @classmethod
    def execute(
        cls,
        method: str,
        rank: int,
        density: float,
        window: float,
        seed: int,
        filename_prefix: str,
        precision: str = "fp16",
        lora_stack=None,
        stack=None,
        model=None,
        clip=None,
        **rows,
    ) -> io.NodeOutput:
        recipe = Recipe(method, rank, density, window, seed)
        some = chosen(rows_of(rows, ROWS), lora_stack, stack)
        return shown(*merge_loras(some, recipe, filename_prefix, precision, model, clip))
