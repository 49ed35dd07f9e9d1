from comfy_api.latest import io, ui

from ..training.evaluation import grid
from ..training.evaluation.plan import Cell, GridPlan, Sampling, make_plan
from ..training.files import safe_name
from ..training.host import folders
from ..training.host.choices import SAMPLERS, SCHEDULERS
from ..training.host.grid_graph import Subject, grid_graph
from ..training.host.images import page_images, pixels
from ..training.host.progress import show_text
from .types import CellWire, LoraModel, PlanWire


def _page(plan: GridPlan) -> io.NodeOutput:
    files = grid.save_pages(plan, folders.cells(), folders.grids())
    return io.NodeOutput(
        page_images(files), ui=ui.SavedImages([folders.shown(file) for file in files])
    )


class EvaluationGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierEvaluationGrid",
            display_name="Evaluation Grid",
            category="Atelier/Evaluate",
            description="The same prompts and seeds without the LoRA and with it, at several "
            "strengths, side by side. Pictures that were made before are not made again.",
            is_output_node=True,
            enable_expand=True,
            inputs=[
                io.Model.Input("model", tooltip="The base, without the LoRA."),
                io.Clip.Input("clip", tooltip="Text encoder for the prompts."),
                io.Vae.Input("vae", tooltip="Turns latents into pictures."),
                LoraModel.Input("lora", tooltip="The LoRA to judge, straight from Train LoRA."),
                io.String.Input(
                    "name",
                    default="my-grid",
                    tooltip="Name of the folder under output/atelier/grids.",
                ),
                io.String.Input(
                    "prompts",
                    multiline=True,
                    default="",
                    tooltip="One prompt on each line: a row of the grid for each seed.",
                ),
                io.String.Input(
                    "negative",
                    default="",
                    tooltip="What the pictures should not show, for all rows.",
                ),
                io.String.Input(
                    "strengths",
                    default="0.5, 1",
                    tooltip="Strengths of the LoRA, a column each. The base without it is always "
                    "the first column.",
                ),
                io.String.Input(
                    "seeds",
                    default="1, 2",
                    tooltip="Seeds, a row for each prompt and seed. The same seed is used in all "
                    "columns, so that only the LoRA differs.",
                ),
                io.Int.Input(
                    "steps", default=20, min=1, max=10000, tooltip="Sampling steps of each picture."
                ),
                io.Float.Input(
                    "cfg",
                    default=5.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="How closely the prompt is followed. Use what the base is used with.",
                ),
                io.Combo.Input(
                    "sampler_name",
                    options=SAMPLERS,
                    default="euler",
                    tooltip="Sampler, as in KSampler.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=SCHEDULERS,
                    default="simple",
                    tooltip="Spacing of the noise levels, as in KSampler.",
                ),
                io.Int.Input(
                    "width", default=1024, min=16, max=16384, step=8, tooltip="Width in pixels."
                ),
                io.Int.Input(
                    "height", default=1024, min=16, max=16384, step=8, tooltip="Height in pixels."
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="grid", is_output_list=True, tooltip="The labelled pages."
                )
            ],
        )

    @classmethod
    def execute(
        cls, model, clip, vae, lora, name: str, prompts: str, strengths: str, seeds: str, **how
    ) -> io.NodeOutput:
        subject = Subject(model, clip, vae, lora)
        plan = make_plan(
            safe_name(name, "grid name"),
            prompts,
            seeds,
            strengths,
            Sampling(**how),
            subject.fingerprint([prompts, str(how.get("negative", ""))]),
        )
        todo = grid.missing(plan, folders.cells())
        if not todo:
            return _page(plan)
        graph, page = grid_graph(plan, todo, subject)
        return io.NodeOutput(page, expand=graph)


class GridCell(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridCell",
            display_name="Grid Cell",
            category="Atelier/Evaluate/Parts",
            description="Keeps one picture of a grid. Evaluation Grid uses it; on its own it is of "
            "no use.",
            inputs=[
                io.Image.Input("image", tooltip="The picture."),
                CellWire.Input("cell", tooltip="Which cell of the grid it is."),
                io.String.Input("progress", default="", tooltip="What to show on the grid's node."),
                CellWire.Input("after", optional=True, tooltip="The cell to wait for."),
            ],
            outputs=[CellWire.Output(display_name="kept", tooltip="The cell, kept.")],
        )

    @classmethod
    def execute(cls, image, cell, progress: str, after=None) -> io.NodeOutput:
        if not isinstance(cell, Cell):
            raise ValueError("A grid cell comes from Evaluation Grid; use that node.")
        grid.save_cell(folders.cells(), cell.key, pixels(image))
        show_text(progress)
        return io.NodeOutput(cell)


class GridPage(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridPage",
            display_name="Grid Page",
            category="Atelier/Evaluate/Parts",
            description="Lays out a grid when its pictures are there. Evaluation Grid uses it; on "
            "its own it is of no use.",
            inputs=[
                PlanWire.Input("plan", tooltip="The grid."),
                CellWire.Input("after", optional=True, tooltip="The cell to wait for."),
            ],
            outputs=[
                io.Image.Output(
                    display_name="grid", is_output_list=True, tooltip="The labelled pages."
                )
            ],
        )

    @classmethod
    def execute(cls, plan, after=None) -> io.NodeOutput:
        if not isinstance(plan, GridPlan):
            raise ValueError("A grid page comes from Evaluation Grid; use that node.")
        return _page(plan)
