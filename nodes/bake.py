from comfy_api.latest import io, ui

from ..training.host.bake import bake
from ..training.host.lora_work import chosen
from ..training.host.progress import show_text
from .merge import file_rows, rows_of, stack_inputs, stamps

ROWS = (1, 2)


class BakeCheckpoint(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierBakeCheckpoint",
            display_name="Bake Checkpoint",
            category="Atelier/Stack",
            description="A checkpoint with LoRAs in it, as Load LoRA puts them there and ComfyUI "
            "saves it, with what was baked in told in its header. Nothing is written over.",
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="The base."),
                *file_rows(ROWS),
                io.String.Input(
                    "filename_prefix",
                    default="atelier/baked",
                    tooltip="Name of the file in output/checkpoints; a number is added. '/' makes "
                    "a sub-folder.",
                ),
                io.Boolean.Input(
                    "share_safely",
                    default=False,
                    tooltip="Leave the graph out of the file. The LoRAs' names, strengths and "
                    "hashes stay.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="The base's text encoders: in the file too, with the LoRAs' changes.",
                ),
                io.Vae.Input(
                    "vae", optional=True, tooltip="The base's VAE, which goes along as it is."
                ),
                *stack_inputs(),
            ],
            outputs=[
                io.String.Output(
                    display_name="checkpoint_name",
                    tooltip="The new file's name, as Load Checkpoint lists it.",
                )
            ],
            hidden=[io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs):
        return stamps(inputs, ROWS)

    @classmethod
    def execute(
        cls,
        model,
        filename_prefix: str,
        share_safely: bool,
        clip=None,
        vae=None,
        lora_stack=None,
        stack=None,
        **rows,
    ) -> io.NodeOutput:
        graph = None if share_safely else (cls.hidden.extra_pnginfo or {}).get("workflow")
        some = chosen(rows_of(rows, ROWS), lora_stack, stack)
        name, text = bake(model, clip, vae, some, filename_prefix, graph)
        show_text(text)
        return io.NodeOutput(name, ui=ui.PreviewText(text))
