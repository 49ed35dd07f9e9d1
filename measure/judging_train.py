"""LoRAs of planted cases: our own training, of cells and captions, leaving LoRAs on the way."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ..demo import network
from ..training import run
from ..training.config import make_config
from ..training.data.cache import Cache
from ..training.data.dataset import Dataset
from ..training.examples import Encoded, batches
from ..training.host.mode import training_mode
from ..training.host.progress import Progress
from ..training.prepare import CLASS, DATASET, Prepared, Wires
from ..training.session import Session
from .judging_cases import Recipe, Taught
from .judging_draw import Lora, Studio
from .speed_job import progress_to

SIDE = 128


def train(studio: Studio, recipe: Recipe) -> dict[int, Lora]:
    """The LoRA after each of the recipe's marks."""
    config = make_config(
        steps=recipe.marks[-1],
        batch_size=recipe.batch,
        learning_rate=recipe.rate,
        rank=16,
        alpha=16,
        resolution=SIDE,
        schedule="constant",
        compute="bf16",
        save_every=10**6,
        seed=recipe.seed,
        timestep_min=recipe.least,
    )
    nothing: Any = None
    wires = Wires(studio.base.model, nothing, nothing, Dataset("planted", ()))
    named = {DATASET: recipe.pictures} | ({CLASS: recipe.others} if recipe.others else {})
    left: dict[int, Lora] = {}
    with TemporaryDirectory() as place:
        cache = Cache(Path(place) / "cache")
        sets = {what: list(_encoded(studio, one, cache, what)) for what, one in named.items()}
        plans = {
            what: batches(one, config.batch_size, config.seed, what) for what, one in sets.items()
        }
        this = run.create(Path(place), "planted", {"config": config.model_dump()})
        with (
            training_mode(),
            Session.open(this, wires, config, Prepared(sets, plans, {})) as session,
        ):

            def watch(step: int, _steps: int, _preview: Any = None, **_more: Any) -> None:
                if step in recipe.marks:
                    state = session.state.adapter.file_state(session.names)
                    left[step] = {name: part.detach().clone() for name, part in state.items()}

            with progress_to(watch):
                session.train(Progress(config.steps))
    return left


def _encoded(studio: Studio, taught: Taught, cache: Cache, what: str) -> Iterator[Encoded]:
    latents = network.encode(torch.from_numpy(taught.cells) / 255)
    latents = latents / network.SD3_SCALE + network.SD3_SHIFT  # as VAE Encode gives them
    for number, text in enumerate(taught.captions):
        latent = cache.entry((what, f"{number}"), latents[number : number + 1].clone)
        words = cache.entry(("caption", text), lambda text=text: studio.conditioning(text))
        yield Encoded(Path(f"{what}-{number}"), (SIDE, SIDE), 1, (latent,), {text: words})
