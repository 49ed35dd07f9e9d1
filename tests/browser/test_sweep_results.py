"""A sweep's results as a person uses them: points that were never trained, in the real panel."""

import csv
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from atelier.demo.install import CHECKPOINT
from atelier.demo.server import Server
from atelier.training.sweep import kept as store
from atelier.training.sweep.axes import Asked
from atelier.training.sweep.plan import make_sweep

from .accessible import problems_inside
from .canvas import PATIENCE, STARTED, Canvas, opened
from .test_sweep import SweepPanel
from .test_templates import ENOUGH, ours

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
# A colour and a picture of it: done at once.
PROMPT = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
        "_meta": {"title": "Colour"},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "swept"}},
}
GRAPH = {
    "nodes": [
        {"id": 1, "type": "EmptyImage", "pos": [100, 200], "size": [210, 130], "mode": 0,
         "flags": {}, "order": 0, "properties": {},
         "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
         "widgets_values": [64, 64, 1, 0]},
        {"id": 2, "type": "SaveImage", "pos": [400, 200], "size": [210, 60], "mode": 0,
         "flags": {}, "order": 1, "properties": {},
         "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "outputs": [],
         "widgets_values": ["swept"]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]], "last_node_id": 2, "last_link_id": 1, "groups": [],
    "config": {}, "extra": {}, "version": 0.4,
}  # fmt: skip
# Loss (less is better), style (more is better), seconds; the front of both scores is 1, 3, 4.
POINTS = [(0.1, 0.2, 9.0), (0.3, 0.1, 5.0), (0.2, 0.6, 7.0), (0.4, 0.8, 8.0)]


def get(server: Server, path: str) -> Any:
    with urllib.request.urlopen(f"{server.address}{path}", timeout=60) as answer:
        return json.load(answer)


def write_sweep(server: Server, name: str, done: int = len(POINTS)) -> store.Kept:
    """A sweep of five colours; the first have scores, the last failed."""
    info = get(server, "/object_info")
    axes = [Asked("1", "color", "10, 20, 30, 40, 50", 3)]
    sweep = make_sweep(name, "product", axes, PROMPT, info, workflow=GRAPH)
    kept = store.create(server.base / "user" / "__atelier" / "sweeps", sweep)
    for number, (loss, style, seconds) in enumerate(POINTS[:done]):
        wide = {"value": style, "low": style - 0.05, "high": style + 0.05}
        scores = {"loss": {"value": loss}, "style": wide}
        kept.note(number, store.DONE, seconds=seconds, facts={"scores": scores})
    if done == len(POINTS):
        kept.note(4, store.FAILED, error="EmptyImage (node 1): no colour")
    return kept


@pytest.fixture(scope="module")
def canvas(browser: "Browser", server: Server) -> Iterator[Canvas]:
    write_sweep(server, "half", 2)
    write_sweep(server, "colours")
    with opened(browser, server, Comfy__ColorPalette="light") as found:
        yield found


@pytest.fixture
def panel(canvas: Canvas) -> Iterator[SweepPanel]:
    canvas.page.set_default_timeout(PATIENCE)
    canvas.complaints.clear()
    canvas.load(GRAPH)
    found = SweepPanel(canvas)
    found.open()
    yield found
    assert not canvas.dialogs()
    assert not ours(canvas.complaints)


def choose(panel: SweepPanel, name: str) -> None:
    panel.root.get_by_role("combobox", name="Sweep").select_option(name)
    panel.root.locator("caption").get_by_text(name, exact=True).wait_for()


def points(panel: SweepPanel) -> list[str]:
    cells = panel.root.locator("tbody td:first-child").all_inner_texts()
    return [text.replace("◆", "").strip() for text in cells]


def on_front(panel: SweepPanel) -> list[str]:
    marked = panel.root.locator("tr:has([aria-label='on the Pareto front']) td:first-child")
    return [text.replace("◆", "").strip() for text in marked.all_inner_texts()]


def test_a_pareto_front_by_keys(panel: SweepPanel, screenshots: Path) -> None:
    choose(panel, "colours")
    page, front = panel.canvas.page, panel.root.get_by_role("group", name="Pareto front")
    assert not on_front(panel) and front.get_by_label("Only the front").is_disabled()
    front.get_by_label("loss", exact=True).focus()
    page.keyboard.press("Space")
    front.get_by_role("status").filter(has_text="Choose one more").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # style
    front.get_by_role("status").filter(has_text="3 of 5 points are on the front").wait_for()
    assert on_front(panel) == ["1", "3", "4"] and points(panel) == ["1", "2", "3", "4", "5"]
    front.get_by_label("time", exact=True).check()
    front.get_by_role("status").filter(has_text="4 of 5").wait_for()  # the second is the quickest
    front.get_by_label("style", exact=True).uncheck()
    front.get_by_role("status").filter(has_text=": 1, 2, 3.").wait_for()
    front.get_by_label("Only the front").check()
    assert points(panel) == ["1", "2", "3"]
    panel.root.get_by_role("button", name="loss", exact=True).click()
    panel.root.get_by_role("button", name="loss ↑").click()
    assert points(panel) == ["2", "3", "1"]
    page.screenshot(path=screenshots / "sweep-front-light.png")
    front.get_by_label("Only the front").uncheck()
    front.get_by_label("loss", exact=True).uncheck()
    front.get_by_label("Only the front").and_(front.locator(":disabled")).wait_for()  # drawn again
    assert not on_front(panel) and len(points(panel)) == 5
    choose(panel, "half")
    assert front.get_by_label("time", exact=True).is_checked()  # what was chosen stays so
    front.get_by_label("time", exact=True).uncheck()


def test_best_and_what_went_wrong_are_told(panel: SweepPanel) -> None:
    choose(panel, "colours")
    best = panel.root.locator("td", has_text="★").all_inner_texts()
    assert sorted(best) == ["★ 0.1", "★ 0.8 (0.75 to 0.85)"]
    assert panel.root.locator("td.failed", has_text="no colour").count() == 1
    panel.says("4 done, 1 failed")


def test_the_table_is_saved_for_other_programs(panel: SweepPanel, tmp_path: Path) -> None:
    choose(panel, "colours")
    page = panel.canvas.page
    with page.expect_download() as got:
        panel.root.get_by_role("link", name="CSV").click()
    got.value.save_as(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [line["loss"] for line in lines] == ["0.1", "0.3", "0.2", "0.4", ""]
    with page.expect_download() as got:
        panel.root.get_by_role("button", name="JSON").click()
    got.value.save_as(tmp_path / "table.json")
    found: dict[str, Any] = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert found["best"] == {"loss": [1], "style": [4]} and len(found["rows"]) == 5


def test_a_point_is_opened_as_a_graph_by_keys(panel: SweepPanel) -> None:
    choose(panel, "colours")
    panel.root.get_by_role("button", name="Open point 3 as a graph").focus()
    panel.canvas.page.keyboard.press("Enter")
    panel.says("Point 3: color 30")
    values = "app.graph.nodes.find(node => node.type === 'EmptyImage').widgets[3].value"
    assert panel.canvas.page.evaluate(values) == 30


def test_a_half_finished_sweep_is_resumed(panel: SweepPanel) -> None:
    """Two of five points were done, by a server that is no more."""
    choose(panel, "half")
    panel.says("2 done, 3 waiting")
    panel.root.get_by_role("button", name="Resume").focus()
    panel.canvas.page.keyboard.press("Enter")
    panel.says("half: 3 points queued.")
    panel.wait_for_done(5)
    assert panel.pictures_are_there()
    assert panel.root.get_by_role("button", name="Resume").is_disabled()


def test_a_sweep_is_made_by_keys_alone(panel: SweepPanel) -> None:
    page = panel.canvas.page
    panel.root.get_by_label("Node", exact=True).focus()
    page.keyboard.press("E")  # the node that begins so
    page.keyboard.press("Tab")
    page.keyboard.type("color")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Add: the values have the focus now
    page.keyboard.type("1, 2")
    panel.says("2 points, 0 trainings")
    name = panel.root.get_by_label("Name", exact=True)
    name.focus()
    name.select_text()
    page.keyboard.type("by-keys")
    panel.root.locator("button.main:enabled").wait_for()
    panel.queue.focus()
    page.keyboard.press("Enter")
    panel.says("by-keys: 2 points queued.")
    panel.wait_for_done(2)
    panel.root.get_by_role("button", name="Take out EmptyImage: color").click()


def test_help_tells_how_values_are_written(panel: SweepPanel) -> None:
    panel.root.get_by_role("button", name="Help").click()
    dialog = panel.root.get_by_role("dialog", name="Sweeps")
    dialog.get_by_text("1e-5…1e-3 log 5").wait_for()
    panel.canvas.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_everybody_can_use_it(panel: SweepPanel) -> None:
    choose(panel, "colours")
    assert problems_inside(panel.canvas.page, ".atelier-sweep") == []


# ------------------------------------------------------------ the queue is ComfyUI's own

SLOW = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": ""}},
    "3": {
        "class_type": "EmptySD3LatentImage",
        "inputs": {"width": 128, "height": 128, "batch_size": 1},
    },
    "4": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0],
            "seed": 1, "steps": 10_000, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple",
            "denoise": 1.0,
        },
    },
    "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0], "vae": ["1", 2]}},
    "6": {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}},
}  # fmt: skip


def post(panel: SweepPanel, path: str, **body: Any) -> Any:
    answer = panel.canvas.page.request.post(f"{panel.canvas.address}/{path}", data=body)
    assert answer.ok, answer.text()
    return answer.json() if path == "prompt" else None


def colours_waiting(server: Server) -> dict[int, str]:
    """The ids of prompts in the queue by their colour, in the queue's order."""
    pending = sorted(get(server, "/queue")["queue_pending"], key=lambda item: item[0])
    return {item[2]["1"]["inputs"]["color"]: item[1] for item in pending}


@pytest.mark.timeout(2 * ENOUGH)
def test_points_are_prompts_like_all_others(panel: SweepPanel, server: Server) -> None:
    """One is cancelled, somebody else's goes before them, and the page is loaded anew."""
    page = panel.canvas.page
    post(panel, "prompt", prompt=SLOW, client_id="somebody")
    panel.root.get_by_label("Node", exact=True).select_option("1")
    panel.root.get_by_label("Setting", exact=True).select_option("color")
    panel.root.get_by_role("button", name="Add", exact=True).click()
    panel.root.get_by_role("textbox", name="EmptyImage: color").fill("101..104 +1")
    panel.says("4 points, 0 trainings")
    panel.press("shared")
    other = json.loads(json.dumps(PROMPT))
    other["1"]["inputs"]["color"] = 999
    theirs = post(panel, "prompt", prompt=other, client_id="somebody", front=True)["prompt_id"]
    waiting = colours_waiting(server)
    assert list(waiting) == [999, 101, 102, 103, 104]
    post(panel, "queue", delete=[waiting[102]])
    page.reload()
    page.wait_for_function(STARTED)
    panel.open()
    choose(panel, "shared")
    panel.says("3 queued, 1 cancelled")
    post(panel, "interrupt")
    panel.wait_for_done(3)
    history = get(server, "/history")
    assert history[theirs]["status"]["status_str"] == "success"
    order = [entry["prompt"][2]["1"]["inputs"].get("color") for entry in history.values()]
    assert [one for one in order if one in waiting] == [999, 101, 103, 104]
    panel.root.get_by_role("button", name="Resume").click()
    panel.wait_for_done(4)
