"""The nodes as their users have them: prompts over HTTP to a real ComfyUI server."""

import asyncio
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from safetensors import safe_open

from atelier.demo.install import CHECKPOINT
from atelier.demo.server import running
from atelier.training.mark import MADE_BY_MACHINE, XMP_KEY
from atelier.training.save import PUBLIC
from atelier.training.sweep.client import PromptFailed, connect

from .conftest import grid, loader, native, run, stop_after, training

WORKFLOW = {"nodes": [], "links": [], "marker": "the graph"}
PROMPTS = ("a person with red hair", "a sad person")


def runs(base):
    return sorted(path.name for path in (base / "user" / "__atelier" / "runs").glob("*"))


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def saved_picture(base, outputs):
    shown = outputs["16"]["images"][0]
    return base / "output" / shown["subfolder"] / shown["filename"]


@pytest.fixture(scope="module")
def made(server):
    """The outputs of one training with its grid."""
    return run(server, training() | grid(), workflow=WORKFLOW)


@pytest.fixture(scope="module")
def lora(made):
    return made["4"]["text"][0].removeprefix("models/loras/")


@pytest.fixture(scope="module")
def manifest(made, base):
    return json.loads((base / "output/atelier/grids/grid/manifest.json").read_text())


def test_the_file_says_what_it_was_made_from(base, lora):
    with safe_open(base / "models" / "loras" / lora, "np") as file:
        metadata = file.metadata()
        assert all(key.startswith("diffusion_model.joint_blocks.") for key in file.keys())  # noqa: SIM118
    assert lora == "test/lora_00001.safetensors"
    assert json.loads(metadata["workflow"])["marker"] == "the graph"
    assert metadata["ss_network_dim"] == "4"
    assert json.loads(metadata["atelier.run"])["config"]["steps"] == 8
    assert metadata["ss_sd_model_name"] == CHECKPOINT


def graph_in(path):
    """The graph that a picture of ours brings back, and the nodes that were queued."""
    text = PngImageFile(path).text
    assert MADE_BY_MACHINE in text[XMP_KEY], path
    return json.loads(text["workflow"]), set(json.loads(text["prompt"]))


def test_cells_and_pages_carry_the_graph_that_drew_them(base, made, manifest):
    cells = [base / "output/atelier/cells" / cell["file"] for cell in manifest["cells"]]
    pages = [base / "output/atelier/grids/grid" / name for name in manifest["pages"]]
    assert len(cells) == 12 and pages
    for path in (*cells, *pages):
        assert graph_in(path) == (WORKFLOW, {"1", "2", "3", "4", "5"}), path


def test_every_cell_is_what_the_native_nodes_give(server, base, lora, manifest, made):
    cells = manifest["cells"]
    assert [c["strength"] for c in cells[:3]] == [0.0, 0.5, 1.0]
    assert {c["prompt"] for c in cells} == set(PROMPTS) and len(cells) == 12
    for number in (0, 1, 2, 7, 11):
        cell = cells[number]
        prompt = native(lora, cell["strength"], cell["prompt"], cell["seed"], f"native-{number}")
        drawn = saved_picture(base, run(server, prompt))
        ours = base / "output" / "atelier" / "cells" / cell["file"]
        assert np.array_equal(pixels(drawn), pixels(ours)), cell


def test_the_lora_changes_the_picture(base, manifest):
    first, half, full = (base / "output/atelier/cells" / c["file"] for c in manifest["cells"][:3])
    assert np.abs(pixels(first).astype(int) - pixels(full)).mean() > 1
    assert not np.array_equal(pixels(half), pixels(full))


def test_the_pages_reach_the_canvas(made, base):
    output = next(value for key, value in made.items() if key.split(".")[0] == "5")
    shown = output["images"][0]
    page = Image.open(base / "output" / shown["subfolder"] / shown["filename"])
    assert page.width > 3 * 128 and page.height > 4 * 128
    curve = made["3"]["loss_curve"][0]
    assert Image.open(base / "output" / curve["subfolder"] / curve["filename"]).width == 768


def test_queued_again_nothing_is_trained_or_drawn_twice(server, base, made, lora):
    before = runs(base)
    cells = {p: p.stat().st_mtime_ns for p in (base / "output/atelier/cells").rglob("*.png")}
    # a changed seed of the grid keeps ComfyUI's own cache from answering for the grid
    again = run(server, training() | grid(seeds="2, 1"), workflow=WORKFLOW)
    assert runs(base) == before == ["test"]
    assert all(path.stat().st_mtime_ns == time for path, time in cells.items())
    assert len(list((base / "output/atelier/cells").rglob("*.png"))) == len(cells)
    assert not again.get("4") or again["4"]["text"] == [f"models/loras/{lora}"]


def test_one_changed_prompt_draws_its_own_rows_only(server, base, made):
    before = set((base / "output/atelier/cells").rglob("*.png"))
    run(server, training() | grid(prompts=f"{PROMPTS[0]}\na happy person"))
    after = set((base / "output/atelier/cells").rglob("*.png"))
    assert before <= after and len(after - before) == 6


def test_after_a_restart_it_is_found_on_disk(base, made, lora):
    log = base / "user" / "__atelier" / "runs" / "test" / "log.jsonl"
    written = log.stat().st_mtime_ns
    grids = sorted((base / "output/atelier/grids").iterdir())
    with running(base) as restarted:
        again = run(restarted, training() | grid(), workflow=WORKFLOW)
    assert runs(base) == ["test"]
    assert log.stat().st_mtime_ns == written
    assert again["4"]["text"] == [f"models/loras/{lora}"]
    assert sorted((base / "output/atelier/grids").iterdir()) == grids
    assert len(list((base / "models/loras/test").iterdir())) == 1


@pytest.mark.parametrize("change", ["caption", "setting"])
def test_a_change_is_another_run(server, base, made, change):
    before = len(runs(base))
    caption = next((base / "input" / "pictures").glob("*.txt"))
    text = caption.read_text()
    if change == "caption":
        caption.write_text("another caption")
    run(server, training(**({"rank": 2} if change == "setting" else {})))
    caption.write_text(text)
    assert len(runs(base)) == before + 1


def test_cancel_aborts_and_queued_again_it_goes_on(server, base):
    prompt = training(name="long", steps=120, batch_size=1) | grid(name="after-cancel")
    prompt["4"]["inputs"]["filename_prefix"] = "test/cancelled"

    async def cancel():
        async with connect(server.address) as client:
            with pytest.raises(PromptFailed, match="cancelled"):
                await stop_after(client, prompt, "Step 40 of 120")

    asyncio.run(cancel())
    assert not list((base / "models/loras").rglob("cancelled*"))
    assert not (base / "output/atelier/grids/after-cancel").exists()

    texts = []
    outputs = run(server, prompt, watch=lambda kind, data: texts.append(data.get("text", "")))
    steps = [int(text.split()[1]) for text in texts if text.startswith("Step ")]
    assert min(steps) > 40 and max(steps) == 120
    assert outputs["4"]["text"] == ["models/loras/test/cancelled_00001.safetensors"]
    assert "long-2" not in runs(base)
    run_folder = base / "user" / "__atelier" / "runs" / "long"
    lines = [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 121))


BAD = {
    "an empty folder": ({}, lambda folder: folder.mkdir(), "There is no picture in"),
    "no such folder": ({}, lambda folder: None, "There is no folder"),
    "a picture that is none": (
        {},
        lambda folder: (folder.mkdir(), (folder / "bad.png").write_text("no")),
        "bad.png cannot be read as a picture",
    ),
    "a wrong encoding": (
        {},
        lambda folder: _with_caption(folder, "Käse".encode("latin-1")),
        "one.txt is not UTF-8 text",
    ),
    "a missing caption": ({}, lambda folder: _with_caption(folder, b""), "No caption for"),
    "a batch that is too large": (
        {"batch_size": 9},
        lambda folder: _with_caption(folder, b"hat"),
        "1 pictures are fewer than the batch size 9",
    ),
    "a truncated picture": (
        {"batch_size": 1},
        lambda folder: _truncated(folder),  # defined below
        "one.png cannot be read as a picture",
    ),
    "a name with a path": (
        {"name": "../../x", "batch_size": 1},
        lambda folder: _with_caption(folder, b"hat"),
        "cannot be a file name",
    ),
}


def _with_caption(folder, caption):
    folder.mkdir()
    Image.effect_noise((64, 64), 90).convert("RGB").save(folder / "one.png")
    (folder / "one.txt").write_bytes(caption)


def _truncated(folder):
    _with_caption(folder, b"hat")
    whole = (folder / "one.png").read_bytes()
    (folder / "one.png").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_and_nothing_is_written(server, base, name):
    settings, make, message = BAD[name]
    folder = base / "input" / "bad"
    shutil.rmtree(folder, ignore_errors=True)
    make(folder)
    before = runs(base)
    prompt = training(**settings)
    prompt["2"]["inputs"]["folder"] = "bad"
    with pytest.raises(PromptFailed) as failure:
        run(server, prompt)
    assert message in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert runs(base) == before


@pytest.mark.parametrize(
    "folder", ["/etc", "../user", "../../..", "C:\\Windows", "\\\\host\\share"]
)
def test_folders_outside_are_refused(server, folder):
    prompt = training()
    prompt["2"]["inputs"]["folder"] = folder
    with pytest.raises(
        PromptFailed, match="outside the folders that may be read|There is no folder"
    ):
        run(server, prompt)


def test_a_folder_that_the_user_listed_is_read(server, base, tmp_path):
    shutil.copytree(base / "input" / "pictures", tmp_path / "mine")
    prompt = training(steps=1)
    prompt["2"]["inputs"]["folder"] = str(tmp_path / "mine")
    with pytest.raises(PromptFailed, match=r"folders\.txt"):
        run(server, prompt)
    (base / "user" / "__atelier" / "folders.txt").write_text(f"# mine\n{tmp_path}\n")
    assert run(server, prompt)["4"]


def test_runs_and_settings_cannot_be_fetched(server, base, made):
    async def fetch(path):
        async with connect(server.address) as client:
            answer = await client.http.get(f"{server.address}{path}")
            return answer.status

    for path in (
        "/view?filename=config.json&subfolder=../user/__atelier/runs/test&type=output",
        "/userdata/..%2F__atelier%2Fruns%2Ftest%2Fconfig.json",
        "/api/userdata/__atelier%2Fruns%2Ftest%2Fconfig.json",
    ):
        assert asyncio.run(fetch(path)) in (400, 403, 404), path


def test_a_file_shared_safely_has_nothing_personal_in_it(server, base, made):
    prompt = training()
    prompt["4"]["inputs"] |= {"share_safely": True, "filename_prefix": "test/shared"}
    name = run(server, prompt, workflow={"nodes": [], "links": []})["4"]["text"][0]
    with safe_open(base / name, "np") as file:
        kept = set(file.metadata())
    assert "ss_network_dim" in kept and "modelspec.title" in kept
    assert not [key for key in kept if not key.startswith(PUBLIC)]

    prompt["4"]["inputs"]["filename_prefix"] = "test/lora"  # written in full before
    again = run(server, prompt)["4"]["text"][0]
    with safe_open(base / again, "np") as file:
        assert "workflow" not in file.metadata()


CHOSEN = {
    "AtelierDataOptions": {"flip": True, "caption_dropout": 0.5},
    "AtelierAdapterOptions": {"adapter": "dora", "targets": "attention"},
    "AtelierObjectiveOptions": {"loss": "huber"},
    "AtelierOptimizerOptions": {"ema_decay": 0.5, "warmup": 1},
    "AtelierSamplingOptions": {
        "sample_every": 2,
        "sample_prompts": "a person",
        "sample_steps": 2,
        "sample_guidance": 3.0,
    },
}


def described(server):
    async def go():
        async with connect(server.address) as client:
            return await client.get("/object_info")

    return asyncio.run(go())


def default(spec):
    """What the page puts into a widget that nobody has touched."""
    kind, settings = spec[0], spec[1] if len(spec) > 1 else {}
    return settings.get("default", kind[0] if isinstance(kind, list) else None)


def test_all_options_nodes_in_a_chain(server, base):
    """Each as the page would queue it: untouched widgets, some of them changed."""
    info = described(server)
    kinds = sorted(k for k in info if re.fullmatch(r"Atelier\w+Options", k))
    assert CHOSEN.keys() < set(kinds)
    prompt = training(name="options", steps=4)
    before = None
    for number, kind in enumerate(kinds, 20):
        inputs = {name: default(spec) for name, spec in info[kind]["input"]["required"].items()}
        inputs |= CHOSEN.get(kind, {}) | ({"options": before} if before else {})
        prompt[str(number)] = {"class_type": kind, "inputs": inputs}
        before = [str(number), 0]
    prompt["3"]["inputs"]["options"] = before
    run(server, prompt, workflow=WORKFLOW)
    folder = base / "user" / "__atelier" / "runs" / "options"
    config = json.loads((folder / "config.json").read_text())["config"]
    for settings in CHOSEN.values():
        assert settings.items() <= config.items()
    assert json.loads((folder / "plan.json").read_text())["step"] > 0
    samples = base / "output" / "atelier" / "runs" / "options" / "samples"
    drawn = list(samples.iterdir())
    assert len(drawn) == 3
    assert [graph_in(path)[0] for path in drawn] == [WORKFLOW] * 3


def test_a_lora_is_gone_on_from_by_its_file(server, lora):
    prompt = training(name="onward", steps=2)
    prompt["6"] = {"class_type": "AtelierLoadLoraFile", "inputs": {"lora_name": lora}}
    prompt["3"]["inputs"]["continue_from"] = ["6", 0]
    assert run(server, prompt)["4"]["text"]


def test_inspect_base_says_what_it_is(server):
    prompt = {
        "1": loader(),
        "7": {"class_type": "AtelierInspectBase", "inputs": {"model": ["1", 0], "rank": 16}},
    }
    (text,) = run(server, prompt)["7"]["text"]
    assert "Stable Diffusion 3" in text and "flow" in text
