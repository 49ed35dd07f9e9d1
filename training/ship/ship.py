"""The folder that is given away: LoRA, card and pictures, whole or not there."""

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from .. import run_loras
from ..config import make_config
from ..files import atomic, place_folder, safe_name, telling
from ..host import folders
from ..host.graph import texts
from ..host.lora_choice import lora_file
from ..mark import save_marked
from ..metadata import thumbnail
from ..run import Run
from ..save import metadata_of, stored
from ..tensor_file import read
from .card import About, Contents, Judged, Shown, card

KEPT = ("kept", "best", "last")
CHECKPOINTS = (*KEPT, "recommended")
AS_IT_IS = "as it is"
MOST_PICTURES = 16
_STALE = "sshs_legacy_hash"  # of the whole file, header included


@dataclass(frozen=True)
class Goods:
    """What is shipped. `prompts` are those of `pictures` as far as they are known; `words` are the
    vectors of new words and their headers, `licences` and `sources` those of the training pictures.
    """

    lora: dict[str, Tensor]
    header: Mapping[str, str]
    pictures: Sequence[Image.Image] = ()
    prompts: Sequence[str] = ()
    words: Mapping[str, tuple[dict[str, Tensor], Mapping[str, str]]] = field(default_factory=dict)
    checkpoint: str = ""
    licences: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    judged: Judged | None = None


def goods_of(run: Run, which: str) -> Goods:
    """A run's `kept`, `best`, `last` or `recommended` weights with their samples."""
    config = make_config(**run.asked()["config"])
    path, name = _recommended(run) if which == "recommended" else _weights(run, which)
    if not path.is_file():
        raise ValueError(
            f"The run {run.name} has no LoRA yet, or trained new words alone: there is nothing to "
            "ship. Save LoRA writes new words."
        )
    lora, header = read(path)
    words = {word: read(run.word_file(word)) for word in config.words}
    samples = _samples(run, name, len(config.prompts))
    told = run.records().get("dataset", {})
    return Goods(
        lora,
        header,
        samples,
        config.prompts[: len(samples)],
        words,
        name,
        told.get("licences", {}),
        told.get("sources", {}),
    )


def goods_named(name: str) -> Goods:
    """A file in models/loras, by its name in the list."""
    return Goods(*read(lora_file(name)))


def _recommended(run: Run) -> tuple[Path, str]:
    """The checkpoint that Recommend Checkpoint chose, and its step."""
    step = run_loras.recommended_step(run)
    if step is None:
        raise ValueError(
            f"No checkpoint of the run {run.name} is recommended yet. Draw a grid of its "
            "checkpoints (Grid LoRAs), and put Score Grid and Recommend Checkpoint behind it."
        )
    return run_loras.kept(run)[step], f"step {step}, recommended"


def _weights(run: Run, which: str) -> tuple[Path, str]:
    """The file of a run, and whether it is the best or the last (see `Session._keep`)."""
    if which not in CHECKPOINTS:
        raise ValueError(f"There is no checkpoint {which!r}: {', '.join(CHECKPOINTS)}.")
    best, last = run.other_file("best"), run.other_file("last")
    if which == "kept" or (which == "best" and last.is_file()):
        return run.lora_file, "best" if last.is_file() else "last"
    if which == "last":
        return (last if last.is_file() else run.lora_file), "last"
    if not best.is_file():
        raise ValueError(
            f"The run {run.name} measured no held-out loss, so that none of its weights are the "
            "best: choose last."
        )
    return best, "best"


def _samples(run: Run, which: str, count: int) -> list[Image.Image]:
    """The samples of the step that the weights are of, where all were drawn."""
    folder = folders.pictures() / "runs" / run.name / "samples"
    lines = run.logged()
    if which == "best":
        if run.asked().get("continues"):  # its log begins with another's
            return []
        measured = [(line["held_out"], line["step"]) for line in lines if "held_out" in line]
        step = min(measured, default=(0.0, 0))[1]
    elif which != "last":
        step = run_loras.recommended_step(run) or 0
    else:
        step = max((line["step"] for line in lines if "loss" in line), default=0)
    files = [folder / f"step-{step:06d}-{number}.png" for number in range(1, count + 1)]
    whole = all(file.is_file() and file.stat().st_mtime >= run.begun() for file in files)
    return [Image.open(file) for file in files] if whole else []


def ship(goods: Goods, about: About, graph: Any, private: bool, precision: str = AS_IT_IS) -> Path:
    """Write the folder `output/atelier/shipped/NAME`, or `NAME-2` and so on; return it.

    `private` leaves the graph, the settings, fingerprints, sources and prompts out.
    """
    name = safe_name(about.name, "name")
    about = replace(about, name=name)
    if not goods.lora:
        raise ValueError("The LoRA is empty: there is nothing to ship.")
    goods = replace(goods, lora=stored(goods.lora, None if precision == AS_IT_IS else precision))
    parent = folders.pictures() / "shipped"
    staged = parent / f".{uuid.uuid4().hex}.part"
    try:
        with telling(staged):
            (staged / "images").mkdir(parents=True)
        shown = _write_pictures(goods, staged, graph, private)
        header = _header(goods, about, graph, private)
        contents = Contents(f"{name}.safetensors", header, shown, list(goods.words))
        contents = replace(contents, licences=goods.licences, judged=goods.judged)
        if not private:
            contents = replace(contents, checkpoint=goods.checkpoint, sources=goods.sources)
        _save(goods.lora, header, staged / contents.file)
        for word, (vectors, told) in goods.words.items():
            own = metadata_of(vectors, dict(told), graph, private)
            _save(vectors, own, staged / "embeddings" / f"{word}.safetensors")
        with atomic(staged / "README.md") as temporary:
            temporary.write_text(card(about, contents), encoding="utf-8")
        if not shown:
            (staged / "images").rmdir()
        return place_folder(staged, parent, name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _header(goods: Goods, about: About, graph: Any, private: bool) -> dict[str, str]:
    """As Save LoRA's, with what the person said, and with the first picture that is shipped."""
    known = {key: value for key, value in goods.header.items() if key != _STALE}
    found = metadata_of(goods.lora, known, graph, private)
    said = {
        "modelspec.title": about.name,
        "modelspec.license": about.licence.strip(),
        "modelspec.trigger_phrase": about.trigger.strip(),
        "modelspec.description": about.description.strip(),
    }
    found |= {key: value for key, value in said.items() if value}
    return found | (thumbnail(goods.pictures[0]) if goods.pictures else {})


def _write_pictures(goods: Goods, staged: Path, graph: Any, private: bool) -> list[Shown]:
    shown = []
    with_graph = {} if private else texts({"workflow": graph})
    for number, picture in enumerate(goods.pictures[:MOST_PICTURES], start=1):
        place = f"images/{number:02d}.png"
        with atomic(staged / place) as temporary:
            save_marked(picture, temporary, with_graph)
        known = number <= len(goods.prompts) and not private
        shown.append(Shown(place, goods.prompts[number - 1] if known else ""))
    return shown


def _save(state: dict[str, Tensor], header: dict[str, str], path: Path) -> None:
    with atomic(path) as temporary:
        save_file(state, temporary, metadata=header)
