"""Put the demo base and its pictures where ComfyUI finds them.

    python -m atelier.demo.install

Writes models/checkpoints/atelier-demo.safetensors (`base.safetensors`, the trained part, and the
text tower from its seed) and copies the pictures to input/atelier-demo/. Needs no network and no
ComfyUI, and does nothing where everything is already there.
"""

import filecmp
import hashlib
import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
from safetensors import safe_open

from . import engine, tower

HERE = Path(__file__).resolve().parent
TRAINED = HERE / "base.safetensors"
PICTURES = HERE / "pictures"
CHECKPOINT = "atelier-demo.safetensors"
FOLDER = "atelier-demo"  # of the pictures, under input/
WIDENED = {  # the trained part knows 768 text features; SD3 has these many, the others zero
    "model.diffusion_model.context_embedder.weight": 4096,
    "model.diffusion_model.y_embedder.mlp.0.weight": 2048,
}

Tensors = dict[str, tuple[tuple[int, ...], np.ndarray | None]]


def install(base: Path | None = None) -> None:
    """Install under `base`, ComfyUI's base directory (by default the one dev.py made)."""
    base = base or engine.base_directory()
    checkpoint = base / "models" / "checkpoints" / CHECKPOINT
    mark = stamp()
    if is_written(checkpoint, mark):
        print(f"Demo base: there already ({checkpoint})")
    else:
        write(checkpoint, mark)
        print(f"Demo base: written ({checkpoint}, {checkpoint.stat().st_size / 1e6:.0f} MB)")
    pictures = base / "input" / FOLDER
    print(f"Demo pictures: {copy_pictures(pictures)} files copied to {pictures}")


def stamp() -> str:
    """What the checkpoint is made from, as a hash: the trained part and the text tower's code."""
    total = hashlib.sha256()
    for path in (TRAINED, Path(tower.__file__), Path(__file__)):
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def is_written(path: Path, mark: str) -> bool:
    """Whether `path` is a whole checkpoint made from what `mark` names."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            return False
        (length,) = struct.unpack("<Q", start)
        if length > 1 << 24:
            return False
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return False
    found = header.pop("__metadata__", {})
    end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    return found.get("atelier_stamp") == mark and path.stat().st_size == 8 + length + end


def contents() -> tuple[Tensors, dict[str, str]]:
    """Shape and values (None: zeros) of every tensor of the checkpoint, and its metadata."""
    tensors: Tensors = {}
    with safe_open(TRAINED, framework="np") as trained:
        metadata = dict(trained.metadata() or {})
        for name in trained.keys():  # noqa: SIM118 - not a dict
            values = trained.get_tensor(name)
            if name in WIDENED:
                values = np.pad(values, ((0, 0), (0, WIDENED[name] - values.shape[1])))
            tensors[name] = (values.shape, values)
    for name, shape, values in tower.tensors():
        tensors[name] = (shape, values)
    return tensors, metadata


def write(path: Path, mark: str) -> None:
    """Write the checkpoint in half precision, whole or not at all.

    Zero tensors, most of the text tower, are skipped over: file systems that can keep them as
    holes, which take no space.
    """
    tensors, metadata = contents()
    header: dict[str, object] = {"__metadata__": metadata | {"atelier_stamp": mark}}
    place = 0
    for name, (shape, _) in tensors.items():
        size = 2 * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with half.open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for shape, values in tensors.values():
                if values is None:
                    file.seek(2 * int(np.prod(shape, dtype=np.int64)), os.SEEK_CUR)
                else:
                    file.write(values.astype("<f2").tobytes())
            file.truncate(8 + len(text) + place)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def copy_pictures(target: Path) -> int:
    """Copy the example pictures and captions; return how many files were new or different."""
    copied = 0
    for source in sorted(PICTURES.rglob("*")):
        copy = target / source.relative_to(PICTURES)
        if source.is_dir() or (copy.is_file() and filecmp.cmp(source, copy, shallow=False)):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copied += 1
    return copied


if __name__ == "__main__":
    install()
