"""The button "Stop and keep", pressed by a person in both looks of the page."""

from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from .canvas import opened
from .test_templates import ENOUGH, GRID, look, ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BUTTON = "Stop and keep"


@pytest.mark.browser
@pytest.mark.timeout(3 * ENOUGH)
@pytest.mark.parametrize("vue", [False, True])
def test_stops_the_training_and_goes_on_downstream(
    browser: "Browser", server: Server, vue: bool
) -> None:
    with opened(browser, server, Comfy__VueNodes__Enabled=vue) as canvas:
        canvas.load(read("first-lora"))
        name = f"stop-{look(vue)}"
        canvas.set("AtelierTrainLora", name=name, steps=2000, batch_size=1)
        canvas.set("AtelierEvaluationGrid", name=name, **GRID)
        canvas.press("AtelierTrainLora", BUTTON, vue)  # nothing is trained yet: it says so
        canvas.page.get_by_text("not training at this moment").wait_for()
        canvas.run()
        canvas.wait_for_text("Step 10 of", ENOUGH)
        canvas.press("AtelierTrainLora", BUTTON, vue)
        canvas.wait_for_picture("AtelierEvaluationGrid", ENOUGH)
        folder = server.base / "user" / "__atelier" / "runs" / name
        assert (folder / "stops.json").is_file() and not (folder / "result.json").exists()
        values = canvas.page.evaluate("app.graph.serialize().nodes.map(n => n.widgets_values)")
        assert BUTTON not in str(values)
        assert not canvas.dialogs()
        assert not canvas.overlaps()
    assert not ours(canvas.complaints)
