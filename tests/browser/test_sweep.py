"""A sweep made, queued and looked at by a person in ComfyUI's page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from .canvas import Canvas, opened
from .test_templates import ENOUGH, GRID, look, ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser
TITLE = "Train LoRA"
# The middle of a node's title, in the page's pixels.
HEAD = """kind => {
    const node = app.graph.nodes.find(node => node.type === kind);
    const inside = [node.pos[0] + node.size[0] / 2, node.pos[1] - 15];
    const [x, y] = app.canvas.ds.convertOffsetToCanvas(inside);
    const { left, top } = app.canvas.canvas.getBoundingClientRect();
    return [left + x, top + y];
}"""
SELECT = "kind => app.canvas.selectItems([app.graph.nodes.find(node => node.type === kind)])"
# The same of a node that is an element of the page.
HEAD_IN_NODES_2 = """kind => {
    const { id } = app.graph.nodes.find(node => node.type === kind);
    const place = document.querySelector(`[data-node-id="${id}"]`)?.getBoundingClientRect();
    return place?.width ? [place.left + place.width / 2, place.top + 8] : null;
}"""
VALUES = "kind => app.graph.nodes.find(node => node.type === kind).widgets.map(one => one.value)"


@dataclass
class SweepPanel:
    canvas: Canvas

    @property
    def root(self) -> "Locator":
        return self.canvas.page.locator(".atelier-sweep")

    def open(self) -> None:
        if not self.root.is_visible():
            self.canvas.page.locator(".atelier-sweep-tab-button").click()
        self.root.get_by_role("region", name="Sweep").wait_for()

    def choose(self, setting: str) -> None:
        """Add a setting of the training by the panel's own lists."""
        node = self.root.get_by_label("Node", exact=True)
        value = node.locator("option", has_text=TITLE).get_attribute("value")
        assert value
        node.select_option(value)
        self.root.get_by_label("Setting", exact=True).select_option(setting)
        self.root.get_by_role("button", name="Add", exact=True).click()

    def values(self, setting: str, text: str) -> None:
        self.root.get_by_role("textbox", name=f"{TITLE}: {setting}").fill(text)

    def says(self, words: str) -> None:
        self.root.get_by_text(words).first.wait_for()

    @property
    def queue(self) -> "Locator":
        return self.root.get_by_role("button", name="Queue", exact=True)

    def press(self, name: str) -> None:
        self.root.get_by_label("Name", exact=True).fill(name)
        self.root.locator("button.main:enabled").click(timeout=60_000)
        # Of this one: the words may still be there of one before.
        queued = re.compile(rf"{re.escape(name)}(-\d+)?: \d+ points queued")
        self.root.get_by_text(queued).first.wait_for()

    def wait_for_done(self, count: int) -> None:
        done = self.root.locator("td.done").nth(count - 1)
        done.wait_for(timeout=3 * ENOUGH * 1000)

    def pictures_are_there(self) -> bool:
        images = self.root.locator("td img")
        for number in range(images.count()):
            images.nth(number).scroll_into_view_if_needed()
        self.canvas.page.wait_for_function(
            "[...document.querySelector('.atelier-sweep').shadowRoot.querySelectorAll('td img')]"
            ".every(one => one.complete && one.naturalWidth > 0)"
        )
        return images.count() > 0


def add_by_menu(canvas: Canvas, setting: str) -> None:
    """Right-click the training's title, Add to sweep, the setting."""
    x, y = canvas.page.evaluate(HEAD, "AtelierTrainLora")
    canvas.page.mouse.click(x, y, button="right")
    canvas.page.get_by_text("Add to sweep", exact=True).first.click()
    entry = canvas.page.locator(".litecontextmenu .litemenu-entry")
    entry.get_by_text(setting, exact=True).last.click()


def add_by_menu_of_nodes_2(canvas: Canvas, setting: str) -> bool:
    """The same in Nodes 2.0; False where its menu has nothing of extensions, as with 0.3.75."""
    found = canvas.page.wait_for_function(HEAD_IN_NODES_2, arg="AtelierTrainLora")
    canvas.page.mouse.click(*found.json_value(), button="right")
    canvas.page.get_by_text("Node Info", exact=True).wait_for()
    entry = canvas.page.get_by_text("Add to sweep", exact=True)
    if not entry.count():
        canvas.page.keyboard.press("Escape")
        return False
    entry.hover()
    canvas.page.locator(".p-contextmenu-submenu").get_by_text(setting, exact=True).click()
    return True


@contextmanager
def paneled(
    browser: "Browser", server: Server, vue: bool, theme: str, steps: int
) -> Iterator[SweepPanel]:
    """The first template with a small training and grid, and the panel beside it."""
    settings = {"Comfy__VueNodes__Enabled": vue, "Comfy__ColorPalette": theme}
    with opened(browser, server, **settings) as canvas:
        canvas.load(read("first-lora"))
        canvas.set("AtelierTrainLora", steps=steps, batch_size=1)
        canvas.set("AtelierEvaluationGrid", **GRID)
        canvas.set("AtelierSaveLora", filename_prefix=f"swept-{look(vue)}")
        yield SweepPanel(canvas)
        assert not canvas.dialogs()
    assert not ours(canvas.complaints)


@pytest.mark.timeout(6 * ENOUGH)
def test_two_by_three(browser: "Browser", server: Server, screenshots: Path) -> None:
    with paneled(browser, server, False, "dark", 2) as panel:
        add_by_menu(panel.canvas, "rank")
        panel.open()
        _six(panel, server)
        panel.canvas.page.screenshot(path=screenshots / "sweep-canvas-dark.png")


def test_is_planned_beside_nodes_2(browser: "Browser", server: Server) -> None:
    with paneled(browser, server, True, "light", 2) as panel:
        page = panel.canvas.page
        by_menu = add_by_menu_of_nodes_2(panel.canvas, "rank")
        panel.open()
        if not by_menu:
            page.evaluate(SELECT, "AtelierTrainLora")
            page.evaluate("app.extensionManager.command.execute('Atelier.AddToSweep')")
            node = panel.root.get_by_label("Node", exact=True)
            node.locator("option:checked", has_text=TITLE).wait_for(state="attached")
            panel.root.get_by_label("Setting", exact=True).select_option("rank")
            panel.root.get_by_role("button", name="Add", exact=True).click()
        panel.values("rank", "3, 5")
        panel.says("2 points, 2 trainings")


@pytest.mark.long
@pytest.mark.timeout(6 * ENOUGH)
def test_what_was_taken_out_of_the_queue_is_resumed(
    browser: "Browser", server: Server, screenshots: Path
) -> None:
    # So many steps that the second waits until it is taken out, on a busy machine too.
    with paneled(browser, server, True, "light", 60) as panel:
        panel.open()
        panel.choose("rank")
        _resumed(panel)
        panel.canvas.page.screenshot(path=screenshots / "sweep-nodes2-light.png")


def _six(panel: SweepPanel, server: Server) -> None:
    panel.choose("learning_rate")
    panel.values("learning_rate", "1e-3, 3e-3")
    panel.values("rank", "4, 5000")
    panel.says("5000 is above the most")
    assert panel.queue.is_disabled()
    panel.values("rank", "4..16 x2")
    panel.says("6 points, 6 trainings")
    panel.press("swept")
    panel.wait_for_done(6)
    runs = server.base / "user" / "__atelier" / "runs"
    assert all((runs / f"swept-{n:02d}" / "result.json").is_file() for n in range(1, 7))
    loras = server.base / "models" / "loras"
    assert len(list(loras.glob("swept-canvas_*.safetensors"))) == 6
    assert panel.pictures_are_there()
    panel.root.get_by_role("button", name="rank", exact=True).click()
    panel.root.locator("th[aria-sort=ascending]", has_text="rank").wait_for()
    ranks = panel.root.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert ranks == ["4", "4", "8", "8", "16", "16"]
    panel.root.get_by_role("button", name="Open point 6 as a graph").click()
    panel.says("Point 6: rank 16, learning_rate 0.003")
    values = panel.canvas.page.evaluate(VALUES, "AtelierTrainLora")
    assert values[0] == "swept-06" and {16, 3e-3} <= set(map(_plain, values))


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | str) else None


def _resumed(panel: SweepPanel) -> None:
    """What waits is taken out of the queue by somebody; Resume puts it in again."""
    page = panel.canvas.page
    panel.values("rank", "3, 5")
    panel.says("2 points, 2 trainings")
    panel.press("halved")
    panel.root.locator("tbody tr:nth-child(2) td.queued").wait_for(timeout=ENOUGH * 1000)
    page.request.post(f"{panel.canvas.address}/queue", data={"clear": True})
    panel.root.locator("td.cancelled").first.wait_for(timeout=ENOUGH * 1000)
    panel.wait_for_done(1)
    panel.root.get_by_role("button", name="Resume").click()
    panel.wait_for_done(2)
    assert panel.pictures_are_there()
