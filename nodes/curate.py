from itertools import islice
from typing import Any

from comfy_api.latest import io, ui

from ..training.config import make_config
from ..training.curation import decisions, report, sheet
from ..training.curation.curate import curate
from ..training.curation.embeddings import Classical, Embedded, Embeddings, Encoder
from ..training.curation.lettering import Lettering
from ..training.curation.look import Look
from ..training.curation.looks import Looks
from ..training.curation.settings import CurationSettings
from ..training.curation.split import split
from ..training.curation.whole import Likeness
from ..training.data.dataset import Dataset
from ..training.files import digest
from ..training.host.clip_vision import Vision
from ..training.host.folders import cache, records
from ..training.host.images import as_images
from ..training.host.progress import Progress
from ..training.settings.basic import BasicSettings
from .fields import inputs
from .types import DatasetWire, OptionsWire

SMALL = 128  # pixels: enough to tell what looks alike
MOST, MOST_SHOWN = 60, 240  # cells of the sheets of Curate and of Preview Training Set


def _looks(dataset: Dataset, resolution: int) -> list[Look]:
    """A look at every picture, with a bar for those that were not seen before."""
    bar = Progress(len(dataset))
    looks = Looks(cache() / "looks", resolution)
    return looks.of(dataset.records, lambda name: bar.update(bar.done + 1, name))


def _embedded(dataset: Dataset, looks: list[Look], encoder: Encoder) -> Embedded:
    """A vector of every picture, with a bar for those that were not encoded before."""
    bar = Progress(len(dataset))
    kept = Embeddings(cache() / "embeddings", encoder)
    return kept.of(dataset.records, looks, lambda name: bar.update(bar.done + 1, name))


class Curate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierCurate",
            display_name="Curate",
            category="Atelier/Dataset",
            description="Looks for damaged, soft, noisy, badly lit, framed, double and foreign "
            "pictures, and sets them aside with reasons. No file is moved, changed or deleted.",
            is_output_node=True,
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures to look at."),
                *inputs(CurationSettings),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="From Load CLIP Vision: pictures are compared by what they show. "
                    "Without it, by colours, edges and texture.",
                ),
            ],
            outputs=[
                DatasetWire.Output(display_name="kept", tooltip="The pictures to train on."),
                DatasetWire.Output(
                    display_name="set_aside", tooltip="The others. It may hold none."
                ),
                io.String.Output(display_name="report", tooltip="What was found, for a person."),
                io.Image.Output(
                    display_name="sheet",
                    is_output_list=True,
                    tooltip="Pages with the pictures that were set aside and why, then others.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_inputs: Any):
        """Another one where a decision in a curation.json is another."""
        files = sorted((records() / "curation").glob(f"*/{decisions.FILE}"))
        found = (decisions.read(file.parent).decided for file in files)
        return digest(*(f"{sorted(one.items())}" for one in found))

    @classmethod
    def execute(cls, dataset: Dataset, clip_vision=None, **settings: Any) -> io.NodeOutput:
        limits = CurationSettings(**settings)
        place = decisions.home(records() / "curation", dataset)
        decided = decisions.read(place)
        looks = _looks(dataset, limits.resolution)
        wired = _embedded(dataset, looks, Vision(clip_vision)) if clip_vision else None
        read = _embedded(dataset, looks, Lettering()) if limits.text else None
        likes = Likeness(_embedded(dataset, looks, Classical()), wired)
        found = curate(dataset, looks, limits, decided.decided, likes, read)
        file = decisions.write(
            place, dataset.name, decided, report.recommended(found), report.clusters(found)
        )
        text = f"{report.text(found)}\n\nDecide otherwise in {file}"
        pages = as_images(sheet.pages(sheet.curation_cells(found, MOST)))
        return io.NodeOutput(
            found.part(True), found.part(False), text, pages, ui=ui.PreviewText(text)
        )


class SplitHeldOut(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierSplit",
            display_name="Split Held Out",
            category="Atelier/Dataset",
            description="Holds a share of the pictures out of the training, to measure on: some of "
            "each kind. What looks alike stays together, and adding pictures hardly moves others.",
            inputs=[
                DatasetWire.Input("dataset", tooltip="All pictures."),
                io.Float.Input(
                    "share",
                    default=0.1,
                    min=0.0,
                    max=0.9,
                    step=0.01,
                    tooltip="About so much is held out, and at least one picture.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=2**32,
                    control_after_generate=False,
                    tooltip="Another number holds other pictures out.",
                ),
                io.Float.Input(
                    "alike",
                    default=0.88,
                    min=0.01,
                    max=1.0,
                    step=0.01,
                    tooltip="Pictures that are at least so alike stay on one side. 1: exact "
                    "copies only.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="From Load CLIP Vision: kinds are told by what pictures show. "
                    "Without it, by colours, edges and texture.",
                ),
            ],
            outputs=[
                DatasetWire.Output(display_name="dataset", tooltip="The pictures to train on."),
                DatasetWire.Output(display_name="held_out", tooltip="For Train LoRA's held_out."),
            ],
        )

    @classmethod
    def execute(
        cls, dataset: Dataset, share: float, seed: int, alike: float, clip_vision=None
    ) -> io.NodeOutput:
        looks = _looks(dataset, SMALL)
        encoder = Vision(clip_vision) if clip_vision else Classical()
        embedded = _embedded(dataset, looks, encoder)
        return io.NodeOutput(*split(dataset, looks, share, seed, alike, embedded))


class PreviewTrainingSet(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierPreviewTrainingSet",
            display_name="Preview Training Set",
            category="Atelier/Dataset",
            description="What a training will see of the pictures: their sizes, crops, mirror "
            "images and masks, each with a caption as it will be shown.",
            inputs=[
                DatasetWire.Input("dataset", tooltip="The pictures that go to Train LoRA."),
                io.Vae.Input("vae", tooltip="VAE of the base: it decides which sizes there are."),
                *(one for one in inputs(BasicSettings) if one.id in ("resolution", "seed")),
                io.Int.Input(
                    "pictures",
                    default=12,
                    min=1,
                    max=100,
                    tooltip="How many pictures are shown, spread over the set.",
                ),
                io.Int.Input(
                    "each",
                    default=4,
                    min=1,
                    max=16,
                    tooltip="In how many ways each is shown, at each resolution.",
                ),
                OptionsWire.Input(
                    "options", optional=True, tooltip="The options that go to Train LoRA."
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="sheet", is_output_list=True, tooltip="Pages of pictures."
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        dataset: Dataset,
        vae,
        resolution: int,
        seed: int,
        pictures: int,
        each: int,
        options: dict[str, Any] | None = None,
    ) -> io.NodeOutput:
        from ..training import preview  # brings the trainer

        config = make_config(**{"resolution": resolution, "seed": seed} | (options or {}))
        shown = preview.cells(dataset, config, vae, pictures, each)
        return io.NodeOutput(as_images(sheet.pages(islice(shown, MOST_SHOWN))))
