"""Write the templates in `workflows/`, which ComfyUI's page offers under Browse Templates.

    python dev.py python -m atelier.demo.templates                write the workflows
    python dev.py python -m atelier.demo.templates --thumbnails   run them too, for their pictures

A template is described below by what a person sees: nodes, values, wires, places. The names and
the order of inputs, widgets and outputs come from a running server, so that a template that no
longer fits the nodes cannot be written.
"""

import argparse
import asyncio
import json
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ..training.files import atomic
from ..training.sweep import client
from ..training.sweep.workflow import Workflow
from . import install
from .server import Server, running
from .template_notes import FIRST_NOTE, FOUR_NOTE, WORD_NOTE

WORKFLOWS = Path(__file__).resolve().parent.parent / "workflows"

TRAINING: dict[str, Any] = {
    "steps": 400,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "rank": 16,
    "resolution": 128,
    "seed": 1,
}
PROMPTS = (
    "a pixel portrait of a smiling person with short blonde hair, wearing a hat, a blue backdrop",
    "a sad person with long red hair, pale skin, wearing a hat, green background",
    "portrait of a person with cropped black hair, glasses, wearing a hat, a pink wall behind",
    "a pixel portrait of a happy person with long brown hair, yellow background",
)
GRID: dict[str, Any] = {
    "prompts": "\n".join(PROMPTS),
    "negative": "",
    "strengths": "0.5, 1",
    "seeds": "1, 2",
    "steps": 20,
    "cfg": 3.0,
    "sampler_name": "euler",
    "scheduler": "simple",
    "width": 128,
    "height": 128,
}

THUMBNAIL = (400, 300)
TITLE, GAP = 30, 20  # height of a node's title bar above its position; room around a group, in px
SCREEN = (80, 130, 1280, 640)  # the canvas between the page's bars on a laptop: left, top, size


@dataclass(frozen=True)
class Node:
    """A node on the canvas; a wire is written `input name: "node.OUTPUT NAME"`."""

    kind: str
    at: tuple[int, int]
    size: tuple[int, int]
    title: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    wires: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Template:
    """Nodes by a short name, and the groups around them: title and short names."""

    nodes: Mapping[str, Node]
    groups: Mapping[str, Sequence[str]]


BASE = {"model": "base.MODEL", "clip": "base.CLIP", "vae": "base.VAE"}
NOTE = "MarkdownNote"


def _note(text: str, size: tuple[int, int]) -> Node:
    return Node(NOTE, (0, 0), size, "Read me", {"text": text})


def _base(at: tuple[int, int], title: str = "", width: int = 340) -> Node:
    values = {"ckpt_name": install.CHECKPOINT}
    return Node("CheckpointLoaderSimple", at, (width, 100), title, values)


def _pictures(folder: str, at: tuple[int, int], title: str = "") -> Node:
    values = {"folder": f"{install.FOLDER}/{folder}"}
    return Node("AtelierLoadDataset", at, (340, 360), title, values)


def _train(name: str, at: tuple[int, int], **more: str) -> Node:
    wires = BASE | {"dataset": "hats.dataset"} | more
    return Node("AtelierTrainLora", at, (400, 600), values=TRAINING | {"name": name}, wires=wires)


def _save(prefix: str, at: tuple[int, int], width: int = 400) -> Node:
    values = {"filename_prefix": prefix}
    wires = {"lora": "train.lora", "run": "train.run"}
    return Node("AtelierSaveLora", at, (width, 260), values=values, wires=wires)


def _grid(name: str, at: tuple[int, int]) -> Node:
    wires = BASE | {"lora": "train.lora"}
    return Node("AtelierEvaluationGrid", at, (520, 940), values=GRID | {"name": name}, wires=wires)


TEMPLATES = {
    "first-lora": Template(
        nodes={
            "note": _note(FIRST_NOTE, (340, 230)),
            "base": _base((0, 350)),
            "hats": _pictures("hats", (0, 500), "Load Dataset: what to learn"),
            "held_out": _pictures("held-out", (0, 920), "Load Dataset: held out, to measure"),
            "class": _pictures("class", (0, 1340), "Load Dataset: the same without it"),
            "train": _train(
                "demo-hats", (420, 0), class_pictures="class.dataset", held_out="held_out.dataset"
            ),
            "save": _save("atelier/demo-hats", (420, 1000)),
            "grid": _grid("demo-hats", (900, 0)),
        },
        groups={
            "1 · Base and pictures": ("base", "hats", "held_out", "class"),
            "2 · Train and save": ("train", "save"),
            "3 · Judge": ("grid",),
        },
    ),
    "folder-and-word": Template(
        nodes={
            "note": _note(WORD_NOTE, (290, 680)),
            "base": _base((320, 0), "1 · Load Checkpoint", 310),
            "pictures": Node(
                "AtelierLoadDataset",
                (320, 160),
                (310, 360),
                "2 · Load Dataset",
                {"folder": f"{install.FOLDER}/hats", "default_caption": "a picture"},
            ),
            "preset": Node(  # ComfyUI 0.33 shows its long text on it: nothing may lie below
                "AtelierTrainPreset",
                (660, 0),
                (330, 240),
                "3 · Train Preset",
                {"purpose": "concept", "effort": "quick", "trigger_word": "ohwx"},
                {"model": "base.MODEL", "dataset": "pictures.dataset"},
            ),
            "train": Node(
                "AtelierTrainLora",
                (1020, 0),
                (350, 600),
                values={"name": "my-word", "seed": 1},
                wires=BASE | {"dataset": "preset.dataset", "options": "preset.options"},
            ),
            "suite": Node(
                "AtelierPromptSuite",
                (1400, 0),
                (330, 560),
                values={"training": 3, "trigger_alone": 1, "contexts": 0, "styles": 0, "plain": 0},
                wires={"dataset": "preset.dataset"},
            ),
            "save": _save("atelier/my-word", (1400, 735), 330),
            "grid": Node(
                "AtelierEvaluationGrid",
                (1760, 0),
                (400, 900),
                "4 · Evaluation Grid",
                GRID | {"name": "my-word", "prompts": "", "strengths": "1", "seeds": "1"},
                BASE
                | {"lora": "train.lora", "prompts": "suite.prompts"}
                | {"width": "preset.resolution", "height": "preset.resolution"},
            ),
        },
        groups={},
    ),
    "four-nodes": Template(
        nodes={
            "note": _note(FOUR_NOTE, (340, 360)),
            "base": _base((0, 440)),
            "hats": _pictures("hats", (0, 600)),
            "train": _train("my-lora", (420, 0)),
            "grid": _grid("my-lora", (900, 0)),
        },
        groups={},
    ),
}


# ---------------------------------------------------------------- writing


def build(name: str, object_info: Mapping[str, Any]) -> Workflow:
    """The template `name` as ComfyUI's page saves it.

    Raises `ValueError` for a node, input, value or output that the server does not have.
    """
    template = TEMPLATES[name]
    numbers = {key: number for number, key in enumerate(template.nodes, start=1)}
    nodes = {key: _saved(node, numbers[key], object_info) for key, node in template.nodes.items()}
    links: list[list[Any]] = []
    for key, node in template.nodes.items():
        for slot, wire in node.wires.items():
            source, output = wire.split(".")
            links.append(_link(len(links) + 1, nodes[source], output, nodes[key], slot))
    groups = [
        _group(number, title, [template.nodes[key] for key in keys])
        for number, (title, keys) in enumerate(template.groups.items(), start=1)
    ]
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"atelier/{name}")),
        "revision": 0,
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": list(nodes.values()),
        "links": links,
        "groups": groups,
        "config": {},
        "extra": {"ds": _view(template.nodes.values())},
        "version": 0.4,
    }


def _saved(node: Node, number: int, object_info: Mapping[str, Any]) -> dict[str, Any]:
    saved: dict[str, Any] = {
        "id": number,
        "type": node.kind,
        "pos": list(node.at),
        "size": list(node.size),
        "flags": {},
        "order": number - 1,  # described from left to right, as they run
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "properties": {},
        "widgets_values": list(node.values.values()),
    }
    if node.title:
        saved["title"] = node.title
    if node.kind == NOTE:
        return saved | {"color": "#432", "bgcolor": "#653"}
    if node.kind not in object_info:
        raise ValueError(f"The server has no node {node.kind!r}.")
    info = object_info[node.kind]
    inputs = _inputs(info)
    widgets = {key: spec for key, spec in inputs.items() if _is_widget(spec)}
    sockets = {key: spec for key, spec in inputs.items() if key not in widgets or key in node.wires}
    unknown = (node.values.keys() - widgets.keys()) | (node.wires.keys() - sockets.keys())
    if unknown:
        raise ValueError(f"{node.kind} has no input {', '.join(sorted(unknown))}.")
    saved["properties"] = {"Node name for S&R": node.kind}
    saved["inputs"] = [
        {"name": key, "type": spec[0], "link": None}
        | ({"shape": 7} if key in info["input"].get("optional", {}) else {})  # drawn hollow
        | ({"widget": {"name": key}} if key in widgets else {})
        for key, spec in sockets.items()
    ]
    saved["outputs"] = [
        {"name": key, "type": kind, "links": []}
        for key, kind in zip(info["output_name"], info["output"], strict=True)
    ]
    saved["widgets_values"] = [_value(node, key, spec) for key, spec in widgets.items()]
    return saved


def _inputs(info: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What a node takes: the specification of each input by its name, in the order on the node."""
    return {
        name: info["input"][group][name]
        for group in ("required", "optional")
        for name in info["input_order"].get(group, [])
    }


def _is_widget(spec: list[Any]) -> bool:
    return isinstance(spec[0], list) or spec[0] in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def _value(node: Node, key: str, spec: list[Any]) -> Any:
    options = spec[1] if len(spec) > 1 else {}
    value = node.values.get(key, options.get("default"))
    choices = spec[0] if isinstance(spec[0], list) else options.get("options")
    if choices is not None and value not in choices:
        raise ValueError(f"{node.kind}: {key} cannot be {value!r}; there is {', '.join(choices)}.")
    return value


def _link(
    number: int, source: dict[str, Any], output: str, target: dict[str, Any], slot: str
) -> list[Any]:
    """Wire two saved nodes; return the link as the page saves it."""
    out = [found["name"] for found in source["outputs"]]
    if output not in out:
        raise ValueError(f"{source['type']} has no output {output}; it has {', '.join(out)}.")
    place = [found["name"] for found in target["inputs"]].index(slot)
    kind = source["outputs"][out.index(output)]["type"]
    source["outputs"][out.index(output)]["links"].append(number)
    target["inputs"][place]["link"] = number
    return [number, source["id"], out.index(output), target["id"], place, kind]


def _group(number: int, title: str, nodes: Sequence[Node]) -> dict[str, Any]:
    left, top, right, bottom = _around(nodes)
    return {
        "id": number,
        "title": title,
        "bounding": [left, top, right - left, bottom - top],
        "color": "#3f789e",
        "font_size": 22,
        "flags": {},
    }


def _around(nodes: Sequence[Node]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a group around `nodes`, its title included."""
    return (
        min(node.at[0] for node in nodes) - GAP,
        min(node.at[1] for node in nodes) - TITLE - GAP - TITLE,
        max(node.at[0] + node.size[0] for node in nodes) + GAP,
        max(node.at[1] + node.size[1] for node in nodes) + GAP,
    )


def _view(nodes: Iterable[Node]) -> dict[str, Any]:
    """Where the canvas opens: all nodes on a laptop's screen.

    It is also what makes Nodes 2.0 place nodes right (frontend 1.32.9): while the page itself fits
    a graph to the screen, they are measured at one scale and placed at another.
    """
    left, top, right, bottom = _around(list(nodes))
    scale = round(min(SCREEN[2] / (right - left), SCREEN[3] / (bottom - top)), 2)
    return {
        "scale": scale,
        "offset": [round(SCREEN[0] / scale) - left, round(SCREEN[1] / scale) - top],
    }


async def write(server: Server) -> list[Path]:
    """Write every template to `workflows/`, by the nodes of `server`; return the files."""
    async with client.connect(server.address) as session:
        object_info = await session.get("/object_info")
    made = []
    for name in TEMPLATES:
        path = WORKFLOWS / f"{name}.json"
        text = json.dumps(build(name, object_info), indent=1, ensure_ascii=False)
        with atomic(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        made.append(path)
    return made


# ---------------------------------------------------------------- thumbnails


def thumbnail(grid: Image.Image) -> Image.Image:
    """The top of a grid, cut at the shape of `THUMBNAIL` and made that small."""
    height = min(grid.height, math.floor(grid.width * THUMBNAIL[1] / THUMBNAIL[0]))
    top = grid.convert("RGB").crop((0, 0, grid.width, height))
    return top.resize(THUMBNAIL, Image.Resampling.LANCZOS)


async def run(server: Server, workflow: Workflow) -> Path:
    """Run a template on `server`; return the grid's first page."""
    async with client.connect(server.address) as session:
        prompt = await session.prompt_of(workflow)
        outputs = await session.run(prompt, workflow, _show)
    grids = {key for key, node in prompt.items() if node["class_type"] == "AtelierEvaluationGrid"}
    # the page is laid out by a node that the grid's node brought with it: "8.0.0.25" of "8"
    shown = next(out["images"][0] for key, out in outputs.items() if key.split(".")[0] in grids)
    return server.base / "output" / shown["subfolder"] / shown["filename"]


def _show(kind: str, data: Mapping[str, Any]) -> None:
    if kind == "text":
        print(f"  {data['text']}", flush=True)


async def picture(server: Server, path: Path) -> Path:
    """Run the template at `path` and write its thumbnail beside it."""
    print(path.name, flush=True)
    grid = await run(server, json.loads(path.read_text(encoding="utf-8")))
    made = path.with_suffix(".jpg")
    with Image.open(grid) as page, atomic(made) as temporary:
        thumbnail(page).save(temporary, "JPEG", quality=90)
    return made


async def make(server: Server, thumbnails: bool) -> None:
    for path in await write(server):
        print(path)
        if thumbnails:
            print(await picture(server, path))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the templates in workflows/.")
    parser.add_argument("--thumbnails", action="store_true", help="run them and picture the grids")
    options = parser.parse_args()
    install.install()
    with running() as server:
        asyncio.run(make(server, options.thumbnails))


if __name__ == "__main__":
    main()
