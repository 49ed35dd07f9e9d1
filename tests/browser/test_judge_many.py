"""A thousand pictures in the page of grids: it is scrolled, zoomed, ordered without a halt."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server
from atelier.measure.viewer_page import WATCH, longest
from atelier.tests.galleries import write_grid

from .canvas import opened
from .judge_page import JudgePage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.long]
MOST = 200  # milliseconds that the page may not answer


@pytest.mark.timeout(280)
def test_a_thousand_cells_are_smooth(browser: "Browser", server: Server, screenshots: Path) -> None:
    prompts = [f"prompt number {number}" for number in range(125)]
    strengths = [number / 8 for number in range(8)]
    write_grid(server.base / "output" / "atelier", "many", prompts, [1], strengths, scores=True)
    with opened(browser, server) as canvas:
        tab = canvas.page
        tab.set_default_timeout(120_000)
        tab.evaluate(WATCH)
        tab.locator(".atelier-grids-tab-button").click()
        page = JudgePage(tab, tab.locator(".atelier-judge"))
        page.says("1000 pictures: 125 rows, 8 columns.")
        page.keys("w")
        page.table.locator(".tile img").first.wait_for()
        told = longest(tab)
        assert max(told.values()) < MOST, told
        page.keys("0", "Control+End")
        last = "prompt number 124, seed 1. strength 0.875"
        page.root.locator(f'.tile.current[aria-label^="{last}"]').wait_for()
        assert page.current().startswith(last)
        assert int(page.table.get_attribute("aria-rowcount") or 0) == 126
        page.drawn()
        tab.screenshot(path=screenshots / "grid-many.png")
        assert page.table.locator(".tile").count() < 1000
    print(json.dumps(told))
