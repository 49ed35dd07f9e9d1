"""From records to what the loop uses: scaled latents and conditioning, on the device.

`Encoder` sends every picture and caption that the run can show through VAE and text encoder once;
what they gave lies in the cache, on disk. `Pictures` brings it to the device when it is first drawn
and keeps it there, as far as there is room: a set of a thousand pictures streams.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .config import TrainConfig
from .data.buckets import Batches, bucket_sizes, nearest_bucket
from .data.cache import Cache, Entry
from .data.captions import variants
from .data.dataset import Dataset, Record
from .data.folder import together
from .data.pictures import PictureError, View, cover, open_mask, open_rgb
from .files import legible
from .host.encode import encode_caption, encode_picture, pixel_step
from .host.forward import Conditioning, Denoiser
from .host.wires import CLIP, VAE

Size = tuple[int, int]
Tick = Callable[[str], None]
ROOM = 2 * 2**30  # bytes of latents and conditioning that stay on the device, at most


@dataclass(frozen=True)
class Encoded:
    """One picture at one size: its views after the VAE, its captions after the text encoder.

    A caption is `text: Entry`, or `text: None` where what the text encoder gives for it is trained;
    `masks` are one for each of `latents`, `[h, w]` in latent pixels.
    """

    path: Path
    size: Size
    repeats: int
    latents: tuple[Entry, ...]
    captions: dict[str, Entry | None]
    masks: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Example:
    """One picture as the network sees it: `latent` `[1, C, …]` in the model's scale.

    `mask`, which broadcasts to the latent, says how much each place counts; None: all the same.
    """

    path: Path
    size: Size
    latent: Tensor
    conditioning: Conditioning
    mask: Tensor | None = None


def bucket_step(resolution: int, vae: VAE) -> int:
    """Bucket sizes go by 64 pixels as with kohya, by less for small models."""
    least = pixel_step(vae)
    return max(least, min(64, resolution // 8 // least * least))


@dataclass(frozen=True)
class Encoder:
    """CLIP and VAE with their fingerprints, and what they gave before."""

    clip: CLIP
    vae: VAE
    clip_key: str
    vae_key: str
    cache: Cache

    def caption(self, text: str) -> Entry:
        """CONDITIONING for a caption, on the CPU."""
        return self.cache.entry(
            ("caption", self.clip_key, text), lambda: encode_caption(self.clip, text)
        )

    def latent(self, record: Record, size: Size, view: View) -> Entry:
        """The latent `[1, C, …]` of a view of a picture at `size`, unscaled, on the CPU."""
        made_from = ("latent", self.vae_key, record.content, f"{size}")
        if view.crop or view.mirrored:
            made_from += (f"{view}",)
        return self.cache.entry(
            made_from,
            lambda: encode_picture(self.vae, cover(open_rgb(record.path), *size, view)),
        )

    def encode(
        self, dataset: Dataset, config: TrainConfig, tick: Tick, varied: bool = True
    ) -> list[Encoded]:
        """Every picture at every resolution with its captions, in order.

        `tick` is told what is next, twice a record. Not `varied`, each is as its file is: for
        held-out pictures, which must stay the same.
        """
        all_texts = [texts(record, config, varied) for record in dataset.records]
        captions: dict[str, Entry | None] = {}
        for some in all_texts:
            tick("captions")
            for text in some:
                if text not in captions:
                    captions[text] = None if config.changes(text) else self.caption(text)
        resolutions = config.resolutions(config.resolution) if varied else [config.resolution]
        encoded: list[Encoded] = []
        problems: list[ValueError] = []
        for record, some in zip(dataset.records, all_texts, strict=True):
            tick(record.path.name)
            own = {text: captions[text] for text in some}
            try:
                for resolution in resolutions:
                    sizes = bucket_sizes(resolution, bucket_step(resolution, self.vae))
                    size = nearest_bucket(record.width, record.height, sizes)
                    encoded.append(self._picture(record, size, own, config, varied))
            except PictureError as error:
                problems.append(error)
        if problems:
            raise together(legible(dataset.name), problems)
        return encoded

    def _picture(
        self,
        record: Record,
        size: Size,
        captions: dict[str, Entry | None],
        config: TrainConfig,
        varied: bool,
    ) -> Encoded:
        views = _views(record, config) if varied else [View()]
        latents = tuple(self.latent(record, size, view) for view in views)
        mask = open_mask(record.path, record.mask) if config.masked else None
        masks = ()
        if mask is not None:
            factor = pixel_step(self.vae) // 2
            masks = tuple(_mask(mask, size, view, factor) for view in views)
            if not any(one.any() for one in masks) and not config.unmasked_weight:
                raise ValueError(
                    f"The mask of {record.path} shows nothing. Paint white what should be learned, "
                    "remove the mask, or set unmasked_weight above 0."
                )
        return Encoded(record.path, size, record.repeats, latents, captions, masks)


def texts(record: Record, config: TrainConfig, varied: bool = True) -> tuple[str, ...]:
    """The captions that a record can be shown with; the empty one last, if it is among them."""
    if not varied:
        return (record.caption,)
    seed = f"{config.seed}/{record.content}"
    found = variants(record.caption, record.lines, config, seed)
    return (*found, "") if config.caption_dropout else found


def _views(record: Record, config: TrainConfig) -> list[View]:
    sides = (False, True) if config.flip else (False,)
    return [View(crop, side, record.content) for crop, side in product(range(config.crops), sides)]


def _mask(mask: Image.Image, size: Size, view: View, factor: int) -> Tensor:
    width, height = size
    small = cover(mask, width, height, view).reshape(
        height // factor, factor, width // factor, factor
    )
    return torch.from_numpy(np.ascontiguousarray(small.mean((1, 3))))


Encode = Callable[[str], list[Any]]


class Examples(Protocol):
    """Examples that can be counted and gone through, whenever they are made."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Example]: ...


class Pictures:
    """A set of pictures as the loop draws from it. `encode` sends a caption through the text
    encoder, where that or a word is trained: nothing that it gave is kept.
    """

    def __init__(
        self,
        encoded: Sequence[Encoded],
        denoiser: Denoiser,
        config: TrainConfig,
        encode: Encode | None = None,
        room: int = ROOM,
    ) -> None:
        self.encoded = encoded
        self.denoiser = denoiser
        self.config = config
        self.encode = encode
        self.room = room
        self.used = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.encoded)

    def draw(self, number: int, dice: random.Random) -> Example:
        """Picture `number` in a view and with a caption that `dice` choose."""
        one = self.encoded[number]
        texts = list(one.captions)
        if self.config.caption_dropout and dice.random() < self.config.caption_dropout:
            text = ""
        else:
            text = dice.choice([text for text in texts if text] or texts)
        return self.example(number, dice.randrange(len(one.latents)), text)

    def example(self, number: int, view: int = 0, text: str | None = None) -> Example:
        """Picture `number` in a view and with a caption: the first ones, if not said."""
        one = self.encoded[number]
        text = next(iter(one.captions)) if text is None else text
        latent = self._get(("latent", number, view), lambda: self._latent(one.latents[view]))
        kept = one.captions[text]
        if kept:
            conditioning = self._get(
                ("caption", text, tuple(latent.shape)),
                lambda: self.denoiser.conditioning(kept.load(), latent, self.config.guidance),
            )
        else:
            assert self.encode
            encoded = self.encode(text)
            conditioning = self.denoiser.conditioning(encoded, latent, self.config.guidance)
        return Example(one.path, one.size, latent, conditioning, self._mask(one, view, latent))

    def __iter__(self) -> Iterator[Example]:
        """Every picture as its file is, made when it is asked for."""
        return (self.example(number) for number in range(len(self)))

    def _latent(self, entry: Entry) -> Tensor:
        return self.denoiser.latent(entry.load().to(self.denoiser.device, copy=True))

    def _mask(self, one: Encoded, view: int, latent: Tensor) -> Tensor | None:
        if not one.masks:
            return None
        floor = self.config.unmasked_weight
        mask = floor + (1 - floor) * one.masks[view]
        return mask.view(*[1] * (latent.ndim - 2), *mask.shape).to(latent.device)

    def _get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept for `key`, or made; the least used goes when there is no more room."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        value = make()
        size = _bytes(value)
        self._kept[key] = value, size
        self.used += size
        while self.used > self.room and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self.used -= freed
        return value


def _bytes(value: Any) -> int:
    """Of a latent, or of the tensors of a conditioning."""
    tensors = [value] if isinstance(value, Tensor) else [cond.cond for cond in value.values()]
    return sum(t.numel() * t.element_size() for t in tensors if isinstance(t, Tensor))


def batches(encoded: Sequence[Encoded], batch_size: int, seed: int, what: str) -> Batches:
    """The stream of batches over `encoded`, by bucket. `ValueError` if they are too few."""
    total = sum(one.repeats for one in encoded)
    if total < batch_size:
        raise ValueError(
            f"{what}: {total} pictures are fewer than the batch size {batch_size}. Add "
            f"pictures, or set batch_size to {total} or less."
        )
    by_size: dict[Size, list[int]] = {}
    for number, one in enumerate(encoded):
        by_size.setdefault(one.size, []).extend([number] * one.repeats)
    return Batches([by_size[size] for size in sorted(by_size)], batch_size, seed)
