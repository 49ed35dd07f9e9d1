"""LoRA files, read one layer at a time."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load
from torch import Tensor

from ..files import legible
from ..tensor_file import LIES, damaged
from .layer import PARTS, Layer

_SUFFIXES = sorted(PARTS, key=len, reverse=True)


class TensorFile:
    """A safetensors file of which some tensors are read at a time, into memory.

    It is open while it is read, and never mapped: on Windows a mapped file cannot be replaced.
    Raises `ValueError` that names the file for what is damaged, or no safetensors file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(path, framework="pt") as file:  # checks the header against the length
                self.metadata: dict[str, str] = file.metadata() or {}
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(length))
        except LIES as error:
            raise damaged(self.path, error) from error
        header.pop("__metadata__", None)
        self._entries: dict[str, dict] = header
        self._start = 8 + length

    @property
    def name(self) -> str:
        return legible(self.path.name)

    def names(self) -> Iterable[str]:
        return self._entries.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._entries[name]["shape"])

    def read(self, names: Iterable[str]) -> dict[str, Tensor]:
        """These tensors, as they are."""
        header, chunks, at = {}, [], 0
        try:
            with self.path.open("rb") as file:
                for name in names:
                    first, last = self._entries[name]["data_offsets"]
                    file.seek(self._start + first)
                    chunks.append(file.read(last - first))
                    place = [at, at + last - first]
                    header[name] = self._entries[name] | {"data_offsets": place}
                    at = place[1]
            text = json.dumps(header).encode()
            with torch.inference_mode(False):
                return load(b"".join([len(text).to_bytes(8, "little"), text, *chunks]))
        except LIES as error:
            raise damaged(self.path, error) from error


class Memory:
    """What `TensorFile` is, over tensors that are in memory already."""

    def __init__(self, state: Mapping[str, Tensor], name: str = "the wired LoRA") -> None:
        self.state, self.name = state, name
        self.metadata: dict[str, str] = {}

    def names(self) -> Iterable[str]:
        return self.state.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self.state[name].shape)

    def read(self, names: Iterable[str]) -> dict[str, Tensor]:
        return {name: self.state[name].detach().cpu() for name in names}


class Lora:
    """A LoRA by its layers: `stems`, in the file's order, and what belongs to none, `others`."""

    def __init__(self, source: TensorFile | Memory) -> None:
        self.source = source
        self.parts: dict[str, dict[str, str]] = {}
        self.others: list[str] = []
        for name in source.names():
            stem, part = split(name)
            if part:
                self.parts.setdefault(stem, {})[part] = name
            else:
                self.others.append(name)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def metadata(self) -> dict[str, str]:
        return self.source.metadata

    @property
    def stems(self) -> list[str]:
        return list(self.parts)

    def shapes(self, stem: str) -> dict[str, tuple[int, ...]]:
        return {part: self.source.shape(name) for part, name in self.parts[stem].items()}

    def tensors(self, stem: str) -> dict[str, Tensor]:
        """One layer's tensors under the file's own names."""
        return self.source.read(self.parts[stem].values())

    def layer(self, stem: str) -> Layer:
        tensors = self.tensors(stem)
        parts = {part: tensors[name] for part, name in self.parts[stem].items()}
        if "alpha" in parts and parts["alpha"].numel() != 1:
            raise ValueError(f"{self.name}: the alpha of {legible(stem)} should be one number.")
        return Layer(stem, parts)

    def sound(self, stem: str) -> Layer:
        """`layer`, which holds numbers only; otherwise `ValueError` that names it."""
        layer = self.layer(stem)
        for part, tensor in layer.parts.items():
            if not tensor.is_floating_point():
                raise ValueError(f"{self.name}: {legible(stem)} ({part}) is stored as no number.")
            if not torch.isfinite(tensor.float()).all():
                raise ValueError(
                    f"{self.name} has values in {legible(stem)} ({part}) that are no numbers: it "
                    "is of no use. Get it again."
                )
        return layer

    def refuse_others(self) -> None:
        """`ValueError` for what has a meaning that is not known here."""
        if not self.parts:
            raise ValueError(f"{self.name} holds no LoRA that Atelier knows.")
        if self.others:
            more = f" and {len(self.others) - 1} more" if len(self.others) > 1 else ""
            raise ValueError(
                f"{self.name} has {legible(self.others[0])}{more}, which is not of a kind that can "
                "be worked on here (LoRA, LoHa, LoKr, DoRA, diff)."
            )


def split(name: str) -> tuple[str, str]:
    """A tensor's name as stem and part; the part is empty where it is none that is known."""
    for suffix in _SUFFIXES:
        if name.endswith(f".{suffix}"):
            return name.removesuffix(f".{suffix}"), PARTS[suffix]
    for old, part in (("_lora.up.weight", "up"), ("_lora.down.weight", "down")):
        if name.endswith(old):
            return name.removesuffix(old), part
    return name, ""
