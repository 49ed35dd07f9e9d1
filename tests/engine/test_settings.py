"""Every setting changes what it should, and nothing else, on short trainings of the demo base."""

import comfy.model_management as management
import pytest
import torch
from PIL import Image

from atelier.training.data.folder import load_folder
from atelier.training.examples import Pictures
from atelier.training.host import folders
from atelier.training.optimizers import OPTIMIZERS

from .trained import same, stop_at, train, wired

CHANGES = {
    "rank": {"rank": 3},
    "alpha": {"alpha": 1},
    "rank_stabilized": {"rank_stabilized": True},
    "targets": {"targets": "attention"},
    "exclude": {"exclude": "mlp"},
    "ranks": {"ranks": "mlp = 1"},
    "dropout": {"dropout": 0.3},
    "loss": {"loss": "huber"},
    "l1": {"loss": "l1"},
    "weighting": {"weighting": "cosmap"},
    "timestep_sampling": {"timestep_sampling": "mode"},
    "timestep_shift": {"timestep_shift": "none"},
    "resolution shift": {"timestep_shift": "resolution"},
    "timestep_max": {"timestep_max": 0.5},
    "input_perturbation": {"input_perturbation": 0.2},
    "optimizer": {"optimizer": "adafactor"},
    "optimizer_arguments": {"optimizer_arguments": "betas = (0.5, 0.9)"},
    "ema_decay": {"ema_decay": 0.9},
    "schedule": {"schedule": "constant"},
    "flip": {"flip": True},
    "crops": {"crops": 3},
    "shuffle_tags": {"shuffle_tags": True},
    "caption_dropout": {"caption_dropout": 0.5},
    "more_resolutions": {"more_resolutions": "64"},
    "compute": {"compute": "bf16"},
}


@pytest.fixture
def plain(wires):
    return train(wires, name="plain").lora()


@pytest.mark.parametrize("settings", CHANGES.values(), ids=CHANGES)
def test_a_setting_changes_what_is_learned(wires, plain, settings):
    changed = train(wires, name="changed", **settings).lora()
    assert changed.keys() != plain.keys() or not same([plain], [changed])
    assert all(torch.isfinite(tensor).all() for tensor in changed.values())


NEUTRAL = {
    "neutral objective": {"loss": "mse", "weighting": "none", "input_perturbation": 0.0},
    "nothing to drop": {"keep_tags": 1, "caption_variants": 3},
    "one value for all": {"ranks": "joint = 2 / 2"},
    "all is included": {"include": "joint_blocks"},
    "no limits": {"timestep_min": 0.0, "timestep_max": 1.0},
    "saved more often": {"save_every": 1},
    "recomputed": {"checkpointing": "block"},
}


@pytest.mark.parametrize("settings", NEUTRAL.values(), ids=NEUTRAL)
def test_a_setting_that_asks_for_nothing_changes_nothing(wires, plain, settings):
    changed = train(wires, name="changed", **settings).lora()
    assert changed.keys() == plain.keys()
    assert all(torch.allclose(changed[key], plain[key], atol=1e-7) for key in plain)


# Every optimizer, adapter kind, mean, accumulation and way of varying data, each with others once.
RESUMED = [
    {"optimizer": "adamw", "adapter": "dora", "ema_decay": 0.9, "flip": True},
    {"optimizer": "adafactor", "adapter": "loha", "accumulation": 2, "dropout": 0.2},
    {"optimizer": "radam", "adapter": "lokr", "ema_decay": 0.5, "caption_dropout": 0.5},
    {"optimizer": "sgd", "adapter": "lora", "dropout": 0.3, "crops": 2, "schedule": "linear"},
    {"compute": "bf16", "shuffle_tags": True, "checkpointing": "block", "warmup": 2},
]


@pytest.mark.parametrize("settings", RESUMED, ids=lambda s: "-".join(map(str, s.values())))
def test_any_run_that_was_stopped_ends_as_if_it_had_not_been(wires, monkeypatch, settings):
    whole = train(wires, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 4, management.InterruptProcessingException())
        with pytest.raises(management.InterruptProcessingException):
            train(wires, name="stopped", **settings)
    resumed = train(wires, name="stopped", **settings)
    assert same([whole.lora()], [resumed.lora()])
    assert whole.logged() == resumed.logged()


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if n not in ("adamw_8bit", "lion_8bit")])
def test_every_optimizer_here_trains_and_goes_on(wires, monkeypatch, name):
    rate = {"learning_rate": 1.0 if name == "prodigy" else 1e-3}
    whole = train(wires, name="whole", optimizer=name, **rate)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(wires, name="stopped", optimizer=name, **rate)
    resumed = train(wires, name="stopped", optimizer=name, **rate)
    assert same([whole.lora()], [resumed.lora()])
    assert any(tensor.abs().max() > 0 for key, tensor in whole.lora().items() if "lora_B" in key)


def test_an_argument_that_the_optimizer_does_not_take_is_named(wires):
    with pytest.raises(ValueError, match="optimizer adamw with .*'beta': 1.*beta"):
        train(wires, optimizer_arguments="beta = 1")


def losses(run):
    return [line["loss"] for line in run.logged() if "loss" in line]


def held_out(run):
    return [line["held_out"] for line in run.logged() if "held_out" in line]


def test_the_bases_own_prediction_as_target_costs_nothing_at_first(wires, base, pictures, plain):
    classes = wired(base, wires.dataset, class_pictures=load_folder(pictures))
    kept = train(classes, name="kept", prior_target="base")
    alone = train(wires, name="plain")
    first, second = losses(kept)[0], losses(alone)[0]
    assert first == pytest.approx(second, rel=1e-5)  # the adapter does nothing yet
    assert losses(kept)[-1] != losses(alone)[-1]


def test_a_running_mean_starts_with_the_first_step_and_then_lags(wires):
    one = train(wires, name="one", steps=1, schedule="constant").lora()
    mean = train(wires, name="mean", steps=2, schedule="constant", ema_decay=0.75).lora()
    two = train(wires, name="two", steps=2, schedule="constant").lora()
    for key, value in mean.items():
        assert torch.allclose(value, 0.75 * one[key] + 0.25 * two[key], atol=1e-7), key


WORSE = {"learning_rate": 0.5, "schedule": "constant", "validate_every": 1, "clip_norm": 0}


def test_the_best_weights_are_kept_and_a_run_that_gets_worse_stops(wires, base, pictures):
    held = wired(base, wires.dataset, held_out=load_folder(pictures))
    stopped = train(held, name="stopped", **WORSE, patience=2, keep="best")
    values = held_out(stopped)
    best = values.index(min(values)) + 1
    assert len(values) == best + 2 < 6 and stopped.finished
    short = train(held, name="short", **WORSE, steps=best)
    assert same([stopped.lora()], [short.lora()])
    last = train(held, name="last", **WORSE, patience=2)
    assert not same([stopped.lora()], [last.lora()])


@pytest.mark.parametrize("settings", [{"patience": 1}, {"keep": "best"}])
def test_going_by_held_out_loss_needs_held_out_pictures(wires, settings):
    with pytest.raises(ValueError, match="wire held_out pictures"):
        train(wires, **settings)
    assert not folders.runs().exists()


@pytest.mark.parametrize("patience", [0, 3])
def test_a_stopped_run_remembers_its_best(wires, base, pictures, monkeypatch, patience):
    held = wired(base, wires.dataset, held_out=load_folder(pictures))
    settings = WORSE | {"keep": "best", "patience": patience}
    whole = train(held, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(held, name="stopped", **settings)
    assert same([whole.lora()], [train(held, name="stopped", **settings).lora()])


def test_pictures_shown_without_captions_are_all_the_same_to_the_text_encoder(
    wires, base, pictures
):
    without = train(wires, name="without", caption_dropout=1.0)
    for path in pictures.glob("*.txt"):
        path.write_text("quite another text")
    other = train(wired(base, load_folder(pictures)), name="other", caption_dropout=1.0)
    assert same([without.lora()], [other.lora()])


def test_what_is_masked_is_not_learned(wires, base, pictures, plain):
    unmasked = train(wires, name="masked", masked=True)  # there are no masks: all counts
    assert same([plain], [unmasked.lora()])
    for path in list(pictures.glob("*.png")):
        mask = Image.new("L", Image.open(path).size)
        mask.paste(255, (0, 0, mask.width, mask.height // 2))
        mask.save(path.with_name(f"{path.stem}-masklabel.png"))
    masked = wired(base, load_folder(pictures))
    ignored = train(masked, name="ignored")
    assert same([plain], [ignored.lora()])
    upper = train(masked, name="upper", masked=True)
    assert not same([plain], [upper.lora()])
    for path in [p for p in pictures.glob("*.png") if "-masklabel" not in p.stem]:
        picture = Image.open(path).convert("RGB")
        # far from the mask, since the VAE looks a little to the side
        picture.paste("magenta", (0, picture.height * 3 // 4, picture.width, picture.height))
        picture.save(path)
    painted = train(wired(base, load_folder(pictures)), name="painted", masked=True)
    assert losses(painted)[0] == pytest.approx(losses(upper)[0], rel=0.2)
    assert losses(train(wired(base, load_folder(pictures)), name="all"))[0] > 0


def test_an_empty_mask_is_named(wires, base, pictures):
    path = sorted(pictures.glob("*.png"))[0]
    Image.new("L", Image.open(path).size).save(path.with_name(f"{path.stem}-masklabel.png"))
    with pytest.raises(ValueError, match=rf"mask of .*{path.name} shows nothing"):
        train(wired(base, load_folder(pictures)), masked=True)


def test_a_lora_can_be_gone_on_from(wires, base):
    first = train(wires, name="first", schedule="constant")
    again = train(
        wired(base, wires.dataset, continue_from=first.lora()), name="again", learning_rate=1e-9
    )
    assert again.lora().keys() == first.lora().keys()
    for key, value in first.lora().items():
        assert torch.allclose(again.lora()[key], value, atol=1e-5), key
    other = train(wired(base, wires.dataset, continue_from=first.lora()), name="other", rank=7)
    assert other.lora()[next(k for k in other.lora() if "lora_A" in k)].shape[0] == 2


def test_pictures_repeat_as_often_as_they_are_told_to(wires, base, pictures):
    dataset = load_folder(pictures, repeats=2)
    run = train(wired(base, dataset), batch_size=8)  # four pictures, each twice
    assert run.finished


def test_a_set_larger_than_its_room_streams(wires, monkeypatch, plain):
    monkeypatch.setattr(Pictures.__init__, "__defaults__", (1,))
    assert same([plain], [train(wires, name="streamed").lora()])
