"""Runs that are stopped anywhere: what they end with when they go on, bit for bit."""

import comfy.model_management as management
import pytest

from atelier.tests.pairs import pairwise
from atelier.training import run as runs
from atelier.training.host import folders, running
from atelier.training.loop import Log
from atelier.training.optimizers import installed
from atelier.training.task import Task

from .resumed import LOOKS, SMALL, assert_same_end, go_on, only
from .trained import press_stop, same, stop_at, train

# ------------------------------------------------------------ stopped anywhere


def stop_in(patch, where, accumulation):
    """Let the run be cancelled where it says: in a step, while it measures, or while it draws."""
    cancel = management.InterruptProcessingException()
    if where.startswith("step"):
        stop_at(patch, int(where.split()[1]) * accumulation, cancel)
        return
    place = {
        "validation": (Task, "held_out_loss"),
        "samples": ("atelier.training.samples.paint",),
        "log": (Log, "flush"),
    }[where]
    real = getattr(*place) if len(place) == 2 else None
    calls = []

    def breaking(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2 or not real:
            raise cancel
        return real(*args, **kwargs)

    patch.setattr(*place, breaking)


FEW = ("adamw", "adafactor", "sgd", "radam", "prodigy", "adamw_schedule_free", "lion")
CHOICES = {
    "optimizer": [name for name in (*FEW, "adamw_8bit") if name in installed()],
    "adapter": ["lora", "dora", "loha", "lokr"],
    "ema_decay": [0.0, 0.5],
    "accumulation": [1, 2],
    "where": ["step 1", "step 3", "step 5", "step 6", "validation", "samples"],
    "keep": ["last", "best"],
    "schedule": ["constant", "cosine"],
    "dropout": [0.0, 0.3],
}
PAIRS = pairwise(CHOICES)
REST = pairwise(CHOICES | {"optimizer": [n for n in installed() if n not in FEW] or ["adamw"]})


def stop_and_go_on(held, monkeypatch, row):
    where = row["where"]
    settings = SMALL | LOOKS | {k: v for k, v in row.items() if k != "where"}
    settings |= {"learning_rate": 1.0 if row["optimizer"] == "prodigy" else 1e-3}
    whole = train(held, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_in(patch, where, row["accumulation"])
        with pytest.raises(management.InterruptProcessingException):
            train(held, name="stopped", **settings)
    stopped = only("stopped")
    assert not stopped.finished
    assert where in ("step 1", "samples") or stopped.lora()
    resumed = go_on(held, "stopped")
    assert resumed.folder == stopped.folder
    assert_same_end(whole, resumed)


@pytest.mark.parametrize("row", PAIRS, ids=lambda row: "-".join(map(str, row.values())))
def test_every_pair_of_settings_goes_on_exactly(held, monkeypatch, row):
    stop_and_go_on(held, monkeypatch, row)


@pytest.mark.long
@pytest.mark.parametrize("row", REST, ids=lambda row: "-".join(map(str, row.values())))
def test_all_other_optimizers_go_on_exactly(held, monkeypatch, row):
    stop_and_go_on(held, monkeypatch, row)


def test_stopped_again_and_again(held, monkeypatch):
    settings = SMALL | LOOKS | {"ema_decay": 0.5, "schedule": "cosine", "warmup": 2}
    whole = train(held, name="whole", **settings)
    for step in (1, 2, 4, 5, 5, 6):
        with monkeypatch.context() as patch:
            stop_at(patch, step, RuntimeError("stop"))
            with pytest.raises(RuntimeError, match="stop"):
                train(held, name="stopped", **settings)
    assert_same_end(whole, train(held, name="stopped", **settings))


# ------------------------------------------------------------ stop and keep


@pytest.mark.parametrize("step", [1, 3, 4])
def test_stop_and_keep_returns_what_was_learned_and_can_go_on(held, monkeypatch, step):
    whole = train(held, name="whole", **SMALL)
    assert runs.stops(folders.runs(), "kept") == []
    with monkeypatch.context() as patch:
        press_stop(patch, step)
        kept = train(held, name="kept", **SMALL)
    assert not kept.finished and kept.stops() == [step]
    assert runs.stops(folders.runs(), "kept") == [["kept", [step]]]
    short = train(held, name="short", **SMALL, steps=step)
    assert same([kept.lora()], [short.lora()])
    assert kept.other_file("best").is_file() == (step >= 3)
    again = train(held, name="kept", **SMALL)
    assert again.folder == kept.folder and again.finished
    assert_same_end(whole, again)
    assert running.running() == [] and not running.ask_to_stop("kept")


def test_stop_and_keep_gives_the_best_where_that_is_asked_for(held, monkeypatch):
    settings = SMALL | {"learning_rate": 9.0, "validate_every": 1, "clip_norm": 0, "keep": "best"}
    with monkeypatch.context() as patch:
        press_stop(patch, 5)
        kept = train(held, name="kept", **settings)
    losses = {line["step"]: line["held_out"] for line in kept.logged() if "held_out" in line}
    best = min(losses, key=losses.__getitem__)
    assert best < 5
    short = train(held, name="short", **settings | {"steps": best, "keep": "last"})
    assert same([kept.lora()], [short.lora()])
    assert kept.other_file("last").is_file()


def test_cancelled_before_the_first_checkpoint_there_is_a_lora(held, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 2, management.InterruptProcessingException())
        with pytest.raises(management.InterruptProcessingException):
            train(held, name="early", **SMALL, save_every=100)
    early = only("early")
    short = train(held, name="short", **SMALL, steps=1)
    assert same([early.lora()], [short.lora()])
