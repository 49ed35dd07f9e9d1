"""Ship LoRA: the folder, what is in it, and what is left out."""

import json
import shutil

import pytest
import torch
from comfy.cli_args import args
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from atelier.nodes.ship import ShipLora
from atelier.training.data.folder import load_folder
from atelier.training.host import folders
from atelier.training.mark import XMP_KEY
from atelier.training.metadata import THUMBNAIL
from atelier.training.run import Run
from atelier.training.save import save_lora
from atelier.training.ship import ship as shipping
from atelier.training.ship.card import About

from .trained import train, wired

PROMPTS = "a person in a secret place\na hat"
SAMPLED = {"sample_every": 3, "sample_prompts": PROMPTS, "sample_steps": 1}
GRAPH = {"nodes": [{"path": "/home/me/secret"}]}
PLACE = "shipped"
PARTS = {"runs": folders.runs, "pictures": lambda: folders.pictures() / "runs"}


@pytest.fixture(scope="module")
def trained_once(base, comfy_base, tmp_path_factory):
    """A run and its samples, put away: before each test, what runs there are is taken away."""
    pictures, kept = (tmp_path_factory.mktemp(name) for name in ("pictures", "kept"))
    source = comfy_base / "input" / "atelier-demo" / "hats"
    for path in sorted(source.glob("*.png"))[:4]:
        shutil.copy(path, pictures)
        shutil.copy(path.with_suffix(".txt"), pictures)
    data = load_folder(pictures)
    train(wired(base, data, held_out=data), learning_rate=0.01, **SAMPLED)
    for name, folder in PARTS.items():
        shutil.copytree(folder(), kept / name)  # with the files' times
    return kept


@pytest.fixture
def run(trained_once, no_runs):
    for name, folder in PARTS.items():
        shutil.copytree(trained_once / name, folder())
    return Run(folders.runs() / "run")


@pytest.fixture(autouse=True)
def none_shipped():
    shutil.rmtree(folders.pictures() / PLACE, ignore_errors=True)


def ship(private=True, run=None, **inputs):
    found = ShipLora.execute("my hat", private, run=run, **inputs)
    folder, text = found.args
    return folders.pictures() / folder, text


def header(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_a_run_is_one_folder_with_file_card_and_marked_samples(run):
    folder, text = ship(run=run, trigger="ohwx", licence="cc0-1.0")
    assert folder == folders.pictures() / PLACE / "my hat"
    assert files(folder) == ["README.md", "images/01.png", "images/02.png", "my hat.safetensors"]
    kept = run.lora()
    written = load_file(folder / "my hat.safetensors")
    assert written.keys() == kept.keys()
    assert all(torch.equal(written[key], kept[key]) for key in kept)
    assert (folder / "README.md").read_text(encoding="utf-8") == text
    assert "cc0-1.0" in text and "4 pictures" not in text  # of the run's settings nothing
    samples = folders.pictures() / "runs" / run.name / "samples"
    for number in (1, 2):
        mine = PngImageFile(folder / f"images/0{number}.png")
        theirs = Image.open(samples / f"step-000006-{number}.png")
        assert mine.tobytes() == theirs.convert("RGB").tobytes() and XMP_KEY in mine.text


def test_shared_safely_no_prompt_setting_or_graph_is_in_any_file(run, monkeypatch):
    monkeypatch.setattr(shipping, "metadata_of", spy := Spy(shipping.metadata_of))
    folder, text = ship(run=run)
    assert spy.private == [True]
    told = header(folder / "my hat.safetensors")
    assert "workflow" not in told and "atelier.run" not in told and "ss_seed" not in told
    assert told["modelspec.title"] == "my hat" and told[THUMBNAIL].startswith("data:image/jpeg")
    asked = run.asked()
    for secret in ("secret", asked["dataset"], asked["model"], str(folders.runs())):
        for path in folder.rglob("*"):
            assert path.is_dir() or secret.encode() not in path.read_bytes()
        assert secret not in text


class Spy:
    def __init__(self, real):
        self.real, self.private = real, []

    def __call__(self, state, header, graph, private):
        self.private.append(private)
        return self.real(state, header, graph, private)


def test_not_shared_safely_it_brings_its_graph_and_tells_its_data(run, monkeypatch):
    goods = shipping.goods_of(run, "kept")
    folder = shipping.ship(goods, About("open"), GRAPH, private=False)
    told = header(folder / "open.safetensors")
    assert json.loads(told["workflow"]) == GRAPH
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert run.asked()["dataset"] in text and "4 pictures" in text
    assert '- text: "a hat"' in text and "| Weights | last |" in text
    for path in (folder / "images").iterdir():
        shown = PngImageFile(path).text
        assert json.loads(shown["workflow"]) == GRAPH and XMP_KEY in shown
    monkeypatch.setattr(args, "disable_metadata", True)
    folder = shipping.ship(goods, About("open"), GRAPH, private=False)
    assert PngImageFile(folder / "images" / "01.png").text.keys() == {XMP_KEY}


def test_the_best_and_the_last_weights_come_with_their_own_samples(held, monkeypatch):
    from atelier.training.task import Task

    losses = iter([1.0, 2.0])  # at steps 3 and 6: the first is the best
    monkeypatch.setattr(Task, "held_out_loss", lambda *_: (next(losses), {}))
    run = train(held, learning_rate=0.01, name="two", keep="best", **SAMPLED)
    loras = {which: shipping.goods_of(run, which) for which in shipping.KEPT}
    assert same(loras["kept"].lora, loras["best"].lora) and same(loras["kept"].lora, run.lora())
    assert not same(loras["last"].lora, loras["best"].lora)
    samples = folders.pictures() / "runs" / run.name / "samples"
    for which, step in (("best", 3), ("last", 6)):
        (one, *_) = loras[which].pictures
        assert one.tobytes() == Image.open(samples / f"step-{step:06d}-1.png").tobytes()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_run_without_held_out_pictures_has_no_best(wires):
    run = train(wires, name="plain", steps=1)
    with pytest.raises(ValueError, match="measured no held-out loss"):
        shipping.goods_of(run, "best")
    assert same(shipping.goods_of(run, "last").lora, run.lora())
    assert not shipping.goods_of(run, "last").pictures


def test_a_named_file_goes_with_wired_pictures_in_the_precision_asked_for(run):
    name = save_lora(run.lora(), "ship/it", run, None, private=False)
    images = torch.rand(2, 8, 16, 3)
    folder, _ = ship(lora_name=name, images=images, precision="fp16")
    assert files(folder)[1:3] == ["images/01.png", "images/02.png"]
    assert Image.open(folder / "images/02.png").size == (16, 8)
    written = load_file(folder / "my hat.safetensors")
    kinds = {key.endswith(".alpha"): tensor.dtype for key, tensor in written.items()}
    assert kinds == {True: torch.float32, False: torch.float16}
    second, _ = ship(lora_name=name)
    assert second.name == "my hat-2" and files(second) == ["README.md", "my hat.safetensors"]


def test_a_folder_is_whole_or_not_there(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shipping, "card", full)
    with pytest.raises((OSError, ValueError), match=r"cannot be written|No space"):
        ship(run=run)
    assert not list((folders.pictures() / PLACE).iterdir())


def test_bad_inputs_are_refused(run):
    with pytest.raises(ValueError, match="one of the two"):
        ship()
    with pytest.raises(ValueError, match="one of the two"):
        ship(run=run, lora_name="x.safetensors")
    with pytest.raises(ValueError, match="There is no LoRA"):
        ship(lora_name="../../x.safetensors")
    with pytest.raises(ValueError, match="cannot be a file name"):
        ShipLora.execute("../x", True, run=run)
    empty = folders.loras() / "ship-empty.safetensors"
    save_file({}, empty)
    with pytest.raises(ValueError, match="is empty"):
        ship(lora_name=empty.name)
