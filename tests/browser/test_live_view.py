"""The live view on the training node, in both looks: it goes on through reload, a lost connection
and a second browser, and its buttons do what they say."""

import json
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from .canvas import Canvas, opened
from .runs_page import RunsPage, runs_folder
from .test_templates import ENOUGH, look, ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
PAST = """step => {
    const head = document.querySelector(".atelier-live .head")?.textContent ?? "";
    return Number(/step (\\d+)/.exec(head)?.[1] ?? 0) > step;
}"""

# The numbers of that name say something by now.
NUMBERS = """names => {
    const told = [...document.querySelectorAll(".atelier-live .numbers > div")];
    const text = name => told.find(one => one.querySelector("dt").textContent === name)
        ?.querySelector("dd").textContent ?? "";
    return names.every(name => /\\d/.test(text(name)));
}"""


@pytest.fixture(autouse=True)
def nothing_goes_on(server: Server) -> Iterator[None]:
    """However the test ends, no training is left that the next would wait for."""
    yield
    for path in ("queue", "interrupt"):
        body = json.dumps({"clear": True}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{server.address}/{path}", body, headers)
        urllib.request.urlopen(request, timeout=60).close()


def past(canvas: Canvas, step: int) -> int:
    """Wait until the node says that it is past a step, with its curve; which step it is at."""
    canvas.page.wait_for_function(PAST, arg=step, timeout=1000 * ENOUGH)
    canvas.page.wait_for_function(
        "document.querySelector('.atelier-live .chart')?.getAttribute('aria-valuetext')"
        "?.includes('smoothed 0')",
        timeout=1000 * ENOUGH,
    )
    text = canvas.page.locator(".atelier-live .head").inner_text()
    return int(text.partition("step ")[2].split()[0])


def press(canvas: Canvas, name: str) -> None:
    """Not by the mouse: zoomed out as templates open, Nodes 2.0 has widgets take no clicks."""
    button = canvas.page.locator(".atelier-live").get_by_role("button", name=name)
    button.dispatch_event("click")


@pytest.mark.timeout(6 * ENOUGH)
@pytest.mark.parametrize("vue", [False, True])
def test_a_run_is_watched_and_asked(
    browser: "Browser", server: Server, screenshots, vue: bool
) -> None:
    name = f"watched-{look(vue)}"
    settings = {"Comfy__VueNodes__Enabled": vue, "Comfy__ColorPalette": "light" if vue else "dark"}
    with opened(browser, server, **settings) as canvas:
        page = canvas.page
        page.set_default_timeout(1000 * ENOUGH)
        canvas.load(read("four-nodes"))
        canvas.set("AtelierTrainLora", name=name, steps=5000, batch_size=1)
        canvas.run()
        at = past(canvas, 10)
        page.wait_for_function(NUMBERS, arg=["Loss", "Rate", "Gradient", "Speed", "Memory"])
        page.locator(".atelier-live .plan", has_text="Plan: A step keeps").wait_for(
            state="attached"
        )
        press(canvas, "Sample now")
        page.locator(".atelier-live .strip img").first.wait_for(state="attached")
        press(canvas, "Save now")
        page.get_by_text(f"Saved {name}-step-").first.wait_for(state="attached")
        canvas.settle()
        page.screenshot(path=screenshots / f"live-{look(vue)}.png")
        page.evaluate("app.api?.socket?.close()")  # a lost connection: the page connects anew
        at = past(canvas, at)
        with opened(browser, server, **settings) as second:
            second.load(read("four-nodes"))
            second.set("AtelierTrainLora", name=name)
            at = past(second, at)
            runs = RunsPage(second)
            runs.open()
            runs.row(name).locator(".state", has_text="running").wait_for()
            runs.search(f"{name} state:running")
            runs.keys("Delete")
            runs.says("stop it first")
        assert not ours(second.complaints)
        page.reload()
        page.wait_for_function("window.app?.graph?.nodes.length")
        canvas.load(read("four-nodes"))
        canvas.set("AtelierTrainLora", name=name)
        past(canvas, at)
        values = page.evaluate("app.graph.serialize().nodes.map(n => n.widgets_values)")
        assert "live" not in str(values) and name in str(values)
        canvas.page.request.post(f"{server.address}/atelier/runs/{name}/stop")
        page.locator(".atelier-live .head", has_text="stopped").wait_for(state="attached")
        assert not canvas.overlaps()
    assert not ours(canvas.complaints)
    assert list((server.base / "models" / "loras").glob(f"{name}-step-*.safetensors"))
    assert (runs_folder(server) / name / "stops.json").is_file()
