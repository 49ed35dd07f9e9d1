"""Grids over HTTP: cells are what native graphs give, and only what is missing is drawn."""

import asyncio
import json
import threading
import time

import numpy as np
import pytest
from PIL import Image

from atelier.demo.server import running
from atelier.training.sweep.client import PromptFailed, connect

from .conftest import loader, random_lora, run, stop_after, training

ONE, TWO = "grid/one.safetensors", "grid/two.safetensors"
SIDE, STEPS = 64, 3
PROMPTS = ("a person with red hair", "a sad person")


@pytest.fixture(scope="module", autouse=True)
def loras(base):
    random_lora(base, ONE, 1)
    random_lora(base, TWO, 2)


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


BASE = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2]}


def grid(axes=None, loras=None, patch=None, prompts=PROMPTS[:1], **changes):
    """Evaluation Grid as node 5 with Grid LoRAs and Grid Axes, and nodes before it: `patch` is one
    on the model's wire."""
    settings = {"name": "grid", "prompts": "\n".join(prompts), "negative": "dark", "seeds": "7"}
    settings |= {"strengths": "0.8", "steps": STEPS, "cfg": 3.0, "width": SIDE, "height": SIDE}
    settings |= {"sampler_name": "euler", "scheduler": "simple"}
    own = {"run": "none", "checkpoints": "all", "files": ONE, "stack_rows": "together"}
    graph = {"1": loader(), "6": node("AtelierGridLoras", **own | (loras or {}))}
    graph["7"] = node("AtelierGridAxes", **AXES | (axes or {}), axes=["6", 0])
    graph["5"] = node("AtelierEvaluationGrid", **BASE | settings | {"axes": ["7", 0]} | changes)
    if patch:
        graph["2"] = patch
        graph["5"]["inputs"]["model"] = ["2", 0]
    return graph


AXES = {"rows": "prompt, seed", "combine": "each alone", "steps": "", "cfg": "", "samplers": ""}
AXES |= {"schedulers": "", "sizes": "", "batch_size": 1}
RESCALE = node("RescaleCFG", model=["1", 0], multiplier=0.7)


def advanced(guider=None, **changes):
    """Evaluation Grid (Advanced) as node 5."""
    graph = grid()
    inputs = graph["5"]["inputs"]
    for name in ("steps", "sampler_name", "scheduler"):
        del inputs[name]
    inputs |= {"sampler": ["8", 0], "sigmas": ["9", 0], "guider_kind": "CFGGuider"}
    inputs |= {"guidance": 0.0} | changes
    graph["5"]["class_type"] = "AtelierEvaluationGridAdvanced"
    graph |= sampling_nodes()
    if guider:
        graph |= texts(["1", 1], "any") | {"30": guider}
        inputs["guider"] = ["30", 0]
    return graph


def sampling_nodes():
    return {
        "8": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "9": node("BasicScheduler", model=["1", 0], scheduler="simple", steps=STEPS, denoise=1.0),
    }


def texts(clip, prompt):
    return {
        "20": node("CLIPTextEncode", clip=clip, text=prompt),
        "21": node("CLIPTextEncode", clip=clip, text="dark"),
    }


def with_loras(items, patch=None):
    """Load Checkpoint, `patch`, and a Load LoRA for each (file, strength): graph, model, clip."""
    graph, model, clip = {"1": loader()}, ["1", 0], ["1", 1]
    if patch:
        graph["2"], model = patch, ["2", 0]
    for number, (name, strength) in enumerate(items, 40):
        wires = {"model": model, "clip": clip, "lora_name": name}
        strengths = {"strength_model": strength, "strength_clip": strength}
        graph[str(number)] = node("LoraLoader", **wires | strengths)
        model, clip = [str(number), 0], [str(number), 1]
    return graph, model, clip


def decoded(graph, sampled):
    graph["50"] = node("VAEDecode", samples=sampled, vae=["1", 2])
    graph["51"] = node("SaveImage", images=["50", 0], filename_prefix="native")
    return graph


def latent(batch=1):
    return node("EmptySD3LatentImage", width=SIDE, height=SIDE, batch_size=batch)


def native(cell, how, items, batch=1, patch=None):
    """What a person wires for a cell: KSampler behind Load LoRA."""
    graph, model, clip = with_loras(items, patch)
    graph |= texts(clip, cell["prompt"]) | {"22": latent(batch)}
    wires = {
        "model": model,
        "positive": ["20", 0],
        "negative": ["21", 0],
        "latent_image": ["22", 0],
    }
    names = ("steps", "cfg", "sampler_name", "scheduler")
    settings = {name: (how | cell["settings"])[name] for name in names}
    graph["23"] = node("KSampler", **wires, **settings, seed=cell["seed"], denoise=1.0)
    return decoded(graph, ["23", 0])


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def saved(base, outputs, key="51"):
    return [
        pixels(base / "output" / one["subfolder"] / one["filename"])
        for one in outputs[key]["images"]
    ]


def page_of(outputs):
    return next(value for key, value in outputs.items() if key.split(".")[0] == "5")["images"][0]


def drawn(server, base, prompt):
    """Run a grid; return its manifest and the cells that it drew."""
    before = set(cells(base))
    page = page_of(run(server, prompt))
    folder = base / "output" / page["subfolder"]
    return json.loads((folder / "manifest.json").read_text()), set(cells(base)) - before


def cells(base):
    return (base / "output/atelier/cells").rglob("*.png")


def cell_pixels(base, cell):
    return pixels(base / "output/atelier/cells" / cell["file"])


def test_cells_are_those_of_the_native_graph_with_a_patch_and_in_batches(server, base):
    axes = {"samplers": "euler, dpmpp_2m, heun", "schedulers": "simple, karras", "batch_size": 2}
    told, new = drawn(server, base, grid(axes, patch=RESCALE))
    assert told["column_axes"] == ["strength", "sampler", "scheduler"]
    assert len(new) == len(told["cells"]) == 2 * 2 * 3 * 2
    for first, second in zip(told["cells"][:12], told["cells"][12:], strict=True):
        items = [(ONE, first["strength"])] if first["lora"] else []
        prompt = native(first, told["sampling"], items, batch=2, patch=RESCALE)
        wanted = saved(base, run(server, prompt))
        assert np.array_equal(wanted[first["number"]], cell_pixels(base, first)), first
        assert np.array_equal(wanted[second["number"]], cell_pixels(base, second)), second
    different = {cell_pixels(base, cell).tobytes() for cell in told["cells"]}
    assert len(different) > 20


def test_what_a_node_put_on_the_model_counts(server, base):
    other = node("RescaleCFG", model=["1", 0], multiplier=0.3)
    _, plain = drawn(server, base, grid())
    _, first = drawn(server, base, grid(patch=RESCALE))
    _, second = drawn(server, base, grid(patch=other))
    assert (len(plain), len(first), len(second)) == (2, 2, 2)
    _, again = drawn(server, base, grid(patch=RESCALE, name="again"))
    assert not again


@pytest.mark.parametrize("combine", ["on and off", "all together"])
def test_several_loras_at_once(server, base, combine):
    told, _ = drawn(server, base, grid({"combine": combine}, {"files": f"{ONE}\n{TWO}"}))
    both = [cell for cell in told["cells"] if "+" in cell["lora"]]
    assert len(told["cells"]) == (4 if combine == "on and off" else 2) and len(both) == 1
    prompt = native(both[0], told["sampling"], [(ONE, 0.8), (TWO, 0.8)])
    assert np.array_equal(saved(base, run(server, prompt))[0], cell_pixels(base, both[0]))


def test_a_stack_is_applied_as_apply_stack_does(server, base):
    rows = [{"lora": ONE, "model": 0.5, "blocks": {"joint_blocks.0.*": 0}}, {"lora": TWO}]
    rows[1]["schedule"] = [[0, 1], [0.5, 0]]
    stack = node("AtelierLoraStack", rows=json.dumps({"version": 1, "rows": rows}))
    prompt = grid(loras={"files": "", "stack": ["10", 0]}, strengths="1") | {"10": stack}
    told, _ = drawn(server, base, prompt)
    (cell,) = [cell for cell in told["cells"] if cell["lora"]]
    graph = native(cell, told["sampling"], []) | {"10": stack}
    graph["11"] = node("AtelierApplyStack", model=["1", 0], clip=["1", 1], stack=["10", 0])
    graph["23"]["inputs"]["model"] = ["11", 0]
    graph["20"]["inputs"]["clip"] = graph["21"]["inputs"]["clip"] = ["11", 1]
    assert np.array_equal(saved(base, run(server, graph))[0], cell_pixels(base, cell))


GUIDERS = {
    "CFGGuider": {"positive": ["20", 0], "negative": ["21", 0], "cfg": 3.0},
    "BasicGuider": {"conditioning": ["20", 0]},
    "DualCFGGuider": {
        "cond1": ["20", 0],
        "cond2": ["21", 0],
        "negative": ["21", 0],
        "style": "regular",
        "cfg_conds": 3.0,
        "cfg_cond2_negative": 2.0,
    },
}


@pytest.mark.parametrize(
    ("kind", "wired"),
    [("CFGGuider", False), ("BasicGuider", False), ("CFGGuider", True), ("DualCFGGuider", True)],
)
def test_a_chain_of_sampling_nodes_gives_what_it_gives_natively(server, base, kind, wired):
    """Wired guiders keep their negative as it was encoded: without the LoRA's text encoder."""
    guider = node(kind, model=["1", 0], **GUIDERS[kind]) if wired else None
    more = {} if wired else {"guider_kind": kind}
    told, _ = drawn(server, base, advanced(guider, **more))
    assert len(told["cells"]) == 2
    for cell in told["cells"]:
        graph, model, clip = with_loras([(ONE, 0.8)] if cell["lora"] else [])
        graph |= texts(clip, cell["prompt"]) | sampling_nodes() | {"22": latent()}
        if wired:
            graph["21"]["inputs"]["clip"] = ["1", 1]
        graph["30"] = node(kind, model=model, **GUIDERS[kind])
        graph["31"] = node("RandomNoise", noise_seed=cell["seed"])
        wires = {"noise": ["31", 0], "guider": ["30", 0], "sampler": ["8", 0], "sigmas": ["9", 0]}
        graph["23"] = node("SamplerCustomAdvanced", **wires, latent_image=["22", 0])
        wanted = saved(base, run(server, decoded(graph, ["23", 0])))[0]
        assert np.array_equal(wanted, cell_pixels(base, cell)), cell


@pytest.mark.parametrize("rows", ["prompt, seed", "seed"])
def test_another_prompt_is_its_own_row_or_column(server, base, rows):
    axes, name = {"rows": rows}, f"changed {rows}"
    seeds = "11, 12" if rows == "seed" else "13, 14"
    before = drawn(server, base, grid(axes, prompts=PROMPTS, seeds=seeds, name=name))
    changed = (PROMPTS[0], "a smiling person")
    told, new = drawn(server, base, grid(axes, prompts=changed, seeds=seeds, name=name))
    assert len(before[1]) == 8 and len(new) == 4
    files = {cell["file"] for cell in told["cells"] if cell["prompt"] == changed[1]}
    assert {path.relative_to(base / "output/atelier/cells").as_posix() for path in new} == files
    lines = {cell["row" if rows != "seed" else "column"] for cell in told["cells"]
             if cell["prompt"] == changed[1]}  # fmt: skip
    assert lines == ({2, 3} if rows != "seed" else {1, 3})


def test_the_checkpoints_of_a_run(server, base):
    graph = training(name="steps", steps=4, batch_size=1)
    options = {"validate_every": 0, "patience": 0, "keep": "last", "save_every": 2}
    graph["9"] = node("AtelierValidationOptions", **options, keep_loras=True)
    graph["3"]["inputs"]["options"] = ["9", 0]
    (name,) = run(server, graph)["4"]["text"]
    told, _ = drawn(server, base, grid(loras={"run": "steps", "files": ""}))
    assert told["columns"][1:] == [
        {"checkpoint": f"step {step}", "strength": "0.8"} for step in (2, 4)
    ]
    cell = told["cells"][2]
    assert (cell["lora"], cell["checkpoint"]) == ("steps", 4)
    items = [(name.removeprefix("models/loras/"), 0.8)]
    wanted = saved(base, run(server, native(cell, told["sampling"], items)))[0]
    assert np.array_equal(wanted, cell_pixels(base, cell))
    assert not np.array_equal(wanted, cell_pixels(base, told["cells"][1]))


def test_pages_travel_on_as_pictures(server, base):
    prompt = grid() | {"60": node("SaveImage", images=["5", 0], filename_prefix="page")}
    outputs = run(server, prompt)
    page = page_of(outputs)
    (wanted,) = saved(base, outputs, "60")
    assert np.array_equal(wanted, pixels(base / "output" / page["subfolder"] / page["filename"]))


REFUSED = {
    "a sampler": (grid({"samplers": "eular"}), "samplers: 'eular' is none that ComfyUI has"),
    "a file": (grid(loras={"files": "no"}), "There is no LoRA 'no' in models/loras"),
    "a run": (grid(loras={"run": "../runs"}), "there is no run '../runs'"),
    "no LoRA": (grid(loras={"files": ""}), "Grid LoRAs names no LoRA"),
    "a heading": (grid(prompts=["## contexts", "a"]), "'## contexts' is no heading of a suite"),
    "a name": (grid(name="../x"), "cannot be a file name"),
    "wired cfg": (advanced(guider_kind="BasicGuider"), "cfg: the guider that is used has its own"),
}
REFUSED["wired cfg"][0]["7"]["inputs"]["cfg"] = "1, 2"


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_drawn_is_said(server, what):
    prompt, message = REFUSED[what]
    with pytest.raises(PromptFailed) as failure:
        run(server, prompt)
    assert message in str(failure.value)


def test_a_cancelled_grid_keeps_its_cells_and_goes_on(server, base):
    prompt = grid(prompts=PROMPTS, seeds="31, 32, 33", name="cancelled", steps=20)
    before = set(cells(base))

    async def cancel():
        async with connect(server.address) as client:
            with pytest.raises(PromptFailed, match="cancelled"):
                await stop_after(client, prompt, "2 of 12 pictures")

    asyncio.run(cancel())
    kept = set(cells(base)) - before
    assert 2 <= len(kept) < 12
    assert not (base / "output/atelier/grids/cancelled").exists()
    told, new = drawn(server, base, prompt)
    assert len(told["cells"]) == 12 and len(new) == 12 - len(kept)


def test_a_killed_server_goes_on_from_its_cells(server, base):
    """More cells than are drawn in one part; time and count are told."""
    prompt = grid(prompts=PROMPTS, seeds="21, 22, 23, 24, 25, 26", name="killed", patch=RESCALE)
    before = set(cells(base))

    def kill(started):
        deadline = time.monotonic() + 120
        while len(set(cells(base)) - before) < 11 and time.monotonic() < deadline:
            time.sleep(0.02)
        started.kill()

    with running(base) as started:
        thread = threading.Thread(target=kill, args=(started,))
        thread.start()
        with pytest.raises(PromptFailed, match="is gone|forgot"):
            run(started, prompt)
        thread.join()
    kept = {path: path.stat().st_mtime_ns for path in set(cells(base)) - before}
    assert 11 <= len(kept) < 24
    said = []
    with_text = {"watch": lambda kind, data: said.append(data.get("text", ""))}
    run(server, prompt, **with_text)
    counts = [text for text in said if "pictures" in text]  # what is to come is told first
    assert counts[0].startswith(f"{24 - len(kept)} pictures to draw, about")
    assert len(counts) == 1 + 24 - len(kept)
    assert len(set(cells(base)) - before) == 24
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert (base / "output/atelier/grids/killed/manifest.json").is_file()
