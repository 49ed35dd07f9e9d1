"""A LoRA Stack node as a person has it on the page, and what it holds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .canvas import STARTED, Canvas

if TYPE_CHECKING:
    from playwright.sync_api import Locator

SAVED = Path(__file__).with_name("stack-1.json")
KIND = "AtelierLoraStack"
# Of the stacks of the graph in view, in the order of their numbers.
VALUES = """kind => app.canvas.graph.nodes
    .filter(node => node.type === kind)
    .sort((one, other) => one.id - other.id)
    .map(node => node.widgets.find(widget => widget.name === "rows").value)"""
CHANGED = f"""([kind, before]) => {{
    const now = ({VALUES})(kind);
    return now.length && JSON.stringify(now) !== JSON.stringify(before);
}}"""
KEPT = """value => Object.values({ ...localStorage, ...sessionStorage })
    .some(kept => kept.replaceAll("\\\\", "").includes(value))"""
PROMPTED = """async kind => Object.values((await app.graphToPrompt()).output)
    .filter(node => node.class_type === kind)
    .map(node => node.inputs.rows)"""
ADD_AND_OPEN = """workflow => {
    document.querySelector(".atelier-stack button[aria-label^='Duplicate']").click();
    return app.loadGraphData(workflow);
}"""
STEPPED = "() => !app.extensionManager.workflow.activeWorkflow.changeTracker.changeCount"
# ComfyUI 0.33 makes one step of what happens within 50 ms.
LATER = """() => "squashState" in app.extensionManager.workflow.activeWorkflow.changeTracker
    && new Promise(done => setTimeout(done, 60))"""
SELECT = """kind => {
    app.canvas.deselectAll();
    app.canvas.selectNode(app.canvas.graph.nodes.find(node => node.type === kind));
}"""
INTO_SUBGRAPH = """() => {
    app.canvas.graph.convertToSubgraph(app.canvas.selectedItems);
}"""
ENTER = """() => {
    const outer = app.canvas.graph.nodes.find(node => node.isSubgraphNode?.());
    app.canvas.openSubgraph(outer.subgraph, outer);
}"""
PROMOTE = """() => {
    const outer = app.canvas.graph.nodes.find(node => node.isSubgraphNode?.());
    const [inner] = outer.subgraph.nodes;
    const slot = inner.inputs.find(input => input.name === "rows");
    outer.subgraph.addInput("rows", slot.type).connect(slot, inner);
}"""
FACED = """() => app.canvas.graph.nodes.find(node => node.isSubgraphNode?.())
    .widgets.some(widget => widget.element)"""
TEXT = """app.graph.nodes.find(node => node.type === "CLIPTextEncode")
    .widgets.find(widget => widget.name === "text").value"""

# How well an element's text can be read: 1 to 21, 4.5 is what WCAG asks for.
CONTRAST = """element => {
    const { color, backgroundColor } = getComputedStyle(element);
    const light = one => one.match(/[\\d.]+/g).slice(0, 3).map(Number)
        .map(part => part / 255)
        .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const [dark, bright] = [light(color), light(backgroundColor)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
}"""


@dataclass
class Stack:
    """The node and its list of rows; `vue` where nodes are elements of the page."""

    canvas: Canvas
    vue: bool

    def open(self) -> None:
        """The workflow as it was saved."""
        self.canvas.load(workflow())
        self.rows.nth(2).wait_for()
        self.settle()

    def settle(self) -> None:
        """Let the page draw, and end the step of undo that it is in."""
        self.canvas.settle()
        self.page.wait_for_function(STEPPED)
        self.page.evaluate(LATER)

    @property
    def page(self) -> Any:
        return self.canvas.page

    @property
    def lists(self) -> "Locator":
        return self.page.locator(".atelier-stack:visible")

    @property
    def rows(self) -> "Locator":
        return self.lists.first.get_by_role("listitem")

    def button(self, name: str, place: int = 0) -> "Locator":
        return self.rows.nth(place).get_by_role("button", name=name)

    def switch(self, place: int) -> "Locator":
        return self.rows.nth(place).get_by_role("switch")

    def number(self, what: str, place: int = 0) -> "Locator":
        return self.rows.nth(place).get_by_role("spinbutton", name=f"strength for the {what}")

    def texts(self) -> list[str]:
        """The values, as the workflow would save them."""
        return self.page.evaluate(VALUES, KIND)

    def value(self) -> list[dict[str, Any]]:
        """The rows of the first node."""
        return json.loads(self.texts()[0])["rows"]

    def names(self) -> list[str]:
        """The rows' files, by their names alone: as held and, the same, as shown."""
        held = [Path(row["lora"]).stem for row in self.value()]
        shown = self.rows.locator("button.file span:last-child").all_inner_texts()
        assert shown == held
        return held

    def prompted(self) -> list[str]:
        """What the API is sent for each stack."""
        return self.page.evaluate(PROMPTED, KIND)

    def select(self) -> None:
        self.page.evaluate(SELECT, KIND)
        self.settle()

    def paint(self, palette: str) -> None:
        """Another of ComfyUI's colour palettes, as from its settings."""
        command = "name => app.extensionManager.setting.set('Comfy.ColorPalette', name)"
        self.page.evaluate(command, palette)
        self.settle()

    def press(self, key: str) -> None:
        """As a person does, whose hand is slower than the page: each is a step of undo."""
        self.page.keyboard.press(key)
        self.settle()

    def click(self, place: "Locator") -> None:
        place.click()
        self.settle()

    def undo(self) -> None:
        self.settle()
        before = self.texts()
        self.page.keyboard.press("Control+z")
        self.page.wait_for_function(CHANGED, arg=[KIND, before])
        self.settle()

    def reload(self) -> None:
        """As the browser's button does, once the page has kept its workflow."""
        self.page.wait_for_function(KEPT, arg=self.texts()[0])
        self.page.reload()
        self.page.wait_for_function(STARTED)
        self.settle()


def workflow() -> dict[str, Any]:
    return json.loads(SAVED.read_text(encoding="utf-8"))


def saved() -> str:
    """The value that the saved workflow holds."""
    return workflow()["nodes"][0]["widgets_values"][0]
