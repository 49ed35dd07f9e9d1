from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from comfy_api.latest import io, ui

from ..training.captioning import report
from ..training.captioning.captioner import Captioner
from ..training.captioning.endpoint import ServerSettings, endpoint
from ..training.captioning.settings import CaptionSettings, SentenceSettings, TagSettings
from ..training.curation.sheet import pages
from ..training.data.dataset import Dataset
from ..training.host.caption_models import find_tagger, find_teller, tagger_names, teller_names
from ..training.host.captioning import caption, endpoint_address, with_room
from ..training.host.progress import check_interrupt
from ..training.host.speaking import clip_captioner
from .fields import inputs
from .types import DatasetWire

MOST_SHOWN = 30  # cells of the sheet
FOLDER = "A dataset's captions are written into text files beside its pictures, one by one."
OUTPUTS: list[Any] = [
    DatasetWire.Output(
        display_name="dataset",
        tooltip="The pictures with their new captions. After a dry run: as they came.",
    ),
    io.String.Output(display_name="report", tooltip="What was captioned, for a person."),
    io.Image.Output(
        display_name="sheet",
        is_output_list=True,
        tooltip="Pages of pictures with their new captions.",
    ),
]


def _schema(name: str, shown: str, description: str, own: Sequence[Any]) -> io.Schema:
    return io.Schema(
        node_id=name,
        display_name=shown,
        category="Atelier/Caption",
        description=f"{description} {FOLDER}",
        is_output_node=True,
        inputs=[
            DatasetWire.Input("dataset", tooltip="The pictures to caption."),
            *own,
            *inputs(CaptionSettings),
        ],
        outputs=OUTPUTS,
    )


def _captioned(
    node: type[io.ComfyNode], dataset: Dataset, captioner: Captioner, mode: Any, dry_run: bool
) -> io.NodeOutput:
    outcome = caption(dataset, captioner, CaptionSettings(mode=mode, dry_run=dry_run))
    text = report.text(outcome, captioner)
    made = pages(report.cells(outcome, MOST_SHOWN))
    sheet = [torch.from_numpy(np.asarray(page, np.float32) / 255.0)[None] for page in made]
    shown: dict[str, Any] = ui.PreviewText(text).as_dict()
    if sheet:
        shown |= ui.PreviewImage(sheet[0], cls=node).as_dict()
    return io.NodeOutput(outcome.captioned, text, sheet, ui=shown)


class CaptionTagger(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            "AtelierCaptionTagger",
            "Caption with Tagger",
            "Tags for every picture from an ONNX tagger of the WD14 family.",
            [
                io.Combo.Input(
                    "tagger",
                    options=tagger_names(),
                    tooltip="A tagger in models/wd14 or models/taggers. Press R if it is new.",
                ),
                *inputs(TagSettings),
            ],
        )

    @classmethod
    def execute(
        cls, dataset: Dataset, tagger: str, mode: str, dry_run: bool, **settings: Any
    ) -> io.NodeOutput:
        captioner = _tagger(tagger, TagSettings(**settings))
        return _captioned(cls, dataset, captioner, mode, dry_run)


def _tagger(name: str, settings: TagSettings) -> Captioner:
    from ..training.captioning.tagger import room, tagger  # onnxruntime, when it is asked for

    files = find_tagger(name)
    return with_room(tagger(files, settings), room(files))


class CaptionVision(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            "AtelierCaptionVision",
            "Caption with Vision Model",
            "Sentences for every picture from a vision–language model in ComfyUI's models folder "
            "(BLIP, Florence-2, Qwen-VL), unloaded afterwards.",
            [
                io.Combo.Input(
                    "model",
                    options=teller_names(),
                    tooltip="A model's folder in models/vlm or models/LLM. Press R if it is new.",
                ),
                *inputs(SentenceSettings),
            ],
        )

    @classmethod
    def execute(
        cls, dataset: Dataset, model: str, mode: str, dry_run: bool, **settings: Any
    ) -> io.NodeOutput:
        captioner = _vision(find_teller(model), SentenceSettings(**settings))
        return _captioned(cls, dataset, captioner, mode, dry_run)


def _vision(folder: Path, settings: SentenceSettings) -> Captioner:
    from ..training.host.vision import vision_captioner  # transformers, when it is asked for

    return vision_captioner(folder, settings)


class CaptionClip(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            "AtelierCaptionClip",
            "Caption with Text Encoder",
            "Sentences for every picture from a text encoder that can also see and write, such as "
            "Qwen3-VL or Gemma 3, loaded by ComfyUI.",
            [
                io.Clip.Input(
                    "clip", tooltip="From ComfyUI's Load CLIP: a whole vision–language model."
                ),
                *inputs(SentenceSettings),
            ],
        )

    @classmethod
    def execute(
        cls, dataset: Dataset, clip: Any, mode: str, dry_run: bool, **settings: Any
    ) -> io.NodeOutput:
        captioner = clip_captioner(clip, SentenceSettings(**settings))
        return _captioned(cls, dataset, captioner, mode, dry_run)


class CaptionEndpoint(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            "AtelierCaptionEndpoint",
            "Caption with Server",
            "Sentences for every picture from a chat server on this machine, such as Ollama, "
            "llama.cpp or vLLM. Pictures are sent there and nowhere else.",
            [
                io.String.Input(
                    "address",
                    default="",
                    tooltip="Address of the server on this machine, such as "
                    "http://127.0.0.1:11434/v1. Another machine has to be allowed in "
                    "endpoints.txt; the error says where that is.",
                ),
                io.String.Input(
                    "model",
                    default="",
                    tooltip="The model's name, as the server has it. Empty: the only one.",
                ),
                io.Int.Input(
                    "timeout",
                    default=120,
                    min=1,
                    max=3600,
                    tooltip="Seconds to wait for one caption. The first may take longer, while "
                    "the server loads its model.",
                ),
                io.Int.Input(
                    "retries",
                    default=2,
                    min=0,
                    max=10,
                    tooltip="How often a picture is sent again when the server is busy, slow or "
                    "gone, before it ends with an error.",
                ),
                *inputs(SentenceSettings),
            ],
        )

    @classmethod
    def execute(
        cls,
        dataset: Dataset,
        address: str,
        model: str,
        timeout: int,
        retries: int,
        mode: str,
        dry_run: bool,
        **settings: Any,
    ) -> io.NodeOutput:
        server = ServerSettings(endpoint_address(address), model.strip(), timeout, retries)
        captioner = endpoint(server, SentenceSettings(**settings), check_interrupt)
        return _captioned(cls, dataset, captioner, mode, dry_run)
