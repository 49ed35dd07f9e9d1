"""What pictures are like, as vectors of one encoder, kept on disk by content. Safe to delete."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..data.dataset import Record
from ..files import atomic, digest, legible
from . import features
from .look import Look, decoded

Tick = Callable[[str], None]
BATCH = 16  # pictures that are encoded together


class Encoder(Protocol):
    """Makes vectors of pictures. `name` is what people are told, `key` all that decides them."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def resolution(self) -> int:
        """Pictures come decoded to at most that many pixels, squared."""
        ...

    def prepare(self, picture: Image.Image) -> np.ndarray:
        """One picture as an array, in a thread of its own."""
        ...

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors `[pictures, numbers]`."""
        ...


@dataclass(frozen=True)
class Classical:
    """Needs no model: `features`."""

    name: str = features.NAME
    key: str = features.NAME
    resolution: int = 256

    def prepare(self, picture: Image.Image) -> np.ndarray:
        return features.features(picture)

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(prepared)


@dataclass(frozen=True)
class Embedded:
    """A vector for each picture that could be read: `vectors` are of the pictures `of`."""

    encoder: str
    of: np.ndarray
    vectors: np.ndarray


class Embeddings:
    """Vectors of one encoder, in 256 files of safetensors, in half precision."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.folder = folder / digest(encoder.key)[:16]
        self.encoder = encoder

    def of(
        self, records: Sequence[Record], looks: Sequence[Look], tick: Tick = lambda _: None
    ) -> Embedded:
        """Vectors of those of `records` whose looks have no problem.

        `tick` is told the name of each that is encoded. What was encoded is kept when it is
        stopped. Raises `PictureError` for a file that was damaged since it was looked at.
        """
        own = [number for number, look in enumerate(looks) if not look.problem]
        paths = {looks[number].content: records[number].path for number in own}
        known = self._known(paths)
        self._encode(
            {content: paths[content] for content in sorted(paths.keys() - known)}, known, tick
        )
        vectors = [known[looks[number].content].astype(np.float32) for number in own]
        shape = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)
        return Embedded(self.encoder.name, np.array(own, np.int64), shape)

    def _encode(self, wanted: dict[str, Path], known: dict[str, np.ndarray], tick: Tick) -> None:
        """Encode pictures, which come ordered by content, into `known` and the files."""
        waiting: set[str] = set()  # parts that are not yet written
        contents = list(wanted)
        try:
            with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as workers:
                for start in range(0, len(contents), BATCH):
                    some = contents[start : start + BATCH]
                    prepared = list(workers.map(self._prepared, [wanted[one] for one in some]))
                    known |= dict(zip(some, self._vectors(prepared), strict=True))
                    waiting |= {content[:2] for content in some}
                    for content in some:
                        tick(wanted[content].name)
                    done = {part for part in waiting if part < some[-1][:2]}
                    self._write(done, known)
                    waiting -= done
        finally:
            self._write(waiting, known)

    def _prepared(self, path: Path) -> np.ndarray:
        return self.encoder.prepare(decoded(path, self.encoder.resolution))

    def _vectors(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        vectors = np.asarray(self.encoder.encode(prepared), np.float32)
        if not np.isfinite(vectors).all():
            raise ValueError(
                f"{self.encoder.name} gave numbers that are none (NaN). Wire another CLIP_VISION, "
                "or none."
            )
        return vectors.astype(np.float16)

    def _known(self, contents: Iterable[str]) -> dict[str, np.ndarray]:
        wanted = set(contents)
        parts = (self._read(part) for part in sorted({content[:2] for content in wanted}))
        return {name: vector for part in parts for name, vector in part if name in wanted}

    def _file(self, part: str) -> Path:
        return self.folder / f"{part}.safetensors"

    def _read(self, part: str) -> Iterator[tuple[str, np.ndarray]]:
        file = self._file(part)
        try:
            kept = load_file(file) if file.is_file() else {}
        except (OSError, SafetensorError) as error:
            logging.warning("%s cannot be used (%s). It is made again.", file, legible(error))
            return
        for content, vector in kept.items():
            if vector.ndim == 1 and np.isfinite(vector).all():
                yield content, vector

    def _write(self, parts: Iterable[str], known: dict[str, np.ndarray]) -> None:
        for part in parts:
            own = dict(self._read(part))
            own |= {name: vector for name, vector in known.items() if name[:2] == part}
            with atomic(self._file(part)) as temporary:
                save_file(own, temporary)
