"""From records to what the loop uses: scaled latents and conditioning, once, on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from comfy.sd import CLIP, VAE
from torch import Tensor

from .data.buckets import Batches, bucket_sizes, nearest_bucket
from .data.dataset import Dataset, Record
from .data.pictures import cover, open_rgb
from .host.encode import encode_caption, encode_picture, pixel_step
from .host.forward import Conditioning, Denoiser

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


def encode(dataset: Dataset, resolution: int, clip: CLIP, vae: VAE, tick: Tick) -> list[Encoded]:
    """Every picture through the VAE and every caption through the text encoder.

    Equal captions are encoded once. `tick` is told each file name before its turn.
    """
    sizes = bucket_sizes(resolution, bucket_step(resolution, vae))
    captions: dict[str, list] = {}
    for record in dataset.records:
        tick("captions")
        if record.caption not in captions:
            captions[record.caption] = encode_caption(clip, record.caption)
    return [_encode(record, sizes, captions[record.caption], vae, tick) for record in dataset.records]


def _encode(record: Record, sizes: Sequence[Size], caption: list, vae: VAE, tick: Tick) -> Encoded:
    tick(record.path.name)
    size = nearest_bucket(record.width, record.height, sizes)
    latent = encode_picture(vae, cover(open_rgb(record.path), *size))
    return Encoded(record.path, size, latent, caption)


def place(encoded: Sequence[Encoded], denoiser: Denoiser) -> list[Example]:
    """Scale latents and process conditioning, on the device, ready for every step."""
    examples = []
    for one in encoded:
        latent = denoiser.latent(one.latent.to(denoiser.device, copy=True))
        conditioning = denoiser.conditioning(one.caption, latent)
        examples.append(Example(one.path, one.size, latent, conditioning))
    return examples


def batches(encoded: Sequence[Encoded], batch_size: int, seed: int, what: str) -> Batches:
    """The stream of batches over `encoded`, by bucket. `ValueError` if there are too few pictures."""
    if len(encoded) < batch_size:
        raise ValueError(
            f"{what}: {len(encoded)} pictures are fewer than the batch size {batch_size}. Add "
            f"pictures, or set batch_size to {len(encoded)} or less."
        )
    by_size: dict[Size, list[int]] = {}
    for number, one in enumerate(encoded):
        by_size.setdefault(one.size, []).append(number)
    return Batches([by_size[size] for size in sorted(by_size)], batch_size, seed)
