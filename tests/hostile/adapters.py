"""LoRAs that are whole files, and do not fit: as `continue_from`."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...training.host.lora_file import start_from
from .counted import Case

NAN, INF = float("nan"), float("inf")


class _Network(nn.Module):
    """One layer of each kind, as a stand-in for a family's network."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 8)
        self.conv = nn.Conv2d(4, 6, 3)
        self.norm = nn.LayerNorm(8)
        self.table = nn.Embedding(5, 8)


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion_model = _Network()
        self.model_config = SimpleNamespace(unet_config={})


def _at(layer: str, **parts: Any) -> dict[str, Any]:
    return {f"diffusion_model.{layer}.{name.replace('__', '.')}": v for name, v in parts.items()}


def ones(*shape: int) -> Tensor:
    return torch.ones(shape)


def lora(a: Tensor | None, b: Tensor | None, layer: str = "linear", **more: Any) -> dict[str, Any]:
    parts = {"lora_A__weight": a, "lora_B__weight": b, **more}
    return _at(layer, **{name: value for name, value in parts.items() if value is not None})


def good() -> dict[str, dict[str, Any]]:
    a, b = ones(2, 6), ones(8, 2)
    loha = {"hada_w1_a": b, "hada_w1_b": a, "hada_w2_a": b, "hada_w2_b": a}
    lokr = {"lokr_w1": ones(2, 2), "lokr_w2": ones(4, 3)}
    thin = {"lokr_w1": ones(2, 2), "lokr_w2_a": ones(4, 1), "lokr_w2_b": ones(1, 3)}
    core = {"hada_w1_a": ones(2, 6), "hada_w1_b": ones(2, 4), "hada_t1": ones(2, 2, 3, 3)}
    core |= {name.replace("1", "2", 1): value for name, value in core.items()}
    return {
        "a LoRA": lora(a, b), "with alpha": lora(a, b, alpha=torch.tensor(1.0)),
        "of a convolution": lora(ones(2, 4, 3, 3), ones(6, 2, 1, 1), "conv"),
        "of a convolution, flat": lora(ones(2, 36), ones(6, 2), "conv"),
        "in fp16": lora(a.half(), b.half()), "rank 20 in 6": lora(ones(20, 6), ones(8, 20)),
        "a DoRA": lora(a, b, dora_scale=ones(8, 1)), "LoHa": _at("linear", **loha),
        "LoKr": _at("linear", **lokr), "LoKr, thin": _at("linear", **thin),
        "LoHa with a core": _at("conv", **core),
        "LoKr of a convolution": _at("conv", lokr_w1=ones(2, 2), lokr_w2=ones(3, 2, 3, 3)),
    }  # fmt: skip


def bad() -> dict[str, tuple[dict[str, Any], str]]:
    """With a word that the error has to have besides `continue_from`."""
    a, b = ones(2, 6), ones(8, 2)
    fit = "does not fit linear"
    loha = {"hada_w1_a": b, "hada_w1_b": a, "hada_w2_a": b, "hada_w2_b": a}
    lokr = {"lokr_w1": ones(2, 2), "lokr_w2": ones(4, 3)}
    deep = ones(3, 2, 3, 3)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "nothing": ({}, "nothing"), "another model": ({"x.lora_A.weight": a}, "x.lora_A.weight"),
        "one stranger": (lora(a, b) | {"y.alpha": ones(1)}, "y.alpha"),
        "other ranks": (lora(ones(3, 6), b), fit), "A of another width": (lora(ones(2, 7), b), fit),
        "B of another height": (lora(a, ones(9, 2)), fit), "A and B swapped": (lora(b, a), fit),
        "A a vector": (lora(ones(6), b), fit), "B a vector": (lora(a, ones(8)), fit),
        "A a number": (lora(torch.tensor(1.0), b), fit),
        "A too deep": (lora(ones(2, 1, 1, 1, 7), b), fit),
        "no values": (lora(ones(0, 6), ones(8, 0)), "is empty"),
        "one row": (lora(ones(2, 6), ones(1, 2)), fit),
        "no A": (lora(None, b), "lora_A"), "no B": (lora(a, None), "nothing"),
        "on a norm": (lora(ones(2, 8), ones(8, 2), "norm"), "norm"),
        "on a table": (lora(ones(2, 8), ones(5, 2), "table"), "table"),
        "for a convolution": (lora(ones(2, 4, 5, 5), ones(6, 2, 1, 1), "conv"), "not fit conv"),
        "of a line on a convolution": (lora(ones(2, 4), ones(6, 2), "conv"), "does not fit conv"),
        "alpha of two": (lora(a, b, alpha=ones(2)), "alpha"),
        "alpha 0": (lora(a, b, alpha=torch.zeros(())), "alpha"),
        "alpha NaN": (lora(a, b, alpha=torch.tensor(NAN)), "alpha"),
        "alpha infinite": (lora(a, b, alpha=torch.tensor(INF)), "alpha"),
        "complex": (lora(a.to(torch.complex64), b), "complex"),
        "a text": ({"diffusion_model.linear.lora_A.weight": "x"}, "is no tensor"),
        "a number": ({"diffusion_model.linear.alpha": 1.0}, "is no tensor"),
        "a DoRA's scale of another height": (lora(a, b, dora_scale=ones(9, 1)), "DoRA"),
        "a DoRA's scale a number": (lora(a, b, dora_scale=torch.tensor(1.0)), fit),
        "a DoRA's scale a matrix": (lora(a, b, dora_scale=ones(8, 6)), "DoRA"),
        "a DoRA over inputs": (lora(a, b, dora_scale=ones(1, 6)), "DoRA"),
        "LoHa of other ranks": (_at("linear", **loha | {"hada_w1_b": ones(3, 6)}), fit),
        "LoHa of another width": (_at("linear", **loha | {"hada_w2_b": ones(2, 7)}), fit),
        "LoHa with a part missing": (_at("linear", hada_w1_a=b, hada_w1_b=a), "continue_from"),
        "LoHa, deep": (_at("linear", **loha | {"hada_w1_a": ones(1, 8, 2)}), fit),
        "LoKr of another height": (_at("linear", **lokr | {"lokr_w2": ones(5, 3)}), fit),
        "LoKr of another width": (_at("linear", **lokr | {"lokr_w1": ones(2, 3)}), fit),
        "LoKr of vectors": (_at("linear", lokr_w1=ones(2), lokr_w2=ones(24)), fit),
        "LoKr with a part missing": (_at("linear", lokr_w1=ones(2, 2)), "continue_from"),
        "two kinds": (lora(a, b) | _at("conv", lokr_w1=ones(2, 2), lokr_w2=deep), "and"),
        "a difference": (_at("linear", diff=ones(8, 6)), "diff"),
        "a whole weight": (_at("linear", set_weight=ones(8, 6)), "set"),
        "a bias": (_at("linear", diff_b=ones(8)), "diff"),
    }  # fmt: skip
    for value in (NAN, INF, -INF):
        tensor = ones(8, 2)
        tensor[3, 1] = value
        cases[f"{value} in B"] = lora(a, tensor), "no numbers"
    return cases


def _use(model: _Model, tensors: dict[str, Any]) -> Any:
    def use(place: Path) -> Any:
        with torch.inference_mode(False):
            return start_from(tensors, cast(Any, model))

    return use


def _nothing(place: Path) -> None:
    """The tensors are on the wire."""


def cases() -> Iterator[Case]:
    model = _Model()
    for name, tensors in good().items():
        yield Case(
            f"continue_from: {name}",
            _nothing,
            _use(model, tensors),
            right=lambda s: len(s.sizes) == 1,
        )
    for name, (tensors, word) in bad().items():
        yield Case(
            f"continue_from: {name}", _nothing, _use(model, tensors), ("continue_from", word)
        )
