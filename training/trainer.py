"""A training run from wires to a file: find it again, or prepare, train and finish it."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from . import run
from .config import TrainConfig
from .curve import draw_curve
from .files import atomic, digest, safe_name
from .host import folders
from .host.fingerprint import fingerprint, state_digest
from .host.mode import training_mode
from .host.progress import Progress
from .prepare import Wires, prepare
from .run import Run
from .session import Session

FORMAT = 2  # part of every run's key: raise it when the same settings come to mean another result


def request(wires: Wires, config: TrainConfig) -> dict[str, Any]:
    """All that decides the result, and its hash under `key`. Where files lie is no part of it."""
    asked = {
        "format": FORMAT,
        "config": config.model_dump(),
        "model": fingerprint(wires.model),
        "clip": fingerprint(wires.clip.patcher),
        "vae": fingerprint(wires.vae.patcher),
        "dataset": wires.dataset.fingerprint,
        "held_out": wires.held_out.fingerprint if wires.held_out else None,
        "class_pictures": wires.class_pictures.fingerprint if wires.class_pictures else None,
        "continue_from": state_digest(wires.continue_from) if wires.continue_from else None,
    }
    return {"key": digest(repr(asked)), **asked}


def train_lora(wires: Wires, config: TrainConfig, name: str) -> Run:
    """The finished run of exactly this model, data and settings, trained now if it has to be.

    A finished run is found again on disk, an unfinished one goes on from its last checkpoint, and
    anything else gets a folder of its own. Raises `ValueError` for what the user can mend,
    `FloatingPointError` when the numbers break; on these, a cancel and any other exception what was
    learned so far is kept.
    """
    name = safe_name(name, "run name")
    asked = request(wires, config)
    this = run.find(folders.runs(), name, asked["key"])
    if this and this.finished and _readable(this):
        return this
    progress = Progress(config.steps)
    # Bad data is found before a folder is made.
    prepared = prepare(wires, config, asked["clip"], asked["vae"], progress)
    this = this or run.create(folders.runs(), name, asked)
    with this.lock(), training_mode(), Session.open(this, wires, config, prepared) as session:
        session.train(progress)
    return this


def loss_picture(this: Run) -> Path:
    """The run's loss curve, drawn into ComfyUI's output folder."""
    path = folders.pictures() / "runs" / this.name / "loss.png"
    with atomic(path) as temporary:
        draw_curve(this.logged()).save(temporary, "PNG")
    return path


def _readable(this: Run) -> bool:
    try:
        return bool(this.lora())
    except (OSError, SafetensorError):
        return False  # deleted or damaged: it is made again from the last checkpoint
