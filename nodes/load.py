from comfy_api.latest import io

from ..training.host.lora_choice import lora_names, read_lora, stamp
from .types import LoraModel


class LoadLoraFile(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierLoadLoraFile",
            display_name="Load LoRA File",
            category="Atelier/Train",
            description="A LoRA from models/loras as it is, to go on training, or for ComfyUI's "
            "Load LoRA Model.",
            inputs=[
                io.Combo.Input(
                    "lora_name",
                    options=lora_names(),
                    tooltip="A .safetensors file in models/loras. Press R if it is new.",
                )
            ],
            outputs=[
                LoraModel.Output(
                    display_name="lora", tooltip="For Train LoRA's continue_from, among others."
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str):
        return stamp(lora_name)

    @classmethod
    def execute(cls, lora_name: str) -> io.NodeOutput:
        return io.NodeOutput(read_lora(lora_name))
