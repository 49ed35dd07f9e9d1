from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comfy_api.latest import io, ui

from ..training.curation.embeddings import Classical
from ..training.data.dataset import Dataset
from ..training.evaluation.contenders import Limits
from ..training.evaluation.last_column import last_column
from ..training.files import digest, safe_name
from ..training.host import folders
from ..training.host.caption_models import find_pair, pair_names
from ..training.host.images import as_images
from ..training.host.progress import Progress, show_text
from ..training.run import Run
from .fields import inputs
from .types import DatasetWire, LoraModel, RunWire

NO_CLIP = "none"
CLASSICAL, PACKAGED = "colours, edges and texture", "the demo's own"


def _name() -> Any:
    return io.String.Input(
        "grid",
        default="my-grid",
        tooltip="Name of the grid's folder under output/atelier/grids. Wire the folder from "
        "Evaluation Grid (or the grid from Score Grid), so that this waits for it.",
    )


def _folder(name: str) -> Path:
    folder = folders.grids() / safe_name(name, "grid")
    if not (folder / "manifest.json").is_file():
        raise ValueError(
            f"There is no grid '{folder.name}' under output/atelier/grids. Wire Evaluation Grid's "
            "folder, or write the name of one that was drawn."
        )
    return folder


def _stamp(name: str | None, file: str) -> str:
    """Another one where the file of a grid that is named by hand is another."""
    path = folders.grids() / (name or "") / file
    known = name and "/" not in name and "\\" not in name and path.is_file()
    return digest(path.read_bytes()) if known else ""


@contextmanager
def _encoders(clip_vision: Any, clip_folder: str, features: str) -> Iterator[Any]:
    """What looks at the pictures, as far as it is there."""
    from ..training.evaluation.eyes import Encoders
    from ..training.evaluation.packaged import Packaged, PackagedWords
    from ..training.host.clip_vision import Vision

    own = Packaged() if features == PACKAGED else Classical()
    identity = Vision(clip_vision) if clip_vision else own
    if clip_folder == NO_CLIP:
        words = PackagedWords() if features == PACKAGED else None
        style = Classical() if features == PACKAGED else identity
        yield Encoders(identity, style, words)
        return
    from ..training.host.image_text import opened

    with opened(find_pair(clip_folder)) as clip:
        yield Encoders(identity if clip_vision else clip, clip, clip)


class ScoreGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierScoreGrid",
            display_name="Score Grid",
            category="Atelier/Evaluate",
            description="Scores with error bars for every picture and column of a grid: identity, "
            "style, prompt following, copying, diversity, consistency, leakage. Each says which "
            "encoder it is from.",
            is_output_node=True,
            inputs=[
                _name(),
                io.Combo.Input(
                    "clip_folder",
                    options=[NO_CLIP, *pair_names()],
                    default=NO_CLIP,
                    tooltip="A CLIP or SigLIP of the transformers library, a whole folder in "
                    "models/clip_vision, models/vlm or models/LLM. It is what knows whether a "
                    "picture shows its prompt. Press R if it is new.",
                ),
                io.Combo.Input(
                    "features",
                    options=[CLASSICAL, PACKAGED],
                    default=CLASSICAL,
                    tooltip="What compares pictures where neither CLIP_VISION nor a CLIP folder is "
                    "there. The demo's own knows the pixel portraits of the demo, and their "
                    "prompts, and nothing else.",
                ),
                DatasetWire.Input(
                    "references",
                    optional=True,
                    tooltip="Pictures that were held out of the training: identity and style are "
                    "likeness to them. From Split Held Out.",
                ),
                DatasetWire.Input(
                    "training",
                    optional=True,
                    tooltip="The pictures of the training: copies of them are looked for.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="From Load CLIP Vision, for identity, copying, diversity and leakage. "
                    "DINOv2 tells best who it is.",
                ),
                RunWire.Input(
                    "run",
                    optional=True,
                    tooltip="The run whose checkpoints are shown: its held-out losses stand beside "
                    "the scores.",
                ),
                io.Boolean.Input(
                    "set_distances",
                    default=False,
                    optional=True,  # later than the node: prompts that were saved do not have it
                    tooltip="CMMD and KID too: how far the pictures of a column, as a set, are "
                    "from the references. For styles, with 50 references and 50 pictures in each "
                    "column at least; of fewer it says so.",
                ),
            ],
            outputs=[
                io.String.Output(
                    display_name="grid", tooltip="The grid's name, for Recommend Checkpoint."
                ),
                io.String.Output(display_name="report", tooltip="All scores, for a person."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, grid: str | None = None, **_others: Any):
        return _stamp(grid, "manifest.json")

    @classmethod
    def execute(
        cls,
        grid: str,
        clip_folder: str,
        features: str,
        references: Dataset | None = None,
        training: Dataset | None = None,
        clip_vision=None,
        run: Run | None = None,
        set_distances: bool = False,
    ) -> io.NodeOutput:
        from ..training.evaluation import judge, score_text
        from ..training.evaluation.eyes import Eyes

        folder = _folder(grid)
        real = judge.Real(
            references.records if references else (), training.records if training else ()
        )
        bar = Progress(judge.pictures(folder, real))
        eyes = Eyes(folders.cache(), lambda name: bar.update(bar.done + 1, name))
        logged = run.logged() if run else ()
        with _encoders(clip_vision, clip_folder, features) as encoders:
            found = judge.score_grid(
                folder, folders.cells(), real, encoders, eyes, logged, set_distances
            )
        text = score_text.text(found["scores"], judge.labels(folder))
        shown = ui.PreviewText(text).as_dict()
        shown |= {"atelier_scores": [last_column(found["scores"])]}  # for a sweep's table
        return io.NodeOutput(folder.name, text, ui=shown)


class RecommendCheckpoint(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierRecommend",
            display_name="Recommend Checkpoint",
            category="Atelier/Evaluate",
            description="The checkpoint and strength of a scored grid that are most like the "
            "held-out pictures, within limits on copying, prompt following and leakage; with the "
            "reasons, and what to change next.",
            is_output_node=True,
            inputs=[
                _name(),
                *inputs(Limits),
                LoraModel.Input(
                    "lora",
                    optional=True,
                    tooltip="The LoRA that was wired to the grid. Runs and files are found by "
                    "themselves.",
                ),
            ],
            outputs=[
                LoraModel.Output(
                    display_name="lora", tooltip="The recommended LoRA, for Load LoRA Model."
                ),
                io.Float.Output(display_name="strength", tooltip="The strength to use it at."),
                io.String.Output(
                    display_name="text", tooltip="What is recommended, why, and what to change."
                ),
                io.Image.Output(
                    display_name="plot",
                    tooltip="Identity over prompt following, a point for each column.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, grid: str | None = None, **_others: Any):
        return _stamp(grid, "manifest.json") + _stamp(grid, "scores.json")

    @classmethod
    def execute(cls, grid: str, lora=None, **limits: float) -> io.NodeOutput:
        from ..training.evaluation import judge
        from ..training.evaluation.plot import draw_plot
        from ..training.host.chosen_lora import chosen_lora, note_choice

        folder = _folder(grid)
        found = judge.recommend_of(folder, Limits(**limits))
        if not found.chosen:
            raise ValueError(f"The grid {folder.name}: {found.text}")
        state = chosen_lora(found.chosen, lora)
        note_choice(found.chosen, found.told(), folder.name)
        show_text(f"Recommended: {found.chosen.label}")
        (plot,) = as_images([draw_plot(found.points)])
        return io.NodeOutput(
            state, found.chosen.strength, found.text, plot, ui=ui.PreviewText(found.text)
        )
