"""What a layer adds to its weight: against float64, ComfyUI's own adapters, and peft."""

from typing import Any

import comfy.weight_adapter as adapters
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.loras.layer import Factors, Layer, delta, dense, inner_product, norm

from .made import KINDS, near, parts, random, reference

UNREAD = ("diff", "lokr_core")  # ComfyUI has no adapter for the one; the other fails in torch.kron
WEIGHTS = {"loha_core": (3, 3), "lokr_core": (3, 3), "conv": (3, 3), "mid": (3, 3)}


@given(
    st.sampled_from(KINDS),
    st.integers(1, 8),
    st.integers(1, 8),
    st.integers(1, 5),
    st.sampled_from([None, 1.0, 3.5]),
    st.integers(0, 999),
)
def test_every_kind_is_its_formula(kind, out, width, rank, alpha, seed):
    made = parts(kind, 2 * out, 2 * width, rank, random(seed), alpha)
    assert near(dense(delta(Layer("x", made))), reference(kind, made, rank)) < 1e-5


@pytest.mark.parametrize("alpha", [None, 3.5])
@pytest.mark.parametrize("dora", ["", "outputs", "inputs"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNREAD])
def test_every_kind_is_what_comfyui_makes_of_it(kind, dora, alpha):
    made = parts(kind, 12, 8, 3, random(1), alpha)
    base = torch.randn(12, 8, *WEIGHTS.get(kind, ()), generator=random(2))
    if dora:
        shape = (12, 1) if dora == "outputs" else (1, 8)
        scale = torch.rand(*shape, *[1] * (base.ndim - 2), generator=random(3)) + 0.5
        made["dora_scale"] = scale
    theirs = comfys(made, base, alpha) - base
    assert near(dense(delta(Layer("x", made), base)), theirs.flatten(1)) < 1e-5


def comfys(made, base, alpha):
    words = {"up": "lora_up.weight", "down": "lora_down.weight", "mid": "lora_mid.weight"}
    state = {f"x.{words.get(name, name)}": tensor for name, tensor in made.items()}
    kinds: list[Any] = adapters.adapters
    for kind in kinds:
        found = kind.load("x", state, alpha, made.get("dora_scale"), set())
        if found is not None:
            return found.calculate_weight(base.clone(), "x", 1.0, 1.0, None, lambda a: a)
    raise AssertionError(made.keys())


def test_pefts_dora_is_the_papers_formula():
    made = parts("lora", 6, 4, 2, random(0), 4.0) | {"magnitude": torch.rand(6) + 1}
    base = torch.randn(6, 4, generator=random(1))
    moved = base + 2 * made["up"] @ made["down"]
    want = made["magnitude"][:, None] * moved / moved.norm(dim=1, keepdim=True) - base
    assert near(dense(delta(Layer("x", made), base)), want) < 1e-5


def test_a_dora_without_its_base_is_refused_by_name():
    made = parts("lora", 6, 4, 2, random(0)) | {"dora_scale": torch.ones(6, 1)}
    with pytest.raises(ValueError, match=r"some\.layer is a DoRA.*Wire the model"):
        delta(Layer("some.layer", made))


@pytest.mark.parametrize(
    "broken",
    [
        {"up": torch.ones(4, 2)},
        {"up": torch.ones(4, 2), "down": torch.ones(3, 4)},
        {"hada_w1_a": torch.ones(4, 2)},
        {"lokr_w1": torch.ones(2, 2)},
        {"alpha": torch.tensor(1.0)},
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(broken):
    with pytest.raises(ValueError, match=r"some\.layer is not whole"):
        delta(Layer("some.layer", broken))


@given(st.sampled_from(["lora", "loha", "lokr"]), st.integers(1, 4), st.integers(0, 99))
def test_norms_and_products_are_those_of_the_whole_matrices(kind, rank, seed):
    one, other = (delta(Layer("x", parts(kind, 8, 6, rank, random(seed + n)))) for n in (0, 1000))
    assert isinstance(one, Factors) and isinstance(other, Factors)
    want = (one.dense().double() * other.dense().double()).sum()
    assert abs(inner_product(one, other) - want) < 1e-4 * norm(one) * norm(other)
    assert norm(one) == pytest.approx(float(one.dense().norm()), rel=1e-4)
