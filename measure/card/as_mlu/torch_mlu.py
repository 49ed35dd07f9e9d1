"""The counted card (see the folder above) under the name by which ComfyUI looks for Cambricon's.

This module is `torch.mlu` too: what torch and ComfyUI ask of a device. Freed memory is not kept.
"""

import importlib.util
import os
import sys
from types import SimpleNamespace
from typing import Any

import torch


def _load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("atelier_card", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


card = _load(os.environ["ATELIER_CARD"])
card.set_most(int(os.environ["ATELIER_CARD_BYTES"]))


def is_available() -> bool:
    return True


def device_count() -> int:
    return 1


def current_device() -> int:
    return 0


def set_device(_: Any) -> None:
    """There is only one."""


def get_device_name(_: Any = None) -> str:
    return "a card that counts"


def get_device_properties(_: Any = None) -> SimpleNamespace:
    """`major`: new enough for ComfyUI to compute in half precision."""
    return SimpleNamespace(total_memory=card.most(), major=5)


def get_amp_supported_dtype() -> list[torch.dtype]:
    return [torch.bfloat16, torch.float16]


def synchronize(_: Any = None) -> None:
    """Nothing runs beside the CPU."""


def _is_in_bad_fork() -> bool:
    return False


# ------------------------------------------------------------------ memory


def empty_cache() -> None:
    """Freed memory is not kept."""


def memory_allocated(_: Any = None) -> int:
    return card.used()


def max_memory_allocated(_: Any = None) -> int:
    return card.peak()


def reset_peak_memory_stats(_: Any = None) -> None:
    card.forget_peak()


def mem_get_info(_: Any = None) -> tuple[int, int]:
    return card.most() - card.used(), card.most()


def memory_stats(_: Any = None) -> dict[str, int]:
    return dict.fromkeys(("active_bytes.all.current", "reserved_bytes.all.current"), card.used())


memory_reserved, max_memory_reserved = memory_allocated, max_memory_allocated

# ------------------------------------------------------------------ randomness


def manual_seed(seed: int) -> None:
    card.dice().manual_seed(seed)


def get_rng_state(_: Any = None) -> torch.Tensor:
    return card.dice().get_state()


def set_rng_state(state: torch.Tensor, _: Any = None) -> None:
    card.dice().set_state(state)


manual_seed_all = manual_seed

utils: Any = torch.utils
utils.rename_privateuse1_backend("mlu")
torch._register_device_module("mlu", sys.modules[__name__])
utils.generate_methods_for_privateuse1_backend()
torch.version.cuda = None  # else ComfyUI takes every card for Nvidia's,
torch.cuda.get_device_properties = get_device_properties  # and it asks here all the same

if "ATELIER_CARD_DYNAMIC" in os.environ:
    importlib.import_module("aimdo_on_card")
