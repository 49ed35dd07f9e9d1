"""The runs page as a person uses it, and runs for it that were never trained."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from atelier.demo.server import Server
from atelier.training import run as runs
from atelier.training.run import DEFAULTS, Run
from atelier.training.watching import ending
from atelier.training.watching.ending import Ending

from .canvas import Canvas

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def runs_folder(server: Server) -> Path:
    return server.base / "user" / "__atelier" / "runs"


def write_run(server: Server, name: str, steps: int, graph: Any = None, **config: Any) -> Run:
    """A run of `steps` that ended, with samples at every quarter if it asks for them."""
    asked = {"key": name, "config": DEFAULTS | {"steps": steps} | config, "continues": None}
    run = runs.create(runs_folder(server), name, asked)
    slow = config.get("rank", 16) / 16
    lines = [
        {
            "step": n,
            "loss": 0.2 * slow + 1 / n**0.5 + 0.05 * (n % 7),
            "grad_norm": 1.0,
            "learning_rate": 1e-4,
        }
        for n in range(1, steps + 1)
    ]
    held = [{"step": n, "held_out": 0.4 * slow + 1 / n**0.5} for n in range(25, steps + 1, 25)]
    run.write_log(sorted([*lines, *held], key=lambda one: one["step"]))
    run.keep_graph({"workflow": graph})
    for quarter in range(1, 5) if config.get("sample_every") else ():
        folder = server.base / "output" / "atelier" / "runs" / name / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        colour = (60 * quarter, 40, 255 - 60 * quarter)
        Image.new("RGB", (128, 128), colour).save(folder / f"step-{quarter * steps // 4:06d}-1.png")
    ending.write(run.folder, Ending("stopped"))
    return run


def said(run: Run) -> dict[str, Any]:
    """What is written down of a run by its title, tags and whether it is put away."""
    return json.loads((run.folder / "about.json").read_text(encoding="utf-8"))


@dataclass
class RunsPage:
    canvas: Canvas

    @property
    def root(self) -> "Locator":
        return self.canvas.page.locator(".atelier-runs")

    @property
    def list(self) -> "Locator":
        return self.root.get_by_role("listbox", name="Runs")

    @property
    def chart(self) -> "Locator":
        return self.root.locator(".curves .chart")

    @property
    def dialog(self) -> "Locator":
        return self.root.locator("dialog:modal:not(.page)")

    def open(self) -> None:
        if not self.root.is_visible():
            self.canvas.page.locator(".atelier-runs-tab-button").click()
        self.list.wait_for()

    def row(self, name: str) -> "Locator":
        return self.list.get_by_role("option").filter(has_text=name)

    def says(self, words: str) -> None:
        self.root.locator(".status").filter(has_text=words).wait_for()

    def search(self, text: str) -> None:
        field = self.root.get_by_role("searchbox", name="Search")
        field.fill(text)
        field.press("Enter")

    def names(self) -> "list[str]":
        """Titles in the list, in order."""
        return [text.strip() for text in self.list.locator(".title").all_inner_texts()]

    def keys(self, *keys: str) -> None:
        self.list.focus()
        for key in keys:
            self.canvas.page.keyboard.press(key)

    def answer(self, text: str) -> None:
        """Write into the dialog that is open."""
        self.dialog.get_by_role("textbox").fill(text)
        self.canvas.page.keyboard.press("Enter")
        self.dialog.wait_for(state="detached")
