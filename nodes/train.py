from typing import Any

from comfy_api.latest import io

from ..training.config import make_config
from ..training.host.folders import runs, shown
from ..training.host.graph import base_of
from ..training.host.progress import show_text
from ..training.run import stops
from ..training.settings.basic import BasicSettings
from .fields import inputs
from .types import DatasetWire, LoraModel, LossMap, OptionsWire, RunWire


def base_wires() -> list[Any]:
    """What both training nodes need."""
    return [
        io.Model.Input("model", tooltip="The base to train on, with its LoRAs if it has any."),
        io.Clip.Input("clip", tooltip="Text encoder of the base, for the captions."),
        io.Vae.Input("vae", tooltip="VAE of the base, for the pictures."),
        DatasetWire.Input("dataset", tooltip="Pictures to learn from, with captions."),
    ]


def more_wires() -> list[Any]:
    return [
        DatasetWire.Input(
            "class_pictures",
            optional=True,
            tooltip="Pictures of the same kind without the new thing. They keep the LoRA "
            "from showing where it is not asked for, at twice the time.",
        ),
        DatasetWire.Input(
            "held_out",
            optional=True,
            tooltip="Pictures that are never trained on. The loss on them tells when it "
            "was enough.",
        ),
        LoraModel.Input(
            "continue_from",
            optional=True,
            tooltip="A LoRA to go on from, from Load LoRA File or another training. Its "
            "kind, layers and ranks stay what they are.",
        ),
    ]


def results() -> list[Any]:
    return [
        LoraModel.Output(display_name="lora", tooltip="The trained LoRA."),
        LossMap.Output(display_name="loss", tooltip="The loss of every step."),
        RunWire.Output(display_name="run", tooltip="The run on disk, for Save LoRA."),
    ]


def outputs_of(run: Any) -> io.NodeOutput:
    """What a run gave. Its curve is no picture of the node's: the page draws it there itself."""
    from ..training.trainer import loss_picture

    losses = [line["loss"] for line in run.logged() if "loss" in line]
    told = {"atelier_run": [run.name], "loss_curve": [shown(loss_picture(run))]}
    return io.NodeOutput(run.lora(), {"loss": losses}, run, ui=told)


def graph_of(hidden: Any) -> dict[str, Any]:
    """The graph that is queued, as the page saves it and as it was sent."""
    return {"workflow": (hidden.extra_pnginfo or {}).get("workflow"), "prompt": hidden.prompt}


def origin_of(hidden: Any) -> dict[str, Any]:
    """`graph_of` a node that trains, and which file its base is from."""
    return graph_of(hidden) | {"base": base_of(hidden.prompt)}


def tell_what_differs(own: dict[str, Any], options: dict[str, Any]) -> None:
    """Say on the node which of its own widgets do not count."""
    differ = [name for name in own if options.get(name, own[name]) != own[name]]
    if differ:
        named = ", ".join(f"{name} = {options[name]}" for name in differ)
        show_text(f"From options, in place of this node's own: {named}.")


class TrainLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierTrainLora",
            display_name="Train LoRA",
            category="Atelier/Train",
            description="Train a LoRA on the model that is wired in. The model itself is not "
            "changed. A run that was stopped goes on; one that was finished is found again.",
            is_output_node=True,
            inputs=[
                *base_wires(),
                io.String.Input(
                    "name",
                    default="my-lora",
                    tooltip="Name of the run, and of its folder. Another run of the same name gets "
                    "a number.",
                ),
                *inputs(BasicSettings),
                *more_wires(),
                OptionsWire.Input(
                    "options",
                    optional=True,
                    tooltip="Settings for experts, from the options nodes.",
                ),
            ],
            outputs=results(),
            hidden=[io.Hidden.extra_pnginfo, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, name: str, **_others: Any):
        return stops(runs(), name)

    @classmethod
    def execute(
        cls,
        model,
        clip,
        vae,
        dataset,
        name: str,
        class_pictures=None,
        held_out=None,
        continue_from=None,
        options: dict[str, Any] | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        from ..training.prepare import Wires
        from ..training.trainer import train_lora  # brings peft: a second

        wires = Wires(model, clip, vae, dataset, held_out, class_pictures, continue_from)
        config = make_config(**settings | (options or {}))
        tell_what_differs(settings, options or {})
        return outputs_of(train_lora(wires, config, name, origin_of(cls.hidden)))
