"""Captions that are written, changed and saved on the dataset page, and what is on disk then."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from ..canvas import opened
from .page import CAPTIONS, DatasetPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
# What the button to save is just after somebody has typed.
TYPE = """(field, text) => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return field.form.querySelector("footer button").disabled ? "disabled" : "enabled";
}"""


def text(folder: Path, number: int) -> str:
    return (folder / f"{number:02d}.txt").read_text(encoding="utf-8")


def test_a_caption_is_edited_by_keys_and_saved_when_it_is_left(
    page: DatasetPage, folder: Path
) -> None:
    page.open(folder.name)
    graph = page.canvas.graph()
    keyboard = page.canvas.page.keyboard
    page.keys("Home", "ArrowRight", "Enter")
    assert "02.png. red hat, standing" in page.current()
    keyboard.press("End")
    keyboard.type(", q r w")  # keys that ComfyUI would hear
    keyboard.press("Enter")
    page.says("Saved the caption of 02.png")
    assert text(folder, 2) == "red hat, standing, q r w"
    page.keys("Enter")
    keyboard.type("never")
    keyboard.press("Escape")
    assert text(folder, 2) == "red hat, standing, q r w" and "never" not in page.current()
    page.keys("Enter")
    keyboard.type("!")
    keyboard.press("Control+Enter")  # saves, and edits the next
    keyboard.type("?")
    page.cell("01.png").locator(".frame").click()  # left by the mouse
    page.says("Saved the caption of 03.png")
    assert text(folder, 2).endswith("!") and text(folder, 3) == "blue hat, smile?"
    page.keys("Control+z")
    page.says("Undone: caption of 03.png")
    assert text(folder, 3) == CAPTIONS[2]
    page.keys("Control+z", "Control+z")
    page.says("Undone: caption of 02.png")
    page.canvas.page.wait_for_timeout(100)
    page.keys("Control+Shift+z")
    page.says("Done again: caption of 02.png")
    assert page.canvas.graph() == graph
    assert (folder / ".bak").is_dir()


def test_many_captions_are_changed_after_a_look_and_back(
    page: DatasetPage, folder: Path, screenshots: Path
) -> None:
    page.open(folder.name)
    page.show("tag:red_hat")
    page.keys("b")
    page.dialog.get_by_label("text", exact=True).fill("mycat, ")
    page.dialog.get_by_text("3 of 3 captions change.").wait_for()
    preview = page.dialog.get_by_role("list", name="Preview")
    assert preview.locator("ins").all_inner_texts() == ["mycat, "] * 3
    page.canvas.page.screenshot(path=screenshots / "dataset-bulk.png")
    page.dialog.get_by_role("button", name="Change").click()
    page.says("Changed 3 of 3 captions")
    assert text(folder, 1) == "mycat, red_hat, smile" and text(folder, 3) == CAPTIONS[2]
    page.keys("Home", "Space", "b")  # of the selected now
    page.dialog.get_by_label("What").select_option("Find and replace")
    page.dialog.get_by_label("text", exact=True).fill("(smi)le|(")
    page.dialog.get_by_label("as a regular expression").check()
    page.dialog.get_by_text("Invalid regular expression").wait_for()
    page.dialog.get_by_label("text", exact=True).fill("(smi)le")
    page.dialog.get_by_text("1 of 1 captions change.").wait_for()
    typed = page.dialog.get_by_label("with").evaluate(TYPE, "$1rk")
    assert typed == "disabled"  # nothing is saved that is not shown yet
    page.dialog.get_by_role("button", name="Change").click()
    page.says("Changed 1 of 1 captions")
    assert text(folder, 1) == "mycat, red_hat, smirk"
    for kind, given, after in (("Add a tag", "new", ", new"), ("Remove a tag", "NEW", "smirk")):
        page.keys("b")
        page.dialog.get_by_label("What").select_option(kind)
        page.dialog.get_by_label("text", exact=True).fill(given)
        page.dialog.get_by_role("button", name="Change").click()
        page.dialog.wait_for(state="detached")
        assert text(folder, 1).endswith(after)
    for _ in range(4):
        page.root.get_by_role("button", name="Undo").click()
        page.says("Undone")
        page.canvas.page.wait_for_timeout(150)
    page.says("Undone: Put before")
    assert [text(folder, number + 1) for number in range(12)] == CAPTIONS


def test_a_file_that_changed_beneath_is_a_choice(page: DatasetPage, folder: Path) -> None:
    page.open(folder.name)
    page.canvas.complaints.clear()
    for number, name in ((1, "Save mine"), (2, "Take the other"), (3, "Decide later")):
        (folder / f"{number:02d}.txt").write_text("theirs", encoding="utf-8")
        page.edit(f"{number:02d}.png", "mine")
        page.dialog.wait_for()
        assert page.dialog.get_by_label("Yours").input_value() == "mine"
        assert page.dialog.get_by_label("In the file now").input_value() == "theirs"
        assert text(folder, number) == "theirs"
        page.dialog.get_by_role("button", name=name).click()
        page.dialog.wait_for(state="detached")
    page.says("Saved the caption of 01.png")
    assert [text(folder, number) for number in (1, 2, 3)] == ["mine", "theirs", "theirs"]
    assert "02.png. theirs" in (page.cell("02.png").get_attribute("aria-label") or "")
    page.show("is:unsaved")
    assert page.names() == ["03.png"]
    page.edit("03.png", "mine, again")
    page.dialog.get_by_role("button", name="Save mine").click()
    page.says("Saved the caption of 03.png")
    assert text(folder, 3) == "mine, again"
    refused = [line for line in page.canvas.complaints if "409" in line]
    assert len(refused) >= 4  # the browser tells of each
    page.canvas.complaints.clear()


def test_what_the_server_does_not_take_stays_in_the_page(page: DatasetPage, folder: Path) -> None:
    page.open(folder.name)
    tab = page.canvas.page
    tab.route("**/atelier/dataset/caption", lambda route: route.abort())
    page.edit("05.png", "a wolf")
    page.says("05.png: ")
    page.cell("05.png").get_by_text("not saved").wait_for()
    tab.unroute("**/atelier/dataset/caption")
    assert text(folder, 5) == "a dog"
    page.root.get_by_role("button", name="Open").click()  # listed anew, and still there
    page.says("12 pictures in")
    page.cell("05.png").get_by_text("not saved").wait_for()
    page.cell("05.png").locator(".caption").click()
    page.cell("05.png").get_by_role("textbox").press("Enter")
    page.says("Saved the caption of 05.png")
    assert text(folder, 5) == "a wolf"
    page.canvas.complaints.clear()


def test_two_pages_at_once_lose_no_caption(
    browser: "Browser", server: Server, page: DatasetPage, folder: Path
) -> None:
    page.open(folder.name)
    with opened(browser, server) as second:
        other = DatasetPage(second)
        other.open(folder.name)
        page.edit("01.png", "first of one")
        page.says("Saved")
        other.edit("02.png", "second of other")
        other.says("Saved")
        other.edit("01.png", "first of other")
        other.dialog.wait_for()
        assert other.dialog.get_by_label("In the file now").input_value() == "first of one"
        other.dialog.get_by_role("button", name="Save mine").click()
        other.says("Saved the caption of 01.png")
        page.keys("b")  # all, of which two are others by now
        page.dialog.get_by_label("What").select_option("Put behind")
        page.dialog.get_by_label("text", exact=True).fill(" END")
        page.dialog.get_by_role("button", name="Change").click()
        page.dialog.get_by_role("button", name="Take all 2 others").click()
        page.dialog.wait_for(state="detached")
    assert (text(folder, 1), text(folder, 2)) == ("first of other", "second of other")
    assert text(folder, 3) == "blue hat, smile END"
    kept = "".join(one.read_text() for one in (folder / ".bak").iterdir())
    assert "first of one" in kept and "red_hat, smile" in kept


def test_the_page_stays_as_it_was_when_its_tab_is_closed(page: DatasetPage, folder: Path) -> None:
    page.open(folder.name)
    page.show("hat")
    page.edit("02.png", "left by the tab", leave="")
    button = page.canvas.page.locator(".atelier-dataset-tab-button")
    button.click()
    page.root.wait_for(state="detached")
    button.click()
    page.cell("02.png").wait_for()
    assert page.filter.input_value() == "hat" and len(page.names()) == 5
    page.says("Saved the caption of 02.png")
    assert text(folder, 2) == "left by the tab"
