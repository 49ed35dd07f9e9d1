"""What we save, dropped on the canvas, brings back the graph that made it."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from atelier.demo.server import Server
from atelier.training.evaluation.grid import save_cell
from atelier.training.mark import graph_texts
from atelier.training.metadata import thumbnail
from atelier.training.save import metadata_of

from .canvas import PATIENCE, opened
from .test_templates import ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
DROP = """async ([name, type, text]) => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    app.canvas.canvas.dispatchEvent(new DragEvent("drop", { ...how, clientX: 800, clientY: 450 }));
}"""
KINDS = "wanted => app.graph.nodes.map(node => node.type).sort().join() === wanted"


def brings_back(
    browser: "Browser", server: Server, file: Path, kind: str, wanted: dict[str, Any]
) -> None:
    with opened(browser, server) as canvas:
        before = canvas.types()
        text = base64.b64encode(file.read_bytes()).decode()
        canvas.page.evaluate(DROP, [file.name, kind, text])
        kinds = sorted(node["type"] for node in wanted["nodes"])
        canvas.page.wait_for_function(KINDS, arg=",".join(kinds), timeout=PATIENCE)
        assert sorted(before) != kinds and not canvas.missing()
        assert ours(canvas.complaints) == []


def test_a_dropped_cell_brings_back_its_graph(browser: "Browser", server: Server) -> None:
    wanted = read("first-lora")
    cells: Path = server.base / "output" / "atelier" / "cells"
    texts = graph_texts({"workflow": wanted, "prompt": {"1": {"class_type": "X", "inputs": {}}}})
    save_cell(cells, "ab" * 32, np.zeros((64, 64, 3)), texts)
    (cell,) = cells.rglob("*.png")
    brings_back(browser, server, cell, "image/png", wanted)


def test_a_dropped_lora_brings_back_its_graph(browser: "Browser", server: Server) -> None:
    """Behind all else that its header says: hash, record of the run, a picture."""
    wanted = read("first-lora")
    state = {"lora_unet_x.lora_up.weight": torch.ones(2, 2)}
    picture = Image.effect_noise((256, 256), 90)
    header = thumbnail(picture) | {"ss_network_dim": "4", "atelier.run": json.dumps({"key": "x"})}
    file = server.base / "models" / "loras" / "dropped.safetensors"
    save_file(state, file, metadata=metadata_of(state, header, wanted, private=False))
    brings_back(browser, server, file, "", wanted)
