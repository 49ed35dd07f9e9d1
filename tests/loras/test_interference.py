"""Interference of LoRAs, against a dense reference in float64."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.loras import advice
from atelier.training.loras.heatmap import Scale, heat_map
from atelier.training.loras.interference import ROWS, grouped, overlaps, together
from atelier.training.loras.layer import Factors, delta
from atelier.training.loras.merge import Item, Merge
from atelier.training.loras.methods import Recipe
from atelier.training.loras.names import block_of, readable

from .made import LINEAR, named, parts, random, reference, wired

OUT, IN = 16, 12


def principal(one, other):
    """Squared cosines of the angles between two spaces of columns, and the smallest angle."""
    bases = []
    for matrix in (one, other):
        u, s, _ = torch.linalg.svd(matrix, full_matrices=False)
        bases.append(u[:, s > 1e-6 * s[0]])
    cosines = torch.linalg.svdvals(bases[0].T @ bases[1])
    return float(cosines.square().mean()), math.degrees(math.acos(min(1, float(cosines[0]))))


@given(
    st.tuples(st.sampled_from(LINEAR), st.sampled_from(LINEAR)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.floats(0.1, 2), st.floats(-2, -0.1)),
    st.integers(0, 999),
)
def test_every_figure_agrees_with_the_whole_changes_in_float64(kinds, ranks, strengths, seed):
    made = [
        parts(kind, OUT, IN, rank, random(seed + n), 2)
        for n, (kind, rank) in enumerate(zip(kinds, ranks, strict=True))
    ]
    items = [
        Item(wired(named("lora_unet_x", one)), by, 0)
        for one, by in zip(made, strengths, strict=True)
    ]
    merge = Merge(items, Recipe())
    (found,) = overlaps(merge.layers[0], merge.parts(merge.layers[0]))
    one, other = (
        by * reference(kind, part, rank)
        for by, kind, part, rank in zip(strengths, kinds, made, ranks, strict=True)
    )
    assert found.norms == pytest.approx((float(one.norm()), float(other.norm())), rel=1e-4)
    cosine = float((one * other).sum() / one.norm() / other.norm())
    assert found.cosine == pytest.approx(cosine, abs=1e-4)
    for mine, angle, pair in (
        (found.outputs, found.angles[1], (one, other)),
        (found.inputs, found.angles[0], (one.T, other.T)),
    ):
        square, degrees = principal(*pair)
        assert mine == pytest.approx(square, abs=1e-3)
        assert angle == pytest.approx(degrees, abs=0.5)
    sure = (one.abs() > 1e-4) & (other.abs() > 1e-4)  # rounding turns no sign of these
    opposite = float((one.sign() != other.sign())[sure].double().mean())
    assert found.conflict == pytest.approx(opposite, abs=0.03)


def alone(*matrices):
    """Overlaps of whole matrices, as of a layer's changes."""
    return overlaps("net x", dict(enumerate(matrices)))


def test_what_has_nothing_in_common_does_not_overlap():
    up, down = torch.eye(OUT), torch.eye(IN)
    (found,) = alone(Factors(up[:, :2], down[:2]), Factors(up[:, 2:4], down[2:4]))
    assert (found.overlap, found.cosine) == (0, 0)
    assert found.angles == pytest.approx((90, 90))
    same = Factors(up[:, :2], down[:2])
    (found,) = alone(same, same.times(-0.5))
    assert (found.overlap, found.cosine, found.conflict) == pytest.approx((1, -1, 1))
    assert found.chance == pytest.approx((2 / IN, 2 / OUT))


def test_by_chance_the_overlap_is_rank_by_width():
    dice = random(3)
    one, other = (
        Factors(torch.randn(400, 8, generator=dice), torch.randn(8, 300, generator=dice))
        for _ in "ab"
    )
    (found,) = alone(one, other)
    assert found.inputs == pytest.approx(8 / 300, rel=0.3)
    assert found.outputs == pytest.approx(8 / 400, rel=0.3)
    assert found.conflict == pytest.approx(0.5, abs=0.02)
    assert found.chance == pytest.approx((8 / 300, 8 / 400))


def test_signs_are_looked_at_over_all_of_a_tall_layer():
    tall = Factors(torch.cat([torch.ones(ROWS, 1), -torch.ones(3 * ROWS, 1)]), torch.ones(1, 4))
    (found,) = alone(tall, Factors(torch.ones(4 * ROWS, 1), torch.ones(1, 4)))
    assert found.conflict == pytest.approx(0.75, abs=0.01)


def test_whole_and_thin_changes_are_compared_alike():
    thin = delta(
        wired(named("lora_unet_x", parts("lora", OUT, IN, 2, random(1)))).layer("lora_unet_x")
    )
    other = Factors(
        torch.randn(OUT, 3, generator=random(2)), torch.randn(3, IN, generator=random(3))
    )
    assert isinstance(thin, Factors)
    ways = [(thin, other), (thin.dense(), other), (thin, other.dense())]
    ways.append((thin.dense(), other.dense()))
    found = [alone(*way)[0] for way in ways]
    for one in found[1:]:
        assert one.cosine == pytest.approx(found[0].cosine, abs=1e-5)
        assert one.overlap == pytest.approx(found[0].overlap, abs=1e-4)
        assert one.conflict == found[0].conflict


def test_a_change_of_nothing_is_left_out():
    live = Factors(torch.ones(OUT, 1), torch.ones(1, IN))
    assert alone(live, live.times(0.0)) == []
    assert [(one.first, one.second) for one in alone(live, live.times(0.0), live)] == [(0, 2)]


def pair_of(cosine, size=1.0):
    """Two LoRAs of rank 1 in each of two blocks, at an angle."""
    one = torch.zeros(2, 64)
    one[0, 0] = one[1, 1] = 1
    up = torch.eye(64)
    turned = torch.zeros(1, 64)
    turned[0, 0], turned[0, 1] = cosine, math.sqrt(1 - cosine**2)
    some = []
    for block in (0, 1):
        deltas = {0: Factors(up[:, :1], one[:1]), 1: Factors(size * up[:, :1], turned)}
        some += overlaps(f"net transformer_blocks_{block}_attn_to_q", deltas)
    return some


@pytest.mark.parametrize(
    ("cosine", "size", "verdict", "told"),
    [
        (0.0, 1.0, "well", "leave one another alone"),
        (-0.5, 1.0, "cancels", r"pull against .*cosine -0.50.*transformer_blocks.0"),
        (0.8, 1.0, "doubles", r"much the same .*Try strengths 0.53 and 0.53"),
        (0.2, 1.0, "shares", r"same directions \(20%, by chance it would be 2%\)"),
        (0.0, 9.0, "drowns", r"B b changes 9.0 times as much as A a.*try 0.33 for B b"),
    ],
)
def test_the_advice_fits_what_was_found(cosine, size, verdict, told):
    some = pair_of(cosine, size)
    pair = together(some)
    assert pair.cosine == pytest.approx(cosine, abs=1e-6) and pair.layers == 2
    if verdict == "shares":
        assert pair.overlap == pytest.approx(0.2, abs=1e-6)
    assert advice.verdict(pair) == verdict
    text = advice.text(grouped(some), ["A a", "B b"], [1.0, 1.0])
    assert re.search(told, text)


def test_strengths_that_are_pulled_back_change_no_more_than_one_alone():
    some = pair_of(0.8, 0.5)
    pair = together(some)
    told = advice.advice(pair, some, ["A", "B"], [1.0, 1.0])
    by = float(told.split("strengths ")[1].split(" ")[0])
    one, other = pair.sizes
    both = math.sqrt(one**2 + other**2 + 2 * pair.cosine * one * other)
    assert by * both == pytest.approx(max(one, other), rel=0.02)


def test_clashes_are_told_first_and_pairs_that_never_meet_are_counted():
    some = pair_of(0.0)
    turned = [
        Factors(-torch.eye(64)[:, :1], torch.eye(64)[:1]),
        Factors(torch.eye(64)[:, :1], torch.eye(64)[:1]),
    ]
    some += overlaps("net x", {1: turned[0], 2: turned[1]})
    lines = advice.text(grouped(some), ["A", "B", "C"], [1.0] * 3).splitlines()
    assert lines[0].startswith("B and C: they pull") and lines[1].startswith("A and B: they leave")
    assert lines[2] == "1 pair meets in no layer."
    assert "no layer" not in advice.text(grouped(pair_of(0.0)), ["A", "B"], [1.0] * 2)
    assert "change the same layer" in advice.text({}, ["A", "B"], [1.0] * 2)


@pytest.mark.parametrize(
    ("identity", "block", "layer"),
    [
        (
            "net down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q",
            "down_blocks.1.attentions.0",
            "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
        ),
        ("net mid_block_resnets_1_conv1", "mid_block.resnets.1", "mid_block.resnets.1.conv1"),
        ("net transformer_blocks_7_attn_to_q+net transformer_blocks_7_attn_to_k",)
        + ("transformer_blocks.7", "transformer_blocks.7.attn.to_q"),
        ("net conv_in", "conv_in", "conv_in"),
        ("text1 text_model_encoder_layers_3_mlp_fc1", "text1 layers.3")
        + ("text1 text_model.encoder.layers.3.mlp.fc1",),
    ],
)
def test_blocks_and_layers_are_called_as_people_know_them(identity, block, layer):
    assert block_of(identity) == block
    assert readable(identity) == layer


def test_the_picture_has_a_cell_for_each_figure_and_room_for_every_label():
    scale = Scale(-1.0, 1.0, 0.0)
    assert scale.colour(0.0) == (250, 250, 250)
    assert scale.colour(1.0)[0] > scale.colour(1.0)[2] and scale.colour(-1.0)[2] > 200
    assert scale.colour(7.0) == scale.colour(1.0)
    values = [[0.9, -0.9], [None, 0.0]]
    rows = ["down_blocks.1.attentions.0", "a"]
    page = heat_map("t", rows, ["A + B", "A + C"], values, scale, ["A one", "B " * 400])
    colours = {page.getpixel((x, y)) for x in range(page.width) for y in range(0, page.height, 3)}
    assert {scale.colour(0.9), scale.colour(-0.9), (243, 244, 246)} <= colours
    small = heat_map("t", rows, ["A + B", "A + C"], values, scale, ["A one"])
    assert page.height > small.height
