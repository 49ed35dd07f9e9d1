import pytest

from atelier.training.curve import HELD_OUT, SMOOTH, draw_curve, smooth


def colours(picture):
    return {"#{:02x}{:02x}{:02x}".format(*c) for _, c in picture.getcolors(1 << 20)}


def test_smoothing_is_unbiased_from_the_first_value():
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])


@pytest.mark.parametrize("steps", [0, 1, 2, 100, 5000])
def test_a_curve_can_be_drawn_at_any_time(steps):
    lines = [{"step": n + 1, "loss": 1.0 / (n + 1)} for n in range(steps)]
    picture = draw_curve([*lines, *([{"step": steps, "held_out": 0.1}] if steps else [])])
    assert picture.size == (768, 384)
    assert (SMOOTH in colours(picture)) == (steps > 1)


def test_held_out_loss_is_drawn_too():
    lines = [{"step": n, "loss": 0.5, "held_out": 0.4} for n in range(1, 9)]
    assert HELD_OUT in colours(draw_curve(lines))
