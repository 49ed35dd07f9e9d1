"""A stack of LoRAs on ComfyUI's files and models."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

import comfy.lora
import comfy.lora_convert
import torch
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP

from ..files import legible
from ..loras.names import parse
from ..loras.source import TensorFile
from ..stack.blocks import factor, unfit
from ..stack.names import listed
from ..stack.rows import checked, read_rows
from ..stack.stack import Item, Stack, plain_rows
from ..stack.told import settings, trigger_words
from .lora_choice import lora_file, lora_names, read_lora, stamp
from .progress import Progress
from .stack_schedule import Hooked, add_schedule, hookable

_NETWORK = "diffusion_model."
# What ComfyUI's readers raise on files that lack a part, or have one of another shape.
_LIES = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def stacked(text: str, stack: Stack | None = None, lora_stack: Any = None) -> Stack:
    """`stack`, then another pack's, then the rows in `text`; every file by its listed name."""
    others = plain_rows(lora_stack) if lora_stack is not None else []
    whole = Stack((*(stack or Stack()).items, *(Item(*row) for row in others)))
    known = lora_names()
    return Stack(
        tuple(
            item if item.state is not None else replace(item, name=listed(item.name, known))
            for item in whole.with_rows(read_rows(text)).items
        )
    )


def with_lora(
    stack: Stack | None, lora: Any, model: float, text: float, blocks: str, schedule: str
) -> Stack:
    """`stack` and a LORA_MODEL behind it; the last two are JSON as in a row."""
    if not isinstance(lora, Mapping) or not lora:
        raise ValueError("lora is no LoRA, or an empty one. Wire Train LoRA, or Load LoRA File.")
    row = {"lora": "lora", "model": model, "text": text}
    for name, given in (("blocks", blocks), ("schedule", schedule)):
        if given.strip():
            try:
                row[name] = json.loads(given)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{name} is no JSON ({legible(error)}). See the help.") from error
    (own,) = checked({"rows": [row]})
    before = (stack or Stack()).items
    name = f"wired LoRA {sum(item.state is not None for item in before) + 1}"
    item = Item(name, own.model, own.text_strength, own.blocks, own.schedule, dict(lora))
    return Stack((*before, item))


def words_of(stack: Stack) -> str:
    """The trigger words of its files, with commas between."""
    words: dict[str, str] = {}
    for item in stack.items:
        if item.state is None:
            for word in trigger_words(TensorFile(lora_file(item.name)).metadata):
                words.setdefault(word.lower(), word)
    return ", ".join(words.values())


def stamps(text: str | None) -> list[Any]:
    """What changes when a file of the rows does. What is wrong with them is said elsewhere."""
    try:
        rows = read_rows(text or "")
    except ValueError:
        return []
    return file_stamps(row.lora for row in rows if row.acts)


def file_stamps(names: Iterable[str]) -> list[Any]:
    """The same of files by their names."""
    known = lora_names()
    return [_stamp(name, known) for name in names]


def _stamp(name: str, known: list[str]) -> Any:
    try:
        return stamp(listed(name, known))
    except (OSError, ValueError):
        return None


class _Places(NamedTuple):
    """Where a file's tensors go in a model and its text encoders."""

    keys: dict[str, Any]  # by the names that files have
    weights: dict[str, Any]
    layers: list[str]
    family: str
    encodes: bool

    @classmethod
    def of(cls, model: ModelPatcher, clip: CLIP | None) -> "_Places":
        base: Any = model.model
        keys = comfy.lora.model_lora_keys_unet(base, {})
        weights = dict(base.state_dict())
        layers = sorted({_layer(key) for key in weights if key.startswith(_NETWORK)})
        if clip is not None:
            keys = comfy.lora.model_lora_keys_clip(clip.cond_stage_model, keys)
        return cls(keys, weights, layers, type(base).__name__, clip is not None)


def apply_stack(
    model: ModelPatcher, clip: CLIP | None, stack: Stack
) -> tuple[ModelPatcher, CLIP | None]:
    """Clones with what one Load LoRA after the other would make of them, and schedules besides.

    Raises `ValueError` that names the LoRA for a damaged one, and for one of another family.
    """
    items = [item for item in stack.items if item.model or item.text]
    places = _Places.of(model, clip)
    if any(_constant(item) is None for item in items):
        model = hookable(model)
    model, clip = model.clone(), clip.clone() if clip is not None else None
    hooked: list[Hooked] = []
    bar = Progress(len(items))
    for done, item in enumerate(items):
        bar.update(done, f"Applying · {legible(item.name)}")
        patches, constant = _patches(item, places), _constant(item)
        if constant is None:
            hooked.append(Hooked(_weighed(item, patches, places), item.schedule))
        else:
            for strength, some in _weighed(item, patches, places, constant):
                model.add_patches(some, strength)
        if clip is not None:
            clip.add_patches(patches, item.text)
    if hooked:
        add_schedule(model, hooked)
    bar.update(len(items))
    return model, clip


def _constant(item: Item) -> float | None:
    """The factor of a schedule that never changes; 1 without one."""
    factors = {factor for _, factor in item.schedule} or {1.0}
    return factors.pop() if len(factors) == 1 else None


def _weighed(
    item: Item, patches: Mapping[Any, Any], places: _Places, by: float = 1.0
) -> list[tuple[float, Mapping[Any, Any]]]:
    """`patches` by the strength they have in the model; without those that blocks switch off."""
    if not item.blocks:
        return [(item.model * by, patches)]
    if why := unfit(item.blocks, places.layers):
        raise ValueError(f"{legible(item.name)}: {why}.")
    parts: dict[float, dict[Any, Any]] = {}
    for key, patch in patches.items():
        name = _name(key)
        share = factor(item.blocks, _layer(name)) if name.startswith(_NETWORK) else 1.0
        if share:
            parts.setdefault(share, {})[key] = patch
    return [(item.model * by * share, some) for share, some in parts.items()]


def _patches(item: Item, places: _Places) -> dict[Any, Any]:
    """The item's tensors as ComfyUI's patches, by the weight each is for."""
    state = item.state if item.state is not None else read_lora(item.name)
    try:
        converted = comfy.lora_convert.convert_lora(dict(state))
        patches = comfy.lora.load_lora(converted, places.keys)
    except _LIES as error:
        raise ValueError(
            f"{legible(item.name)} is damaged, or of no kind that ComfyUI reads "
            f"({legible(error)}). Get it again."
        ) from error
    fitting = [_fits(patch, _shape(key, places.weights)) for key, patch in patches.items()]
    if not patches or fitting.count(False) > len(fitting) / 2:
        raise ValueError(_not_its_base(item, state, places, len(patches)))
    return patches


def _not_its_base(item: Item, state: Mapping[str, Any], places: _Places, found: int) -> str:
    name = legible(item.name)
    if not places.encodes and all(parse(key).part != "net" for key in state):
        return f"{name} changes text encoders only: wire clip too."
    header = TensorFile(lora_file(item.name)).metadata if item.state is None else {}
    base = settings(header).get("base")
    lacks = f"it has no place for {legible(next(iter(state)))}"
    return (
        f"{name} was made for another model{f' ({base})' if base else ''} than the one that is "
        f"wired ({places.family}): {'layers have other sizes' if found else lacks}. Wire the model "
        "it is for, or switch the row off."
    )


def _shape(key: Any, weights: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Of what a patch changes; None for text encoders, and where weights are packed."""
    weight = weights.get(_name(key))
    if weight is None or type(weight) not in (torch.Tensor, torch.nn.Parameter):
        return None
    shape = list(weight.shape)
    if isinstance(key, tuple) and key[1]:
        axis, _, count = key[1]
        shape[axis] = count
    return tuple(shape) if weight.is_floating_point() else None


def _fits(patch: Any, shape: tuple[int, ...] | None) -> bool | None:
    """Whether a LoRA's or LoHa's product is as large as the weight; None for what is not known."""
    kind, parts = getattr(patch, "name", ""), cast(Any, getattr(patch, "weights", ()))
    if shape is None or kind not in ("lora", "loha"):
        return None
    if kind == "lora" and parts[3] is None and parts[5] is None:
        size = parts[0].shape[0] * parts[1].shape[1:].numel()
    elif kind == "loha" and parts[5] is None:
        size = parts[0].shape[0] * parts[1].shape[1]
    else:
        return None
    return size == torch.Size(shape).numel()


def _name(key: Any) -> str:
    """Of the weight that a patch is for; some are for a part of one."""
    return key if isinstance(key, str) else key[0]


def _layer(weight: str) -> str:
    return weight.removeprefix(_NETWORK).rpartition(".")[0]
