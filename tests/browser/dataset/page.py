"""The dataset page as a person uses it, in the side bar of ComfyUI's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ..canvas import Canvas

if TYPE_CHECKING:
    from playwright.sync_api import Locator

CAPTIONS = [
    "red_hat, smile", "red hat, standing", "blue hat, smile", "blue hat, sitting", "a dog", "a cat",
    "", "red hat, " + "very " * 80 + "long", "tree (green), smile", "a house", "a boat", "the sea",
]  # fmt: skip


def write_pictures(folder: Path, captions: Sequence[str]) -> Path:
    """Pictures of one colour each, called 01.png and so on, with these captions beside them."""
    folder.mkdir(parents=True)
    for number, caption in enumerate(captions, start=1):
        colour = (number * 53 % 256, number * 97 % 256, number * 193 % 256)
        Image.new("RGB", (96, 64), colour).save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(caption, encoding="utf-8")
    return folder


@dataclass
class DatasetPage:
    canvas: Canvas

    @property
    def root(self) -> "Locator":
        return self.canvas.page.locator(".atelier-dataset")

    @property
    def grid(self) -> "Locator":
        return self.root.get_by_role("grid", name="Pictures")

    @property
    def filter(self) -> "Locator":
        return self.root.get_by_role("searchbox", name="Filter")

    @property
    def status(self) -> "Locator":
        return self.root.locator(".status")

    @property
    def dialog(self) -> "Locator":
        return self.root.locator("dialog:modal:not(.page)")

    def open(self, folder: str) -> None:
        """Press the tab, name a folder, and wait until all about it is known."""
        page = self.canvas.page
        if not self.root.is_visible():
            page.locator(".atelier-dataset-tab-button").click()
        field = self.root.get_by_role("combobox", name="Folder")
        field.fill(folder)
        field.press("Enter")
        self.says(" pictures in ")
        self.show("")

    def says(self, words: str) -> None:
        """Wait until the line at the bottom has `words`."""
        self.status.filter(has_text=words).wait_for()

    def show(self, text: str) -> None:
        """Filter, and go to the grid."""
        self.filter.fill(text)
        self.filter.press("Enter")

    def keys(self, *keys: str) -> None:
        """Press keys in the grid."""
        self.grid.focus()
        for key in keys:
            self.canvas.page.keyboard.press(key)

    def cell(self, name: str) -> "Locator":
        return self.grid.get_by_role("gridcell", name=name)

    def names(self) -> list[str]:
        """Of the pictures that are elements now."""
        return self.grid.locator(".below .name").all_inner_texts()

    def current(self) -> str:
        """What a screen reader says of the picture that has the keyboard."""
        own = self.grid.get_attribute("aria-activedescendant")
        return self.root.locator(f"#{own}").get_attribute("aria-label") or ""

    def edit(self, name: str, text: str, leave: str = "Enter") -> None:
        """Click into a caption, write, and leave it by a key."""
        self.cell(name).locator(".caption").click()
        field = self.cell(name).get_by_role("textbox")
        field.fill(text)
        if leave:
            field.press(leave)
