"""Every optimizer that is offered learns, heeds what is set, and goes on exactly where it stopped.

Those of packages that are not installed here are left out: `python dev.py test` installs all four.
"""

import sys
from typing import Any

import comfy.model_management as management
import pytest
import torch
from torch import nn

from atelier.training import nest
from atelier.training.config import make_config
from atelier.training.optimizers import NOT_EXACT, OPTIMIZERS, installed, make_optimizer
from atelier.training.schedule import make_schedule

from .trained import same, stop_at, train

STEPS = 32
# Learning rates that suit the small problem below; the others learn it at 0.1.
LARGE = ("adafactor", "radam", "sgd", "adagrad", "prodigy", "shampoo", "simplified_ademamix")
RATES = dict.fromkeys((*LARGE, "sgd_schedule_free", "radam_schedule_free"), 1.0)
RATES |= {"came": 0.01, "exadam": 0.01}


def parameters():
    """What adapters are made of: two factors of a matrix, of a convolution, and a magnitude."""
    dice = torch.Generator().manual_seed(0)
    shapes = {(4, 16): 0.3, (12, 4): 0.0, (4, 8, 3, 3): 0.1, (8, 4, 1, 1): 0.0}
    values = [torch.randn(shape, generator=dice) * scale for shape, scale in shapes.items()]
    return [nn.Parameter(value) for value in (*values, torch.ones(12))]


def problem(step, values):
    """How far a low-rank layer and convolution are from full ones, at inputs of this step."""
    down, up, conv_down, conv_up, magnitude = values
    same_always, dice = (torch.Generator().manual_seed(seed) for seed in (5, 1000 + step))
    matrix = 0.3 * torch.randn(12, 16, generator=same_always)
    kernel = 0.1 * torch.randn(8, 8, 3, 3, generator=same_always)
    x, y = torch.randn(16, 16, generator=dice), torch.randn(2, 8, 6, 6, generator=dice)
    linear = x @ down.T @ up.T * magnitude - x @ matrix.T
    conv = nn.functional.conv2d(nn.functional.conv2d(y, conv_down, padding=1), conv_up)
    return (
        linear.square().mean() + (conv - nn.functional.conv2d(y, kernel, padding=1)).square().mean()
    )


class Toy:
    """A training of the small problem, as the loop and the state do it."""

    def __init__(self, name, weight_decay=0.01, schedule="cosine", arguments=""):
        self.values = parameters()
        rate = RATES.get(name, 0.1)
        # 8 bit is for large tensors only, if this is not said
        arguments = arguments or ("min_8bit_size = 1" if name.endswith("8bit") else "")
        groups = [{"params": self.values[:2]}, {"params": self.values[2:]}]
        self.optimizer: Any = make_optimizer(name, groups, rate, weight_decay, arguments)
        if hasattr(self.optimizer, "train"):
            self.optimizer.train()
        self.schedule = make_schedule(schedule, self.optimizer, STEPS, 0)

    def run(self, start=0, stop=STEPS):
        for step in range(start, stop):
            problem(step, self.values).backward()
            nn.utils.clip_grad_norm_(self.values, 1.0)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad(set_to_none=True)
        return self

    def tree(self):
        return [self.values, self.optimizer.state_dict(), self.schedule.state_dict()]

    def load(self, tree):
        values, optimizer, schedule = tree
        with torch.no_grad():
            for value, kept in zip(self.values, values, strict=True):
                value.copy_(kept)
        self.optimizer.load_state_dict(optimizer)
        self.schedule.load_state_dict(schedule)
        return self

    @torch.no_grad()
    def loss(self):
        if hasattr(self.optimizer, "eval"):
            self.optimizer.eval()
        return sum(problem(10_000 + number, self.values).item() for number in range(8)) / 8


def equal(one, other):
    return all(map(torch.equal, one.values, other.values))


every = pytest.mark.parametrize("name", installed())


@every
def test_learns(name):
    assert Toy(name).run().loss() < 0.75 * Toy(name).loss()


@every
def test_draws_nothing_from_torchs_own_generator(name):
    before = torch.get_rng_state()
    Toy(name).run()
    assert torch.equal(before, torch.get_rng_state())


@every
def test_weight_decay_and_schedule_are_heeded(name):
    plain = Toy(name).run()
    assert equal(plain, Toy(name).run())
    assert not equal(plain, Toy(name, weight_decay=0.5).run())
    assert not equal(plain, Toy(name, schedule="constant").run())


@every
@pytest.mark.parametrize("stop", [0, 1, 7, 13])
def test_goes_on_from_a_file_as_if_it_had_not_stopped(name, stop, tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    nest.save(file, Toy(name).run(stop=stop).tree())
    assert equal(Toy(name).run(), Toy(name).load(nest.load(file)).run(start=stop))


@pytest.mark.parametrize("name", [name for name in installed() if name.endswith("8bit")])
def test_the_state_of_8_bit_optimizers_is_kept_in_8_bits(name, tmp_path):
    file = tmp_path / "checkpoint.safetensors"
    nest.save(file, Toy(name).run(stop=3).tree())
    state = Toy(name).load(nest.load(file)).optimizer.state
    assert len(state) == 5
    assert all(one["state1"].dtype == torch.uint8 for one in state.values())


# Steps of 0.1 would break the demo base: these are what such a model wants.
GENTLE = {"prodigy": 1.0, "sgd": 1.0, "sgd_schedule_free": 1.0, "adafactor": 0.1}
FEW = {"steps": 8, "validate_every": 4, "save_every": 3, "warmup": 2}
# One of each kind of state, and of each package; the others in the long tier.
KINDS = (
    "adamw",
    "adafactor",
    "adamw_8bit",
    "prodigy",
    "adamw_schedule_free",
    "lion",
    "came",
    "soap",
)


def lines(run):
    """The log in one order: losses are written later than what is held out."""
    return sorted(run.logged(), key=lambda line: (line["step"], "held_out" in line))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in KINDS else pytest.mark.long) for name in installed()],
)
def test_trains_a_lora_and_goes_on(held, monkeypatch, name):
    settings = FEW | {"optimizer": name, "learning_rate": GENTLE.get(name, 2e-3)}
    whole = train(held, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 6, management.InterruptProcessingException())
        with pytest.raises(management.InterruptProcessingException):
            train(held, name="stopped", **settings)
    resumed = train(held, name="stopped", **settings)
    assert same([whole.lora()], [resumed.lora()])
    assert lines(whole) == lines(resumed)
    first, last = (line["held_out"] for line in lines(whole) if "held_out" in line)
    assert last < first


def test_judging_a_schedule_free_run_changes_nothing(held):
    settings = {"optimizer": "adamw_schedule_free", "schedule": "constant"}
    never, often = (
        train(held, name=f"every-{every}", validate_every=every, **settings).lora()
        for every in (0, 1)
    )
    assert same([never], [often])


def test_rates_that_prodigy_cannot_keep_apart_are_named():
    one, two = parameters()[:2]
    groups = [{"params": [one]}, {"params": [two], "lr": 0.5}]
    with pytest.raises(ValueError, match="keep 0.5 and 1.0 apart: set text_rate"):
        make_optimizer("prodigy", groups, 1.0, 0.0)


@pytest.mark.parametrize(
    ("name", "package"), [("prodigy", "prodigyopt"), ("lion", "pytorch-optimizer")]
)
def test_a_package_that_is_not_installed_is_named_with_what_to_type(monkeypatch, name, package):
    monkeypatch.setattr("atelier.training.optimizers.find_spec", lambda module: None)
    with pytest.raises(ValueError, match=f"-m pip install {package}, and start") as refusal:
        make_config(optimizer=name)
    assert f'"{sys.executable}" -m pip' in str(refusal.value)


def test_a_package_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    with pytest.raises(ValueError, match="installed pytorch-optimizer cannot be used"):
        make_optimizer("lion", [{"params": parameters()}], 0.1, 0.0)


@pytest.mark.parametrize("name", NOT_EXACT)
def test_what_cannot_go_on_exactly_is_refused_by_name(name):
    assert name not in OPTIMIZERS
    with pytest.raises(ValueError, match=f"with {name} a run that was stopped cannot go on"):
        make_config(optimizer=name)
