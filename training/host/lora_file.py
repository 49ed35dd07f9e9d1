"""A LoRA in any naming that ComfyUI reads, as the start of a training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import comfy.lora
import comfy.lora_convert
import torch
from comfy.sd import CLIP
from torch import Tensor

from ..adapters.adapter import Start
from ..adapters.patterns import Size
from ..adapters.tucker import rebuilt
from ..files import legible
from ..settings.adapter import Kind
from ..tensor_file import not_finite

if TYPE_CHECKING:
    from comfy.model_base import BaseModel

_PREFIX, _SUFFIX = "diffusion_model.", ".weight"
_PROCESSOR = ".processor."
_OF_TEXT_ENCODERS = ("lora_te", "text_encoder", "lora_prior_te", "bundle_emb.")
# What ComfyUI's weight adapters hold, in their order, under peft's names.
_LOHA = ("hada_w1_a", "hada_w1_b", "alpha", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "dora")
_LOKR = ("lokr_w1", "lokr_w2", "alpha", "lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b")
_LOKR += ("lokr_t2", "dora")
_LORA = ("lora_B.weight", "lora_A.weight", "alpha", "mid", "dora", "reshape")
_PARTS = {"lora": _LORA, "loha": _LOHA, "lokr": _LOKR}
# What ComfyUI's readers raise on files that lack a part, or have one of another shape.
_LIES = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class _Piece(NamedTuple):
    """What a file has for one layer, or for some rows of one (`first`, `count`).

    `order` puts its rows into the network's order, where another program has them in another.
    """

    kind: str
    parts: dict[str, Any]
    rows: tuple[int, int] | None
    order: Callable[[Tensor], Tensor] | None = None


def start_from(lora: dict[str, Tensor], model: "BaseModel") -> Start:
    """`lora` (a LORA_MODEL) as something to go on from, on the untouched network of `model`.

    Tensors of text encoders are carried along. Raises `ValueError` for tensors that are not this
    model's, and for kinds of adapter that are not trained here.
    """
    _refuse_broken(lora)
    carried = {key: value for key, value in lora.items() if key.startswith(_OF_TEXT_ENCODERS)}
    try:
        own = comfy.lora_convert.convert_lora({k: v for k, v in lora.items() if k not in carried})
    except _LIES as error:
        raise _incomplete(error) from error
    key_map = comfy.lora.model_lora_keys_unet(model, {})
    key_map |= {_in_peft(name): key for name, key in key_map.items() if _PROCESSOR in name}
    start = _start(own, key_map, model.diffusion_model, type(model).__name__)
    return replace(start, carried=carried)


def _in_peft(name: str) -> str:
    """diffusers' name of a UNet's attention layer with peft; ComfyUI has the one before it."""
    name = f"{name}.0" if name.endswith(".to_out") else name
    return name.replace(_PROCESSOR, ".")


def start_text(carried: dict[str, Tensor], clip: CLIP) -> Start:
    """What `start_from` carried along, as something to go on from in the text encoders."""
    tree = clip.cond_stage_model
    key_map = comfy.lora.model_lora_keys_clip(tree, {})
    return _start(carried, key_map, tree, type(tree).__name__)


def _start(
    own: dict[str, Tensor], key_map: dict[str, Any], network: torch.nn.Module, family: str
) -> Start:
    try:
        patches = comfy.lora.load_lora(own, key_map, log_missing=False)
    except _LIES as error:
        raise _incomplete(error) from error
    _refuse_strangers(own, key_map, family)
    pieces: dict[str, list[_Piece]] = {}
    for key, adapter in patches.items():
        name, rows, order = _place(key)
        piece = _piece(name, adapter, rows)._replace(order=order)
        pieces.setdefault(name, []).append(piece)
    weights = network.state_dict()
    for name, some in pieces.items():
        _refuse_other_shapes(name, some, network, weights[name + _SUFFIX])
    whole = {name: _whole(name, some, weights[name + _SUFFIX]) for name, some in pieces.items()}
    kinds = sorted({piece.kind for piece in whole.values()})
    if len(kinds) != 1:
        raise ValueError(
            f"continue_from holds {' and '.join(kinds) or 'nothing'} for this model; a training "
            "can go on from one kind of adapter."
        )
    parts = {name: piece.parts for name, piece in whole.items()}
    sizes = {name: _size(piece) for name, piece in whole.items()}
    tensors = {
        name: {part: value for part, value in some.items() if isinstance(value, Tensor)}
        for name, some in parts.items()
    }
    return Start(cast(Kind, kinds[0]), sizes, tensors)


def _refuse_broken(lora: dict[str, Tensor]) -> None:
    for key, value in lora.items():
        fault = (
            "is no tensor"
            if not isinstance(value, Tensor)
            else "is empty"
            if not value.numel()
            else "holds complex numbers"
            if value.is_complex()
            else "should be one number above or below 0"
            if key.endswith(".alpha") and (value.numel() > 1 or not value.any())
            else ""
        )
        if fault:
            raise ValueError(f"continue_from cannot be gone on from: {legible(key)} {fault}.")
    if name := not_finite(lora):
        raise ValueError(
            f"continue_from has values in {legible(name)} that are no numbers: it is of no use."
        )


def _incomplete(error: Exception) -> ValueError:
    return ValueError(
        f"continue_from is no whole LoRA: ComfyUI cannot read it ({legible(error)}). Get it again."
    )


def _refuse_other_shapes(
    name: str, pieces: Sequence[_Piece], network: torch.nn.Module, weight: Tensor
) -> None:
    """`ValueError` where tensors do not fit together or not on their layer; nothing is computed."""
    layer: Any = network.get_submodule(name)
    linear = isinstance(getattr(layer, "in_features", None), int)
    shape: tuple[int, ...] = tuple(weight.shape)
    if linear:  # a quantised weight may have another
        shape = layer.out_features, layer.in_features
    if isinstance(layer, torch.nn.Embedding) or len(shape) < 2:
        raise ValueError(f"continue_from is for {name} too, which is no layer that can be trained.")
    for piece in pieces:
        rows = piece.rows[1] if piece.rows else shape[0]
        scale = piece.parts.get("dora_scale")
        try:
            effect = _effect(piece)
            fits = effect.shape[0] == rows and effect.numel() == rows * math.prod(shape[1:])
        except _LIES:
            fits = False
        if not fits or (scale is not None and not scale.ndim):
            shapes = ", ".join(
                f"{part} {list(value.shape)}"
                for part, value in piece.parts.items()
                if isinstance(value, Tensor)
            )
            raise ValueError(
                f"continue_from does not fit {name}, whose weight is {list(shape)}: {shapes}. Wire "
                "the model that the LoRA was made for, or get the file again."
            )


def _effect(piece: _Piece) -> Tensor:
    """What the tensors of a piece make together, by shape alone; RuntimeError if they cannot."""
    own = {k: v.to("meta") for k, v in piece.parts.items() if isinstance(v, Tensor)}

    def product(name: str, core: str) -> Tensor:
        if name in own:
            return own[name]
        up, down = own[f"{name}_a"], own[f"{name}_b"]
        return rebuilt(own[core], up, down) if core in own else up @ down

    if piece.kind == "loha":
        return product("hada_w1", "hada_t1") * product("hada_w2", "hada_t2")
    if piece.kind == "lokr":
        small, large = product("lokr_w1", ""), product("lokr_w2", "")
        return torch.kron(small.reshape(*small.shape, *[1] * (large.ndim - 2)), large)
    return own["lora_B.weight"].flatten(1) @ own["lora_A.weight"].flatten(1)


def _refuse_strangers(lora: dict[str, Tensor], key_map: dict[str, Any], family: str) -> None:
    def known(key: str) -> bool:
        stem = key
        while "." in stem:
            stem = stem.rpartition(".")[0]
            if stem in key_map:
                return True
        return key in key_map

    strangers = [key for key in lora if not known(key)]
    if strangers:
        raise ValueError(
            f"continue_from was not made for the model that is wired ({family}): it has "
            f"{strangers[0]}"
            + (f" and {len(strangers) - 1} more tensors" if len(strangers) > 1 else "")
            + " for which the model has no place. Wire the model that the LoRA was made for."
        )


def _place(key: Any) -> tuple[str, tuple[int, int] | None, Any]:
    """The layer's name, which of its rows are meant, if not all, and what puts them in order."""
    name, offset, order, *_ = (*key, None, None) if isinstance(key, tuple) else (key, None, None)
    layer = name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    if offset is None:
        return layer, None, order
    axis, first, count = offset
    if axis != 0:
        raise ValueError(f"continue_from has columns of {layer} only, which cannot be trained.")
    return layer, (first, count), order


def _piece(name: str, adapter: Any, rows: tuple[int, int] | None) -> _Piece:
    kind = getattr(adapter, "name", None)
    if kind not in _PARTS:
        what = kind or adapter[0]
        raise ValueError(
            f"continue_from has a {what!r} for {name}; a training can go on from lora, dora, loha "
            "and lokr."
        )
    parts = dict(zip(_PARTS[kind], adapter.weights, strict=False))
    for part in ("mid", "reshape"):
        if parts.pop(part, None) is not None:
            raise ValueError(f"continue_from has a {part!r} for {name}, which cannot be trained.")
    if parts.get("lokr_t2") is not None:
        raise ValueError(
            f"continue_from has a LoKr with a Tucker core (lokr_t2) for {name}, which cannot be "
            "trained. Go on from one that LyCORIS made without use_tucker."
        )
    dora = parts.pop("dora", None)
    if dora is not None:
        if kind != "lora":
            raise ValueError(f"continue_from has a DoRA over a {kind} for {name}: not trained here")
        kind, parts["dora_scale"] = "dora", dora
    return _Piece(
        kind, {k: v.float() if isinstance(v, Tensor) else v for k, v in parts.items()}, rows
    )


def _whole(name: str, pieces: Sequence[_Piece], weight: Tensor) -> _Piece:
    """One adapter for the layer: pieces for some of its rows become one of the ranks' sum."""
    if len(pieces) == 1 and pieces[0].rows is None and not pieces[0].order:
        piece = pieces[0]
        scale = piece.parts.get("dora_scale")
        if scale is not None and (scale.shape[0], scale.numel()) != (weight.shape[0],) * 2:
            raise ValueError("continue_from is a DoRA over inputs; only those over outputs go on.")
        return piece
    if others := sorted({piece.kind for piece in pieces} - {"lora"}):
        raise ValueError(
            f"continue_from has a {others[0]} for {name} as diffusers has this layer: in parts, or "
            "with its rows in another order. Only a plain LoRA of that form can be gone on from."
        )
    downs, ups = [], []
    for piece in pieces:
        down, up = piece.parts["lora_A.weight"], piece.parts["lora_B.weight"]
        up = piece.order(up) if piece.order else up
        rank = down.shape[0]
        alpha = piece.parts["alpha"]
        first, count = piece.rows or (0, weight.shape[0])
        column = torch.zeros(weight.shape[0], rank)
        column[first : first + count] = up.flatten(1) * (1.0 if alpha is None else alpha / rank)
        downs.append(down.flatten(1))
        ups.append(column)
    total = sum(len(down) for down in downs)
    parts = {"lora_A.weight": torch.cat(downs), "lora_B.weight": torch.cat(ups, 1)}
    return _Piece("lora", parts | {"alpha": float(total)}, None)


def _size(piece: _Piece) -> Size:
    parts = piece.parts
    inner = ("lora_A.weight", "hada_w1_b", "lokr_w1_b", "lokr_w2_b")
    rank = next((parts[name].shape[0] for name in inner if parts.get(name) is not None), 0)
    if not rank:  # a LoKr of two whole matrices, which readers scale by 1
        return Size(1, 1.0)
    alpha = parts["alpha"]
    return Size(rank, float(rank if alpha is None else alpha))
