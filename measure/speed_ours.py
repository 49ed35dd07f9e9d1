"""Our own training as users run it, from the private copy to the finished file.

Only VAE and text encoder are left out: the loop reads random latents and captions from the cache.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import torch
from comfy.model_patcher import ModelPatcher

from ..training import loop, run
from ..training.config import make_config
from ..training.data.cache import Cache
from ..training.data.dataset import Dataset
from ..training.examples import Encoded, batches
from ..training.host.mode import training_mode
from ..training.host.progress import Progress
from ..training.prepare import DATASET, Prepared, Wires
from ..training.session import Session
from .speed_job import COMPUTE, RANK, RATE, Job, Stopwatch, data, progress_to, wait
from .speed_shapes import Shape


def load(shape: Shape) -> ModelPatcher:
    return shape.load()


def train(wired: ModelPatcher, job: Job, steps: int) -> float:
    """Seconds of a step, over `steps` of them."""
    config = make_config(
        steps=steps + 1,
        batch_size=job.batch_size,
        learning_rate=RATE,
        rank=RANK,
        targets=job.targets,
        checkpointing=job.checkpointing,
        compute=COMPUTE,
    )
    nothing: Any = None
    wires = Wires(wired, nothing, nothing, Dataset("random", ()))
    with TemporaryDirectory() as place:
        encoded = _encoded(wired, job.shape, Path(place) / "cache")
        plan = batches(encoded, job.batch_size, config.seed, DATASET)
        prepared = Prepared(sets={DATASET: encoded}, plans={DATASET: plan}, prompts={})
        this = run.create(Path(place) / "runs", "speed", {"config": config.model_dump()})
        watch = Stopwatch()
        with (
            progress_to(watch.tell),
            training_mode(),
            Session.open(this, wires, config, prepared) as session,
        ):
            session.train(Progress(config.steps))
    return watch.seconds


def _encoded(wired: ModelPatcher, shape: Shape, folder: Path) -> list[Encoded]:
    random, cache = data(wired, shape), Cache(folder)
    height, width = (8 * side for side in shape.latent[1:])

    def one(number: int, latent: torch.Tensor, caption: list[Any]) -> Encoded:
        kept = cache.entry(("latent", f"{number}"), latent.clone)
        text = cache.entry(("caption", f"{number}"), lambda: caption)
        return Encoded(folder / f"{number}.png", (width, height), 1, (kept,), {f"{number}": text})

    pairs = zip(random.latents.split(1), random.conditioning, strict=True)
    return [one(number, *pair) for number, pair in enumerate(pairs)]


def overhead(wired: ModelPatcher, job: Job, steps: int) -> dict[str, float]:
    """The share of a step that is neither the network's forward nor the backward; and `host`, what
    is left of it without clipping and the optimizer's step, which every loop has.

    All are timed inside the steps that they are part of: two runs differ by more than what is
    looked for.
    """
    inside: dict[str, list[float]] = {}

    def timed(function: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            wait()
            begin = time.perf_counter()
            result = function(*args, **kwargs)
            wait()
            seconds.append(time.perf_counter() - begin)
            return result

        return call

    places = {
        "forward": type(wired.model.diffusion_model),
        "backward": torch.Tensor,
        "shortened": loop,
        "step": torch.optim.AdamW,
    }
    with ExitStack() as patched:
        for name, place in places.items():
            function = timed(getattr(place, name), inside.setdefault(name, []))
            patched.enter_context(mock.patch.object(place, name, function))
        whole = steps * train(wired, job, steps)
    # Of the steps alone: before them, there are others and the warming up.
    share = {name: sum(seconds[-steps:]) / whole for name, seconds in inside.items()}
    outside = 1 - share.pop("forward") - share.pop("backward")
    return {"overhead": outside, "host": outside - sum(share.values())}
