"""What a grid compares besides: more LoRAs, and settings."""

from typing import Any

from comfy_api.latest import io

from ..training import run_loras
from ..training.evaluation.axes import Axes
from ..training.evaluation.candidates import More
from ..training.host.folders import runs
from ..training.host.grid_subject import NO_RUN, listed_loras, stamps
from ..training.run import Run, names
from ..training.settings.group import checked
from .fields import inputs
from .types import AxesWire, LoraModel, LoraStack, StackWire


def _before() -> Any:
    return AxesWire.Input(
        "axes", optional=True, tooltip="From another Grid LoRAs or Grid Axes, passed on with this."
    )


def _out() -> Any:
    return AxesWire.Output(display_name="axes", tooltip="For Evaluation Grid.")


class GridLoras(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridLoras",
            display_name="Grid LoRAs",
            category="Atelier/Evaluate",
            description="LoRAs for Evaluation Grid to compare: the checkpoints of a run, files, a "
            "stack's rows, a wired LoRA. Chain several of these for more.",
            inputs=[
                io.Combo.Input(
                    "run",
                    options=[NO_RUN, *names(runs())],
                    default=NO_RUN,
                    tooltip="A run in user/__atelier/runs whose checkpoints are compared. Press R "
                    "if it is new.",
                ),
                io.String.Input(
                    "checkpoints",
                    default="all",
                    tooltip="Which of the run's LoRAs: all, last, best, or steps with commas. "
                    "Steps are there where keep_loras was on.",
                ),
                io.String.Input(
                    "files",
                    multiline=True,
                    default="",
                    tooltip="Files in models/loras, one on each line.",
                ),
                io.Combo.Input(
                    "stack_rows",
                    options=["together", "each alone"],
                    default="together",
                    tooltip="The rows of a wired stack: all at once, or one LoRA after the other.",
                ),
                LoraModel.Input("lora", optional=True, tooltip="A LoRA, from Train LoRA say."),
                io.String.Input(
                    "label",
                    optional=True,
                    default="",
                    tooltip="What the wired LoRA is called in the grid.",
                ),
                StackWire.Input("stack", optional=True, tooltip="From LoRA Stack."),
                LoraStack.Input(
                    "lora_stack", optional=True, tooltip="A stack of another pack's node."
                ),
                _before(),
            ],
            outputs=[_out()],
        )

    @classmethod
    def validate_inputs(cls, run: str):
        """Runs that are newer than the page's list are found too; `execute` names wrong ones."""
        return True if run.strip() else "Choose a run, or none."

    @classmethod
    def fingerprint_inputs(cls, run: str, files: str, **_others: Any):
        known = run in names(runs())
        return stamps([*run_loras.kept(Run(runs() / run)).values()] if known else [], files)

    @classmethod
    def execute(cls, axes: More | None = None, **sources: Any) -> io.NodeOutput:
        return io.NodeOutput((axes or More()).with_candidates(listed_loras(**sources)))


class GridAxes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierGridAxes",
            display_name="Grid Axes",
            category="Atelier/Evaluate",
            description="What else Evaluation Grid varies: steps, cfg, samplers, schedulers, "
            "sizes, combinations of LoRAs; and which of it goes down, and which across.",
            inputs=[*inputs(Axes), _before()],
            outputs=[_out()],
        )

    @classmethod
    def execute(cls, axes: More | None = None, **settings: Any) -> io.NodeOutput:
        return io.NodeOutput((axes or More()).with_axes(checked(Axes, "Grid Axes", settings)))
