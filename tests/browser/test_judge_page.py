"""The page of grids in ComfyUI's page: opened from the node, voted in, and what is on disk then."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server
from atelier.tests.galleries import keys, write_grid
from atelier.training.evaluation import votes

from .canvas import PATIENCE, Canvas, opened
from .judge_page import JudgePage
from .test_templates import look, ours, read

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
BUTTON = "See and vote"
SEEN = "12 pictures: 4 rows, 3 columns."


def page_of(canvas: Canvas) -> JudgePage:
    canvas.page.set_default_timeout(PATIENCE)
    return JudgePage(canvas.page, canvas.page.locator(".atelier-judge"))


@pytest.fixture(scope="module")
def pictures(server: Server) -> Path:
    return server.base / "output" / "atelier"


@pytest.fixture(scope="module")
def canvas(browser: "Browser", server: Server) -> Iterator[Canvas]:
    with opened(browser, server) as found:
        yield found


@pytest.mark.parametrize("vue", [False, True])
def test_opens_from_the_node(
    browser: "Browser", server: Server, pictures: Path, screenshots: Path, vue: bool
) -> None:
    name = f"node-{look(vue)}"
    write_grid(pictures, f"{name}-2", scores=True)
    settings = {
        "Comfy__VueNodes__Enabled": vue,
        "Comfy__ColorPalette": "light" if vue else "dark",
    }
    with opened(browser, server, **settings) as canvas:
        canvas.load(read("first-lora"))
        canvas.set("AtelierEvaluationGrid", name=name)
        canvas.press("AtelierEvaluationGrid", BUTTON, vue)
        page = page_of(canvas)
        page.says(SEEN)
        assert page.root.get_by_label("Grid", exact=True).input_value() == f"{name}-2"
        page.drawn()
        canvas.page.screenshot(path=screenshots / f"grid-{look(vue)}.png")
        page.keys("w", "0")
        page.order("copying", "list")
        page.drawn()
        canvas.page.screenshot(path=screenshots / f"grid-{look(vue)}-list.png")
        page.keys("Control+End", "Enter")
        page.dialog.get_by_text("The training picture nearest to it: hats/01.png").wait_for()
        canvas.page.screenshot(path=screenshots / f"grid-{look(vue)}-look.png")
        page.close()
        values = canvas.page.evaluate("app.graph.serialize().nodes.map(n => n.widgets_values)")
        assert BUTTON not in str(values)
        assert not canvas.overlaps()
    assert not ours(canvas.complaints)


def test_votes_go_to_disk_and_those_of_others_are_read(
    canvas: Canvas, pictures: Path, screenshots: Path, tmp_path: Path
) -> None:
    folder = write_grid(pictures, "voted", scores=True)
    canvas.complaints.clear()
    graph = canvas.graph()
    canvas.page.locator(".atelier-grids-tab-button").click()
    page = page_of(canvas)
    page.says("pictures: ")
    page.root.get_by_label("Grid", exact=True).select_option("voted")
    page.says(SEEN)
    page.drawn()
    page.keys("v")
    seen = page.vote(["ArrowLeft", "s", "ArrowRight", "ArrowRight"])
    after = page.asked()
    canvas.page.keyboard.press("Control+z")
    assert page.asked() == seen[-1]
    assert [one.winner for one in votes.read(folder)] == ["left", "right"]
    canvas.page.screenshot(path=screenshots / "grid-vote.png")
    page.vote(["ArrowDown"])
    assert page.asked() == after  # what was shown is not lost
    canvas.page.keyboard.press("Escape")
    page.dialog.get_by_text("3 votes of 1 voter.").wait_for()
    page.close()
    assert [one.winner for one in votes.read(folder)] == ["left", "right", "tie"]
    table = keys(folder)
    more = [
        votes.Vote(
            left=row[one], right=row[other], winner="right", voter=f"voter {number}",
            time=f"2026-11-22T00:0{number}:00.000Z", blind=True,
        )
        for number in range(4)
        for row in table
        for one, other in ((0, 1), (1, 2), (2, 0) if number == 3 else (0, 2))
    ]  # fmt: skip
    sent = votes.told(more, "voted")
    (tmp_path / "votes.json").write_text(sent, encoding="utf-8")
    field = page.root.get_by_label("A file of votes")
    field.set_input_files(tmp_path / "votes.json")
    page.says(f"{len(more)} votes read from votes.json.")
    field.set_input_files(tmp_path / "votes.json")
    page.says(f"0 votes read from votes.json, {len(more)} were here already.")
    page.keys("r")
    page.dialog.get_by_text(f"{len(more) + 3} votes of 5 voters.").wait_for()
    assert page.dialog.get_by_role("img").count() == 3
    canvas.page.screenshot(path=screenshots / "grid-results.png")
    page.close()
    (tmp_path / "bad.json").write_text("[]")
    field.set_input_files(tmp_path / "bad.json")
    page.says("bad.json: This is no file of votes")
    with canvas.page.expect_download() as waiting:
        page.root.get_by_role("button", name="As one file").click()
    waiting.value.save_as(tmp_path / "grid.html")
    assert waiting.value.suggested_filename == "voted.html"
    assert (tmp_path / "grid.html").read_text(encoding="utf-8").endswith("</html>\n")
    assert canvas.graph() == graph
    assert [one for one in ours(canvas.complaints) if "400" not in one] == []
