from dataclasses import replace

from comfy_api.latest import io, ui

from ..training.host.folders import pictures
from ..training.host.images import as_pictures
from ..training.host.lora_choice import lora_names, stamp
from ..training.host.progress import show_text
from ..training.host.reports import grid_named
from ..training.save import PRECISIONS
from ..training.ship.card import About
from ..training.ship.judged import judged
from ..training.ship.ship import AS_IT_IS, CHECKPOINTS, goods_named, goods_of, ship
from .types import RunWire


def _said() -> list[io.Input]:
    """What only a person knows."""
    return [
        io.String.Input(
            "trigger",
            default="",
            optional=True,
            tooltip="The words by which prompts call what was learned.",
        ),
        io.String.Input(
            "base_model",
            default="",
            optional=True,
            tooltip="Where the base is found, such as owner/name, for the card.",
        ),
        io.String.Input(
            "licence",
            default="",
            optional=True,
            tooltip="Under which others may use it, such as cc-by-4.0. Empty: the card says that "
            "none was named.",
        ),
        io.String.Input(
            "description",
            default="",
            multiline=True,
            optional=True,
            tooltip="What it is for, in Markdown.",
        ),
        io.String.Input(
            "limits",
            default="",
            multiline=True,
            optional=True,
            tooltip="What it is not good for, in Markdown: what failed in your grids.",
        ),
    ]


class ShipLora(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierShip",
            display_name="Ship LoRA",
            category="Atelier/Stack",
            description="A LoRA with a model card and pictures in one folder under "
            "output/atelier/shipped, ready to be uploaded or handed over. Nothing leaves the "
            "machine, and nothing is written over.",
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "name",
                    default="my-lora",
                    tooltip="Of the folder, the file and the card. A folder of that name gets a "
                    "number.",
                ),
                io.Boolean.Input(
                    "share_safely",
                    default=True,
                    tooltip="Leave the graph, paths, the run's settings, prompts and fingerprints "
                    "out of the file and the card, as Save LoRA does.",
                ),
                io.Combo.Input(
                    "lora_name",
                    options=["None", *lora_names()],
                    default="None",
                    optional=True,
                    tooltip="A .safetensors file in models/loras, if no run is wired.",
                ),
                io.Combo.Input(
                    "checkpoint",
                    options=list(CHECKPOINTS),
                    default="kept",
                    optional=True,
                    tooltip="Which weights of the run. kept: those that its `keep` asked for. "
                    "best: with the lowest held-out loss. last: of its last step. recommended: "
                    "what Recommend Checkpoint chose.",
                ),
                io.Combo.Input(
                    "precision",
                    options=[AS_IT_IS, *PRECISIONS],
                    default=AS_IT_IS,
                    optional=True,
                    tooltip="How the file is stored. fp16 halves one of fp32; bf16 too, but keeps "
                    "fewer digits.",
                ),
                *_said(),
                io.String.Input(
                    "grid",
                    default="",
                    optional=True,
                    tooltip="A grid whose scores and recommendation go onto the card: the name of "
                    "its folder under output/atelier/grids.",
                ),
                RunWire.Input("run", optional=True, tooltip="The run whose LoRA is shipped."),
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Pictures for the card, at most 16, in place of the run's samples.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="folder", tooltip="The folder, under output/atelier."
                ),
                io.String.Output(display_name="card", tooltip="The model card, in Markdown."),
            ],
            hidden=[io.Hidden.extra_pnginfo],
        )

    @classmethod
    def validate_inputs(cls, lora_name: str | None = "None"):
        """Files that are newer than the page's list are found too; `execute` names wrong ones."""
        return "Choose a LoRA, or None." if lora_name == "" else True

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None = "None", **_):
        return None if lora_name in (None, "None") else stamp(lora_name)

    @classmethod
    def execute(
        cls,
        name: str,
        share_safely: bool,
        lora_name: str = "None",
        checkpoint: str = "kept",
        precision: str = AS_IT_IS,
        run=None,
        images=None,
        grid: str = "",
        **said: str,
    ) -> io.NodeOutput:
        if (run is None) == (lora_name == "None"):
            raise ValueError("Wire a run, or choose a lora_name: one of the two, and not both.")
        goods = goods_of(run, checkpoint) if run else goods_named(lora_name)
        if images is not None:
            goods = replace(goods, pictures=as_pictures(images), prompts=())
        if grid.strip():
            goods = replace(goods, judged=judged(grid_named(grid.strip())))
        graph = None if share_safely else (cls.hidden.extra_pnginfo or {}).get("workflow")
        folder = ship(goods, About(name, **said), graph, share_safely, precision)
        place = folder.relative_to(pictures()).as_posix()
        show_text(f"output/atelier/{place}")
        text = (folder / "README.md").read_text(encoding="utf-8")
        return io.NodeOutput(place, text, ui=ui.PreviewText(f"output/atelier/{place}\n\n{text}"))
