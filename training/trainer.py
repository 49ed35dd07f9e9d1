"""A training run from wires to a file: find it again, or prepare, train and finish it."""

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from . import run
from .config import TrainConfig
from .curve import draw_curve
from .files import atomic, digest, safe_name
from .host import folders
from .host.fingerprint import fingerprint, state_digest, text_fingerprint
from .host.memory import free_bytes
from .host.mode import training_mode
from .host.private import collect
from .host.progress import Progress
from .host.running import stoppable
from .host.watching import watched
from .memory_error import is_out_of_memory, recomputing, way_out
from .prepare import Prepared, Wires, prepare
from .records import listing, told
from .run import Run
from .session import Session
from .sitting import sitting
from .watching.tensorboard import refuse_missing

FORMAT = 2  # part of every request: raise it when the same settings come to mean another result


def request(wires: Wires, config: TrainConfig) -> dict[str, Any]:
    """All that decides the result, and its hash under `key`. Where files lie is no part of it."""
    asked = {
        "format": FORMAT,
        "config": config.model_dump(),
        "model": fingerprint(wires.model),
        "clip": text_fingerprint(wires.clip, _texts(wires, config)),
        "vae": fingerprint(wires.vae.patcher),
        "dataset": wires.dataset.fingerprint,
        "held_out": wires.held_out.fingerprint if wires.held_out else None,
        "class_pictures": wires.class_pictures.fingerprint if wires.class_pictures else None,
        "continue_from": state_digest(wires.continue_from) if wires.continue_from else None,
        "continues": None,
    }
    return {"key": digest(repr(asked)), **asked}


def _texts(wires: Wires, config: TrainConfig) -> list[str]:
    """All that may be encoded in the run."""
    shown = (one for data in wires.sets.values() for one in data.records)
    captions = [text for one in shown for text in (one.caption, *one.lines)]
    return [*captions, *config.prompts, config.word_start]


def records(wires: Wires) -> dict[str, Any]:
    """The pictures of every set, in short."""
    return {what: listing(data) | told(data) for what, data in wires.sets.items()}


def train_lora(
    wires: Wires, config: TrainConfig, name: str, graph: Mapping[str, Any] | None = None
) -> Run:
    """The finished run of exactly this model, data and settings, trained now if it has to be.

    A finished run is found again on disk, an unfinished one goes on from its last checkpoint, and
    anything else gets a folder of its own. It comes back unfinished if it was asked to stop. Raises
    `ValueError` for what the user can mend, `FloatingPointError` when the numbers break,
    `torch.OutOfMemoryError` with the settings that need less; on these, a cancel and any other
    exception what was learned so far is kept.
    """
    name = safe_name(name, "run name")
    asked = request(wires, config)
    found = run.find(folders.runs(), name, asked)
    return carry_out(
        wires,
        config,
        asked,
        found,
        lambda: run.create(folders.runs(), name, asked, records(wires)),
        graph,
    )


def carry_out(
    wires: Wires,
    config: TrainConfig,
    asked: dict[str, Any],
    found: Run | None,
    make: Callable[[], Run],
    graph: Mapping[str, Any] | None = None,
) -> Run:
    """`found` or a run that `make` makes, trained until it is finished or asked to stop.

    `graph` is what it was queued with, for whoever wants to open it again.
    """
    if found and _done(found):
        return found
    if config.tensorboard:
        refuse_missing()
    progress = Progress(config.steps)
    # Bad data is found before a folder is made.
    prepared = prepare(wires, config, asked["clip"], asked["vae"], progress)
    this = found or make()
    this.keep_graph(graph or {})
    with this.lock():
        if not _done(this):  # by another ComfyUI, meanwhile
            _sit(this, wires, config, prepared, progress)
    return this


def _sit(
    this: Run, wires: Wires, config: TrainConfig, prepared: Prepared, progress: Progress
) -> None:
    """One sitting. Out of memory, all that it took is given back before anything is said."""
    try:
        _train(this, wires, config, prepared, progress)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
    else:
        return
    collect()
    plan, free = this.plan(), free_bytes(wires.model.load_device)
    if again := recomputing(plan, config):
        this.keep_plan(again)
    raise torch.OutOfMemoryError(way_out(plan, config, free))


def _train(
    this: Run, wires: Wires, config: TrainConfig, prepared: Prepared, progress: Progress
) -> None:
    with (
        stoppable(this.name) as running,
        watched(this, running, config),
        training_mode(),
        Session.open(this, wires, config, prepared) as session,
        sitting(session),
    ):
        session.train(progress, running)


def loss_picture(this: Run) -> Path:
    """The run's loss curve, drawn into ComfyUI's output folder."""
    path = folders.pictures() / "runs" / this.name / "loss.png"
    with atomic(path) as temporary:
        draw_curve(this.logged()).save(temporary, "PNG")
    return path


def _done(this: Run) -> bool:
    return this.finished and _readable(this)


def _readable(this: Run) -> bool:
    """Whether LoRA and words are there; if not, they are made again from the last checkpoint."""
    try:
        return bool({**this.lora(), **this.words()})
    except (OSError, SafetensorError):
        return False
