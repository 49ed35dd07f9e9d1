"""The counted card under the name by which ComfyUI looks for Cambricon's; see the folder above."""

import importlib.util
import os
from types import ModuleType, SimpleNamespace
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


class Mlu(ModuleType):
    """What torch and ComfyUI ask of `torch.mlu`: one card, which keeps nothing that is freed."""

    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    set_device = staticmethod(lambda device: None)
    get_device_name = staticmethod(lambda device=None: "a card that counts")
    synchronize = staticmethod(lambda device=None: None)
    empty_cache = staticmethod(lambda: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16, torch.float16])
    _is_in_bad_fork = staticmethod(lambda: False)

    memory_allocated = memory_reserved = staticmethod(lambda device=None: card.used())
    max_memory_allocated = max_memory_reserved = staticmethod(lambda device=None: card.peak())
    reset_peak_memory_stats = staticmethod(lambda device=None: card.forget_peak())

    @staticmethod
    def get_device_properties(device: Any = None) -> SimpleNamespace:
        return SimpleNamespace(
            total_memory=card.most(), major=5
        )  # which ComfyUI takes half precision on

    @staticmethod
    def mem_get_info(device: Any = None) -> tuple[int, int]:
        return card.most() - card.used(), card.most()

    @staticmethod
    def memory_stats(device: Any = None) -> dict[str, int]:
        return dict.fromkeys(
            ("active_bytes.all.current", "reserved_bytes.all.current"), card.used()
        )

    @staticmethod
    def manual_seed(seed: int) -> None:
        card.dice().manual_seed(seed)

    manual_seed_all = manual_seed

    @staticmethod
    def get_rng_state(device: Any = None) -> torch.Tensor:
        return card.dice().get_state()

    @staticmethod
    def set_rng_state(state: torch.Tensor, device: Any = None) -> None:
        card.dice().set_state(state)


torch.utils.rename_privateuse1_backend("mlu")
torch._register_device_module("mlu", Mlu("torch.mlu"))
torch.utils.generate_methods_for_privateuse1_backend()
torch.version.cuda = None  # else ComfyUI takes every card for Nvidia's
torch.cuda.get_device_properties = torch.mlu.get_device_properties  # by which ComfyUI asks for it
