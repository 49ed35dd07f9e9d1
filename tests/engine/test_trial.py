"""What `measure gpu` and `measure memory` run in a process of their own, here on a tiny model."""

import pytest

from atelier.measure import trial
from atelier.measure.speed_shapes import Shape
from atelier.measure.trial import Trial
from atelier.tests import tiny
from atelier.training.optimizers import missing


def state(optimizer, arguments=""):
    shape = Shape("tiny", lambda _: tiny.unet(), (4, 8, 8))
    settings = {"optimizer": optimizer, "optimizer_arguments": arguments, "compute": "auto"}
    seconds, plan, kept = trial._run(tiny.unet(), shape, Trial(settings))
    assert seconds > 0 and plan.streamed == 0
    return kept


@pytest.mark.skipif(bool(missing("adamw_8bit")), reason="bitsandbytes is not installed")
def test_an_8_bit_optimizer_keeps_a_quarter():
    """Two values for each weight, of one byte and not four; and their scales, one in 256."""
    whole, none = state("adamw"), state("sgd")
    eighth = state("adamw_8bit", "min_8bit_size = 256")
    assert none < 0.01 * whole
    assert 0.25 < eighth / whole < 0.30
