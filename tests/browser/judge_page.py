"""The page of grids as a person uses it, in ComfyUI's side bar or in a file of its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .canvas import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ANY = re.compile(".*")  # the corner above the heads of rows
WIDE = """([table, least]) => {
    const width = table.querySelector(".tile")?.getBoundingClientRect().width ?? 0;
    return width > least && width;
}"""


@dataclass
class JudgePage:
    tab: "Page"
    root: "Locator"

    @property
    def table(self) -> "Locator":
        return self.root.get_by_role("grid", name="Pictures of the grid")

    @property
    def dialog(self) -> "Locator":
        return self.root.locator("dialog:modal:not(.page)")

    def says(self, words: str) -> None:
        """Wait until the line at the bottom has `words`."""
        self.root.locator(".status").filter(has_text=words).wait_for()

    def keys(self, *keys: str) -> None:
        """Press keys in the table."""
        self.table.focus()
        for key in keys:
            self.tab.keyboard.press(key)

    def show(self, text: str) -> None:
        """Filter, and go to the table."""
        field = self.root.get_by_role("searchbox", name="Filter")
        field.fill(text)
        field.press("Enter")

    def order(self, by: str, of: str) -> None:
        self.root.get_by_label("Order by").select_option(by)
        self.root.get_by_label("of", exact=True).select_option(of)

    def current(self) -> str:
        """What a screen reader says of the picture that has the keyboard, once it is drawn."""
        self.root.locator(".table[aria-activedescendant]").wait_for()
        own = self.table.get_attribute("aria-activedescendant")
        return self.root.locator(f"#{own}").get_attribute("aria-label") or ""

    def columns(self, *labels: str) -> None:
        """Wait until the columns are headed so, whatever scores stand below."""
        from playwright.sync_api import expect  # there is a page, so it is installed

        heads = [re.compile(rf"^\s*{re.escape(label)}\s*(\n|$)") for label in labels]
        found = self.table.get_by_role("columnheader")
        expect(found).to_have_text([ANY, *heads], use_inner_text=True, timeout=PATIENCE)

    def wide(self, least: float = 0) -> float:
        """How wide a picture is in the table, once one that is wider than `least` is drawn."""
        how = [self.table.element_handle(), least]
        return self.tab.wait_for_function(WIDE, arg=how, timeout=PATIENCE).json_value()

    def drawn(self) -> None:
        """Wait until each cell in the table has its picture."""
        tiles = self.table.locator(".tile:not(.none)")
        tiles.first.wait_for()
        for tile in tiles.all():
            tile.locator("img").wait_for()
            tile.locator("img").evaluate("image => image.decode()")

    def ready(self) -> None:
        """Wait until both pictures of a vote are seen."""
        self.root.locator("dialog.vote.ready").wait_for()

    def vote(self, keys: Sequence[str]) -> list[list[Any]]:
        """Vote by these keys; return what was asked, and the sources of the pictures, each time."""
        seen = []
        for key in keys:
            seen.append(self.asked())
            self.tab.keyboard.press(key)
        return seen

    def asked(self) -> list[Any]:
        """What is asked now, and the sources of the pictures."""
        self.ready()
        sources = [image.get_attribute("src") for image in self.dialog.locator("img").all()]
        return [self.dialog.locator(".asked").inner_text(), *sources]

    def close(self) -> None:
        self.dialog.get_by_role("button", name="Close").click()
