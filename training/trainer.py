"""A training run from wires to a file: find it again, or prepare, train and finish it."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.amp.grad_scaler import GradScaler

from . import checkpoint, run
from .adapters.adapter import Adapter
from .config import TrainConfig
from .curve import draw_curve
from .data.buckets import Batches
from .data.cache import Cache
from .data.dataset import Dataset
from .examples import Encoded, Encoder, Pictures, batches
from .files import atomic, digest, safe_name
from .host import folders
from .host.family import naming
from .host.fingerprint import fingerprint, state_digest
from .host.forward import Denoiser
from .host.lora_file import start_from
from .host.mode import own_randomness, training_mode
from .host.private import load, private_copy
from .host.progress import Progress
from .host.recompute import recompute_blocks
from .host.wires import CLIP, VAE, ModelPatcher
from .loop import Stream, train
from .metadata import lora_metadata
from .optimizers import make_optimizer
from .run import Run
from .schedule import make_schedule
from .state import State, running_mean
from .task import Task

COMPUTE = {"auto": None, "bf16": torch.bfloat16, "fp16": torch.float16}
FORMAT = 2  # part of every run's key: raise it when the same settings come to mean another result


@dataclass(frozen=True)
class Wires:
    """What is wired to the training node."""

    model: ModelPatcher
    clip: CLIP
    vae: VAE
    dataset: Dataset
    held_out: Dataset | None = None
    class_pictures: Dataset | None = None
    continue_from: dict[str, torch.Tensor] | None = None


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
    if not wires.held_out and (config.patience or config.keep == "best"):
        raise ValueError(
            "patience and keep = 'best' go by the held-out loss: wire held_out pictures, or set "
            "patience = 0 and keep = 'last'."
        )
    asked = request(wires, config)
    this = run.find(folders.runs(), name, asked["key"])
    if this and this.finished and _readable(this):
        return this
    progress = Progress(config.steps)
    sets = _encode_all(wires, config, asked, progress)  # bad data is found before a folder is made
    plans = {
        what: batches(encoded, config.batch_size, config.seed, what)
        for what, encoded in sets.items()
        if what != "held-out"
    }
    this = this or run.create(folders.runs(), name, asked)
    with this.lock(), training_mode():
        _train(this, wires, config, sets, plans, progress)
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


def _encode_all(
    wires: Wires, config: TrainConfig, asked: dict[str, Any], progress: Progress
) -> dict[str, list[Encoded]]:
    named = {
        "dataset": wires.dataset,
        "class pictures": wires.class_pictures,
        "held-out": wires.held_out,
    }
    sets = {what: data for what, data in named.items() if data}
    done, total = 0, 2 * sum(map(len, sets.values()))

    def tick(what: str) -> None:
        nonlocal done
        done += 1
        progress.update(0, f"Encoding {what} ({done} of {total})")

    encoder = Encoder(wires.clip, wires.vae, asked["clip"], asked["vae"], Cache(folders.cache()))
    with torch.inference_mode(False):
        return {
            what: encoder.encode(data, config, tick, varied=what != "held-out")
            for what, data in sets.items()
        }


def _train(
    this: Run,
    wires: Wires,
    config: TrainConfig,
    sets: dict[str, list[Encoded]],
    plans: dict[str, Batches],
    progress: Progress,
) -> None:
    with private_copy(wires.model) as private:
        start = start_from(wires.continue_from, private.model) if wires.continue_from else None
        with own_randomness(config.seed):
            family = type(private.model).__name__
            adapter = Adapter(private.model.diffusion_model, config, family, start)
        device = load(private, _memory(private, config, sets["dataset"]))
        denoiser = Denoiser(private, device)
        if config.checkpointing == "block":
            recompute_blocks(private.model.diffusion_model)
        pictures = {what: Pictures(encoded, denoiser, config) for what, encoded in sets.items()}
        task = Task(
            denoiser,
            config,
            config.seed,
            adapter,
            from_base="class pictures" if config.prior_target == "base" else "",
            compute=COMPUTE[config.compute],
            drops=config.dropout > 0,
        )
        weights = {"dataset": 1.0, "class pictures": config.prior_weight}
        streams = [
            Stream(what, pictures[what], plan, config.seed, weights[what])
            for what, plan in plans.items()
        ]
        state = _state(adapter, config, denoiser)
        before = checkpoint.newest(this.checkpoints)
        if before:
            state.load(before)
        this.forget_after(state.step)  # what a crash left in the log behind the checkpoint
        progress.begin(state.step)
        held_out = [
            pictures["held-out"].example(number) for number in range(len(sets.get("held-out", [])))
        ]

        def watch(step: int, loss: float | None) -> None:
            picture = draw_curve(this.logged()) if step % 50 == 0 else None
            text = f"Step {step} of {config.steps}" + (f", loss {loss:.4f}" if loss else "")
            progress.update(step, text if loss or step == config.steps else "", picture)

        train(state, task, streams, held_out, config, this, watch)
        if config.keep == "best" and state.best.weights:
            adapter.load(state.best.weights)
        with state.judged() if config.keep == "last" else nullcontext():
            lora = adapter.file_state(naming(private.model))
        metadata = lora_metadata(this.name, config, private.model, wires.dataset, this.asked())
        this.finish(lora, metadata)


def _state(adapter: Adapter, config: TrainConfig, denoiser: Denoiser) -> State:
    optimizer: Any = make_optimizer(
        config.optimizer,
        adapter.parameters(),
        config.learning_rate,
        config.weight_decay,
        config.optimizer_arguments,
    )
    if hasattr(optimizer, "train"):  # the schedule-free ones
        optimizer.train()
    schedule = make_schedule(config.schedule, optimizer, config.steps, config.warmup)
    halves = torch.float16 in (COMPUTE[config.compute], denoiser.dtype)
    scaler = GradScaler(denoiser.device.type, enabled=halves)
    return State(adapter, optimizer, schedule, scaler, running_mean(adapter, config.ema_decay))


def _memory(private: ModelPatcher, config: TrainConfig, encoded: list[Encoded]) -> float:
    """What a step needs besides the weights, in bytes: ComfyUI's figure for sampling, times four.

    Sampling keeps one layer's activations, training all of them; 4 x is a floor, not a plan.
    """
    largest = max(encoded, key=lambda one: one.size[0] * one.size[1])
    shape = [config.batch_size, *largest.latents[0].load().shape[1:]]
    return 4 * private.model.memory_required(input_shape=shape)
