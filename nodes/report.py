import json
from typing import Any

from comfy_api.latest import io, ui

from ..training.compare import named
from ..training.compare_plot import plot
from ..training.files import safe_name
from ..training.host.folders import pictures, runs
from ..training.host.images import as_images
from ..training.host.progress import show_text
from ..training.host.reports import compare_runs, run_named, write_report
from ..training.report.compare_page import text
from ..training.run import names
from .types import RunWire


def _told(words: str, page: str) -> dict[str, Any]:
    """Text on the node, and the page that its button opens."""
    return ui.PreviewText(words).as_dict() | {"atelier_page": [page]}


class Report(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierReport",
            display_name="Report",
            category="Atelier/Evaluate",
            description="One HTML page for a run: data, settings, curves, grid, scores, "
            "recommendation and where it came from. It opens without a network, and has a short "
            "checklist for human eyes.",
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "run_name",
                    default="",
                    tooltip="Name of the run, if none is wired: its folder in user/__atelier/runs.",
                ),
                io.String.Input(
                    "grid",
                    default="",
                    tooltip="Name of the grid to show, a folder under output/atelier/grids. Wire "
                    "the folder of Evaluation Grid or Score Grid, so that it is there first. "
                    "Empty: no grid.",
                ),
                io.Boolean.Input(
                    "share_safely",
                    default=False,
                    tooltip="Leave prompts, names of files, notes, fingerprints and the graph out, "
                    "before you hand the page on. Pictures stay.",
                ),
                RunWire.Input("run", optional=True, tooltip="The run, straight from Train LoRA."),
            ],
            outputs=[
                io.String.Output(
                    display_name="file", tooltip="The page, under output/atelier/reports."
                )
            ],
            hidden=[io.Hidden.extra_pnginfo, io.Hidden.prompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any):
        return float("nan")  # the run, its grid and the scores may be other ones by now

    @classmethod
    def execute(cls, run_name: str, grid: str, share_safely: bool, run=None) -> io.NodeOutput:
        if (run is None) == (not run_name.strip()):
            raise ValueError("Wire a run, or write its run_name: one of the two, and not both.")
        run = run or _run(run_name)
        graph = (cls.hidden.extra_pnginfo or {}).get("workflow")
        path = write_report(run, grid, graph, cls.hidden.prompt, share_safely)
        place = path.relative_to(pictures()).as_posix()
        show_text(f"output/atelier/{place}")
        told = _told(f"output/atelier/{place}", f"/atelier/runs/{run.name}/report")
        return io.NodeOutput(place, ui=told)


def _run(name: str) -> Any:
    try:
        return run_named(name.strip())
    except LookupError as error:
        raise ValueError(f"run_name: {error}") from None


class CompareRuns(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierCompareRuns",
            display_name="Compare Runs",
            category="Atelier/Evaluate",
            description="Runs side by side: only the settings that differ, curves over one "
            "another, scores, grids, time and memory.",
            is_output_node=True,
            inputs=[
                io.String.Input(
                    "runs",
                    default="*",
                    multiline=True,
                    tooltip="Names of runs, one a line or with commas. * and ? stand for any "
                    "characters: my-lora* is all of that name. At most 64.",
                ),
                io.String.Input(
                    "name",
                    default="comparison",
                    tooltip="Of the page, under output/atelier/reports.",
                ),
                RunWire.Input(
                    "run",
                    optional=True,
                    tooltip="A run that is to be finished first. It is compared too.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="plot", tooltip="The loss of all runs."),
                io.String.Output(display_name="text", tooltip="What differs and how they ended."),
                io.String.Output(display_name="json", tooltip="All of it, curves too, as JSON."),
                io.String.Output(
                    display_name="file", tooltip="The page, under output/atelier/reports."
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any):
        return float("nan")  # runs come and go on

    @classmethod
    def execute(cls, runs: str, name: str, run=None) -> io.NodeOutput:
        name = safe_name(name, "name")
        wanted = _wanted(runs, run)
        told, path = compare_runs([run_named(one) for one in wanted], name)
        place = path.relative_to(pictures()).as_posix()
        words = text(told)
        shown = _told(f"output/atelier/{place}\n\n{words}", f"/atelier/comparisons/{name}/report")
        (image,) = as_images([plot(told["runs"])])
        return io.NodeOutput(image, words, json.dumps(told), place, ui=shown)


def _wanted(asked: str, run: Any) -> list[str]:
    own = [run.name] if run else []
    if own and not asked.strip():
        return own
    return list(dict.fromkeys([*named(asked, names(runs())), *own]))
