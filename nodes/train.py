from typing import Any

from comfy_api.latest import io, ui

from ..training.config import describe, make_config
from ..training.host.folders import shown
from ..training.schedule import SCHEDULES
from .types import DatasetWire, LoraModel, LossMap, OptionsWire, RunWire


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
                io.Model.Input(
                    "model", tooltip="The base to train on, with its LoRAs if it has any."
                ),
                io.Clip.Input("clip", tooltip="Text encoder of the base, for the captions."),
                io.Vae.Input("vae", tooltip="VAE of the base, for the pictures."),
                DatasetWire.Input("dataset", tooltip="Pictures to learn from, with captions."),
                io.String.Input(
                    "name",
                    default="my-lora",
                    tooltip="Name of the run, and of its folder. Another run of the same name gets "
                    "a number.",
                ),
                io.Int.Input("steps", default=400, min=1, max=1_000_000, tooltip=describe("steps")),
                io.Int.Input(
                    "batch_size", default=1, min=1, max=1024, tooltip=describe("batch_size")
                ),
                io.Float.Input(
                    "learning_rate",
                    default=1e-4,
                    min=1e-9,
                    max=10.0,
                    step=1e-6,
                    round=1e-9,
                    tooltip=describe("learning_rate"),
                ),
                io.Int.Input("rank", default=16, min=1, max=1024, tooltip=describe("rank")),
                io.Int.Input(
                    "resolution", default=1024, min=64, max=8192, tooltip=describe("resolution")
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**63 - 1,
                    control_after_generate=False,
                    tooltip=describe("seed"),
                ),
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
                OptionsWire.Input(
                    "options", optional=True, tooltip="Settings for experts, from Train Options."
                ),
            ],
            outputs=[
                LoraModel.Output(display_name="lora", tooltip="The trained LoRA."),
                LossMap.Output(display_name="loss", tooltip="The loss of every step."),
                RunWire.Output(display_name="run", tooltip="The run on disk, for Save LoRA."),
            ],
        )

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
        options: dict[str, Any] | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        from ..training.trainer import Wires, loss_picture, train_lora  # brings peft: a second

        settings = {"alpha": settings["rank"]} | settings | (options or {})
        wires = Wires(model, clip, vae, dataset, held_out, class_pictures)
        run = train_lora(wires, make_config(**settings), name)
        losses = [line["loss"] for line in run.logged() if "loss" in line]
        curve = ui.SavedImages([shown(loss_picture(run))])
        return io.NodeOutput(run.lora(), {"loss": losses}, run, ui=curve)


class TrainOptions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierTrainOptions",
            display_name="Train Options",
            category="Atelier/Train",
            description="Settings of a training for those who know why. The defaults are good.",
            inputs=[
                io.Float.Input(
                    "alpha",
                    default=0.0,
                    min=0.0,
                    max=4096.0,
                    step=0.5,
                    tooltip=f"{describe('alpha')} 0 here means: equal to the rank.",
                ),
                io.Combo.Input(
                    "targets",
                    options=["attention", "attention_mlp", "all_linear"],
                    default="attention_mlp",
                    tooltip=describe("targets"),
                ),
                io.Combo.Input(
                    "schedule",
                    options=list(SCHEDULES),
                    default="cosine",
                    tooltip=describe("schedule"),
                ),
                io.Int.Input("warmup", default=0, min=0, max=100_000, tooltip=describe("warmup")),
                io.Int.Input(
                    "accumulation", default=1, min=1, max=1024, tooltip=describe("accumulation")
                ),
                io.Float.Input(
                    "weight_decay",
                    default=0.01,
                    min=0.0,
                    max=10.0,
                    step=0.001,
                    tooltip=describe("weight_decay"),
                ),
                io.Float.Input(
                    "clip_norm",
                    default=1.0,
                    min=0.0,
                    max=1e6,
                    step=0.1,
                    tooltip=describe("clip_norm"),
                ),
                io.Combo.Input(
                    "timestep_sampling",
                    options=["auto", "uniform", "logit_normal"],
                    default="auto",
                    tooltip=describe("timestep_sampling"),
                ),
                io.Float.Input(
                    "prior_weight",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip=describe("prior_weight"),
                ),
                io.Int.Input(
                    "validate_every",
                    default=50,
                    min=0,
                    max=1_000_000,
                    tooltip=describe("validate_every"),
                ),
                io.Int.Input(
                    "save_every", default=100, min=1, max=1_000_000, tooltip=describe("save_every")
                ),
            ],
            outputs=[OptionsWire.Output(display_name="options", tooltip="For Train LoRA.")],
        )

    @classmethod
    def execute(cls, alpha: float, **settings: Any) -> io.NodeOutput:
        return io.NodeOutput(({"alpha": alpha} if alpha else {}) | settings)
