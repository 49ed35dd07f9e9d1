"""What Evaluation Grid unfolds into, besides ComfyUI's own nodes. Nobody places these."""

from typing import Any

from comfy_api.latest import io, ui

from ..training.evaluation import grid
from ..training.evaluation.grid import Drawing
from ..training.evaluation.plan import GridPlan
from ..training.host import folders
from ..training.host.graph import texts
from ..training.host.grid_chain import guider_for
from ..training.host.grid_graph import AFTER, Work, let_go
from ..training.host.images import all_pixels, first_pages
from .train import graph_of
from .types import CellWire, PagesWire, WorkWire

GRAPH = (io.Hidden.extra_pnginfo, io.Hidden.prompt)  # of a node that saves pictures


def laid_out(plan: GridPlan, hidden: Any) -> io.NodeOutput:
    """The pages of a grid whose cells are all there, with the graph that runs."""
    graph = texts(graph_of(hidden))
    files = grid.save_pages(plan, folders.cells(), folders.grids(), graph)
    shown = ui.SavedImages([folders.shown(file) for file in files])
    return io.NodeOutput(first_pages(files), files[0].parent.name, ui=shown)


def folder_output() -> Any:
    return io.String.Output(
        display_name="folder", tooltip="The grid's folder under output/atelier/grids: Score Grid's."
    )


class GridCell(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridCell",
            display_name="Grid Cell",
            category="Atelier/Evaluate/Parts",
            description="Keeps a picture of a grid, or those of a batch, and lets go of what they "
            "were made from. Evaluation Grid uses it; on its own it is of no use.",
            is_output_node=True,  # ComfyUI then runs it as soon as its picture is there
            inputs=[
                io.Image.Input("image", tooltip="The pictures."),
                CellWire.Input("drawing", tooltip="Which cells of the grid they are."),
                WorkWire.Input("work", tooltip="The grid, and what is still to be drawn of it."),
                io.Latent.Input("latent", optional=True, tooltip="What they were decoded from."),
                io.Latent.Input("denoised", optional=True, tooltip="The sampler's other latent."),
                io.Conditioning.Input(
                    "text", optional=True, tooltip="The prompt, if no other cell needs it."
                ),
            ],
            outputs=[CellWire.Output(display_name="kept", tooltip="The cells, kept.")],
            hidden=[*GRAPH],
        )

    @classmethod
    def execute(cls, image, drawing, work, latent=None, denoised=None, text=None) -> io.NodeOutput:
        if not isinstance(drawing, Drawing) or not isinstance(work, Work):
            raise ValueError("A grid cell comes from Evaluation Grid; use that node.")
        graph = texts(graph_of(cls.hidden))
        for key, picture in zip(drawing.keys, all_pixels(image), strict=True):
            grid.save_cell(folders.cells(), key, picture, graph)
        work.kept(drawing)
        let_go(image, latent, denoised, text)
        return io.NodeOutput(drawing)


class GridPage(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridPage",
            display_name="Grid Page",
            category="Atelier/Evaluate/Parts",
            description="Draws the next pictures of a grid, or lays it out when all are there. "
            "Evaluation Grid uses it; on its own it is of no use.",
            enable_expand=True,
            inputs=[
                WorkWire.Input("work", tooltip="The grid, and what is still to be drawn of it."),
                *(
                    CellWire.Input(name, optional=True, tooltip="A cell to wait for.")
                    for name in AFTER
                ),
            ],
            # Not a list of pictures: ComfyUI takes those apart on the way out of a graph like this.
            outputs=[
                PagesWire.Output(display_name="pages", tooltip="The labelled pages."),
                folder_output(),
            ],
            hidden=[*GRAPH],
        )

    @classmethod
    def execute(cls, work, **after) -> io.NodeOutput:
        if not isinstance(work, Work):
            raise ValueError("A grid page comes from Evaluation Grid; use that node.")
        if not work.todo:
            return laid_out(work.plan, cls.hidden)
        graph, links = work.expand()
        return io.NodeOutput(*links, expand=graph)


class GridGuider(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridGuider",
            display_name="Grid Guider",
            category="Atelier/Evaluate/Parts",
            description="A guider with the model and the prompt of a cell. Evaluation Grid "
            "(Advanced) uses it; on its own it is of no use.",
            inputs=[
                io.Guider.Input("guider", tooltip="The guider that was wired."),
                io.Model.Input("model", tooltip="The cell's model."),
                io.Conditioning.Input("positive", tooltip="The cell's prompt."),
            ],
            outputs=[io.Guider.Output(display_name="guider", tooltip="For the cell.")],
        )

    @classmethod
    def execute(cls, guider, model, positive) -> io.NodeOutput:
        return io.NodeOutput(guider_for(guider, model, positive))
