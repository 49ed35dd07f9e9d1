"""One picture looked at: what is kept of it is small, and can be compared with others."""

import base64
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data.pictures import PictureError, opened_picture, turned_upright
from .measures import Measures, measure

VERSION = 2  # another one where anything below, or a measure, is made otherwise
SMALL = 16  # pixels of a side of the picture that is kept


@dataclass(frozen=True)
class Look:
    """What is known of one picture's content.

    `problem` says why it cannot be read; then there is nothing else. `print` is its perceptual hash
    of 64 bits, `small` the picture itself as bytes `[SMALL, SMALL, 3]`.
    """

    content: str
    problem: str = ""
    measures: Measures | None = None
    print: int = 0
    small: bytes = bytes(SMALL * SMALL * 3)

    def kept(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "problem": self.problem,
            "measures": asdict(self.measures) if self.measures else None,
            "print": f"{self.print:016x}",
            "small": base64.b64encode(self.small).decode(),
        }


def look_from(content: str, kept: Any) -> Look:
    """The inverse of `Look.kept`. Raises `ValueError` for anything else."""
    try:
        measures = Measures(**kept["measures"]) if kept["measures"] else None
        small = base64.b64decode(kept["small"], validate=True)
        look = Look(content, str(kept["problem"]), measures, int(kept["print"], 16), small)
        sound = len(small) == SMALL * SMALL * 3 and 0 <= look.print < 2**64
        if measures and not all(math.isfinite(value) for value in asdict(measures).values()):
            sound = False
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"What was kept of a picture is damaged ({error}).") from error
    if not sound:
        raise ValueError("What was kept of a picture is damaged.")
    return look


def look_at(path: Path, content: str, resolution: int) -> Look:
    """Decode the picture once, no larger than a training at `resolution` needs, and measure it.

    The hash and the small picture are made before it is measured, of all of it.
    """
    try:
        picture = decoded(path, resolution)
    except PictureError as error:
        return Look(content, str(error))
    small = picture.resize((SMALL, SMALL), Image.Resampling.BOX).tobytes()
    return Look(content, "", measure(np.asarray(picture)), perceptual_hash(picture), small)


def decoded(path: Path, resolution: int) -> Image.Image:
    """The picture as RGB, upright, on white, of at most `resolution`² pixels in area.

    JPEG is decoded at the size that is needed. Raises `PictureError` for a damaged file.
    """
    with opened_picture(path) as picture:
        if picture.format == "JPEG":
            picture.draft(None, _within(picture.size, resolution))
        upright = turned_upright(path, picture)
        if upright.has_transparency_data:
            layered = upright.convert("RGBA")
            page = Image.new("RGBA", layered.size, "white")
            upright = Image.alpha_composite(page, layered)
        whole = upright.convert("RGB")
    size = _within(whole.size, resolution)
    return whole if size == whole.size else whole.resize(size, Image.Resampling.LANCZOS)


def _within(size: tuple[int, int], resolution: int) -> tuple[int, int]:
    width, height = size
    scale = min(1.0, resolution / math.sqrt(width * height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def perceptual_hash(picture: Image.Image) -> int:
    """dHash (N. Krawetz, "Kind of Like That", 2013): 64 bits that say where it gets brighter."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits(grey[:, 1:] > grey[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")
