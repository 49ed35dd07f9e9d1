"""The three trainers on the demo's pictures, each leaving its LoRA behind on the way."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import torch

from ..demo import engine
from ..demo.install import FOLDER
from ..tests import peers
from ..training import run
from ..training.config import TrainConfig, make_config
from ..training.data.folder import load_folder
from ..training.host.fingerprint import fingerprint
from ..training.host.mode import training_mode
from ..training.host.progress import Progress
from ..training.prepare import DATASET, Prepared, Wires, prepare
from ..training.session import Session
from .learning import SETTINGS, Base, load_base
from .speed_job import progress_to
from .speed_native import execute
from .speed_plain import Loaded, Loop, add_lora, layers_of, loop

Lora = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Way:
    """What each trainer is tried with."""

    rate: float
    batch_size: int
    plus_ratio: float = 1.0  # ours alone has these
    logit_mean: float = 0.0
    logit_std: float = 1.0
    timestep_spread: bool = False
    ema_decay: float = 0.0


@dataclass(frozen=True)
class Left:
    """What was left behind after a number of steps."""

    step: int
    lora: Lora


@dataclass(frozen=True)
class Trained:
    left: Sequence[Left]
    step_seconds: float


class Watch:
    """Told after every step; takes the LoRA at some of them, while the clock stands still.

    The clock starts with the end of the first step, which warms up and counts as long as the others
    are.
    """

    def __init__(self, marks: Sequence[int]) -> None:
        self.marks = marks
        self.take: Callable[[], Lora] = dict
        self.left: list[Left] = []
        self.begin = 0.0
        self.step_seconds = 0.0

    def tell(self, step: int, _steps: int, _preview: Any = None, **_more: Any) -> None:
        now = time.perf_counter()
        if step == 1:
            self.begin = now
        else:
            self.step_seconds = (now - self.begin) / (step - 1)
        if step in self.marks:
            self.left.append(Left(step, self.take()))
            self.begin += time.perf_counter() - now

    def trained(self) -> Trained:
        return Trained(self.left, self.step_seconds)


def copies(weights: Mapping[str, torch.Tensor]) -> Lora:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


@dataclass(frozen=True)
class Demo:
    """The demo's base, its pictures as wires, and both after VAE and text encoder."""

    base: Base
    wires: Wires
    config: TrainConfig
    prepared: Prepared

    @property
    def latents(self) -> list[torch.Tensor]:
        """`[1, C, h, w]` as the VAE gives them."""
        return [one.latents[0].load() for one in self.prepared.sets[DATASET]]

    @property
    def conditioning(self) -> list[Any]:
        captions = [next(iter(one.captions.values())) for one in self.prepared.sets[DATASET]]
        return [caption.load() for caption in captions if caption]


def demo(steps: int, way: "Way | None" = None, seed: int = 0) -> Demo:
    """For `steps` in the given way; without one, for its wires and data alone."""
    base = load_base()
    hats = load_folder(engine.base_directory() / "input" / FOLDER / "hats")
    wires = Wires(base.model, base.clip, base.vae, hats)
    changes = {"steps": steps, "seed": seed, "schedule": "constant", "save_every": 10**6}
    if way:
        own = asdict(way)
        changes |= {"learning_rate": own.pop("rate"), **own}
    config = make_config(**(SETTINGS | changes))
    keys = fingerprint(base.clip.patcher), fingerprint(base.vae.patcher)
    return Demo(base, wires, config, prepare(wires, config, *keys, Progress(steps)))


def ours(way: Way, marks: Sequence[int], seed: int) -> Trained:
    """After each number of steps in `marks`."""
    data = demo(marks[-1], way, seed)
    watch = Watch(marks)
    with (
        TemporaryDirectory() as place,
        training_mode(),
        Session.open(
            run.create(Path(place), "learn", {"config": data.config.model_dump()}),
            data.wires,
            data.config,
            data.prepared,
        ) as session,
        progress_to(watch.tell),
    ):

        def take() -> Lora:
            with session.state.judged():  # the weights that a run that ends here would leave
                return copies(session.state.adapter.file_state(session.names))

        watch.take = take
        _ = list(session.pictures[DATASET])  # on the device when the clock starts, as the others'
        session.train(Progress(data.config.steps))
    return watch.trained()


def plain(way: Way, marks: Sequence[int], seed: int) -> Trained:
    """After each number of steps in `marks`."""
    data = demo(marks[-1], way, seed)
    model = data.base.model.model
    peer = peers.build(data.base.model)
    captions = [caption for (caption,) in data.conditioning]
    text = peers.Text(
        torch.cat([tokens for tokens, _ in captions]),
        torch.cat([more["pooled_output"] for _, more in captions]),
    )
    loaded = Loaded(
        peer,
        model.process_latent_in(torch.cat(data.latents)),
        text,
        {"chosen": layers_of(peer, data.base.model, data.config.targets)},
        model.model_sampling.shift,
    )
    torch.manual_seed(seed)
    parameters = add_lora(peer.network, loaded.layers["chosen"])
    watch = Watch(marks)
    trained = {  # diffusers' own names, which ComfyUI reads
        f"transformer.{name.replace('.default', '')}": parameter
        for name, parameter in peer.network.named_parameters()
        if parameter.requires_grad
    }
    watch.take = lambda: copies(trained)
    how = (way.batch_size, way.rate, "constant", None)
    loop(loaded, parameters, Loop(marks[-1], watch.tell, *how))
    return watch.trained()


def native(way: Way, marks: Sequence[int], seed: int) -> Trained:
    """After each number of steps in `marks`."""
    data = demo(1)
    watch = Watch(marks)
    adamw = torch.optim.AdamW

    def make(parameters: Any, **how: Any) -> torch.optim.Optimizer:
        watch.take = lambda: copies(parameters.mapping)  # the state dict whose values these are
        return adamw(parameters, **how)

    with (
        progress_to(watch.tell),
        mock.patch.object(torch.optim, "AdamW", make),
    ):
        execute(
            data.base.model,
            data.latents,
            data.conditioning,
            steps=marks[-1],
            batch_size=way.batch_size,
            learning_rate=way.rate,
            rank=data.config.rank,
            training_dtype="fp32",
            seed=seed,
        )
    return watch.trained()
