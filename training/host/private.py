"""A private module tree over the wired model's own weights: trained on, thrown away, never seen.

The MODEL on the wire is shared by every clone of its patcher. Adapters injected into it would be
seen by all of them, and its weights are inference tensors, which autograd refuses. So the module
tree is copied and its tensors are not: the copy's parameters are ordinary tensors over the same
bytes. Nothing writes to them.
"""

import copy
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher

from .family import ADDS_IN_PLACE, ADDS_INTO_INPUT
from .linear import make_plain
from .results import with_new_results
from .staying import Staying, frozen_copy
from .stream import Streaming, make_convolutions_plain, streaming
from .trainable import refuse_schedule, refuse_untrainable

if TYPE_CHECKING:
    from comfy.model_base import BaseModel

ALL = 1e32  # bytes: ComfyUI's own figure for "as much as there is"


def unload(patcher: ModelPatcher) -> None:
    """Take `patcher`'s model, and its clones, off the device: unpatched, as loaded from disk."""
    others = [
        loaded
        for loaded in management.current_loaded_models
        if loaded.model is not None and not loaded.model.is_clone(patcher)
    ]
    management.free_memory(1e30, patcher.load_device, keep_loaded=others)


def copy_tree(model: "BaseModel") -> "BaseModel":
    """As `frozen_copy`, of a whole model."""
    return frozen_copy(model, (model.model_config, model.latent_format), model.current_patcher)


def take_patches(private: Staying, wired: ModelPatcher) -> None:
    """Give the private tree the wired model's own patches (the user's LoRAs), in fresh tensors.
    All other weights stay the wired model's."""
    private.patches = {key: list(patches) for key, patches in wired.patches.items()}
    with torch.no_grad():
        for key in private.patches:
            private.patch_weight_to_device(key)
    private.keep_homes(but=private.patches)
    private.patches = {}
    private.backup.clear()
    for name, value in wired.object_patches.items():
        if name == "model_sampling":  # a changed shift or prediction type is trained with
            private.model.model_sampling = copy.deepcopy(value)


def _make_differentiable(network: torch.nn.Module) -> None:
    """Do in `network` what ComfyUI, which only samples, leaves undone, and change no value."""
    make_plain(network)
    make_convolutions_plain(network)
    if hasattr(network, "clear_kv_cache"):  # HiDream-O1 keeps what it read, for the next step
        network.register_forward_pre_hook(forget)
    for block in network.modules():
        if isinstance(block, ADDS_IN_PLACE):
            for norm in block.modules():
                if isinstance(norm, torch.nn.LayerNorm):
                    norm.register_forward_pre_hook(clone_input)
        if isinstance(block, ADDS_INTO_INPUT):
            block.forward = with_new_results(block.forward)


def forget(network: Any, _inputs: tuple[Any, ...]) -> None:
    network.clear_kv_cache()


def clone_input(_norm: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Any:
    """The norm keeps its input for backward, and the block then adds to it in place."""
    x, *rest = inputs
    return (x.clone(), *rest) if torch.is_grad_enabled() else None


def _patcher(model: "BaseModel", wired: ModelPatcher) -> Staying:
    """A patcher of the wired one's own class, since formats such as GGUF patch in their own way;
    one that leaves no part of the adapter off the device.

    Not if that class moves weights about while the network runs (0.12 and newer): it would replace
    the adapter's.
    """
    dynamic = getattr(wired, "is_dynamic", lambda: False)()
    kind = ModelPatcher if dynamic else type(wired)
    return streaming(kind)(model, wired.load_device, wired.offload_device)


@contextmanager
def private_copy(wired: ModelPatcher) -> Iterator[ModelPatcher]:
    """A patcher around a private, frozen copy of the wired MODEL, gone when the block ends.

    Not loaded yet: inject adapters first, then call `load`. The wired model is unloaded, and is
    bit for bit what it was. Use inside `training_mode`. Raises `ValueError` for a base that cannot
    be trained.
    """
    refuse_untrainable(wired.model)
    refuse_schedule(wired)
    unload(wired)
    model: Any = copy_tree(wired.model)
    private = _patcher(model, wired)
    private.model_options = copy.copy(wired.model_options)
    try:
        take_patches(private, wired)
        _make_differentiable(model.diffusion_model)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        yield private
    finally:
        model.current_patcher = None
        unload(private)
        del model, private
        collect()


def collect() -> None:
    """Give back the memory of a private tree that was let go: it has cycles, and is wanted now."""
    gc.collect()
    management.soft_empty_cache()


def make_room(private: ModelPatcher) -> None:
    """Send all models but those that are trained off the device that trains.

    ComfyUI leaves there what may be wanted next, as far as it knows what is needed; a plan would
    have to count it as taken. What is asked for comes back.
    """
    if management.is_device_cpu(private.load_device):
        return
    trained = [one for one in management.current_loaded_models if isinstance(one.model, Staying)]
    management.free_memory(1e30, private.load_device, keep_loaded=trained)


def load(private: ModelPatcher, resident: float | None = None) -> torch.device:
    """Put the private model on its device through ComfyUI's memory management, alone with what is
    trained beside it. Returns the device.

    `resident` is how many bytes of the large layers may be there from now on; the others are
    streamed (`stream.py`). At first it is all of them.
    """
    if resident is not None:
        _streaming(private).resident = resident
    make_room(private)
    management.load_models_gpu([private], force_full_load=True)
    private.model.current_patcher = private
    return private.load_device


def fill(private: ModelPatcher, resident: float | None) -> None:
    """Let `resident` bytes of a loaded model's large layers be on the device, and None mean all.

    No other model is moved for it, such as a text encoder that is trained beside it.
    """
    wanted = float("inf") if resident is None else resident
    patcher = _streaming(private)
    if patcher.resident != wanted:
        patcher.resident = wanted
        patcher.partially_load(patcher.load_device, ALL)


def _streaming(private: ModelPatcher) -> Streaming:
    assert isinstance(private, Streaming)
    return private
