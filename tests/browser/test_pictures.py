"""A picture of a grid, dropped on the canvas, brings back the graph that drew it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from atelier.demo.server import Server
from atelier.training.evaluation.grid import save_cell
from atelier.training.mark import graph_texts

from .canvas import PATIENCE, opened
from .test_templates import ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
DROP = """async address => {
    const picture = await (await fetch(address)).blob();
    const data = new DataTransfer();
    data.items.add(new File([picture], "cell.png", { type: "image/png" }));
    const how = { dataTransfer: data, bubbles: true, cancelable: true };
    app.canvas.canvas.dispatchEvent(new DragEvent("drop", { ...how, clientX: 800, clientY: 450 }));
}"""


def test_a_dropped_cell_brings_back_its_graph(browser: "Browser", server: Server) -> None:
    wanted = read("first-lora")
    cells: Path = server.base / "output" / "atelier" / "cells"
    texts = graph_texts({"workflow": wanted, "prompt": {"1": {"class_type": "X", "inputs": {}}}})
    save_cell(cells, "ab" * 32, np.zeros((64, 64, 3)), texts)
    with opened(browser, server) as canvas:
        before = canvas.types()
        address = f"/view?filename={'ab' * 32}.png&subfolder=atelier/cells/ab&type=output"
        canvas.page.evaluate(DROP, address)
        kinds = sorted(node["type"] for node in wanted["nodes"])
        canvas.page.wait_for_function(
            "wanted => app.graph.nodes.map(node => node.type).sort().join() === wanted",
            arg=",".join(kinds),
            timeout=PATIENCE,
        )
        assert sorted(before) != kinds and not canvas.missing()
        assert ours(canvas.complaints) == []
