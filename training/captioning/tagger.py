"""ONNX taggers of the WD14 family: a picture in, a probability for each tag out.

Preprocessing is that of SmilingWolf's taggers: white behind transparency, a white square around the
picture, bicubic to the model's size, BGR, values of 0 to 255, height and width before channels.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from ..files import digest, legible
from .captioner import CannotCaption, Captioner, Said, Say
from .found import TaggerFiles, stamp
from .settings import TagSettings
from .tags import Tag, caption, read_tags

try:
    import onnxruntime  # pyright: ignore[reportMissingImports]
    from onnxruntime.capi import (  # pyright: ignore[reportMissingImports]
        onnxruntime_pybind11_state as states,  # pyright: ignore[reportAttributeAccessIssue]
    )
except ImportError:  # an extra: the pack works without
    onnxruntime = states = None

_FAILURES = "EPFail Fail InvalidArgument InvalidGraph InvalidProtobuf NoSuchFile NotImplemented"
_BROKEN: Any = tuple(
    getattr(states, name)
    for name in (*_FAILURES.split(), "NoModel", "RuntimeException")
    if hasattr(states, name)
)
# Others, such as TensorRT, build for minutes before the first picture.
_WANTED = ("CUDAExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider")


def tagger(files: TaggerFiles, settings: TagSettings) -> Captioner:
    """The captioner that these files are. Raises `ValueError` where onnxruntime is missing."""
    if onnxruntime is None:
        raise ValueError(
            "Taggers need onnxruntime, which is not installed. Type\n"
            f'"{sys.executable}" -m pip install onnxruntime\n'
            "and start ComfyUI again."
        )
    key = digest("tagger", settings.model_dump_json(), *map(stamp, (files.model, files.tags)))

    @contextmanager
    def opened() -> Iterator[Say]:
        network = _Network(files)
        try:
            yield lambda picture: Said(caption(network.scores(picture), network.tags, settings))
        finally:
            network.close()

    return Captioner(files.name, key, True, opened)


def providers() -> list[str]:
    """Those of onnxruntime's that are used here, the fastest first."""
    there = onnxruntime.get_available_providers() if onnxruntime else ()
    return [name for name in _WANTED if name in there]


def room(files: TaggerFiles) -> float:
    """Bytes that it takes on the graphics card; 0 where it runs on the processor."""
    on_card = providers()[:1] not in ([], [_WANTED[-1]])
    return 1.5 * files.model.stat().st_size + 1e9 if on_card else 0.0


class _Network:
    """A model that is loaded, until it is closed."""

    def __init__(self, files: TaggerFiles) -> None:
        self.file = files.model
        self.tags: list[Tag] = read_tags(files.tags)
        runtime: Any = onnxruntime
        quiet = runtime.SessionOptions()
        quiet.log_severity_level = 3
        try:
            self.session: Any = runtime.InferenceSession(
                str(files.model),
                sess_options=quiet,
                providers=providers(),
            )
        except _BROKEN as error:
            raise ValueError(
                f"{files.model} cannot be read as an ONNX model ({legible(error)}). Download it "
                "again, whole."
            ) from error
        self.size = self._size()

    def _size(self) -> int:
        """Pixels of the square that the model takes."""
        shape = self.session.get_inputs()[0].shape
        if len(shape) != 4 or shape[3] != 3 or not isinstance(shape[1], int):
            raise ValueError(
                f"{self.file} takes {shape}, and not [pictures, height, width, 3]: it is no tagger "
                "of the WD14 family. Others are not known here."
            )
        if shape[1] != shape[2]:
            raise ValueError(
                f"{self.file} takes {shape[2]} x {shape[1]} pixels, which is no square."
            )
        return shape[1]

    def scores(self, picture: Image.Image) -> np.ndarray:
        """The probability of each tag."""
        name = self.session.get_inputs()[0].name
        output = self.session.get_outputs()[0].name
        try:
            found = self.session.run([output], {name: prepared(picture, self.size)})[0]
        except _BROKEN as error:
            raise CannotCaption(f"{self.file} failed: {legible(error)}.") from error
        scores = found.reshape(-1)
        if len(scores) != len(self.tags):
            raise CannotCaption(
                f"{self.file} gives {len(scores)} scores, and its list has {len(self.tags)} tags: "
                "the .onnx and the .csv are not of one model. Download both from one place."
            )
        if not (np.isfinite(scores).all() and scores.min() >= 0 and scores.max() <= 1.001):
            raise CannotCaption(
                f"{self.file} gives scores that are no probabilities: it is no tagger of the WD14 "
                "family, or is damaged."
            )
        return scores

    def close(self) -> None:
        """Give back its memory."""
        del self.session
        gc.collect()


def prepared(picture: Image.Image, size: int) -> np.ndarray:
    """float32 `[1, size, size, 3]`: BGR in 0..255, the picture in the middle of a white square."""
    side = max(picture.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    if side != size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(square, np.float32)[None, :, :, ::-1])
