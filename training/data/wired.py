"""Pictures that come over a wire, as a Dataset: written to files once, by what they show.

The files are uncompressed BMP: the same pixels give the same bytes wherever and by whatever version
of Pillow they are written, so that a run is found again, and written in a hundredth of PNG's time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..files import atomic, digest
from .dataset import Dataset, Record

_NOTE = "about.txt"
_ABOUT = "Pictures that were wired into Dataset From Images. Safe to delete: they are made again.\n"


def images_dataset(
    images: Sequence[torch.Tensor],
    captions: Sequence[str],
    masks: Sequence[torch.Tensor],
    folder: Path,
    repeats: int = 1,
) -> Dataset:
    """A record for each picture of `images` (`[B, height, width, C]` or without B, in 0..1), kept
    in `folder`.

    `captions` are one for all or one for each; `masks` (`[B, height, width]` or without B) none or
    one for each, white where it counts. Transparency (a fourth channel) becomes white, and is the
    mask where no mask is wired. Raises `ValueError` with numbers for what does not fit together.
    """
    pictures = [_pixels(one, number) for number, one in enumerate(_each(images, 3), 1)]
    shown = _each(masks, 2)
    texts = list(captions) * (len(pictures) if len(captions) == 1 else 1)
    if not pictures:
        raise ValueError("No picture came over the wire 'images'.")
    for what, count in (("captions", len(texts)), ("masks", len(shown) or len(pictures))):
        if count != len(pictures):
            one = "one text for all, or " if what == "captions" else ""
            raise ValueError(
                f"{len(pictures)} images and {count} {what}: wire {one}one for each picture."
            )
    records = []
    for number, (picture, text) in enumerate(zip(pictures, texts, strict=True), 1):
        mask = _mask(shown[number - 1], number) if shown else picture[..., 3:]
        if mask.size and mask.shape[:2] != picture.shape[:2]:
            raise ValueError(
                f"Picture {number} has {_size(picture)} pixels and its mask {_size(mask)}: they "
                "must be of one size. (Load Image gives an empty 64 x 64 mask for a picture "
                "without transparency.)"
            )
        records.append(_record(picture, mask, text, number, folder, repeats))
    return Dataset("images", tuple(records))


def mark(folder: Path) -> int:
    """A number that is another one after `folder` was deleted, which is when to write it anew."""
    note = folder / _NOTE
    if not note.is_file():
        with atomic(note) as temporary:
            temporary.write_text(_ABOUT, encoding="utf-8")
    return note.stat().st_mtime_ns


def _each(batches: Sequence[torch.Tensor], ndim: int) -> list[torch.Tensor]:
    """Every picture of every batch; `ndim` is a picture's own."""
    return [one for batch in batches for one in (batch if batch.ndim == ndim + 1 else batch[None])]


def _pixels(image: torch.Tensor, number: int) -> np.ndarray:
    """`[height, width, 3 or 4]` of 0..255."""
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"Picture {number} is of the shape {list(image.shape)}, and not height, width and 1, 3 "
            "or 4 channels: wire an IMAGE."
        )
    image = image.expand(-1, -1, 3) if image.shape[-1] == 1 else image
    values = _bytes(image, f"Picture {number}")
    if values.shape[-1] == 4:
        share = values[..., 3:].astype(np.float32) / 255
        on_white = values[..., :3] * share + 255 * (1 - share)
        values[..., :3] = on_white.round().astype(np.uint8)
    return values


def _mask(mask: torch.Tensor, number: int) -> np.ndarray:
    """`[height, width, 1]` of 0..255."""
    if mask.ndim != 2:
        raise ValueError(f"Mask {number} is of the shape {list(mask.shape)}: wire a MASK.")
    return _bytes(mask, f"Mask {number}")[..., None]


def _bytes(values: torch.Tensor, what: str) -> np.ndarray:
    floats = values.detach().cpu().float()
    if not torch.isfinite(floats).all():
        raise ValueError(f"{what} has values that are no numbers (NaN or infinite).")
    return (floats.clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def _record(
    picture: np.ndarray, mask: np.ndarray, text: str, number: int, folder: Path, repeats: int
) -> Record:
    lines = tuple(folded for line in text.splitlines() if (folded := " ".join(line.split())))
    if not lines:
        raise ValueError(
            f"No caption for picture {number}: write what it shows into 'captions', or wire a text "
            "for each picture."
        )
    height, width = picture.shape[:2]
    return Record(
        _written(picture[..., :3], folder),
        " ".join(lines),
        width,
        height,
        lines=lines if len(lines) > 1 else (),
        mask=_written(mask[..., 0], folder) if mask.size else None,
        repeats=repeats,
    )


def _written(pixels: np.ndarray, folder: Path) -> Path:
    """The file of these pixels, written if it is not there."""
    pixels = np.ascontiguousarray(pixels)
    name = digest(str(pixels.shape), pixels.tobytes())
    path = folder / name[:2] / f"{name}.bmp"
    if not path.is_file():
        with atomic(path) as temporary:
            Image.fromarray(pixels).save(temporary, "BMP")
    return path
