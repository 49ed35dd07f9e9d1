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
            tree = nest.load(path)
            if isinstance(tree, dict) and isinstance(tree.get("step"), int):
                return tree
            raise ValueError(f"{path} holds no state of a training.")
        except ValueError as error:
            logging.warning("%s Going back to the checkpoint before it.", error)
    return None


def keep_newest(folder: Path, count: int = 2) -> None:
    """Delete all but the `count` newest checkpoints.

    Counted back from the one that was written last: those with a higher number are damaged ones,
    which were passed over.
    """
    files = sorted(path for path in folder.glob("step-*.safetensors") if path.is_file())
    last = max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
    for path in [path for path in files if last and path <= last][:-count]:
        path.unlink(missing_ok=True)
