"""Runs that are gone on with by name: moved, extended, branched, damaged."""

import logging
import shutil

import pytest
import torch
from comfy.model_patcher import ModelPatcher
from PIL import Image

from atelier.training import nest
from atelier.training.config import make_config
from atelier.training.data.folder import load_folder
from atelier.training.host import folders

from .resumed import LOOKS, SMALL, assert_same_end, go_on, stopped
from .trained import same, train, wired


def test_a_run_on_another_machine_goes_on(wires, base, pictures, monkeypatch, tmp_path_factory):
    whole = train(wires, name="whole", **SMALL)
    there = tmp_path_factory.mktemp("elsewhere")
    shutil.move(stopped(wires, monkeypatch).folder, there / "run")
    shutil.move(pictures, there / "pictures")
    shutil.rmtree(folders.cache())
    shutil.copytree(there / "run", folders.runs() / "copied")
    resumed = go_on(wired(base, load_folder(there / "pictures")), "copied")
    assert resumed.name == "copied"
    assert_same_end(whole, resumed)
    shutil.move(there / "pictures", pictures)


@pytest.mark.parametrize("end", ["stopped", "finished"])
def test_more_steps_are_as_if_they_had_been_asked_for_at_first(wires, monkeypatch, end):
    long = train(wires, name="long", **SMALL, **LOOKS, steps=9)
    if end == "finished":
        first = train(wires, name="first", **SMALL, **LOOKS)
    else:
        first = stopped(wires, monkeypatch, **LOOKS)
    before = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    more = go_on(wires, "first", steps=9)
    assert more.name == "first-2" and more.finished
    assert_same_end(long, more)
    assert before == {p: p.read_bytes() for p in first.folder.rglob("*") if p.is_file()}
    assert go_on(wires, "first", steps=9).folder == more.folder


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_from_there_on_the_rate_is_that_of_the_longer_run(wires, schedule):
    settings = SMALL | {"schedule": schedule, "warmup": 2}
    long = train(wires, name="long", **settings, steps=10)
    train(wires, name="first", **settings)
    more = go_on(wires, "first", steps=10)
    rates = [[line["learning_rate"] for line in run.logged()] for run in (long, more)]
    assert rates[0][6:] == rates[1][6:] and rates[0][:6] != rates[1][:6]


def test_a_run_that_stopped_early_gets_its_patience_anew(held):
    settings = SMALL | {"learning_rate": 9.0, "validate_every": 1, "clip_norm": 0, "patience": 2}
    first = train(held, name="first", **settings)
    done = len([line for line in first.logged() if "loss" in line])
    assert done < 6
    more = go_on(held, "first", steps=12)
    assert len([line for line in more.logged() if "loss" in line]) > done


def test_fewer_steps_than_were_done_are_refused(wires):
    train(wires, name="first", **SMALL)
    with pytest.raises(ValueError, match="has done 6 already"):
        go_on(wires, "first", steps=5)


@pytest.mark.parametrize("name", ["nothing", "../run", ""])
def test_a_run_that_is_not_there_is_named(wires, name):
    train(wires, name="first", **SMALL, steps=1)
    with pytest.raises(ValueError, match="There are: first|cannot be a file name"):
        go_on(wires, name)


def test_what_changed_in_the_data_is_said_and_can_be_branched_with(
    wires, base, pictures, monkeypatch
):
    first = stopped(wires, monkeypatch)
    one, two, three, four = sorted(pictures.glob("*.png"))
    one.with_suffix(".txt").write_text("another caption")
    Image.open(two).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(two)
    four.rename(four.with_name("renamed.png"))
    four.with_suffix(".txt").rename(four.with_name("renamed.txt"))
    three.unlink()
    Image.new("RGB", (128, 128), "red").save(pictures / "new.png")
    (pictures / "new.txt").write_text("a red square")
    changed = wired(base, load_folder(pictures))
    with pytest.raises(ValueError) as refused:
        go_on(changed, "first")
    text = str(refused.value)
    assert f"with another caption ({one.name}" in text
    assert f"1 changed ({two.name})" in text and f"1 removed ({three.name})" in text
    assert "1 added (new.png)" in text
    assert "renamed" not in text and "if_changed to branch" in text
    new = go_on(changed, "first", if_changed="branch")
    assert new.name == "first-2" and new.finished
    assert new.asked()["continues"] == {"run": "first", "key": first.asked()["key"], "step": 4}
    assert new.logged()[:4] == first.logged()[:4] and len(new.logged()) == 6
    assert go_on(changed, "first", if_changed="branch").folder == new.folder
    assert not first.finished


@pytest.mark.parametrize("wire", ["model", "held_out", "continue_from"])
def test_what_else_is_wired_is_said(wires, base, pictures, monkeypatch, wire):
    stopped(wires, monkeypatch)
    model, clip, vae = base
    more = {}
    if wire == "model":
        with torch.inference_mode():
            model = model.clone()
            key = next(k for k in model.model.state_dict() if "x_block.attn.qkv.weight" in k)
            model.add_patches({key: ("diff", (torch.ones_like(model.model.state_dict()[key]),))})
    elif wire == "held_out":
        more = {"held_out": load_folder(pictures)}
    else:
        more = {"continue_from": {"x": torch.ones(1)}}
    with pytest.raises(ValueError, match=f"\n- {wire}: .*\nWire that again"):
        go_on(wired((model, clip, vae), wires.dataset, **more), "first")


def test_a_branch_on_another_model_goes_on_there(wires, base, monkeypatch):
    stopped(wires, monkeypatch)
    model, clip, vae = base
    with torch.inference_mode():
        model = model.clone()
        key = next(k for k in model.model.state_dict() if "x_block.attn.qkv.weight" in k)
        weight = model.model.state_dict()[key]
        model.add_patches({key: ("diff", (0.01 * torch.ones_like(weight),))})
    assert isinstance(model, ModelPatcher)
    new = go_on(wired((model, clip, vae), wires.dataset), "first", if_changed="branch")
    assert new.finished and new.name == "first-2"


# ------------------------------------------------------------ damage


@pytest.mark.parametrize("damage", ["one bit", "cut", "empty", "a lying header", "nothing in it"])
def test_a_damaged_checkpoint_is_named_and_passed_over(wires, monkeypatch, caplog, damage):
    whole = train(wires, name="whole", **SMALL)
    first = stopped(wires, monkeypatch, step=6, save_every=2)
    newest = max(first.checkpoints.glob("*.safetensors"))
    data = bytearray(newest.read_bytes())
    if damage == "one bit":
        data[-20] ^= 1
    elif damage == "cut":
        data = data[:-50]
    elif damage == "empty":
        data = bytearray()
    elif damage == "a lying header":
        data[:8] = (2**60).to_bytes(8, "little")
    if damage == "nothing in it":
        nest.save(newest, [])
    else:
        newest.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        resumed = go_on(wires, "first")
    assert newest.name in caplog.text and "Going back to the checkpoint before it" in caplog.text
    assert same([whole.lora()], [resumed.lora()])


def test_a_run_whose_config_is_damaged_is_named_and_left_alone(wires, caplog):
    first = train(wires, name="first", **SMALL, steps=1)
    (first.folder / "config.json").write_text("{ half")
    with caplog.at_level(logging.WARNING):
        other = train(wires, name="first", **SMALL, steps=1)
    assert other.name == "first-2" and "config.json cannot be used" in caplog.text
    assert (first.folder / "config.json").read_text() == "{ half"


def test_a_newer_run_is_refused_by_name(wires):
    first = train(wires, name="first", **SMALL, steps=1)
    config = first.folder / "config.json"
    config.write_text(config.read_text().replace('"version": 2', '"version": 99', 1))
    with pytest.raises(ValueError, match=r"config\.json cannot be used: a newer Atelier"):
        go_on(wires, "first")


def test_the_config_says_everything_that_a_resumed_run_needs(wires, monkeypatch):
    """`resume` takes no settings: all of them come back from the folder."""
    first = stopped(wires, monkeypatch, flip=True, dropout=0.2, loss="huber")
    asked = first.asked()["config"]
    assert make_config(**asked).model_dump() == asked
