"""One layer of a LoRA as what it adds to a weight, whichever kind it is. Pure.

LoRA: Hu et al. 2021. LoHa: Hyeon-Woo et al. 2021 (FedPara). LoKr: Yeh et al. 2023 (LyCORIS). DoRA:
Liu et al. 2024. What ComfyUI computes (`comfy/weight_adapter`) is what counts: a missing alpha is a
scale of 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["lora", "loha", "lokr", "dora", "diff"]
_CORE = "i j ..., j r -> i r ..."
# What a part may be called behind its layer's name, and what it is called here.
PARTS = {
    "lora_up.weight": "up",
    "lora_down.weight": "down",
    "lora_mid.weight": "mid",
    "lora_B.weight": "up",
    "lora_A.weight": "down",
    "lora_B.default.weight": "up",
    "lora_A.default.weight": "down",
    "lora_B": "up",
    "lora_A": "down",
    "lora.up.weight": "up",
    "lora.down.weight": "down",
    "lora_linear_layer.up.weight": "up",
    "lora_linear_layer.down.weight": "down",
    "lora_magnitude_vector": "magnitude",
    "lora_magnitude_vector.weight": "magnitude",
    "lora_magnitude_vector.default.weight": "magnitude",
    "alpha": "alpha",
    "dora_scale": "dora_scale",
    "diff": "diff",
} | {
    name: name
    for name in (
        *(f"hada_{part}" for part in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")),
        *(f"lokr_{part}" for part in ("w1", "w2", "w1_a", "w1_b", "w2_a", "w2_b", "t2")),
    )
}


@dataclass(frozen=True)
class Factors:
    """A delta as `up` [out, rank] times `down` [rank, in], float32."""

    up: Tensor
    down: Tensor

    @property
    def rank(self) -> int:
        return self.up.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        return self.up.shape[0], self.down.shape[1]

    def dense(self) -> Tensor:
        return self.up @ self.down

    def times(self, by: float) -> "Factors":
        return Factors(self.up * by, self.down)


Delta = Factors | Tensor  # a tensor is [out, in]


@dataclass(frozen=True)
class Layer:
    """The tensors of one layer, under the names on the right of `PARTS`."""

    stem: str
    parts: Mapping[str, Tensor]

    @property
    def kind(self) -> Kind:
        names = self.parts.keys()
        if names & {"dora_scale", "magnitude"}:
            return "dora"
        if any(name.startswith("hada_") for name in names):
            return "loha"
        if any(name.startswith("lokr_") for name in names):
            return "lokr"
        return "diff" if "diff" in names else "lora"

    @property
    def alpha(self) -> float | None:
        return float(self.parts["alpha"]) if "alpha" in self.parts else None

    @property
    def rank(self) -> int:
        """The rank its maker chose; 0 where there is none."""
        for name in ("down", "hada_w1_b", "lokr_w2_b", "lokr_w1_b"):
            if name in self.parts:
                return self.parts[name].shape[0]
        return 0

    @property
    def scale(self) -> float:
        alpha, rank = self.alpha, self.rank
        return 1.0 if alpha is None or not rank else alpha / rank

    @property
    def inner(self) -> tuple[int, ...] | None:
        """The weight's shape behind its outputs ([in] or [in, height, width]), where it is said."""
        if "mid" in self.parts:
            return (self.parts["down"].shape[1], *self.parts["mid"].shape[2:])
        for name in ("down", "diff"):
            if name in self.parts:
                return tuple(self.parts[name].shape[1:])
        return None


def delta(layer: Layer, base: Tensor | None = None) -> Delta:
    """What the layer adds to its weight at strength 1: as factors, or whole for DoRA and `diff`.

    `base` is the weight before, which a DoRA needs. Raises `ValueError` that names the layer.
    """
    try:
        found = _delta(layer, base)
        if isinstance(found, Factors) and found.rank != len(found.down):
            raise RuntimeError(f"ranks {found.rank} and {len(found.down)}")
        return found
    except (RuntimeError, KeyError, IndexError) as error:
        shapes = ", ".join(f"{name} {list(t.shape)}" for name, t in layer.parts.items())
        raise ValueError(
            f"{layer.stem} is not whole, or its tensors do not fit together ({shapes}). Get the "
            "file again."
        ) from error


def _delta(layer: Layer, base: Tensor | None) -> Delta:
    parts = {name: tensor.float() for name, tensor in layer.parts.items()}
    if layer.kind == "dora":
        return _dora(layer, parts, base)
    if "diff" in parts:
        return parts["diff"].flatten(1)
    return _product(layer, parts)


def _product(layer: Layer, parts: Mapping[str, Tensor]) -> Factors:
    if any(name.startswith("hada_") for name in parts):
        return _loha(parts).times(layer.scale)
    if any(name.startswith("lokr_") for name in parts):
        return _lokr(parts).times(layer.scale)
    up, down = parts["up"].flatten(1), parts["down"]
    if "mid" in parts:
        down = torch.einsum("p q ..., q n -> p n ...", parts["mid"], down.flatten(1))
    return Factors(up * layer.scale, down.flatten(1))


def _loha(parts: Mapping[str, Tensor]) -> Factors:
    """(a1 b1) * (a2 b2): row by row, and column by column, the products of all pairs of ranks."""
    one, two = (_tucker(parts, f"hada_w{n}_a", f"hada_w{n}_b", f"hada_t{n}") for n in (1, 2))
    up = (one.up[:, :, None] * two.up[:, None, :]).flatten(1)
    return Factors(up, (one.down[:, None] * two.down[None]).flatten(0, 1))


def _tucker(parts: Mapping[str, Tensor], up: str, down: str, core: str) -> Factors:
    """LyCORIS' convolutions: `up` is [rank, out] where there is a core [rank, rank, h, w]."""
    if core not in parts:
        return Factors(parts[up], parts[down])
    inside = torch.einsum(_CORE, parts[core], parts[down])
    return Factors(parts[up].T, inside.flatten(1))


def _lokr(parts: Mapping[str, Tensor]) -> Factors:
    """kron(a b, c d) = kron(a, c) kron(b, d)."""
    small = _whole(parts, "lokr_w1")
    if "lokr_w2" in parts:
        large = _known(parts["lokr_w2"].flatten(1))
    else:
        large = _tucker(parts, "lokr_w2_a", "lokr_w2_b", "lokr_t2")
    return Factors(_kron(small.up, large.up), _kron(small.down, large.down))


def _kron(one: Tensor, other: Tensor) -> Tensor:
    """torch's own fails on matrices that lie transposed in memory."""
    pairs = one[:, None, :, None] * other[None, :, None, :]
    return pairs.reshape(one.shape[0] * other.shape[0], -1)


def _whole(parts: Mapping[str, Tensor], name: str) -> Factors:
    if name in parts:
        return _known(parts[name])
    return Factors(parts[f"{name}_a"], parts[f"{name}_b"])


def _known(matrix: Tensor) -> Factors:
    """A matrix as a product with the identity, on its shorter side."""
    rows, columns = matrix.shape
    if rows <= columns:
        return Factors(torch.eye(rows), matrix)
    return Factors(matrix, torch.eye(columns))


def _dora(layer: Layer, parts: Mapping[str, Tensor], base: Tensor | None) -> Tensor:
    if base is None:
        raise ValueError(
            f"{layer.stem} is a DoRA, whose effect depends on the weight it is put on. Wire the "
            "model (and the clip) that it was made for."
        )
    weight = base.float()
    moved = weight + _product(layer, parts).dense().reshape(weight.shape)
    if "magnitude" in parts:  # peft's, by the paper's equation 5
        scale = parts["magnitude"].reshape(-1, *[1] * (weight.ndim - 1))
        lengths = _lengths(moved, 0)
    else:  # ComfyUI's `weight_decompose`
        scale = parts["dora_scale"]
        outputs = scale.shape[0] == weight.shape[0]
        lengths = _lengths(weight, 0) if outputs else _lengths(moved, 1)
        lengths = lengths + torch.finfo(torch.float32).eps  # it computes in fp32
    return (moved * (scale / lengths) - weight).flatten(1)


def _lengths(weight: Tensor, axis: int) -> Tensor:
    others = [d for d in range(weight.ndim) if d != axis]
    return torch.linalg.vector_norm(weight, dim=others, keepdim=True)


def direction(layer: Layer) -> Delta:
    """A DoRA's product without its magnitudes; of the other kinds their delta."""
    return delta(Layer(layer.stem, without_magnitude(layer.parts)))


def without_magnitude(parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: t for name, t in parts.items() if name not in ("dora_scale", "magnitude")}


def norm(one: Delta) -> float:
    """Frobenius'."""
    if isinstance(one, Tensor):
        return float(torch.linalg.vector_norm(one))
    return math.sqrt(max(inner_product(one, one), 0.0))


def inner_product(one: Factors, other: Factors) -> float:
    """Of two deltas, without making either."""
    ups = one.up.double().T @ other.up.double()
    return float((ups * (one.down.double() @ other.down.double().T)).sum())


def dense(one: Delta) -> Tensor:
    return one if isinstance(one, Tensor) else one.dense()
