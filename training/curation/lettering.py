"""Text in pictures: watermarks, signatures, signs. Read by RapidOCR, an optional extra."""

import importlib
import importlib.metadata
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from .checks import Reason
from .embeddings import Embedded

PACKAGE = "rapidocr-onnxruntime"
SURENESS = (0.5, 0.6, 0.7, 0.8, 0.9)  # letters are counted that were read at least so surely
SURE = 0.6  # of SURENESS: what is told
LETTERS = 3  # fewer are a mark or a leaf more often than text


class Lettering:
    """An `Encoder` that reads: what share of the picture text covers, and letters by `SURENESS`.

    Raises `ValueError`, with the way out, where the package is not installed.
    """

    resolution = 736  # what RapidOCR's detector looks at

    def __init__(self) -> None:
        try:
            version = importlib.metadata.version(PACKAGE)
        except importlib.metadata.PackageNotFoundError:
            raise ValueError(
                f"text: finding text in pictures needs the package {PACKAGE}, which is not "
                f"installed. Type in ComfyUI's Python: pip install {PACKAGE}. Or switch text off."
            ) from None
        self.name = f"RapidOCR {version}"
        self.key = f"{self.name} letters {SURE}"

    @cached_property
    def _reader(self) -> Any:
        """Loads the models that the package carries, once something is to be read."""
        return importlib.import_module("rapidocr_onnxruntime").RapidOCR()

    def prepare(self, picture: Image.Image) -> np.ndarray:
        return np.asarray(picture)[:, :, ::-1]  # blue first, as OpenCV has it

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self._read(picture) for picture in prepared])

    def _read(self, picture: np.ndarray) -> np.ndarray:
        found, _ = self._reader(np.ascontiguousarray(picture), use_cls=False)
        read = [(np.array(box), words, float(sure)) for box, words, sure in found or []]
        area = picture.shape[0] * picture.shape[1]
        share = sum(_area(box) for box, _, sure in read if sure >= SURE) / area
        letters = [
            sum(_letters(words) for _, words, sure in read if sure >= least) for least in SURENESS
        ]
        return np.array([min(1.0, share), *letters], np.float32)


def _letters(words: str) -> int:
    return sum(letter.isalnum() for letter in words)


def _area(corners: np.ndarray) -> float:
    """Of a polygon `[corners, 2]`, by the shoelace formula."""
    x, y = corners.T
    return 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))


def lettered(read: Embedded) -> Iterator[tuple[int, Reason]]:
    """The pictures with text: number, and the reason."""
    for number, (share, *letters) in zip(read.of.tolist(), read.vectors.tolist(), strict=True):
        count = int(letters[SURENESS.index(SURE)])
        if count >= LETTERS:
            text = f"about {count} letters on {share:.1%} of it; crop them off or paint them over"
            yield number, Reason("text", text)
