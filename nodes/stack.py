"""LoRA Stack and Apply Stack."""

from comfy_api.latest import io

from ..training.host.stack import (
    apply_stack,
    stacked,
    stamps,
    with_lora,
    words_of,
)
from ..training.stack.rows import EMPTY
from .types import LoraModel, LoraStack, StackWire

_ROWS = (
    "The rows as JSON, which the list above writes: on, lora, model, text, blocks, schedule. JSON "
    "of other packs' stacks is understood."
)


def stack_input() -> io.Input:
    return StackWire.Input("stack", optional=True, tooltip="A stack whose rows come first.")


class LoraStackNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierLoraStack",
            display_name="LoRA Stack",
            category="Atelier/Stack",
            description="Several LoRAs with their strengths, block weights and schedules, for "
            "Apply Stack, Merge LoRAs, and other packs' nodes.",
            inputs=[
                io.String.Input("rows", default=EMPTY, multiline=True, tooltip=_ROWS),
                stack_input(),
                LoraStack.Input(
                    "lora_stack",
                    optional=True,
                    tooltip="A stack of another pack, whose rows come after those of 'stack'.",
                ),
            ],
            outputs=[
                StackWire.Output(display_name="stack", tooltip="For Apply Stack."),
                LoraStack.Output(
                    display_name="lora_stack",
                    tooltip="For other packs' nodes. Block weights, schedules and LoRAs that are "
                    "no files do not fit into it: what is wired to it then stops and says so.",
                ),
                io.String.Output(
                    display_name="trigger_words",
                    tooltip="The words that the files name as theirs, with commas between.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **inputs):
        return stamps(inputs.get("rows"))

    @classmethod
    def execute(cls, rows: str, stack=None, lora_stack=None) -> io.NodeOutput:
        whole = stacked(rows, stack, lora_stack)
        return io.NodeOutput(whole, whole.for_others(), words_of(whole))


class AddLoraToStack(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierAddLoraToStack",
            display_name="Add LoRA to Stack",
            category="Atelier/Stack",
            description="Puts a LoRA that is no file yet into a stack, from Train LoRA or "
            "ComfyUI's own trainer: try it before it is saved.",
            inputs=[
                LoraModel.Input("lora", tooltip="From Train LoRA, among others."),
                io.Float.Input(
                    "strength_model",
                    default=1.0,
                    min=-100.0,
                    max=100.0,
                    step=0.01,
                    tooltip="How strongly it changes the model. 0 is off.",
                ),
                io.Float.Input(
                    "strength_text",
                    default=1.0,
                    min=-100.0,
                    max=100.0,
                    step=0.01,
                    tooltip="How strongly it changes the text encoders, where it was trained on "
                    "them.",
                ),
                io.String.Input(
                    "blocks",
                    default="",
                    optional=True,
                    tooltip='Factors by layers\' names as JSON: {"double_blocks.*": 0.5}. Empty: '
                    "all alike.",
                ),
                io.String.Input(
                    "schedule",
                    default="",
                    optional=True,
                    tooltip="Factors by share of the sampling steps as JSON: [[0, 1], [0.5, 0]] "
                    "is off in the second half. Empty: all alike.",
                ),
                stack_input(),
            ],
            outputs=[StackWire.Output(display_name="stack", tooltip="With this LoRA at its end.")],
        )

    @classmethod
    def execute(
        cls,
        lora,
        strength_model: float,
        strength_text: float,
        blocks: str = "",
        schedule: str = "",
        stack=None,
    ) -> io.NodeOutput:
        more = with_lora(stack, lora, strength_model, strength_text, blocks, schedule)
        return io.NodeOutput(more)


class ApplyStack(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierApplyStack",
            display_name="Apply Stack",
            category="Atelier/Stack",
            description="A model with all LoRAs of a stack: the same as one Load LoRA after the "
            "other, with block weights and schedules besides.",
            inputs=[
                io.Model.Input("model", tooltip="The base that the LoRAs are for."),
                StackWire.Input("stack", tooltip="From LoRA Stack or Add LoRA to Stack."),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="The text encoders. Without them only the model is changed.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="For any sampler."),
                io.Clip.Output(display_name="clip", tooltip="For CLIP Text Encode."),
            ],
        )

    @classmethod
    def execute(cls, model, stack, clip=None) -> io.NodeOutput:
        return io.NodeOutput(*apply_stack(model, clip, stack))
