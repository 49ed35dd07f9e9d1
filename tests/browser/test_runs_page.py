"""Each action of the runs page, done by a person in the side bar, and what is on disk then."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server
from atelier.training.run import Run

from .accessible import problems_inside
from .canvas import PATIENCE, Canvas, opened
from .runs_page import RunsPage, runs_folder, said, write_run
from .test_templates import ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
PROMPTS = {"sample_every": 25, "sample_prompts": "a person with a hat"}


@pytest.fixture(scope="module")
def made(server: Server) -> dict[str, Run]:
    graph = read("four-nodes")
    return {
        "hats": write_run(server, "hats", 100, graph, rank=4, **PROMPTS),
        "hats-2": write_run(server, "hats-2", 200, graph, rank=32, learning_rate=1e-3, **PROMPTS),
        "cats": write_run(server, "cats", 50),
    }


@pytest.fixture(scope="module")
def canvas(browser: "Browser", server: Server, made: dict[str, Run]) -> Iterator[Canvas]:
    with opened(browser, server) as found:
        yield found


@pytest.fixture
def page(canvas: Canvas) -> Iterator[RunsPage]:
    """The page as it is at first; nothing that a test asks of the server may go wrong."""
    found = RunsPage(canvas)
    canvas.page.set_default_timeout(PATIENCE)
    canvas.complaints.clear()
    found.open()
    found.search("")
    found.keys("Escape")
    yield found
    assert not ours(canvas.complaints)
    assert not found.dialog.count()


def test_search_by_config(page: RunsPage) -> None:
    page.row("hats-2").wait_for()
    for text, wanted in (
        ("rank<8", ["hats"]),
        ("rank=32 lr>1e-4 hats", ["hats-2"]),
        ("-hats", ["cats"]),
        ("state:stopped person", ["hats", "hats-2"]),
    ):
        page.search(text)
        assert sorted(page.names()) == wanted
    page.root.get_by_role("searchbox", name="Search").fill("nonsense=3")
    page.root.get_by_role("alert").filter(has_text="There is no setting").wait_for()


def test_curves_are_overlaid_and_read_by_keys(page: RunsPage) -> None:
    page.search("hats")
    page.keys("Home", "Space", "ArrowDown", "Space")
    page.root.locator(".legend span").nth(1).wait_for()
    page.canvas.page.wait_for_function(
        "document.querySelector('.atelier-runs').shadowRoot"
        ".querySelectorAll('.curves path.line').length === 2"
    )
    assert page.list.locator("[aria-selected=true]").count() == 2
    page.chart.focus()
    page.canvas.page.keyboard.press("Home")
    text = page.chart.get_attribute("aria-valuetext") or ""
    assert text.startswith("step 1: ") and "hats " in text and "hats-2 " in text
    page.root.get_by_label("Curve", exact=True).select_option("Held-out loss")
    page.canvas.page.keyboard.press("End")
    table = page.root.locator("table.differ").inner_text()
    assert "learning_rate" in table and "rank" in table and "sample_every" not in table
    page.root.get_by_label("Curve", exact=True).select_option("Loss")


def test_samples_by_step(page: RunsPage) -> None:
    page.search("hats-2")
    slider = page.root.get_by_role("slider", name="Samples of step")
    page.root.get_by_role("img", name="hats-2, step 200: a person with a hat").wait_for()
    slider.focus()
    page.canvas.page.keyboard.press("ArrowLeft")
    page.root.get_by_role("img", name="hats-2, step 150: a person with a hat").wait_for()
    assert slider.get_attribute("aria-valuetext") == "step 150"


def test_rename_tag_and_archive_can_be_undone(page: RunsPage, made: dict[str, Run]) -> None:
    page.search("cats")
    page.keys("r")
    page.answer("The red cats")
    page.says("Renamed cats")
    assert said(made["cats"])["title"] == "The red cats" and page.names() == ["The red cats"]
    page.keys("t")
    page.answer("good, red")
    page.says("Tagged The red cats")
    page.search("tag:red")
    assert said(made["cats"])["tags"] == ["good", "red"]
    page.keys("a")
    page.says("Archived")
    assert said(made["cats"])["archived"] and not page.names()
    page.root.get_by_label("Archived").check()
    page.row("The red cats").wait_for()
    page.root.get_by_label("Archived").uncheck()
    for what in ("Archived", "Tagged", "Renamed"):
        page.keys("Control+z")
        page.says(f"Taken back: {what}")
    assert said(made["cats"]) == {"title": "", "tags": [], "archived": False}
    page.keys("Control+Shift+z")
    page.says("Done again: Renamed")
    page.keys("Control+z")
    page.says("Taken back: Renamed")


def test_a_deleted_run_comes_back(page: RunsPage, made: dict[str, Run]) -> None:
    page.search("cats")
    page.keys("Delete")
    page.says("Deleted cats")
    assert not made["cats"].folder.exists()
    page.keys("Control+z")
    page.says("Taken back: Deleted cats")
    assert made["cats"].asked() and page.names() == ["cats"]
    page.root.get_by_role("button", name="Delete", exact=True).click()
    page.says("Deleted cats")
    page.root.get_by_role("button", name="Trash (1)").click()
    page.dialog.get_by_role("button", name="Put back").click()
    page.says("cats is back")
    page.dialog.get_by_role("button", name="Close").click()
    page.row("cats").wait_for()
    assert made["cats"].asked()


def test_a_graph_is_opened_by_a_button_and_by_a_drop(page: RunsPage) -> None:
    canvas = page.canvas
    wanted = sorted(node["type"] for node in read("four-nodes")["nodes"])
    page.search("hats-2")
    canvas.load({"nodes": [], "links": [], "version": 0.4})
    page.root.get_by_role("button", name="Open graph").click()
    page.says("Opened the graph of hats-2")
    assert sorted(canvas.types()) == wanted
    canvas.load({"nodes": [], "links": [], "version": 0.4})
    target = canvas.page.locator("#graph-canvas")
    page.row("hats-2").drag_to(target, target_position=canvas.free())
    canvas.page.wait_for_function("count => app.graph.nodes.length === count", arg=len(wanted))
    assert sorted(canvas.types()) == wanted
    page.search("cats")
    assert page.root.get_by_role("button", name="Open graph").is_disabled()


def test_help_and_the_whole_window_by_keys(page: RunsPage) -> None:
    page.keys("?")
    page.dialog.get_by_text("draw its curves beside the others").wait_for()
    page.canvas.page.keyboard.press("Escape")
    page.dialog.wait_for(state="detached")
    page.keys("w")
    page.root.locator("dialog.page:modal").wait_for()
    page.keys("w")
    page.root.locator("dialog.page:not(:modal)").wait_for()


def test_everybody_can_use_it(page: RunsPage) -> None:
    page.search("hats")
    page.row("hats-2").click()
    page.root.get_by_role("img", name="hats-2, step 200").first.wait_for()
    assert problems_inside(page.canvas.page, ".atelier-runs") == []


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_hundred_thousand_steps_are_drawn(
    browser: "Browser", server: Server, made: dict[str, Run], screenshots, theme: str
) -> None:
    """And looked at, in both colours, beside the others."""
    if not (runs_folder(server) / "long").exists():
        write_run(server, "long", 100_000, read("four-nodes"), rank=64)
    with opened(browser, server, Comfy__ColorPalette=theme) as canvas:
        page = RunsPage(canvas)
        page.open()
        page.search("long")
        page.root.locator(".legend span").filter(has_text="long 0.").wait_for()
        drawn = page.chart.locator("path.line").last.get_attribute("d") or ""
        assert 400 < drawn.count("L") <= 1600
        page.chart.focus()
        assert (page.chart.get_attribute("aria-valuetext") or "").startswith("step 100000: ")
        canvas.page.screenshot(path=screenshots / f"runs-{theme}-narrow.png")
        page.search("hats")
        page.keys("Home", "Space", "ArrowDown", "Space", "w")
        page.root.get_by_role("img", name="hats-2, step 200").wait_for()
        page.chart.hover()
        canvas.settle()
        canvas.page.screenshot(path=screenshots / f"runs-{theme}-wide.png")
    assert not ours(canvas.complaints)
