"""From a file to pixels: orientation, transparency, size."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})
_SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


class PictureError(ValueError):
    """A picture that cannot be used; the text names the file and the way out."""


def _unreadable(path: Path, error: Exception) -> PictureError:
    reason = str(error) or type(error).__name__
    return PictureError(
        f"{path} cannot be read as a picture ({reason}). It is damaged, cut short, or not a "
        "picture: replace it, or move it out of the folder."
    )


# What Pillow raises on files that are not pictures, are cut short, or are damaged or hostile.
_BROKEN = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    Image.DecompressionBombError,
    EOFError,
)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels after EXIF rotation, from the header alone.

    Raises `PictureError` for what is not a picture.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            # PngImageFile's own getexif decodes the whole picture to look for a late chunk.
            sideways = Image.Image.getexif(picture).get(_ORIENTATION) in _SIDEWAYS
    except _BROKEN as error:
        raise _unreadable(path, error) from error
    return (height, width) if sideways else (width, height)


def open_rgb(path: Path) -> Image.Image:
    """The whole picture as RGB, upright; transparency becomes white; the first frame if animated.

    Raises `PictureError` for a damaged file.
    """
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.has_transparency_data:
                layered = upright.convert("RGBA")
                page = Image.new("RGBA", layered.size, "white")
                return Image.alpha_composite(page, layered).convert("RGB")
            return upright.convert("RGB")
    except _BROKEN as error:
        raise _unreadable(path, error) from error


@dataclass(frozen=True)
class View:
    """One way to look at a picture: crop 0 is the middle, others are windows drawn from `seed`."""

    crop: int = 0
    mirrored: bool = False
    seed: str = ""

    def box(
        self, picture: Image.Image, width: int, height: int
    ) -> tuple[float, float, float, float]:
        """The window of `picture` that is shown, of the shape `width` to `height`."""
        dice = random.Random(f"{self.seed}/{self.crop}")
        size = dice.uniform(0.9, 1.0) if self.crop else 1.0
        scale = min(picture.width / width, picture.height / height) * size
        room = picture.width - width * scale, picture.height - height * scale
        left, top = [gap * (dice.random() if self.crop else 0.5) for gap in room]
        return left, top, left + width * scale, top + height * scale


MIDDLE = View()


def cover(picture: Image.Image, width: int, height: int, view: View = MIDDLE) -> np.ndarray:
    """Scale to cover `width` x `height` and cut what `view` shows; float32 `[height, width, …]`.

    Values are in 0..1. A picture of that very size comes through the plain view untouched.
    """
    box = view.box(picture, width, height)
    fitted = picture.resize((width, height), Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(fitted, dtype=np.float32) / 255.0
    return np.ascontiguousarray(pixels[:, ::-1]) if view.mirrored else pixels


def open_mask(picture: Path, mask: Path | None) -> Image.Image | None:
    """What counts in `picture`, white on black: its mask file, else its own transparency."""
    if mask:
        return open_rgb(mask).convert("L")
    try:
        with Image.open(picture) as opened:
            upright = ImageOps.exif_transpose(opened)
            return (
                upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
            )
    except _BROKEN as error:
        raise _unreadable(picture, error) from error
