"""What a run needs before its first step: everything encoded, everything checked."""

from dataclasses import dataclass

import torch

from .config import TrainConfig
from .data.buckets import Batches
from .data.cache import Cache, Entry
from .data.dataset import Dataset
from .examples import Encoded, Encoder, batches
from .files import legible
from .host import folders
from .host.choices import SAMPLERS, SCHEDULERS
from .host.progress import Progress
from .host.text import text_sizes
from .host.wires import CLIP, VAE, ModelPatcher
from .words import refuse_unteachable

HELD_OUT = "held-out"
CLASS = "class pictures"
DATASET = "dataset"


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

    @property
    def sets(self) -> dict[str, Dataset]:
        named = {DATASET: self.dataset, CLASS: self.class_pictures, HELD_OUT: self.held_out}
        return {what: data for what, data in named.items() if data}


@dataclass(frozen=True)
class Prepared:
    """The pictures of each set after VAE and text encoder, their order, and the sample prompts.

    There are no prompts where captions go through the text encoders in every step: these do too.
    """

    sets: dict[str, list[Encoded]]
    plans: dict[str, Batches]
    prompts: dict[str, Entry]


def prepare(
    wires: Wires, config: TrainConfig, clip_key: str, vae_key: str, progress: Progress
) -> Prepared:
    """Encode all that the run can show; `ValueError` for what cannot be read or is too little."""
    _refuse(wires, config)
    done, total = 0, 2 * sum(map(len, wires.sets.values()))

    def tick(what: str) -> None:
        nonlocal done
        done += 1
        progress.update(0, f"Encoding {what} ({done} of {total})")

    encoder = Encoder(wires.clip, wires.vae, clip_key, vae_key, Cache(folders.cache()))
    with torch.inference_mode(False):
        sets = {
            what: encoder.encode(data, config, tick, varied=what != HELD_OUT)
            for what, data in wires.sets.items()
        }
        texts = [] if config.encodes else [*shown(wires, config), ""]
        prompts = {text: encoder.caption(text) for text in texts}
    plans = {
        what: batches(encoded, config.batch_size, config.seed, what)
        for what, encoded in sets.items()
        if what != HELD_OUT
    }
    return Prepared(sets, plans, prompts)


def shown(wires: Wires, config: TrainConfig) -> list[str]:
    """What is drawn while training. Where nothing is asked for, the first caption: somebody may ask
    for a picture later.
    """
    return config.prompts or [one.caption for one in wires.dataset.records[:1]]


def _refuse(wires: Wires, config: TrainConfig) -> None:
    if not wires.dataset:
        raise ValueError(
            f"The dataset ({legible(wires.dataset.name)}) has no pictures: all were set aside, or "
            "all are class pictures. Wire the others."
        )
    if not wires.held_out and (config.patience or config.keep == "best"):
        raise ValueError(
            "patience and keep = 'best' go by the held-out loss: wire held_out pictures, or set "
            "patience = 0 and keep = 'last'."
        )
    if config.text_encoders != "none" and config.prior_target == "base":
        raise ValueError(
            "prior_target = 'base' asks for what the base makes of a caption, which is not known "
            "while text_encoders learn: set prior_target = 'pictures', or text_encoders = 'none'."
        )
    if config.text_encoders != "none" and not wires.continue_from:
        text_sizes(wires.clip, config)
    for name, known in (("sample_sampler", SAMPLERS), ("sample_scheduler", SCHEDULERS)):
        if config.sample_every and getattr(config, name) not in known:
            raise ValueError(
                f"{name} = {getattr(config, name)!r}: this ComfyUI has no such one. Choose one of "
                f"{', '.join(known)}."
            )
    if config.sample_every and not config.prompts:
        raise ValueError(
            "sample_every asks for pictures, but sample_prompts is empty: write a prompt, or set "
            "sample_every = 0."
        )
    if wires.continue_from and not config.train_network:
        raise ValueError(
            "continue_from is a LoRA to go on from, and train_network is off: unwire it (load it "
            "on the model to train words on top of it), or set train_network on."
        )
    refuse_unteachable(wires.clip, wires.dataset, wires.held_out, wires.class_pictures, config)
