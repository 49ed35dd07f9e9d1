"""The ComfyUI server of the tests, and a Chromium for each module that looks at it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from atelier.demo.install import FOLDER, PICTURES
from atelier.demo.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

try:
    from playwright import sync_api
except ImportError:  # `python dev.py test` installs it; a test run by hand may lack it
    sync_api = None

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def no_browser(reason: str) -> NoReturn:
    """Skip, or fail where a browser is required."""
    if os.environ.get("ATELIER_REQUIRE_BROWSER"):
        pytest.fail(
            f"{reason} (ATELIER_REQUIRE_BROWSER is set, so this is no skip.)", pytrace=False
        )
    pytest.skip(reason)


def copy_some(target: Path) -> None:
    """Copy two pictures of each of the demo's folders, with their captions: soon encoded."""
    for source in (path for path in PICTURES.iterdir() if path.is_dir()):
        (target / source.name).mkdir(parents=True)
        for path in sorted(source.glob("*.png"))[:2]:
            for file in (path, path.with_suffix(".txt")):
                shutil.copy(file, target / source.name)


@pytest.fixture(scope="module")
def server(empty_server: Server) -> Server:
    pictures = empty_server.base / "input" / FOLDER
    pictures.unlink()  # a link out of the input folder, which Load Dataset rightly refuses
    copy_some(pictures)
    return empty_server


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """$ATELIER_CHROMIUM, else a Chromium on the path, else the one that Playwright installed."""
    if sync_api is None:
        no_browser("The Python package playwright is not installed.")
    found = os.environ.get("ATELIER_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    with sync_api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        except sync_api.Error as error:
            no_browser(
                f"No Chromium can be started ({found or 'none on the path'}): "
                f"{error.message.splitlines()[0]} Install one, or set ATELIER_CHROMIUM to it."
            )
        yield started
        started.close()


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page go: $ATELIER_SCREENSHOTS, or the tests' own folder."""
    named = os.environ.get("ATELIER_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
