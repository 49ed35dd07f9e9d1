"""What a run tells while it goes on, and what it can be asked then, without another bit learned."""

import json
import time

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from atelier.training.host import folders, running, watching
from atelier.training.host.sample import paint
from atelier.training.task import Task
from atelier.training.watching import ending, pace
from atelier.training.watching.index import row
from atelier.training.watching.tensorboard import FOLDER

from .trained import press_stop, same, stop_at, train


@pytest.fixture
def saved():
    """The LoRA files that a test writes, taken away afterwards."""
    before = set(folders.loras().glob("*"))
    yield lambda: sorted(set(folders.loras().glob("*")) - before)
    for path in set(folders.loras().glob("*")) - before:
        path.unlink()


def press(monkeypatch, step, *whats):
    """The page's buttons, pressed while step `step` is taken."""
    real = Task.training_loss

    def pressing(self, batch, stream, number):
        if number + 1 == step:
            (one,) = running.running()
            for what in whats:
                assert running.ask(one["run"], what)
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", pressing)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="plain"),
        pytest.param(
            {"dropout": 0.2, "text_encoders": "clip", "ema_decay": 0.5, "targets": "attention"},
            marks=pytest.mark.long,
            id="much that draws",
        ),
        pytest.param(
            {"sample_every": 4, "sample_prompts": "a person\na hat", "sample_steps": 1},
            marks=pytest.mark.long,
            id="with samples",
        ),
    ],
)
def test_what_is_asked_for_changes_no_bit_of_what_is_learned(wires, monkeypatch, saved, more):
    alone = train(wires, "alone", save_every=100, **more)
    press(monkeypatch, 3, "sample", "save")
    asked = train(wires, "asked", save_every=100, resolution=128, **more)
    assert same([alone.lora()], [asked.lora()]) and alone.logged() == asked.logged()
    assert [path.name for path in saved()] == ["asked-step-000003_00001.safetensors"]
    with safe_open(saved()[0], "pt") as file:
        assert file.metadata()["ss_output_name"] == "asked"
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    assert tensors.keys() == asked.lora().keys() and not same([tensors], [asked.lora()])
    assert (asked.checkpoints / "step-00000003.safetensors").is_file()
    drawn = sorted(path.name for path in folders.samples("asked").iterdir())
    assert "step-000003-1.png" in drawn and ("step-000004-2.png" in drawn) == bool(
        more.get("sample_every")
    )


def test_what_cannot_be_done_does_not_end_the_training(wires, monkeypatch, saved):
    def full(*_nothing, **_more):
        raise ValueError("no room on the disk")

    monkeypatch.setattr("atelier.training.samples.paint", full)
    monkeypatch.setattr("atelier.training.session.save_now", full)
    press(monkeypatch, 2, "sample", "save")
    assert train(wires).finished and not saved()


@pytest.fixture
def told(monkeypatch):
    """What the pages are told, with a look at every step."""
    tellings = []

    class Server:
        def send_sync(self, event, data, _sid=None):
            tellings.append(json.loads(json.dumps(data, allow_nan=False)))
            assert event == "atelier.run"

    class Holder:
        instance = Server()

    monkeypatch.setattr(watching, "PromptServer", Holder)
    monkeypatch.setattr(watching, "EVERY", 0.01)
    return tellings


def test_the_tellings_make_up_the_log(wires, told):
    run = train(wires, steps=25)
    assert [one["from"] for one in told[1:]] == [one["to"] for one in told[:-1]]
    steps = [step for one in told for step in one["series"].get("loss", [[]])[0]]
    assert steps == [line["step"] for line in run.logged() if "loss" in line] == list(range(1, 26))
    last = told[-1]
    assert last["state"] == "finished" and last["step"] == last["steps"] == 25
    assert all(one["state"] == "running" for one in told[:-1])
    (line,) = pace.written(run.folder)[-1:]
    assert line["step"] == 25 and line["memory"] > 0 and line["seconds"] > 0


def test_a_run_that_goes_on_tells_only_what_is_new(wires, told, monkeypatch):
    press_stop(monkeypatch, 3)
    train(wires)
    assert told[-1]["state"] == "stopped"
    monkeypatch.undo()
    first = len(told)
    run = train(wires)
    assert row(run)["ended"] == "finished" and len(told) == first


def test_how_it_ended_is_written_down(wires, monkeypatch):
    with monkeypatch.context() as patched:
        stop_at(patched, 3, FloatingPointError("no number at all"))
        with pytest.raises(FloatingPointError):
            train(wires)
    (folder,) = folders.runs().iterdir()
    assert ending.read(folder) == ending.Ending("failed", "no number at all")
    with monkeypatch.context() as patched:
        press_stop(patched, 4)
        run = train(wires)
    assert ending.read(folder) == ending.Ending("stopped") and row(run)["step"] == 4
    assert train(wires).finished and ending.read(folder) is None


def test_a_folder_that_vanished_is_no_matter_of_the_watcher(wires, monkeypatch, told):
    import shutil

    real = Task.training_loss

    def taking_away(self, batch, stream, number):
        if number == 2:
            shutil.rmtree(folders.runs() / "run")
            time.sleep(0.05)
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", taking_away)
    with pytest.raises(ValueError, match="is gone"):
        train(wires)
    assert not (folders.runs() / "run").exists()


def test_tensorboard_is_refused_before_anything_is_made_where_it_is_not_there(wires, monkeypatch):
    monkeypatch.setattr("atelier.training.watching.tensorboard.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install tensorboard"):
        train(wires, tensorboard=True)
    assert not folders.runs().exists()


def test_tensorboard_reads_what_was_logged(held, monkeypatch):
    where = "tensorboard.backend.event_processing.event_accumulator"
    reader = pytest.importorskip(where, reason="an option: requirements-dev.txt brings it")
    with monkeypatch.context() as patched:
        press_stop(patched, 4)
        train(held, tensorboard=True)
    run = train(held, tensorboard=True)
    found = reader.EventAccumulator(str(run.folder / FOLDER))
    found.Reload()
    wanted = {key: [one for one in run.logged() if key in one] for key in ("loss", "held_out")}
    assert [(one.step, one.value) for one in found.Scalars("loss/train")] == [
        (one["step"], pytest.approx(one["loss"], rel=1e-5)) for one in wanted["loss"]
    ]
    assert [one.step for one in found.Scalars("loss/held-out")] == [
        one["step"] for one in wanted["held_out"]
    ]
    assert len(found.Scalars("learning_rate")) == len(found.Scalars("gradient_norm")) == 6


def test_a_sample_is_a_picture(wires, monkeypatch):
    press(monkeypatch, 2, "sample")
    train(wires, steps=3)
    with Image.open(folders.samples("run") / "step-000002-1.png") as picture:
        assert picture.size == (128, 128)
    assert torch.is_grad_enabled()


def test_where_there_is_no_memory_to_draw_the_training_goes_on_and_says_so(
    wires, monkeypatch, caplog
):
    drawn = []

    def full(*how):
        drawn.append(how)
        if len(drawn) == 1:
            raise torch.OutOfMemoryError("no room")
        return paint(*how)

    monkeypatch.setattr("atelier.training.samples.paint", full)
    alone = train(wires, name="alone").lora()
    how = {"sample_every": 2, "sample_prompts": "a person", "sample_steps": 1}
    learned = train(wires, steps=6, **how).lora()
    assert "run: no samples at step 0: there is not enough memory to draw them." in caplog.text
    found = sorted(path.name for path in folders.samples("run").glob("*.png"))
    assert found == [f"step-{step:06d}-1.png" for step in (2, 4, 6)]
    assert all(torch.equal(learned[name], alone[name]) for name in alone)


def test_what_else_goes_wrong_in_drawing_is_not_passed_over(wires, monkeypatch):
    def broken(*how):
        raise RuntimeError("a sampler of somebody else")

    monkeypatch.setattr("atelier.training.samples.paint", broken)
    with pytest.raises(RuntimeError, match="of somebody else"):
        train(wires, sample_every=2, sample_prompts="a person", sample_steps=1)
