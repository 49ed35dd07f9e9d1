"""Small numbers are shown as they are, in both looks of the page."""

from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from .canvas import opened
from .test_templates import read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What is drawn on the canvas, or stands in the field of Nodes 2.0.
SHOWN = """() => {
    const node = app.graph.nodes.find(node => node.type === "AtelierTrainLora");
    const field = document.querySelector(
        `[data-node-id="${node.id}"] [aria-label="learning_rate"]`
    );
    const widget = node.widgets.find(widget => widget.name === "learning_rate");
    if (!field) return widget._displayValue;
    return (field.querySelector("input") ?? field).value;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("vue", [False, True])
def test_a_small_learning_rate_is_no_zero(browser: "Browser", server: Server, vue: bool) -> None:
    with opened(browser, server, Comfy__VueNodes__Enabled=vue) as canvas:
        canvas.load(read("first-lora"))
        canvas.set("AtelierTrainLora", learning_rate=0.000015)
        canvas.settle()
        assert float(canvas.page.evaluate(SHOWN)) == 0.000015
