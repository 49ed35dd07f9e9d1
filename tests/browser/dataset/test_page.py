"""Each action of the dataset page, done by a person in the side bar, and what is on disk then."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from atelier.demo.server import Server
from atelier.tests.curation.conftest import scene
from atelier.training.files import digest
from atelier.training.influence import findings

from ..canvas import opened
from ..test_templates import look, ours, read
from .page import CAPTIONS, DatasetPage, write_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
BUTTON = "See and edit"


@pytest.mark.parametrize("vue", [False, True])
def test_opens_from_the_node(
    browser: "Browser", server: Server, screenshots: Path, vue: bool
) -> None:
    cats = write_pictures(server.base / "input" / f"node-{look(vue)}", CAPTIONS)
    settings = {
        "Comfy__VueNodes__Enabled": vue,
        "Comfy__ColorPalette": "light" if vue else "dark",
    }
    with opened(browser, server, **settings) as canvas:
        canvas.load(read("first-lora"))
        canvas.set("AtelierLoadDataset", folder=cats.name)
        canvas.press("AtelierLoadDataset", BUTTON, vue)
        page = DatasetPage(canvas)
        page.says(f"{len(CAPTIONS)} pictures in {cats}")
        page.cell("01.png").wait_for()
        canvas.page.wait_for_function(
            "document.querySelector('.atelier-dataset').shadowRoot"
            ".querySelector('.cell img')?.naturalWidth > 0"
        )
        canvas.page.screenshot(path=screenshots / f"dataset-{look(vue)}.png")
        assert page.root.get_by_role("combobox", name="Folder").input_value() == cats.name
        values = canvas.page.evaluate("app.graph.serialize().nodes.map(n => n.widgets_values)")
        assert BUTTON not in str(values)
        assert not canvas.overlaps()
    assert not ours(canvas.complaints)


def test_the_filter_finds_and_says_what_is_wrong(page: DatasetPage, folder: Path) -> None:
    page.open(folder.name)
    for filter_text, found in (
        ("tag:red_hat", ["01.png", "02.png", "08.png"]),
        ("hat NOT (smile OR sitting)", ["02.png", "08.png"]),
        ("tokens:>75", ["08.png"]),
        ("is:empty", ["07.png"]),
        ('tag:"tree (green)"', ["09.png"]),
    ):
        page.show(filter_text)
        assert page.names() == found, filter_text
    page.keys("/")
    page.canvas.page.keyboard.type("hat (smile")
    alert = page.root.get_by_role("alert")
    alert.filter(has_text="This parenthesis is not closed. (character 5: ()").wait_for()
    assert page.filter.get_attribute("aria-invalid") == "true"
    page.filter.press("Escape")
    page.root.get_by_text("12 of 12").wait_for()
    assert not alert.is_visible()


def test_tags_are_counted_and_filter_by_click(page: DatasetPage, folder: Path) -> None:
    page.open(folder.name)
    page.keys("t")
    tags = page.root.get_by_role("list", name="Tags")
    assert tags.get_by_role("button").first.inner_text().split("\n") == ["red_hat", "3"]
    tags.get_by_role("button", name="smile, 3 captions").click()
    page.root.get_by_text("3 of 12").wait_for()
    tags.get_by_role("button", name="red_hat, 1 caption").click(modifiers=["Shift"])
    page.root.get_by_text("2 of 12").wait_for()
    assert page.filter.input_value() == 'tag:"smile" -tag:"red_hat"'
    assert page.names() == ["03.png", "09.png"]
    page.root.get_by_role("button", name="Tags").click()
    assert not tags.is_visible()


def test_pictures_are_selected_set_aside_and_restored(
    page: DatasetPage, folder: Path, server: Server
) -> None:
    page.open(folder.name)
    page.keys("Home", "Space", "Shift+ArrowRight")
    page.root.get_by_text("12 of 12, 2 selected").wait_for()
    page.cell("04.png").click(modifiers=["Control"])
    page.keys("x")
    page.says("3 pictures: set aside")
    assert "set aside" in (page.cell("04.png").get_attribute("aria-label") or "")
    page.show("is:aside")
    assert page.names() == ["01.png", "02.png", "04.png"]
    (file,) = (
        one
        for one in (server.base / "user" / "__atelier" / "curation").glob("*/curation.json")
        if json.loads(one.read_text())["dataset"] == folder.name
    )
    words = [one["decision"] for one in json.loads(file.read_text())["decided"].values()]
    assert words == ["set aside"] * 3
    page.show("")
    page.cell("02.png").click()
    page.keys("Escape", "r")
    page.says("02.png: restored")
    page.keys("Control+z")
    page.says("Undone: restored: 02.png")
    page.keys("Control+z")
    page.says("Undone: set aside: 3 pictures")
    assert json.loads(file.read_text())["decided"] == {}
    assert len(list(folder.glob("*.png"))) == 12


def test_faults_and_what_looks_alike(page: DatasetPage, server: Server, screenshots: Path) -> None:
    folder = server.base / "input" / "faults"
    folder.mkdir()
    for number in range(4):
        scene(number).save(folder / f"{number}.png")
    scene(0).save(folder / "copy.webp", quality=90)
    scene(5).point([level // 10 for level in range(256)] * 3).save(folder / "night.png")
    (folder / "0.txt").write_text("a picture with some words")
    page.open("faults")
    page.keys("d")
    page.says("Nothing was looked at yet")
    page.root.get_by_role("button", name="Look for faults").click()
    page.says("6 of 6 pictures were looked at")
    page.show("flag:dark")
    assert page.names() == ["night.png"]
    page.show("alike:1")
    assert page.names() == ["0.png", "copy.webp"]
    page.show("")
    page.keys("d")
    page.dialog.get_by_text("Group 1 of 1, 2 pictures").wait_for()
    figure = page.dialog.locator("figure").filter(has_text="copy.webp")
    figure.get_by_role("button", name="Set aside").click()
    page.dialog.locator("figure.aside").wait_for()
    page.canvas.settle()
    page.canvas.page.screenshot(path=screenshots / "dataset-alike.png")
    page.canvas.page.keyboard.press("Escape")
    page.show("is:aside")
    assert page.names() == ["copy.webp"]


CROP = """() => {
    const root = document.querySelector('.atelier-dataset').shadowRoot;
    const box = root.querySelector('.crop').getBoundingClientRect();
    const stage = root.querySelector('.stage').getBoundingClientRect();
    const left = (box.left - stage.left) / stage.width;
    return [left, box.width / stage.width, box.height / stage.height];
}"""


def test_a_picture_is_seen_large_with_crop_and_mask(
    page: DatasetPage, server: Server, screenshots: Path
) -> None:
    folder = server.base / "input" / "large"
    folder.mkdir()
    scene(1, 900, 200).save(folder / "wide.png")
    scene(2).save(folder / "other.png")
    mask = Image.new("L", (900, 200), 0)
    mask.paste(255, (300, 0, 600, 200))
    mask.save(folder / "wide-masklabel.png")
    page.open("large")
    page.keys("End", "v")
    page.dialog.get_by_text("In the bucket").wait_for()
    left, width, height = page.canvas.page.evaluate(CROP)
    assert height == pytest.approx(1, abs=0.01) and width < 0.75
    assert left == pytest.approx((1 - width) / 2, abs=0.01)
    masked = page.dialog.locator("img.mask")
    masked.wait_for()
    page.canvas.page.wait_for_timeout(300)
    page.canvas.page.screenshot(path=screenshots / "dataset-large.png")
    keyboard = page.canvas.page.keyboard
    keyboard.press("m")
    keyboard.press("c")
    masked.wait_for(state="hidden")
    page.dialog.locator(".crop").wait_for(state="hidden")
    keyboard.press("ArrowLeft")
    page.dialog.get_by_role("heading", name="other.png").wait_for()
    assert not page.dialog.get_by_text("Mask (M)").is_visible()
    keyboard.press("x")
    page.says("other.png: set aside")
    keyboard.press("Escape")
    assert page.current().startswith("other.png") and "set aside" in page.current()


FOCUSED = """() => {
    const own = document.querySelector('.atelier-dataset').shadowRoot.activeElement;
    return own && [own.tagName, own.getAttribute('aria-label') ?? own.textContent.trim()];
}"""


def focus_order(tab: "Page", count: int) -> list[str]:
    found = []
    for _ in range(count):
        tab.keyboard.press("Tab")
        own = tab.evaluate(FOCUSED)
        found.append(own[1] if own else "")
    return found


def test_a_screen_reader_is_told_all(page: DatasetPage, folder: Path, screenshots: Path) -> None:
    page.open(folder.name)
    page.keys("Home", "Space", "ArrowDown")
    tab = page.canvas.page
    assert page.grid.get_attribute("aria-multiselectable") == "true"
    rows, columns = (
        int(page.grid.get_attribute(f"aria-{one}count") or 0) for one in ("row", "col")
    )
    assert (rows - 1) * columns < len(CAPTIONS) <= rows * columns
    assert page.cell("01.png").get_attribute("aria-selected") == "true"
    assert page.current().split(". ")[0] == f"{columns + 1:02d}.png"
    assert "tokens" in page.current()
    assert page.root.get_by_role("region", name="Dataset").count() == 1
    assert page.root.get_by_role("status").count() >= 2
    page.keys("w")
    assert page.root.get_by_role("dialog", name="Dataset").count() == 1
    page.root.get_by_role("combobox", name="Folder").focus()
    order = focus_order(tab, 6)
    assert order[:3] == ["Open", "Over the whole window", ""] and order[3:5] == [
        "Tags",
        "Edit many",
    ]
    for theme in ("light", "dark"):
        tab.evaluate(f"app.extensionManager.setting.set('Comfy.ColorPalette', '{theme}')")
        page.canvas.settle()
        tab.wait_for_timeout(200)
        tab.screenshot(path=screenshots / f"dataset-wide-{theme}.png")
    page.keys("?")
    page.dialog.get_by_text("set aside the selected").wait_for()
    tab.screenshot(path=screenshots / "dataset-help.png")
    tab.keyboard.press("Escape")
    page.keys("w")
    assert page.root.get_by_role("region", name="Dataset").count() == 1


def test_pictures_that_influence_named_are_one_click_away(
    page: DatasetPage, server: Server, folder: Path
) -> None:
    """The node has run before, as its output and its marks say; its button is pressed."""
    content = digest((folder / "03.png").read_bytes())
    named = {"name": "03.png", "content": content, "kinds": ["dominant"], "caption": 0.5}
    records = server.base / "user" / "__atelier"
    findings.mark(records, {"run": "cats", "pictures": [named | {"share": 0.6}]})
    # beside the panel, which may be open
    nodes = [{"id": 1, "type": "AtelierInfluence", "pos": [1150, 150], "size": [320, 420]}]
    view = {"ds": {"scale": 1, "offset": [0, 0]}}
    page.canvas.load({"nodes": nodes, "links": [], "extra": view, "version": 0.4})
    review = [{"folder": str(folder), "filter": f"flag:{findings.FLAG}"}]
    page.canvas.page.evaluate(
        "async review => (await import('/scripts/api.js')).api.dispatchCustomEvent('executed',"
        " { node: '1', display_node: '1', output: { atelier_review: review } })",
        review,
    )
    page.canvas.page.evaluate(
        "app.graph.nodes[0].widgets.find(one => one.name === 'Review the pictures').callback()"
    )
    page.says(f"{len(CAPTIONS)} pictures in {folder}")
    page.root.locator(".counted").filter(has_text=f"1 of {len(CAPTIONS)}").wait_for()
    assert page.names() == ["03.png"] and page.filter.input_value() == "flag:influence"
    page.keys("Home", "x")
    page.says("03.png: set aside")
    page.show("")
