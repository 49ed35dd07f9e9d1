"""From a file to pixels: orientation, transparency, size."""

import random
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from ..files import legible

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})
# What a file may be, whatever its name says. Pillow reads more, some by starting other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
MOST_PIXELS = 2**27  # 134 million: the largest cameras; more than the largest resolution twice over
MOST_BYTES = 2**30
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}


class PictureError(ValueError):
    """A picture that cannot be used; the text names the file and the way out."""


def _unreadable(path: Path, error: BaseException) -> PictureError:
    reason = legible(error) or type(error).__name__
    return PictureError(
        f"{legible(path)} cannot be read as a picture ({reason}). It is damaged, cut short, or not "
        f"a picture ({', '.join(FORMATS)}): replace it, or move it out of the folder."
    )


def _too_large(path: Path, what: str, most: str) -> PictureError:
    return PictureError(
        f"{legible(path)} is too large: {what}, and {most} are the most. Scale it down, or move it "
        "out of the folder."
    )


# What Pillow and its codecs raise on files that are no pictures, are cut short, damaged or hostile.
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,  # where somebody has made errors of them
    struct.error,
    zlib.error,
)


@contextmanager
def opened_picture(path: Path) -> Iterator[Image.Image]:
    """The picture in a file, not yet decoded; what goes wrong in the block is a `PictureError`."""
    try:
        _refuse_large(path)
        Image.init()
        with Image.open(path, formats=[kind for kind in FORMATS if kind in Image.OPEN]) as picture:
            _refuse_size(path, *picture.size)
            yield picture
    except PictureError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit, for the worst ones
        size = legible(error).partition(" exceeds")[0]
        raise _too_large(path, size, f"{MOST_PIXELS / 1e6:.0f} million") from error
    except _BROKEN as error:
        raise _unreadable(path, error) from error


def _refuse_large(path: Path) -> None:
    """What has to be known before Pillow sees the file: its bytes, and how large a WebP says to be.

    For a WebP, memory is taken as soon as it is opened, unless Pillow's own limit is on; other
    nodes switch that off.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise _too_large(path, f"{size / 2**30:.1f} GiB", f"{MOST_BYTES // 2**30} GiB")
    with path.open("rb") as file:
        head = file.read(30)
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 30:
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        _refuse_size(path, width, height)


def _refuse_size(path: Path, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError(
            f"{legible(path)} cannot be read as a picture: it says to be {width} x {height} pixels "
            "large. Replace it, or move it out of the folder."
        )
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width} x {height} pixels", f"{MOST_PIXELS / 1e6:.0f} million")


def _orientation(path: Path, picture: Image.Image) -> int:
    """EXIF's number, 1 to 8, from the header alone; 1 where it says nothing that can be read."""
    try:
        if picture.format == "PNG" and "exif" not in picture.info:
            late = _late_exif(path)
            if late:
                picture.info["exif"] = b"Exif\x00\x00" + late
        # PngImageFile's own getexif decodes the whole picture to look for a late chunk.
        found = Image.Image.getexif(picture).get(_ORIENTATION)
    except _BROKEN:
        return 1
    return found if isinstance(found, int) and found in _TURNS else 1


def _late_exif(path: Path) -> bytes:
    """The EXIF data of a PNG, also where they stand behind its pixels."""
    with path.open("rb", buffering=0) as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            length = int.from_bytes(head[:4], "big")
            if head[4:] == b"eXIf":
                return file.read(min(length, 2**20))
            file.seek(length + 4, 1)
    return b""


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels after EXIF rotation, from the header alone.

    Raises `PictureError` for what is not a picture.
    """
    with opened_picture(path) as picture:
        width, height = picture.size
        if isinstance(picture, TiffImageFile):  # newer versions of Pillow have turned its size
            width, height = picture.tag_v2[256], picture.tag_v2[257]
        sideways = _orientation(path, picture) in _SIDEWAYS
    return (height, width) if sideways else (width, height)


def turned_upright(path: Path, picture: Image.Image) -> Image.Image:
    """The decoded picture as a person sees it: 8 bits a channel, turned."""
    orientation = _orientation(path, picture)
    picture.load()
    if isinstance(picture, TiffImageFile):  # which newer versions of Pillow have turned by now
        orientation = _orientation(path, picture)
    whole = _in_eight_bits(path, picture)
    return whole.transpose(_TURNS[orientation]) if orientation in _TURNS else whole


def _in_eight_bits(path: Path, picture: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8, which Pillow would cut off at 255; others as they are."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG"):
        bits = picture.tag_v2.get(258, (16,))[0] if isinstance(picture, TiffImageFile) else 16
        deep = np.asarray(picture).astype(np.uint32)
        most = 2**bits - 1
        scaled = (np.minimum(deep, most) * 255 + most // 2) // most
        grey = Image.fromarray(scaled.astype(np.uint8))
        clear = picture.info.get("transparency")
        if isinstance(clear, int):
            alpha = Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8))
            return Image.merge("LA", (grey, alpha))
        return grey
    if picture.mode in ("I", "F"):
        what = "32-bit integers" if picture.mode == "I" else "floating-point numbers"
        raise PictureError(
            f"{legible(path)} holds {what}, and what is white in it is not known. Save it with 8 "
            "or 16 bits per channel."
        )
    return picture


def open_rgb(path: Path) -> Image.Image:
    """The whole picture as RGB, upright; transparency becomes white; the first frame if animated.

    Raises `PictureError` for a damaged file.
    """
    with opened_picture(path) as picture:
        upright = turned_upright(path, picture)
        if upright.has_transparency_data:
            layered = upright.convert("RGBA")
            page = Image.new("RGBA", layered.size, "white")
            return Image.alpha_composite(page, layered).convert("RGB")
        return upright.convert("RGB")


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
    with opened_picture(picture) as opened:
        upright = turned_upright(picture, opened)
        return upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
