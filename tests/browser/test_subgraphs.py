"""Workflows with subgraphs, in ComfyUI's own page: what it would queue is what sweep.py queues.

With $ATELIER_RECORD, a folder, the graph is kept there for tests/pure/test_subgraphs.py.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from atelier.demo.server import Server
from atelier.training.sweep.workflow import to_prompt

from .canvas import PATIENCE, opened
from .test_sweep import SweepPanel
from .test_templates import ours

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
HERE = Path(__file__).resolve().parent
MAKE = (HERE / "subgraphs.js").read_text(encoding="utf-8")
RECORDED = sorted((HERE.parent / "recorded").glob("subgraphs-*.json"))
SAVED = """async () => {
    const { workflow, output } = await app.graphToPrompt();
    return { frontend: workflow.extra.frontendVersion, workflow, output };
}"""
INFO = "async () => (await fetch('/object_info')).json()"


def differences(told: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    """Ours and the page's prompt, where they differ. Some pages queue the nodes of a bypassed
    subgraph too, which nothing then uses: in our graph the Load LoRA of the model alone."""
    found, wanted = to_prompt(told["workflow"], info), told["output"]
    assert len(found) == 7
    unused = [n for n, node in wanted.items() if node["class_type"] == "LoraLoaderModelOnly"]
    numbers = {*found, *wanted}.difference(unused)
    return {n: (found.get(n), wanted.get(n)) for n in numbers if found.get(n) != wanted.get(n)}


def kept(told: dict[str, Any], info: dict[str, Any]) -> None:
    folder = Path(os.environ["ATELIER_RECORD"])
    kinds = {node["class_type"] for node in told["output"].values()} | {"LoraLoader"}
    info = {kind: _short(info[kind]) for kind in sorted(kinds)}
    path = folder / f"subgraphs-{told['frontend']}.json"
    path.write_text(json.dumps({**told, "object_info": info}, indent=1) + "\n", encoding="utf-8")


def _short(info: dict[str, Any]) -> dict[str, Any]:
    """Which inputs there are, and which of them have widgets."""

    def spec(one: Any) -> list[Any]:
        known = ("control_after_generate", "forceInput")
        options = {name: one[1][name] for name in known if len(one) > 1 and name in one[1]}
        return [[] if isinstance(one[0], list) else one[0], *([options] if options else [])]

    groups = {group: info["input"].get(group, {}) for group in ("required", "optional")}
    inputs = {g: {name: spec(one) for name, one in named.items()} for g, named in groups.items()}
    return {
        "input": inputs,
        "input_order": info["input_order"],
        "display_name": info["display_name"],
    }


def test_subgraphs_are_flattened_as_the_page_does_it(browser: "Browser", server: Server) -> None:
    with opened(browser, server) as canvas:
        canvas.page.set_default_timeout(PATIENCE)
        info = canvas.page.evaluate(INFO)
        canvas.page.evaluate(MAKE)
        told = canvas.page.evaluate(SAVED)
        assert differences(told, info) == {}
        if os.environ.get("ATELIER_RECORD"):
            kept(told, info)
        for path in RECORDED:  # of this page, and of others: their files are loaded too
            canvas.load(json.loads(path.read_text(encoding="utf-8"))["workflow"])
            assert differences(canvas.page.evaluate(SAVED), info) == {}, path.name
        panel = SweepPanel(canvas)
        panel.open()
        _a_shown_widget_is_swept(panel)
    assert not ours(canvas.complaints)


def _a_shown_widget_is_swept(panel: SweepPanel) -> None:
    """What the second of the outer subgraphs shows, which feeds the training two levels below."""
    nodes = panel.root.get_by_label("Node", exact=True)
    value = nodes.locator("option", has_text="Second").first.get_attribute("value")
    assert value
    nodes.select_option(value)
    panel.root.get_by_label("Setting", exact=True).select_option("rank")
    panel.root.get_by_role("button", name="Add", exact=True).click()
    panel.root.get_by_role("textbox", name="Second: rank").fill("5000")
    panel.says("Train LoRA: rank: 5000 is above the most")
    panel.root.get_by_role("textbox", name="Second: rank").fill("3, 5, 7")
    panel.says("3 points, 4 trainings")  # the other training is the same for all
