from comfy_api.latest import io, ui

from ..training.host.images import as_images
from ..training.host.lora_interference import SHOWS, as_json, interference, picture, told
from ..training.host.lora_work import chosen
from ..training.host.progress import show_text
from .merge import base_inputs, file_rows, rows_of, stack_inputs, stamps

ROWS = (1, 2)


class LoraInterference(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierInterference",
            display_name="LoRA Interference",
            category="Atelier/Stack",
            description="How much the LoRAs of a stack get into one another's way: which layers "
            "they share, whether they add up or cancel, and what to try. No picture is drawn with "
            "them for it.",
            is_output_node=True,
            inputs=[
                io.Combo.Input(
                    "show",
                    options=list(SHOWS),
                    default="overlap",
                    tooltip="What the heat map shows. overlap: whether they change the same "
                    "directions. cosine: whether they add up or cancel. sign_conflict: values with "
                    "opposite signs. size: how much each changes.",
                ),
                *file_rows(ROWS),
                *stack_inputs(),
                *base_inputs(),
            ],
            outputs=[
                io.Image.Output(display_name="heat_map", tooltip="Blocks by pairs of LoRAs."),
                io.String.Output(display_name="text", tooltip="Which clash, and what to try."),
                io.String.Output(display_name="json", tooltip="All figures, layer by layer."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs):
        return stamps(inputs, ROWS)

    @classmethod
    def execute(
        cls, show: str, lora_stack=None, stack=None, model=None, clip=None, **rows
    ) -> io.NodeOutput:
        found = interference(chosen(rows_of(rows, ROWS), lora_stack, stack), model, clip)
        (image,) = as_images([picture(found, show)])
        text = told(found)
        show_text(text)
        return io.NodeOutput(image, text, as_json(found), ui=ui.PreviewImage(image, cls=cls))
