"""A grid as one file, opened by somebody who has neither ComfyUI nor a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.tests.galleries import keys, write_grid
from atelier.training.browse.contents import Contents
from atelier.training.browse.thumbnails import SIZES, Thumbnails
from atelier.training.evaluation import gallery, gallery_html, votes

from .accessible import problems
from .judge_page import JudgePage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
STAY = """table => {
    const box = table.getBoundingClientRect();
    const gap = (query, edge) => {
        const own = table.querySelector(query).getBoundingClientRect();
        return Math.round(own[edge] - box[edge]);
    };
    const moved = [table.scrollTop > 0, table.scrollLeft > 0];
    return [...moved, gap(".over", "top"), gap(".side-head", "left")];
}"""
EVIL = '</script><img src=x onerror="window.evil = 1"><svg onload="window.evil = 1">'


def write_html(pictures: Path, folder: Path) -> Path:
    """The file as the server makes it."""
    found = gallery.read(folder)
    small = Thumbnails(pictures / "thumbnails", Contents())

    def picture(key: str, size: gallery_html.Size) -> bytes:
        file = pictures / "cells" / found.tile(key).file
        return small.of(file, SIZES[size == "large"])

    path = pictures / "grid.html"
    pieces = gallery_html.pages(found, picture, lambda name: small.of(folder / name, SIZES[0]))
    path.write_bytes(b"".join(pieces))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def folder(place: Path) -> Path:
    return write_grid(place, prompts=["a cat", EVIL], scores=True)


@pytest.fixture(scope="module")
def file(place: Path, folder: Path) -> Path:
    return write_html(place, folder)


@contextmanager
def opened(browser: "Browser", file: Path, scheme: str = "light") -> Iterator[JudgePage]:
    """The file in a window of its own; nothing may be asked for, and nothing complained of."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 800})  # type: ignore[arg-type]
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    wrong: list[str] = []
    tab.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("dialog", lambda dialog: dialog.accept())  # the question whether to leave
    try:
        tab.goto(file.as_uri())
        page = JudgePage(tab, tab.locator("main"))
        page.says("12 pictures: 4 rows, 3 columns.")
        yield page
        assert wrong == []
        outside = [one for one in asked if not one.startswith(("data:", "blob:"))]
        assert set(outside) == {file.as_uri()}
        assert tab.evaluate("window.evil") is None
    finally:
        context.close()


def test_is_seen_and_moved_in(browser: "Browser", file: Path, screenshots: Path) -> None:
    with opened(browser, file) as page:
        page.drawn()
        page.tab.screenshot(path=screenshots / "grid-alone-light.png")
        page.columns("without LoRA", "★ strength 0.5", "strength 1")
        page.keys("Control+End")
        assert page.current() == f"{EVIL}, seed 2. strength 1"
        wide = page.wide()
        page.keys(*["+"] * 6, "Control+End")  # larger, and labels stay where they are seen
        page.wide(2 * wide)
        assert page.table.evaluate(STAY) == [True, True, 0, 0]
        page.keys("0", "ArrowLeft", "ArrowUp", "Space")
        assert page.current().endswith("seed 1. strength 0.5. picked as A")
        page.keys("Control+Home", "Space", "c")
        slider = page.dialog.get_by_role("slider")
        slider.press("End")
        assert "100%" in (page.dialog.locator(".over-half").get_attribute("style") or "")
        page.tab.screenshot(path=screenshots / "grid-alone-compare.png")
        page.close()
        page.order("identity", "columns")
        page.columns("strength 1", "★ strength 0.5", "without LoRA")
        page.show("copying:>0.32")
        page.root.get_by_text("2 of 12, 2 picked").wait_for()
        page.show("nothing:1")
        page.root.get_by_role("alert").get_by_text("There is no “nothing:”").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_says_what_is_recommended_and_why(
    browser: "Browser", file: Path, screenshots: Path, scheme: str
) -> None:
    with opened(browser, file, scheme) as page:
        assert page.table.locator(".column.best").inner_text() == "★ strength 0.5"
        page.root.get_by_role("button", name="Advice").click()
        said = page.dialog.inner_text()
        for words in ("★ strength 0.5", "It is like them, and no copy.", "More pictures like"):
            assert words in said
        plot = page.dialog.get_by_role("img", name="Identity over prompt following")
        assert plot.locator(".spot").count() == 2 and plot.locator(".ring").count() == 1
        assert plot.locator(".spot.out title").text_content() == "strength 1"
        table = page.dialog.get_by_role("table", name="Points of the plot")
        rows = [row.inner_text().split("\t") for row in table.get_by_role("row").all()[1:]]
        assert [[cell.strip() for cell in row] for row in rows] == [
            ["1", "★ strength 0.5", "25 % (13 to 38)", "95 % (90 to 100)", "–"],
            ["2", "strength 1", "50 % (38 to 63)", "95 % (90 to 100)", "copying"],
        ]
        scores = page.dialog.get_by_role("table", name="Means with 95 % intervals")
        assert "0.815 (0.765 to 0.865)" in scores.inner_text()
        page.tab.screenshot(path=screenshots / f"grid-alone-advice-{scheme}.png")
        page.close()
        page.keys("a")
        page.dialog.get_by_text("What to change next").wait_for()


def test_votes_are_cast_saved_and_read_back(
    browser: "Browser", file: Path, folder: Path, tmp_path: Path, screenshots: Path
) -> None:
    labels = gallery.read(folder).columns
    with opened(browser, file, "dark") as page:
        page.keys("v")
        page.dialog.get_by_label("Your name").fill("Ada")
        page.dialog.locator(".asked").focus()
        page.ready()
        page.tab.screenshot(path=screenshots / "grid-alone-vote.png")
        said = page.dialog.inner_text()
        assert not any(label in said for label in labels)
        page.tab.keyboard.press("s")
        seen = page.vote(["ArrowLeft", "ArrowLeft", "ArrowDown"])
        assert len({str(sorted(one[1:])) for one in seen}) == 3
        page.ready()
        for one in reversed(seen):
            page.dialog.get_by_role("button", name="Undo").click()
            assert page.asked() == one
        back = page.dialog.get_by_role("button", name="Undo")
        assert back.get_attribute("aria-disabled") == "true"
        page.dialog.locator(".asked").focus()
        page.tab.keyboard.press("u")  # there is nothing more to take back
        page.dialog.get_by_text("0 votes", exact=True).wait_for()
        page.vote(["ArrowLeft", "ArrowRight", "ArrowDown"])
        page.ready()
        page.tab.keyboard.press("Escape")
        page.dialog.get_by_text("3 votes of 1 voter.").wait_for()
        told = page.dialog.get_by_role("region", name="Your votes").get_by_role("row")
        assert told.count() == 4  # with the one of the heads
        page.tab.screenshot(path=screenshots / "grid-alone-results.png")
        page.close()
        with page.tab.expect_download() as waiting:
            page.root.get_by_role("button", name="Save my votes").click()
        waiting.value.save_as(tmp_path / "votes.json")
    assert waiting.value.suggested_filename == "grid-votes.json"
    found = votes.sent_back((tmp_path / "votes.json").read_bytes())
    assert [one.winner for one in found] == ["left", "right", "tie"]
    assert all(one.voter == "Ada" and one.blind for one in found)
    table = {key: row for row, own in enumerate(keys(folder)) for key in own}
    assert all(table[one.left] == table[one.right] for one in found)
    assert votes.append(tmp_path, found) == 3 and votes.append(tmp_path, found) == 0
    columns = gallery.read(folder).column_of
    result = votes.of_columns(votes.read(tmp_path), columns, 3)
    assert sum(one.votes for one in result.strengths) == 6


def test_every_button_opens_its_window(browser: "Browser", file: Path) -> None:
    windows = {
        "Vote": "Which is better?", "Results": "What the votes say", "Compare": "A and B",
        "Advice": "What is recommended", "Look": "a cat, seed 1. without LoRA (picked)",
        "Keys and the filter": "Keys and the filter",
    }  # fmt: skip
    with opened(browser, file) as page:
        page.keys("Space", "ArrowRight", "Space", "ArrowLeft")
        for name, title in windows.items():
            page.root.get_by_role("button", name=name, exact=True).click()
            page.dialog.get_by_role("heading", name=title, exact=True).wait_for()
            page.close()


def test_votes_outlive_the_window_until_they_are_saved(browser: "Browser", file: Path) -> None:
    with opened(browser, file) as page:
        page.keys("v")
        page.vote(["ArrowLeft"])
        page.ready()
        page.tab.reload()
        page.says("12 pictures")
        page.drawn()
        page.root.get_by_role("button", name="Results").click()
        page.dialog.get_by_text("1 vote of 1 voter.").wait_for()
        page.close()


def test_everybody_can_use_it(browser: "Browser", file: Path) -> None:
    """Light and dark, the page and each of its windows."""
    with opened(browser, file) as page:
        page.drawn()
        page.order("identity", "both")
        assert problems(page.tab) == []
        for key in ("Enter", "?", "r", "a"):
            page.keys(key)
            page.dialog.wait_for()
            assert problems(page.tab) == [], key
            page.close()
        page.keys("Space", "ArrowRight", "Space", "c")
        assert problems(page.tab) == []
        page.close()
        page.keys("v")
        page.vote(["ArrowLeft"])
        page.ready()
        assert problems(page.tab) == []
        page.tab.keyboard.press("Escape")
        page.dialog.get_by_text("1 vote of 1 voter.").wait_for()
        assert problems(page.tab) == []
