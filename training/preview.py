"""What the trainer will see, as pictures: its own code chooses sizes, views, masks and captions.

`Encoder.encode` lists everything that a run can show, and sends it through VAE and text encoder.
Here it lists the same, and nothing is encoded: what is shown cannot differ from what is trained.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .config import TrainConfig
from .curation.sheet import Cell
from .data.cache import Cache, Entry
from .data.dataset import Dataset, Record
from .data.pictures import View, cover, open_rgb
from .examples import Encoded, Encoder
from .host.wires import VAE

Tick = Callable[[str], None]
_OFF = np.array([124, 58, 237], dtype=np.float32)  # the colour of what does not count


@dataclass(frozen=True)
class Seen(Entry):
    """A view of a picture in the place of its latent: it loads as pixels in 0..1."""

    record: Record
    size: tuple[int, int]
    view: View

    def load(self) -> np.ndarray:
        return cover(open_rgb(self.record.path), *self.size, self.view)


class Watcher(Encoder):
    """An encoder that encodes nothing: for each view of a picture it gives a `Seen`."""

    def caption(self, text: str) -> Entry:
        return Entry(Path(), lambda: text)

    def latent(self, record: Record, size: tuple[int, int], view: View) -> Entry:
        return Seen(record.path, lambda: None, record, size, view)


def shown(dataset: Dataset, config: TrainConfig, vae: VAE, tick: Tick) -> list[Encoded]:
    """Every picture at every resolution; its `latents` are `Seen`, its `captions` all it has."""
    unused: Any = None
    watcher = Watcher(unused, vae, "", "", Cache(Path()))
    return watcher.encode(dataset, config, tick)


def cells(
    dataset: Dataset,
    config: TrainConfig,
    vae: VAE,
    pictures: int,
    each: int,
    tick: Tick = lambda _: None,
) -> Iterator[Cell]:
    """The first so many `pictures`, spread over the set, in at most `each` ways at each resolution.

    Captions go round where there are more or fewer of them than views.
    """
    few = max(1, -(-len(dataset) // pictures))
    some = replace(dataset, records=dataset.records[::few])
    for one in shown(some, config, vae, tick):
        texts = list(one.captions)
        ways = max(len(texts), len(one.latents))
        for number in range(min(each, ways)):
            place = number % len(one.latents)
            seen = one.latents[place]
            assert isinstance(seen, Seen)
            text = texts[number % len(texts)] or "(no caption)"
            mask = one.masks[place].numpy() if one.masks else None
            picture = _picture(seen.load(), mask, config.unmasked_weight)
            yield Cell(picture, _title(seen), f"{number + 1} of {ways}: {text}")


def _title(seen: Seen) -> str:
    parts = [seen.path.name, f"{seen.size[0]} x {seen.size[1]}"]
    parts += [f"crop {seen.view.crop}"] if seen.view.crop else []
    parts += ["mirrored"] if seen.view.mirrored else []
    return " · ".join(parts)


def _picture(pixels: np.ndarray, mask: np.ndarray | None, floor: float) -> Image.Image:
    """The pixels, with what counts less tinted; `mask` is in latent pixels, as it is trained."""
    shade = pixels * 255
    if mask is not None:
        scale = pixels.shape[0] // mask.shape[0]
        counts = np.kron(floor + (1 - floor) * mask, np.ones((scale, scale)))[..., None]
        shade = shade * counts + (0.35 * shade + 0.65 * _OFF) * (1 - counts)
    return Image.fromarray(shade.round().clip(0, 255).astype(np.uint8))
