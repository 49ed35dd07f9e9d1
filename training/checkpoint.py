"""The checkpoints of a run: which is the newest that is whole, and which can go."""

import logging
from pathlib import Path
from typing import Any

from . import nest

NAME = "step-{:08d}.safetensors"


def newest(folder: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint in `folder`; damaged ones are passed over, with a warning."""
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            return nest.load(path)
        except ValueError as error:
            logging.warning("%s Going back to the checkpoint before it.", error)
    return None


def keep_newest(folder: Path, count: int = 2) -> None:
    """Delete all but the `count` newest checkpoints."""
    for path in sorted(folder.glob("step-*.safetensors"))[:-count]:
        path.unlink()
