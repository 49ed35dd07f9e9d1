"""What looks at pictures for scores: encoders, with everything kept on disk by content."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..curation.embeddings import Embeddings, Encoder
from ..curation.look import Look
from ..curation.looks import Looks
from ..data.dataset import Record

Tick = Callable[[str], None]
SMALL = 128  # pixels: enough for a hash
TURNED_DOWN = ", which scores need. Take it out, or draw the grid again."


class TextEncoder(Encoder, Protocol):
    """An encoder of pictures and texts: the product of both rows says how well they match."""

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors `[texts, numbers]`; a row of NaN for a text of which it knows nothing."""
        ...


@dataclass(frozen=True)
class Encoders:
    """What tells who is shown, what it looks like, and what was asked."""

    identity: Encoder
    style: Encoder
    text: TextEncoder | None = None


@dataclass(frozen=True)
class Eyes:
    """Looks at files, each once; `cache` may be deleted at any time."""

    cache: Path
    tick: Tick = lambda _: None

    def looks(self, records: Sequence[Record]) -> list[Look]:
        """Raises `ValueError` that names a picture which cannot be read."""
        found = Looks(self.cache / "looks", SMALL).of(records)
        if bad := next((look.problem for look in found if look.problem), None):
            raise ValueError(f"{bad.rstrip('.')}{TURNED_DOWN}")
        return found

    def vectors(
        self, encoder: Encoder, records: Sequence[Record], looks: Sequence[Look]
    ) -> np.ndarray:
        """Float64 `[records, numbers]`."""
        kept = Embeddings(self.cache / "embeddings", encoder)
        return kept.of(records, looks, self.tick).vectors.astype(np.float64)


def prints(looks: Sequence[Look]) -> np.ndarray:
    return np.array([look.print for look in looks], np.uint64)
