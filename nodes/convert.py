from comfy_api.latest import io, ui

from ..training.host.lora_choice import lora_names, stamp
from ..training.host.lora_extract import extract_lora
from ..training.host.lora_work import convert_lora, inspect_lora, resize_lora
from ..training.host.progress import show_text
from ..training.loras.convert import FORMS
from ..training.loras.lowrank import Budget
from .merge import file_inputs, file_outputs, shown


def _file() -> io.Input:
    return io.Combo.Input(
        "lora_name",
        options=lora_names(),
        tooltip="A .safetensors file in models/loras. Press R if it is new.",
    )


def _budget(rank: int) -> list[io.Input]:
    return [
        io.Int.Input(
            "rank",
            default=rank,
            min=0,
            max=1024,
            tooltip="The most a layer may have. 0: no limit but those below.",
        ),
        io.Float.Input(
            "energy",
            default=1.0,
            min=0.01,
            max=1.0,
            step=0.001,
            round=False,
            tooltip="Keep, in each layer, what makes up this share of its change (squared). 0.95 "
            "is a good start; 1 keeps all that the rank allows.",
        ),
        io.Float.Input(
            "error",
            default=0.0,
            min=0.0,
            max=0.99,
            step=0.001,
            round=False,
            tooltip="Keep, in each layer, what is needed to be off by at most this share of its "
            "change. 0: not asked for.",
        ),
    ]


class ResizeLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierResizeLora",
            display_name="Resize LoRA",
            category="Atelier/Stack",
            description="A LoRA of a smaller rank, the closest there is: by a fixed rank, by the "
            "share of its change that stays, or by error. LoHa and LoKr become LoRAs.",
            is_output_node=True,
            inputs=[_file(), *_budget(16), *file_inputs("resized")],
            outputs=file_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str, **_):
        return stamp(lora_name)

    @classmethod
    def execute(
        cls,
        lora_name: str,
        rank: int,
        energy: float,
        error: float,
        filename_prefix: str,
        precision: str = "fp16",
    ) -> io.NodeOutput:
        budget = Budget(rank, energy, error)
        return shown(*resize_lora(lora_name, budget, filename_prefix, precision))


class ExtractLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierExtractLora",
            display_name="Extract LoRA",
            category="Atelier/Stack",
            description="What a tuned model has that its base has not, as a LoRA. Linear and "
            "convolution layers of the diffusion network, and of the text encoders where both are "
            "wired.",
            is_output_node=True,
            inputs=[
                io.Model.Input("tuned", tooltip="The model with the change, patches included."),
                io.Model.Input("base", tooltip="The model without it."),
                *_budget(32),
                *file_inputs("extracted"),
                io.Clip.Input(
                    "tuned_clip",
                    optional=True,
                    tooltip="The tuned model's text encoders. Without both clips, the LoRA changes "
                    "the diffusion network alone.",
                ),
                io.Clip.Input(
                    "base_clip", optional=True, tooltip="The text encoders without the change."
                ),
            ],
            outputs=file_outputs(),
        )

    @classmethod
    def execute(
        cls,
        tuned,
        base,
        rank: int,
        energy: float,
        error: float,
        filename_prefix: str,
        precision: str = "fp16",
        tuned_clip=None,
        base_clip=None,
    ) -> io.NodeOutput:
        budget = Budget(rank, energy, error)
        clips = tuned_clip, base_clip
        return shown(*extract_lora(tuned, base, *clips, budget, filename_prefix, precision))


class ConvertLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierConvertLora",
            display_name="Convert LoRA",
            category="Atelier/Stack",
            description="The same LoRA under the names that another program reads. There and back "
            "is the same file.",
            is_output_node=True,
            inputs=[
                _file(),
                io.Combo.Input(
                    "form",
                    options=list(FORMS),
                    default="comfyui",
                    tooltip="Who reads it. comfyui: diffusion_model.…; kohya: lora_unet_…, for "
                    "kohya's scripts and webuis; diffusers: unet.… or transformer.…, for diffusers "
                    "and peft.",
                ),
                file_inputs("converted")[0],
            ],
            outputs=file_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str, **_):
        return stamp(lora_name)

    @classmethod
    def execute(cls, lora_name: str, form: str, filename_prefix: str) -> io.NodeOutput:
        return shown(*convert_lora(lora_name, form, filename_prefix))


class InspectLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierInspectLora",
            display_name="Inspect LoRA",
            category="Atelier/Stack",
            description="What a LoRA file is made of (layers, kinds, ranks, alphas, norms, its "
            "header), and whether it is well: broken numbers, layers that do nothing or far more "
            "than the others.",
            is_output_node=True,
            inputs=[_file()],
            outputs=[
                io.String.Output(display_name="text", tooltip="What was found, for a person."),
                io.String.Output(display_name="json", tooltip="The same, with every layer."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str):
        return stamp(lora_name)

    @classmethod
    def execute(cls, lora_name: str) -> io.NodeOutput:
        text, summary = inspect_lora(lora_name)
        show_text(text)
        return io.NodeOutput(text, summary, ui=ui.PreviewText(text))
