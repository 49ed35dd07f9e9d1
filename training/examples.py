"""From records to what the loop uses: scaled latents and conditioning, once, on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .data.buckets import Batches, bucket_sizes, nearest_bucket
from .data.cache import Cache
from .data.dataset import Dataset, Record
from .data.pictures import cover, open_rgb
from .host.encode import encode_caption, encode_picture, pixel_step
from .host.forward import Conditioning, Denoiser
from .host.wires import CLIP, VAE

Size = tuple[int, int]
Tick = Callable[[str], None]


@dataclass(frozen=True)
class Encoded:
    """One picture after VAE and text encoder, on the CPU: `latent` `[1, C, …]`, not yet scaled."""

    path: Path
    size: Size
    latent: Tensor
    caption: list


@dataclass(frozen=True)
class Example:
    """One picture as the network sees it: `latent` `[1, C, …]` in the model's scale."""

    path: Path
    size: Size
    latent: Tensor
    conditioning: Conditioning


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

    def caption(self, text: str) -> list:
        """CONDITIONING for a caption, on the CPU."""
        return self.cache.get(
            ("caption", self.clip_key, text), lambda: encode_caption(self.clip, text)
        )

    def latent(self, record: Record, size: Size) -> Tensor:
        """The latent `[1, C, …]` of a picture at `size`, unscaled, on the CPU."""
        return self.cache.get(
            ("latent", self.vae_key, record.content, f"{size}"),
            lambda: encode_picture(self.vae, cover(open_rgb(record.path), *size)),
        )

    def encode(self, dataset: Dataset, resolution: int, tick: Tick) -> list[Encoded]:
        """Every picture and caption, in order. `tick` is told what is next, twice a record."""
        sizes = bucket_sizes(resolution, bucket_step(resolution, self.vae))
        captions: dict[str, list] = {}
        for record in dataset.records:
            tick("captions")
            if record.caption not in captions:
                captions[record.caption] = self.caption(record.caption)
        encoded = []
        for record in dataset.records:
            tick(record.path.name)
            size = nearest_bucket(record.width, record.height, sizes)
            latent = self.latent(record, size)
            encoded.append(Encoded(record.path, size, latent, captions[record.caption]))
        return encoded


def place(encoded: Sequence[Encoded], denoiser: Denoiser) -> list[Example]:
    """Scale latents and process conditioning, on the device, ready for every step."""
    examples = []
    for one in encoded:
        latent = denoiser.latent(one.latent.to(denoiser.device, copy=True))
        conditioning = denoiser.conditioning(one.caption, latent)
        examples.append(Example(one.path, one.size, latent, conditioning))
    return examples


def batches(encoded: Sequence[Encoded], batch_size: int, seed: int, what: str) -> Batches:
    """The stream of batches over `encoded`, by bucket. `ValueError` if they are too few."""
    if len(encoded) < batch_size:
        raise ValueError(
            f"{what}: {len(encoded)} pictures are fewer than the batch size {batch_size}. Add "
            f"pictures, or set batch_size to {len(encoded)} or less."
        )
    by_size: dict[Size, list[int]] = {}
    for number, one in enumerate(encoded):
        by_size.setdefault(one.size, []).append(number)
    return Batches([by_size[size] for size in sorted(by_size)], batch_size, seed)
