from comfy_api.latest import io, ui

from ..training.host.progress import show_text
from ..training.save import PRECISIONS, Form, save_lora, save_words
from .types import LoraModel, RunWire


class SaveLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierSaveLora",
            display_name="Save LoRA",
            category="Atelier/Train",
            description="Write a LoRA into models/loras, where every loader finds it, and the new "
            "words of its run into models/embeddings. Nothing is written over; the same LoRA is "
            "not written twice under one name.",
            is_output_node=True,
            inputs=[
                LoraModel.Input("lora", tooltip="The LoRA to write."),
                io.String.Input(
                    "filename_prefix",
                    default="atelier/my-lora",
                    tooltip="Name of the file; a number is added. '/' makes a sub-folder.",
                ),
                io.Boolean.Input(
                    "share_safely",
                    default=False,
                    tooltip="Leave the graph, the settings and the fingerprints out of the file; "
                    "the title, size and rank stay. "
                    "Off: dropping the file on the canvas brings back the graph that made it.",
                ),
                io.Combo.Input(
                    "form",
                    options=["comfyui", "diffusers"],
                    default="comfyui",
                    optional=True,
                    tooltip="Who reads the file. comfyui: ComfyUI and programs that read kohya's "
                    "files. diffusers: diffusers too, for SD1.x, SD2.x, SDXL, SD3 and Flux.1.",
                ),
                io.Combo.Input(
                    "precision",
                    options=list(PRECISIONS),
                    default="fp32",
                    optional=True,
                    tooltip="fp16 halves the file and keeps every picture within 2 of 255. bf16 "
                    "halves it too, but keeps fewer digits: pictures may be off by 6 of 255.",
                ),
                RunWire.Input(
                    "run",
                    optional=True,
                    tooltip="The run that made it: its settings are written into the file, and its "
                    "new words are written too.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="lora_name",
                    tooltip="The file's name, as Load LoRA lists it. Empty if the run trained new "
                    "words alone.",
                ),
                io.String.Output(
                    display_name="words",
                    tooltip="New words as prompts call them, such as `embedding:ohwx`. Empty if "
                    "there are none.",
                ),
            ],
            hidden=[io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls,
        lora,
        filename_prefix: str,
        share_safely: bool,
        form: str = "comfyui",
        precision: str = "fp32",
        run=None,
    ) -> io.NodeOutput:
        graph = None if share_safely else (cls.hidden.extra_pnginfo or {}).get("workflow")
        how = Form(form, precision)
        words = save_words(run, graph, share_safely) if run else []
        name = ""
        if lora or not words:
            name = save_lora(lora, filename_prefix, run, graph, share_safely, how)
        text = "\n".join([*([f"models/loras/{name}"] if name else []), *words])
        show_text(text)
        return io.NodeOutput(name, ", ".join(words), ui=ui.PreviewText(text))
