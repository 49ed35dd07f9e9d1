"""comfy-aimdo's share of a card (ComfyUI's DynamicVRAM), on the counted one.

comfy-aimdo maps pages of a card's memory through Nvidia's or AMD's driver. Here are the functions
that need one, and no others: ComfyUI and the rest of comfy-aimdo are as they come. As there, what
was freed must not be read again, and what is copied is not freed twice.
"""

import ctypes
import importlib
import itertools
import os
from typing import Any

import torch

Alloc = tuple["Pages", int, int]  # as comfy-aimdo's: whose, where, how many bytes

numbers = itertools.count(1)
living: set[int] = set()


class Pages:
    """A model's pages (`ModelVBAR`): memory of the card for what is in use, as far as there is."""

    def __init__(self, _size: int, device: int) -> None:
        self._ptr = next(numbers)
        living.add(self._ptr)
        self.device = torch.device("mlu", device)
        self.offset = 0
        self._bytes: dict[int, tuple[torch.Tensor, int]] = {}
        self._pinned: dict[int, int] = {}

    def alloc(self, size: int) -> Alloc:
        place, self.offset = self.offset, self.offset + size
        return self, place, size

    def fault(self, place: int, size: int) -> Any:
        if place not in self._bytes:
            try:
                page = torch.empty(size, dtype=torch.uint8, device=self.device)
            except torch.OutOfMemoryError:
                return None
            self._bytes[place] = page, next(numbers)
        self._pinned[place] = self._pinned.get(place, 0) + 1
        return (ctypes.c_uint32 * 1)(self._bytes[place][1])

    def unpin(self, place: int, _size: int) -> None:
        self._pinned[place] -= 1

    def tensor(self, place: int) -> torch.Tensor:
        return self._bytes[place][0]

    def loaded_size(self) -> int:
        return sum(page.numel() for page, _ in self._bytes.values())

    def free_memory(self, wanted: int) -> int:
        """Give back what is not in use, until it is enough."""
        freed = 0
        for place in [place for place in self._bytes if not self._pinned.get(place)]:
            if freed >= wanted:
                break
            page, _ = self._bytes.pop(place)
            freed += page.numel()
            page.untyped_storage().resize_(0)
        return freed

    def prioritize(self, *_: Any) -> None:
        """There is always one model at work."""

    def __del__(self) -> None:
        if self._ptr not in living:  # of a copy; comfy-aimdo's corrupts the heap
            os.write(2, b"Pages of the card were freed twice.\n")
            os.abort()
        living.discard(self._ptr)


def tensor_of(alloc: Alloc, _device: Any) -> torch.Tensor:
    pages, place, size = alloc
    return pages.tensor(place)[:size]


def read_file_to_device(
    file: int, offset: int, size: int, _stream: Any, place: int, _device: int, **_: Any
) -> None:
    target = (ctypes.c_uint8 * size).from_address(place)
    os.lseek(file, offset, os.SEEK_SET)
    with open(file, "rb", buffering=0, closefd=False) as source:
        done = 0
        while done < size:
            read = source.readinto(memoryview(target)[done:])
            assert read
            done += read


def set_data(parameter: torch.nn.Parameter, data: torch.Tensor) -> None:
    """`parameter.data = …` across devices, which torch knows of Nvidia's and not of other cards."""
    try:
        DATA.__set__(parameter, data)
    except RuntimeError:
        with torch.inference_mode(data.is_inference()):
            torch.utils.swap_tensors(parameter, torch.nn.Parameter(data, parameter.requires_grad))


DATA: Any = torch.Tensor.data
setattr(torch.nn.Parameter, "data", property(DATA.__get__, set_data))  # noqa: B010
for part, name, ours in (
    ("control", "init_devices", lambda _: True),
    ("model_vbar", "ModelVBAR", Pages),
    ("torch", "aimdo_to_tensor", tensor_of),
    ("host_buffer", "read_file_to_device", read_file_to_device),
):
    setattr(importlib.import_module(f"comfy_aimdo.{part}"), name, ours)
