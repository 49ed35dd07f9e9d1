"""Evaluation Grid, with the settings of KSampler or with a chain of sampling nodes."""

from typing import Any

from comfy_api.latest import io

from ..training.evaluation import grid
from ..training.evaluation.candidates import More
from ..training.evaluation.pace import Pace
from ..training.evaluation.plan import Sampling, Wanted, make_plan
from ..training.files import safe_name
from ..training.host import folders
from ..training.host.choices import SAMPLERS, SCHEDULERS
from ..training.host.grid_chain import GUIDED, UNGUIDED, Chain
from ..training.host.grid_graph import Work
from ..training.host.grid_subject import Subject, wired
from ..training.host.progress import show_text
from .evaluate_parts import GRAPH, folder_output, laid_out
from .types import AxesWire, LoraModel


def _base() -> list[Any]:
    return [
        io.Model.Input("model", tooltip="The base, without the LoRA."),
        io.Clip.Input("clip", tooltip="Text encoder for the prompts."),
        io.Vae.Input("vae", tooltip="Turns latents into pictures."),
    ]


def _texts() -> list[Any]:
    return [
        io.String.Input(
            "name",
            default="my-grid",
            tooltip="Name of the folder under output/atelier/grids.",
        ),
        io.String.Input(
            "prompts",
            multiline=True,
            default="",
            tooltip="One prompt on each line: a row of the grid for each seed. Prompt Suite writes "
            "them.",
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
    ]


def _cfg() -> Any:
    return io.Float.Input(
        "cfg",
        default=5.0,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="How closely the prompt is followed. Use what the base is used with.",
    )


def _size() -> list[Any]:
    return [
        io.Int.Input(name, default=1024, min=16, max=16384, step=8, tooltip=f"{name} in pixels.")
        for name in ("width", "height")
    ]


def _more() -> Any:
    return AxesWire.Input(
        "axes",
        optional=True,
        tooltip="From Grid LoRAs or Grid Axes: more to compare. Without it, the LoRA's strengths.",
    )


def _results() -> list[Any]:
    return [
        io.Image.Output(
            display_name="grid",
            is_output_list=True,
            tooltip="The labelled pages; of a very large grid, the first ones. All are files.",
        ),
        folder_output(),
    ]


def _draw(
    hidden: Any,
    base: tuple[Any, Any, Any],
    lora: Any,
    axes: More | None,
    sampling: Sampling,
    texts: dict[str, str],
    chain: Chain | None = None,
) -> io.NodeOutput:
    """The pages of a grid, or the graph that draws what is missing of it."""
    more = axes or More()
    if chain:
        chain.check(more.axes)
    subject = Subject(*base, more.all_candidates([wired(lora)] if lora is not None else []))
    texts = texts | {"name": safe_name(texts["name"], "grid name")}
    wanted = Wanted(
        **texts, sampling=sampling, axes=more.axes, samplers=SAMPLERS, schedulers=SCHEDULERS
    )
    plan = make_plan(wanted, subject.shown(), subject.made_from(sampling.negative))
    todo = grid.missing(plan, folders.cells())
    if not todo:
        return laid_out(plan, hidden)
    pace = Pace.open(folders.records() / "pace.json", subject.machine)
    work = Work(plan, todo, subject, chain, pace)
    show_text(work.told())
    graph, links = work.expand()
    return io.NodeOutput(*links, expand=graph)


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
                *_base(),
                *_texts(),
                io.Int.Input(
                    "steps", default=20, min=1, max=10000, tooltip="Sampling steps of each picture."
                ),
                _cfg(),
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
                *_size(),
                LoraModel.Input(
                    "lora",
                    optional=True,
                    tooltip="The LoRA to judge, straight from Train LoRA. Others come by axes.",
                ),
                _more(),
            ],
            outputs=_results(),
            hidden=[*GRAPH],
        )

    @classmethod
    def execute(
        cls,
        model,
        clip,
        vae,
        name: str,
        prompts: str,
        strengths: str,
        seeds: str,
        lora=None,
        axes: More | None = None,
        **how,
    ) -> io.NodeOutput:
        texts = {"name": name, "prompts": prompts, "strengths": strengths, "seeds": seeds}
        return _draw(cls.hidden, (model, clip, vae), lora, axes, Sampling(**how), texts)


class EvaluationGridAdvanced(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierEvaluationGridAdvanced",
            display_name="Evaluation Grid (Advanced)",
            category="Atelier/Evaluate",
            description="Evaluation Grid for graphs that sample with SamplerCustomAdvanced: takes "
            "their SAMPLER, SIGMAS, GUIDER and NOISE.",
            is_output_node=True,
            enable_expand=True,
            inputs=[
                *_base(),
                io.Sampler.Input("sampler", tooltip="From KSamplerSelect, say."),
                io.Sigmas.Input(
                    "sigmas", tooltip="From BasicScheduler, say. All cells share them."
                ),
                *_texts(),
                io.Combo.Input(
                    "guider_kind",
                    options=[GUIDED, UNGUIDED],
                    default=GUIDED,
                    tooltip="The guider that each cell gets, if none is wired. BasicGuider is for "
                    "models without negative prompt, such as Flux.",
                ),
                _cfg(),
                io.Float.Input(
                    "guidance",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="FluxGuidance on the prompts. 0: without that node.",
                ),
                *_size(),
                LoraModel.Input(
                    "lora",
                    optional=True,
                    tooltip="The LoRA to judge, straight from Train LoRA. Others come by axes.",
                ),
                io.Guider.Input(
                    "guider",
                    optional=True,
                    tooltip="A guider of your own: each cell gets a copy of it with the cell's "
                    "model and prompt. Its other prompts stay as they are wired.",
                ),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="Noise of another kind than RandomNoise; its seed is the cell's.",
                ),
                _more(),
            ],
            outputs=_results(),
            hidden=[*GRAPH],
        )

    @classmethod
    def execute(
        cls,
        model,
        clip,
        vae,
        sampler,
        sigmas,
        guider_kind: str,
        guidance: float,
        negative: str,
        cfg: float,
        width: int,
        height: int,
        lora=None,
        guider=None,
        noise=None,
        axes: More | None = None,
        **texts: str,
    ) -> io.NodeOutput:
        chain = Chain(sampler, sigmas, guider_kind, guidance, guider, noise)
        sampling = chain.sampling(negative, cfg, width, height)
        return _draw(cls.hidden, (model, clip, vae), lora, axes, sampling, texts, chain)
