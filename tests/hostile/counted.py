"""Bad inputs tried one after another, with the state of disk and process before and after each.

`bad_inputs()` is for the tests and for `python dev.py measure faults`.
"""

import hashlib
import logging
import os
import random
import shutil
import sys
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image, ImageFile

try:
    import resource
except ImportError:  # Windows
    resource = None

MOST_SECONDS = 20.0
MOST_MEMORY = 400  # MB that one input may add to the highest there was
SECRET = "a secret that no error may show"


@dataclass(frozen=True)
class Case:
    """One input and what is done with it.

    `make` puts it into an empty folder, `use` does what a user would. With `words` alone it has to
    be refused by a `ValueError` that has these words in it; with `right` alone it has to be
    accepted, and `right` judges what comes out; with both either will do. `writes` are beginnings
    of the names of files that it may write in its folder, `heals` names of those it may write over.
    """

    name: str
    make: Callable[[Path], object]
    use: Callable[[Path], Any]
    words: tuple[str, ...] = ()
    right: Callable[[Any], bool] | None = None
    where: str = "input"
    writes: tuple[str, ...] = ()
    heals: tuple[str, ...] = ()


@dataclass
class Counts:
    """What became of the inputs; `lost` and `changed` count files that should be as they were."""

    tried: int = 0
    accepted_rightly: int = 0
    refused: int = 0
    lost: int = 0
    changed: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Counts") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def fail(self, case: Case, what: str) -> None:
        self.failures.append(f"{case.name}: {what}")


# ------------------------------------------------------------ the world around a case


@contextmanager
def world() -> Iterator[Path]:
    """A folder with ComfyUI's own folders in `comfy`, and one that is nobody's business beside."""
    import folder_paths

    with TemporaryDirectory(prefix="atelier-hostile-") as name:
        root = Path(name).resolve()
        comfy, outside = root / "comfy", root / "outside"
        for part in ("input", "output", "models/loras", "user"):
            (comfy / part).mkdir(parents=True)
        outside.mkdir()
        Image.new("RGB", (8, 8), "red").save(outside / "secret.png")
        (outside / "secret.txt").write_text(SECRET)
        loras = ([str(comfy / "models" / "loras")], {".safetensors", ".pt", ".ckpt"})
        with (
            patch.multiple(
                folder_paths,
                input_directory=str(comfy / "input"),
                output_directory=str(comfy / "output"),
                user_directory=str(comfy / "user"),
                models_dir=str(comfy / "models"),
            ),
            patch.dict(folder_paths.folder_names_and_paths, {"loras": loras}),
            patch.dict(folder_paths.filename_list_cache, clear=True),
        ):
            yield root


def snapshot(root: Path) -> dict[str, str]:
    """Everything below `root` by its path, with what it is; links are not followed."""
    seen = {}
    for here, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(here, name)
            if path.is_symlink():
                what = f"link to {path.readlink()}"
            elif path.is_dir():
                what = "folder"
            elif path.is_file():
                what = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                what = "something else"
            seen[path.relative_to(root).as_posix()] = what
    return seen


def process_state() -> dict[str, Any]:
    """What an input could change in the process for everybody else."""
    return {
        "Pillow's limit of pixels": Image.MAX_IMAGE_PIXELS,
        "Pillow's leniency": ImageFile.LOAD_TRUNCATED_IMAGES,
        "warning filters": list(warnings.filters),
        "working directory": Path.cwd(),
        "sys.path": list(sys.path),
        "recursion limit": sys.getrecursionlimit(),
        "environment": dict(os.environ),
        "random numbers": random.getstate(),
        "numpy's random numbers": str(np.random.get_state(legacy=False)),
        "torch's random numbers": hash(torch.get_rng_state().numpy().tobytes()),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "type of numbers": torch.get_default_dtype(),
    }


def _highest() -> int:
    """The most memory that the process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 if resource else 0


# ------------------------------------------------------------ one case, and all


def try_one(case: Case, root: Path, counts: Counts) -> None:
    """Do `case` in the world at `root`, and enter into `counts` what became of it."""
    place = root / "comfy" / case.where / "case"
    place.mkdir()
    try:
        case.make(place)
        before, state = snapshot(root), process_state()
        memory, began = _highest(), time.monotonic()
        _judge(case, place, counts)
        if (took := time.monotonic() - began) > MOST_SECONDS:
            counts.fail(case, f"took {took:.0f} s")
        if (more := _highest() - memory) > MOST_MEMORY:
            counts.fail(case, f"took {more} MB")
        _compare(case, place.relative_to(root).as_posix(), before, snapshot(root), counts)
        for what, now in process_state().items():
            if now != state[what]:
                counts.fail(case, f"changed {what} of the process")
    finally:
        shutil.rmtree(place)
    counts.tried += 1


def _judge(case: Case, place: Path, counts: Counts) -> None:
    try:
        result = case.use(place)
    except ValueError as error:
        fault = _fault(case, str(error))
        if fault:
            counts.fail(case, fault)
        counts.refused += not fault
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        counts.fail(case, f"crashed with {type(error).__name__}: {error}"[:300])
    else:
        right = case.right is not None and bool(case.right(result))
        if not right:
            counts.fail(case, f"was accepted, and gave {' '.join(repr(result).split())}"[:300])
        counts.accepted_rightly += right


def _fault(case: Case, text: str) -> str:
    """What is wrong with the text of an error."""
    if not case.words:
        return f"was refused: {text}"[:300]
    missing = [word for word in case.words if word not in text]
    if missing:
        return f"was refused without {missing} in: {text}"[:400]
    if len(text) > 6000 or SECRET in text or "Traceback" in text:
        return f"has an error that tells too much: {text[:300]}"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text.replace("\n", "")):
        return f"has an error that hides something: {text!r}"[:400]
    return ""


def _compare(
    case: Case, place: str, before: dict[str, str], after: dict[str, str], counts: Counts
) -> None:
    def named(path: str, names: tuple[str, ...], exactly: bool) -> bool:
        own = path.removeprefix(f"{place}/")
        return own != path and (own in names if exactly else own.startswith(names))

    lost = before.keys() - after.keys()
    changed = [path for path in before.keys() & after.keys() if before[path] != after[path]]
    changed = [path for path in changed if not named(path, case.heals, exactly=True)]
    new = [path for path in after.keys() - before.keys() if not named(path, case.writes, False)]
    new += [path for path in after.keys() - before.keys() if path.endswith(".part")]
    counts.lost += len(lost)
    counts.changed += len(changed) + len(new)
    for what, paths in (("lost", lost), ("changed", changed), ("wrote", new)):
        if paths:
            counts.fail(case, f"{what} {', '.join(sorted(paths))}")


def count(cases: Iterable[Case]) -> Counts:
    """Try all `cases`, each in a folder of its own."""
    counts = Counts()
    names = set()
    with world() as root:
        for case in cases:
            assert case.name not in names, case.name
            names.add(case.name)
            try_one(case, root, counts)
    return counts


def bad_inputs() -> Counts:
    """All that is known to be bad, and what hypothesis draws. Needs ComfyUI (`engine.start`)."""
    from . import captions, drawn, folders, formats, paths, pictures, tensors

    total = Counts()
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in (pictures, folders, formats, captions, tensors, paths, drawn):
                total.add(count(part.cases()))
    finally:
        logging.disable(logging.NOTSET)
    return total
