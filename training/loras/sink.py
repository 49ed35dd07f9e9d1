"""A safetensors file written tensor by tensor: what was added is on the disk, not in memory."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from ..files import atomic, telling

TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
}


class Sink:
    """Takes tensors one after the other; they are spooled by type, the widest come first."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.metadata: dict[str, str] = {"format": "pt"}
        self._folder, self._stack = folder, stack
        self._spools: dict[torch.dtype, IO[bytes]] = {}
        self._entries: dict[torch.dtype, dict[str, tuple[list[int], int]]] = {}

    def add(self, name: str, tensor: Tensor) -> None:
        dtype = tensor.dtype
        if dtype not in TYPES:
            raise ValueError(f"{name} is stored as {dtype}, which is not written here.")
        if any(name in entries for entries in self._entries.values()):
            raise ValueError(f"Two tensors would be called {name}.")
        if dtype not in self._spools:
            spool = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - the stack closes it
            self._spools[dtype] = self._stack.enter_context(spool)
            self._entries[dtype] = {}
        data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        self._spools[dtype].write(data)
        self._entries[dtype][name] = (list(tensor.shape), len(data))

    def _write(self, path: Path) -> None:
        order = sorted(self._spools, key=lambda dtype: -dtype.itemsize)  # each begins aligned
        header: dict[str, Any] = {}
        at = 0
        digest = hashlib.sha256()
        for dtype in order:
            for name, (shape, size) in self._entries[dtype].items():
                place = [at, at + size]
                header[name] = {"dtype": TYPES[dtype], "shape": shape, "data_offsets": place}
                at += size
            self._spools[dtype].seek(0)
            while chunk := self._spools[dtype].read(1 << 20):
                digest.update(chunk)
        names = {"sshs_model_hash": digest.hexdigest()}
        names["modelspec.hash_sha256"] = f"0x{digest.hexdigest()}"
        text = json.dumps({"__metadata__": self.metadata | names} | header).encode()
        text += b" " * (-len(text) % 8)
        with path.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for dtype in order:
                self._spools[dtype].seek(0)
                shutil.copyfileobj(self._spools[dtype], file, 1 << 20)


@contextmanager
def writing(path: Path) -> Iterator[Sink]:
    """A sink whose file is at `path` in the end, whole, or not at all."""
    with telling(path), ExitStack() as stack:
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = Sink(path.parent, stack)
        yield sink
        if not sink._entries:
            raise ValueError(f"Nothing was left to write into {path.name}.")
        with atomic(path) as temporary:
            sink._write(temporary)


def common(headers: list[Mapping[str, str]]) -> dict[str, str]:
    """What all of these headers say of the model that they are for."""
    keys = ("modelspec.architecture", "modelspec.prediction_type", "atelier.family")
    keys += ("ss_base_model_version", "modelspec.sai_model_spec", "modelspec.resolution")
    first, *others = headers
    return {
        key: first[key]
        for key in keys
        if key in first and all(other.get(key) == first[key] for other in others)
    }
