"""The dataset page, open in a Chromium, and a folder of pictures to each test."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from atelier.demo.server import Server

from ..canvas import PATIENCE, Canvas, opened
from ..test_templates import ours
from .page import CAPTIONS, DatasetPage, write_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def canvas(browser: "Browser", server: Server) -> Iterator[Canvas]:
    with opened(browser, server) as found:
        yield found


@pytest.fixture
def page(canvas: Canvas) -> Iterator[DatasetPage]:
    """The page, with nothing left open by a test before; nothing that it asked may go wrong."""
    found = DatasetPage(canvas)
    canvas.page.set_default_timeout(PATIENCE)
    while found.dialog.count():
        found.dialog.last.get_by_role("button", name="Close").click()
    canvas.complaints.clear()
    yield found
    assert not ours(canvas.complaints)
    assert not found.dialog.count()


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest) -> Path:
    return write_pictures(server.base / "input" / request.node.name.partition("[")[0], CAPTIONS)
