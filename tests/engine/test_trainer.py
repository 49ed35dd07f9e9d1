"""Training runs on the demo base, a few steps each, in this process."""

import gc
import json
from dataclasses import replace
from functools import partial

import comfy.model_management as management
import pytest
import torch
from nodes import CLIPSetLastLayer, CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode
from PIL import Image
from torch.amp.grad_scaler import GradScaler

from atelier.training import run as runs
from atelier.training import trainer
from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.data.dataset import Dataset
from atelier.training.data.folder import load_folder
from atelier.training.host import folders
from atelier.training.host.progress import Progress
from atelier.training.task import Task

from .trained import SETTINGS, press_stop, same, state, stop_at, train, wired


def test_a_run_leaves_a_lora_a_log_and_its_settings(wires):
    run = train(wires)
    assert run.finished
    assert any(tensor.abs().max() > 0 for key, tensor in run.lora().items() if "lora_B" in key)
    logged = run.logged()
    assert [line["step"] for line in logged if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert all(line["grad_norm"] > 0 for line in logged if "loss" in line)
    assert run.asked()["config"]["steps"] == 6


ENDS = {
    "success": None,
    "stop and keep": None,
    "exception": RuntimeError("in the middle"),
    "interrupt": management.InterruptProcessingException(),
    "out of memory": torch.OutOfMemoryError("no room"),
    "broken numbers": FloatingPointError("no number"),
}


def drawn(wires):
    """A picture of the wired model, as KSampler and VAE Decode draw it."""
    with torch.inference_mode():
        (wanted,) = CLIPTextEncode().encode(wires.clip, "a person")
        (empty,) = EmptyLatentImage().generate(128, 128)
        how = (0, 2, 3.0, "euler", "simple")
        (latent,) = KSampler().sample(wires.model, *how, wanted, wanted, empty)
        return VAEDecode().decode(wires.vae, latent)[0]


def hooks(wires):
    trees = (wires.model.model, wires.clip.cond_stage_model, wires.vae.first_stage_model)
    modules = [module for tree in trees for module in tree.modules()]
    return [(type(m), len(m._forward_hooks), len(m._forward_pre_hooks)) for m in modules]


@pytest.mark.parametrize("end", ENDS)
def test_the_host_is_bit_for_bit_what_it_was(held, wires, monkeypatch, end):
    """Dropout, a trained text encoder and samples while training have most to put back."""
    picture, before, hung = drawn(wires), state(wires), hooks(wires)
    dice = torch.get_rng_state()
    options = repr(wires.model.model_options)
    settings = {"text_encoders": "clip", "dropout": 0.2, "ema_decay": 0.5, "checkpointing": "block"}
    settings |= {"sample_every": 3, "sample_prompts": "a person", "sample_steps": 1}
    settings |= {"resolution": 64, "batch_size": 1, "targets": "attention"}
    error = ENDS[end]
    if error:
        stop_at(monkeypatch, 4, error)
        with pytest.raises(type(error)):
            train(held, **settings)
    else:
        if end == "stop and keep":
            press_stop(monkeypatch, 4)
        assert train(held, **settings).finished == (end == "success")
    assert same(before, state(wires))
    assert hooks(wires) == hung
    assert torch.equal(dice, torch.get_rng_state())
    assert getattr(management, "in_training", False) is False
    assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
    assert (repr(wires.model.model_options), wires.model.patches) == (options, {})
    assert torch.equal(picture, drawn(wires))


def test_layers_that_learn_nothing_are_named(wires, monkeypatch):
    """As the ends of some networks, of which `test_families.py` has the layers."""
    told = []
    monkeypatch.setattr(Adapter, "unreached", lambda self: self.layers[-2:])
    monkeypatch.setattr(Progress, "update", lambda self, step, text="": told.append(text))
    train(wires, steps=2, save_every=1, validate_every=0)
    (text,) = (text for text in told if "learn nothing" in text)
    assert ": 2, such as joint_blocks." in text


def test_out_of_memory_says_what_to_change_and_gives_all_back(wires, monkeypatch):
    def tensors():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    train(wires, name="first", seed=1)
    kept = tensors()
    whole = train(wires, name="whole", checkpointing="none")
    with monkeypatch.context() as patch:
        stop_at(patch, 4, RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 GB"))
        with pytest.raises(torch.OutOfMemoryError, match="Set checkpointing = 'block'"):
            train(wires, name="full", checkpointing="none")
        assert tensors() <= kept
        with pytest.raises(torch.OutOfMemoryError, match="Queue again: the run goes on with"):
            train(wires, name="auto")
    again = train(wires, name="auto")
    plan = again.plan()
    assert plan and plan["recompute"] and again.folder.name == "auto"
    lora = whole.lora()
    assert all(torch.allclose(again.lora()[key], lora[key], atol=1e-6) for key in lora)


def test_the_same_request_is_not_trained_twice(wires, monkeypatch):
    first = train(wires)
    stop_at(monkeypatch, 1, AssertionError("trained again"))
    again = train(wires)
    assert again.folder == first.folder


@pytest.mark.parametrize("change", ["setting", "caption", "picture", "seed"])
def test_a_changed_request_is_another_run(wires, pictures, base, change):
    first = train(wires)
    changes: dict = {"setting": {"rank": 3}, "seed": {"seed": 1}}.get(change, {})
    name = sorted(pictures.glob("*.png"))[0]
    if change == "caption":
        name.with_suffix(".txt").write_text("something else")
    if change == "picture":
        Image.open(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(name)
    other = train(wired(base, load_folder(pictures)), **changes)
    assert (first.name, other.name) == ("run", "run-2")


def test_a_moved_dataset_is_the_same_request(wires, pictures, base, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    first = train(wires)
    pictures.rename(moved)
    assert train(wired(base, load_folder(moved))).folder == first.folder
    moved.rename(pictures)


STOPPED = [(step, accumulation) for step in (1, 3, 5, 6) for accumulation in (1, 2)]
OFTEN = [(3, 1), (6, 2)]  # the others in the long tier: test_resume.py has each pair, too


@pytest.mark.parametrize(
    ("step", "accumulation"),
    [pytest.param(*one, marks=() if one in OFTEN else pytest.mark.long) for one in STOPPED],
)
def test_a_stopped_run_goes_on_as_if_it_had_not_been(wires, monkeypatch, step, accumulation):
    whole = train(wires, name="whole", accumulation=accumulation)
    with monkeypatch.context() as patch:
        stop_at(patch, step * accumulation, management.InterruptProcessingException())
        with pytest.raises(management.InterruptProcessingException):
            train(wires, name="stopped", accumulation=accumulation)
    (stopped,) = folders.runs().glob("stopped*")
    assert not runs.Run(stopped).finished
    resumed = train(wires, name="stopped", accumulation=accumulation)
    assert resumed.folder == stopped
    assert same([whole.lora()], [resumed.lora()])
    losses = [[line for line in run.logged() if "loss" in line] for run in (whole, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("kept", ["the last checkpoint", "none"])
def test_a_crashed_run_goes_on_from_what_is_there(wires, monkeypatch, kept):
    """A process that is killed saves nothing at its end: only what `save_every` wrote is there."""
    whole = train(wires, name="whole")
    with monkeypatch.context() as patch:
        stop_at(patch, 4, RuntimeError("crash"))
        with pytest.raises(RuntimeError):
            train(wires, name="crashed")
    (folder,) = folders.runs().glob("crashed*")
    (folder / "checkpoints" / "step-00000003.safetensors").unlink()  # written on the way out
    if kept == "none":
        (folder / "checkpoints" / "step-00000002.safetensors").unlink()
    resumed = train(wires, name="crashed")
    assert same([whole.lora()], [resumed.lora()])
    assert whole.logged() == resumed.logged()


def test_a_deleted_or_damaged_result_is_made_again(wires):
    run = train(wires)
    before = run.lora()
    run.lora_file.write_bytes(run.lora_file.read_bytes()[:100])
    again = train(wires)
    assert again.folder == run.folder and same([before], [again.lora()])


def test_the_seed_decides_everything(wires):
    one, same_seed, other = (
        train(wires, name=n, seed=s) for n, s in (("a", 5), ("b", 5), ("c", 6))
    )
    assert same([one.lora()], [same_seed.lora()])
    assert not same([one.lora()], [other.lora()])


def test_held_out_loss_is_measured_and_changes_nothing_else(wires, base, pictures):
    plain = train(wires, name="plain")
    held = load_folder(pictures)
    run = train(wired(base, wires.dataset, held_out=held), name="held")
    measured = [line for line in run.logged() if "held_out" in line]
    assert [line["step"] for line in measured] == [3, 6]
    for line in measured:  # noise levels, of which there are four
        levels = line["held_out_by_time"]
        assert list(levels) == ["0.125", "0.375", "0.625", "0.875"]
        assert len(set(levels.values())) == 4
        assert sum(levels.values()) / 4 == pytest.approx(line["held_out"], rel=1e-5)
    assert same([plain.lora()], [run.lora()])


def test_class_pictures_count_as_much_as_they_are_told_to(wires, base, pictures):
    plain = train(wires, name="plain")
    classes = load_folder(pictures)
    with_weight = train(wired(base, wires.dataset, class_pictures=classes), name="with")
    without = train(
        wired(base, wires.dataset, class_pictures=classes), name="without", prior_weight=0
    )
    assert not same([plain.lora()], [with_weight.lora()])
    assert same([plain.lora()], [without.lora()])


def test_captions_and_pictures_are_encoded_once(wires, monkeypatch):
    first = train(wires, name="one")
    with monkeypatch.context() as patch:
        patch.setattr("atelier.training.examples.encode_caption", None)
        patch.setattr("atelier.training.examples.encode_picture", None)
        second = train(wires, name="two")
    assert same([first.lora()], [second.lora()])
    for path in folders.cache().rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:50])  # damaged: made again
    assert same([first.lora()], [train(wires, name="three").lora()])


def test_a_dataset_without_pictures_is_named(wires):
    with pytest.raises(ValueError, match="all set aside.*has no pictures"):
        train(replace(wires, dataset=Dataset("all set aside", ())))
    assert not folders.runs().exists()


def test_too_few_pictures_for_a_batch_are_refused_before_anything_is_written(wires):
    with pytest.raises(ValueError, match="4 pictures are fewer than the batch size 5"):
        train(wires, batch_size=5)
    assert not folders.runs().exists()


def test_a_truncated_picture_stops_before_anything_is_written(wires, pictures, base):
    path = sorted(pictures.glob("*.png"))[1]
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=f"{path.name} cannot be read"):
        train(wired(base, load_folder(pictures)))
    assert not folders.runs().exists()


def times(monkeypatch, step, change):
    """Let `change` be done to the loss of that step."""
    real = Task.training_loss

    def changed(self, batch, stream, number):
        loss = real(self, batch, stream, number)
        return change(loss) if number + 1 == step else loss

    monkeypatch.setattr(Task, "training_loss", changed)


def test_a_gradient_that_breaks_stops_before_the_weights_are_touched(wires, monkeypatch):
    with monkeypatch.context() as patch:
        times(patch, 4, lambda loss: loss + (loss * 0).sqrt() * 0)  # itself it is finite
        with pytest.raises(FloatingPointError, match=r"Step 4: .*length nan.*\.png"):
            train(wires, name="broken")
    (folder,) = folders.runs().glob("broken*")
    assert (folder / "checkpoints" / "step-00000003.safetensors").is_file()
    kept = runs.Run(folder).lora()
    assert kept and all(torch.isfinite(value).all() for value in kept.values())
    assert same([train(wires, name="whole").lora()], [train(wires, name="broken").lora()])


def test_an_overflow_of_fp16_is_skipped_and_counted(wires, monkeypatch):
    with monkeypatch.context() as patch:
        times(patch, 3, lambda loss: loss * 1e34)  # finite, and not once it is scaled
        run = train(wires, name="over", compute="fp16")
    assert [line for line in run.logged() if "overflow" in line] == [{"step": 3, "overflow": 32768}]
    assert json.loads((run.folder / "result.json").read_text())["overflows"] == 1
    assert run.finished and all(torch.isfinite(value).all() for value in run.lora().values())


def test_what_no_scale_can_mend_is_no_overflow(wires, monkeypatch):
    monkeypatch.setattr("atelier.training.session.GradScaler", partial(GradScaler, init_scale=2.0))
    real = Task.training_loss
    with monkeypatch.context() as patch:
        patch.setattr(
            Task,
            "training_loss",
            lambda self, *how: (lambda loss: loss + (loss * 0).sqrt() * 0)(real(self, *how)),
        )
        with pytest.raises(FloatingPointError, match="Step 2: "):
            train(wires, name="over", compute="fp16")


def test_numbers_that_break_stop_the_run_and_name_the_pictures(wires, monkeypatch):
    real = Task.training_loss
    with monkeypatch.context() as patch:
        patch.setattr(
            Task,
            "training_loss",
            lambda self, batch, stream, n: (
                real(self, batch, stream, n) * (1 if n < 3 else float("nan"))
            ),
        )
        with pytest.raises(FloatingPointError, match=r"Step 4: the loss is nan.*\.png"):
            train(wires, name="broken")
    assert same([train(wires, name="whole").lora()], [train(wires, name="broken").lora()])


def test_a_run_in_training_cannot_be_trained_by_another(wires, monkeypatch):
    started = trainer.run.create(
        folders.runs(), "run", trainer.request(wires, make_config(**SETTINGS))
    )
    with started.lock(), pytest.raises(ValueError, match="is being trained by another ComfyUI"):
        train(wires)


def test_a_folder_that_cannot_be_written_is_named(wires):
    folders.records().mkdir(parents=True, exist_ok=True)
    folders.runs().write_text("a file is in the way")
    try:
        with pytest.raises(ValueError, match="runs.* cannot be written"):
            train(wires)
    finally:
        folders.runs().unlink()


def test_all_pictures_that_end_too_early_are_named_at_once(base, wires, pictures):
    """Their headers are whole, so that Load Dataset takes them."""
    broken = sorted(pictures.glob("*.png"))[:2]
    for path in broken:
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="2 things are wrong") as told:
        train(wired(base, load_folder(pictures)), name="broken")
    assert all(path.name in str(told.value) for path in broken)


def test_another_last_layer_of_the_text_encoder_is_another_run(base, wires):
    """CLIP Set Last Layer changes no weight, but what every caption gives."""
    (clip,) = CLIPSetLastLayer().set_last_layer(base[1], -2)
    one, other = (
        trainer.request(some, make_config()) for some in (wires, replace(wires, clip=clip))
    )
    assert one["clip"] != other["clip"] and one["key"] != other["key"]
