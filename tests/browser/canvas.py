"""ComfyUI's page as a person has it: open a template, change a widget, press Run, look."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.demo.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Page,
        Position,
        Response,
    )

# Said by every session: the server keeps what one sets, and the next would inherit it.
SETTINGS = {
    "Comfy.VueNodes.Enabled": False,
    "Comfy.ColorPalette": "dark",
    "Comfy.TutorialCompleted": True,  # or the templates cover the canvas at the start
}
PATIENCE = 60_000  # milliseconds, for a machine that does much else
STARTED = "() => window.app?.extensionManager?.workflow?.activeWorkflow && app.graph"
SETTLED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Where each node is on the canvas: left, top of its title, right, bottom. Nodes 2.0 are elements of
# the page, drawn at the canvas's scale; a node's element names its number.
PLACES = """() => Object.fromEntries(app.graph.nodes.map(node => {
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    const scale = app.canvas.ds.scale;
    const [x, y] = node.pos;
    const size = element
        ? [element.offsetWidth, element.offsetHeight - LiteGraph.NODE_TITLE_HEIGHT]
        : node.size;
    return [node.title, [x, y - LiteGraph.NODE_TITLE_HEIGHT, x + size[0], y + size[1]]];
}))"""
SET = """([kind, values]) => {
    for (const node of app.graph.nodes.filter(node => node.type === kind))
        for (const widget of node.widgets)
            if (widget.name in values) {
                widget.value = values[widget.name];
                widget.callback?.(widget.value);
            }
}"""
TELLS = """words => app.graph.nodes
    .flatMap(node => node.widgets ?? [])
    .filter(widget => widget.name === "$$node-text-preview")
    .some(widget => String(widget.value).includes(words))"""
PICTURES = """kind => app.graph.nodes
    .filter(node => node.type === kind)
    .flatMap(node => app.nodeOutputs[node.id]?.images ?? [])"""
# The middle of a button that is drawn on the canvas, in the page's pixels; null while it is not
# drawn yet, has moved since the last look, or something else lies over it.
BUTTON = """([kind, name]) => {
    const node = app.graph.nodes.find(node => node.type === kind);
    const widget = node?.widgets?.find(widget => widget.name === name);
    const top = widget?.last_y ?? widget?.y;
    if (!Number.isFinite(top)) { app.canvas.setDirty(true, true); return null; }
    const inside = [node.pos[0] + node.size[0] / 2, node.pos[1] + top + 10];
    const [x, y] = app.canvas.ds.convertOffsetToCanvas(inside);
    const { left, top: above } = app.canvas.canvas.getBoundingClientRect();
    const place = [left + x, above + y];
    const still = window.atelierSeen === String(place);
    window.atelierSeen = String(place);
    return still && document.elementFromPoint(...place) === app.canvas.canvas ? place : null;
}"""
# A place of the canvas that nothing lies over, as far to the right as there is one, counted from
# its corner.
FREE = """() => {
    const canvas = app.canvas.canvas;
    const { left, top, right, bottom } = canvas.getBoundingClientRect();
    const bare = (x, y) => [-20, 0, 20].every(over => [-20, 0, 20].every(
        down => document.elementFromPoint(x + over, y + down) === canvas));
    for (let x = right - 40; x > left; x -= 40)
        for (let y = (top + bottom) / 2; y < bottom; y += 40)
            if (bare(x, y)) return { x: x - left, y: y - top };
    return null;
}"""
# The graph as it is saved, without what the page measures or moves by itself while it draws.
GRAPH = """() => {
    const graph = app.graph.serialize();
    for (const node of graph.nodes) delete node.size;
    delete graph.extra?.ds;
    return JSON.stringify(graph);
}"""
DRAWN = """kind => {
    const node = app.graph.nodes.find(node => node.type === kind);
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    const pictures = element ? [...element.querySelectorAll("img")] : node.imgs ?? [];
    return pictures.some(picture => picture.complete && picture.naturalWidth > 0
        && picture.src.includes("filename="));
}"""


@dataclass
class Canvas:
    """The page, and what it complained about."""

    page: "Page"
    address: str
    complaints: list[str] = field(default_factory=list)

    def heard_response(self, response: "Response") -> None:
        if response.status >= 400 and response.url.startswith(self.address):
            self.complaints.append(f"{response.status} {response.url}")

    def heard_console(self, said: "ConsoleMessage") -> None:
        here = said.location["url"].startswith(self.address)
        if said.type == "error" and here:  # offline, what the page asks of other hosts fails
            self.complaints.append(f"{said.text} {said.location}")

    def settle(self) -> None:
        """Let the page draw."""
        self.page.evaluate(SETTLED)

    def load(self, workflow: dict[str, Any]) -> None:
        """Open a workflow as Open from the menu does."""
        self.page.evaluate("workflow => app.loadGraphData(workflow)", workflow)
        self.settle()

    def browse(self, name: str, thumbnails: Path) -> None:
        """Open a template of ours through Browse Templates; save a picture of the dialog."""
        self.page.evaluate("app.extensionManager.command.execute('Comfy.BrowseTemplates')")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("atelier", exact=True).click()
        card = dialog.get_by_test_id(f"template-workflow-{name}")
        card.locator("img").first.wait_for()
        self.settle()
        self.page.screenshot(path=thumbnails)
        card.click()
        dialog.wait_for(state="detached")
        self.page.wait_for_function("app.graph.nodes.length > 1")
        self.settle()

    def set(self, kind: str, **values: Any) -> None:
        """Fill in widgets of every node of a kind."""
        self.page.evaluate(SET, [kind, values])

    def run(self) -> None:
        """Press Run."""
        self.page.get_by_test_id("queue-button").click()

    def press(self, kind: str, button: str, vue: bool = False) -> None:
        """Press a button of ours on the first node of a kind."""
        if vue:  # no click: zoomed out as templates open, Nodes 2.0 has widgets take none
            found = self.page.get_by_role("button", name=button, exact=True).first
            found.dispatch_event("click")
            return
        place = self.page.wait_for_function(BUTTON, arg=[kind, button], timeout=PATIENCE)
        x, y = place.json_value()
        self.page.mouse.click(x, y)

    def free(self) -> "Position":
        """A place of the canvas for what is dropped on it, wherever the side panel ends."""
        return self.page.wait_for_function(FREE, timeout=PATIENCE).json_value()

    def graph(self) -> str:
        """What of the graph is the person's own, to see that it stays as it was."""
        return self.page.evaluate(GRAPH)

    def types(self) -> list[str]:
        return self.page.evaluate("app.graph.nodes.map(node => node.type)")

    def missing(self) -> list[str]:
        """Nodes that the page does not know."""
        return self.page.evaluate(
            "app.graph.nodes.filter(n => n.has_errors || !LiteGraph.registered_node_types[n.type])"
            ".map(node => node.type)"
        )

    def dialogs(self) -> list[str]:
        """The text of every dialog and every notice of an error."""
        found = self.page.get_by_role("dialog").or_(self.page.locator(".p-toast-message-error"))
        return found.all_inner_texts()

    def wait_for_text(self, words: str, seconds: float) -> None:
        """Wait until a node's line of progress has `words`."""
        self.page.wait_for_function(TELLS, arg=words, timeout=seconds * 1000)

    def overlaps(self) -> list[str]:
        """Pairs of nodes that lie over one another."""
        places = sorted(self.page.evaluate(PLACES).items())
        return [
            f"{one} and {other}"
            for number, (one, (left, top, right, bottom)) in enumerate(places)
            for other, (left2, top2, right2, bottom2) in places[number + 1 :]
            if left < right2 and left2 < right and top < bottom2 and top2 < bottom
        ]

    def wait_for_picture(self, kind: str, seconds: float) -> dict[str, str]:
        """Wait until a node of that kind shows a picture; return where the server keeps it."""
        self.page.wait_for_function(DRAWN, arg=kind, timeout=seconds * 1000)
        return self.page.evaluate(PICTURES, kind)[0]


@contextmanager
def opened(browser: "Browser", server: Server, **settings: Any) -> Iterator[Canvas]:
    """The server's page in a fresh session, with ComfyUI's `settings` (dots as `__`).

    At the end the server has those of before, which a page that is open still has on a reload.
    """
    named = {name.replace("__", "."): value for name, value in settings.items()}
    with browser.new_context(viewport={"width": 1600, "height": 900}) as context:
        before = _set(context, server, SETTINGS | named)
        canvas = Canvas(context.new_page(), server.address)
        canvas.page.on("response", canvas.heard_response)
        canvas.page.on("console", canvas.heard_console)
        canvas.page.on("pageerror", lambda error: canvas.complaints.append(str(error)))
        try:
            canvas.page.goto(server.address)
            canvas.page.wait_for_function(STARTED)
            canvas.settle()
            yield canvas
        finally:
            _set(context, server, before)


def _set(context: "BrowserContext", server: Server, named: dict[str, Any]) -> dict[str, Any]:
    """Change settings on the server; return what they were."""
    address = f"{server.address}/settings"
    before = SETTINGS | context.request.get(address).json()
    answer = context.request.post(
        address, data=json.dumps(named), headers={"Content-Type": "application/json"}
    )
    assert answer.ok, answer.status_text
    return {name: before.get(name) for name in named}
