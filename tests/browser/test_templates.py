"""The templates in ComfyUI's own page: they open, run, and show their grid."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from safetensors import safe_open

from atelier.demo import templates
from atelier.demo.install import FOLDER
from atelier.demo.server import Server
from atelier.training.sweep.client import connect

from .canvas import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WORKFLOWS = sorted(templates.WORKFLOWS.glob("*.json"))
NAMES = [path.stem for path in WORKFLOWS]
LOOKS = [(False, "dark"), (True, "light")]
OTHERS = [
    pytest.param(*look, marks=pytest.mark.long) for look in [(False, "light"), (True, "dark")]
]
TRAINING = {"steps": 20, "batch_size": 2}
GRID = {"seeds": "1", "strengths": "1", "steps": 4, "prompts": templates.PROMPTS[0]}
ENOUGH = 240  # seconds for any one thing on two busy cores; on idle ones it takes a tenth


def get(server: Server, path: str) -> Any:
    async def go() -> Any:
        async with connect(server.address) as client:
            return await client.get(path)

    return asyncio.run(go())


def read(name: str) -> dict[str, Any]:
    return json.loads((templates.WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_is_as_its_description_says(server: Server, name: str) -> None:
    """`python -m atelier.demo.templates` was run after the last change of a node or template."""
    assert read(name) == templates.build(name, get(server, "/object_info"))


def test_are_offered_with_thumbnails(server: Server) -> None:
    assert sorted(get(server, "/api/workflow_templates")["atelier"]) == NAMES
    for path in WORKFLOWS:
        with Image.open(path.with_suffix(".jpg")) as picture:
            assert picture.size == templates.THUMBNAIL, path.name


@pytest.mark.browser
@pytest.mark.parametrize(("vue", "theme"), [*LOOKS, *OTHERS])
def test_opens(
    browser: "Browser", server: Server, screenshots: Path, vue: bool, theme: str
) -> None:
    settings = {"Comfy__VueNodes__Enabled": vue, "Comfy__ColorPalette": theme}
    with opened(browser, server, **settings) as canvas:
        for name in NAMES:
            canvas.load(read(name))
            canvas.page.screenshot(path=screenshots / f"{name}-{look(vue)}-{theme}.png")
            assert canvas.types() == [node["type"] for node in read(name)["nodes"]]
            assert not canvas.missing()
            assert not canvas.dialogs()
            assert not canvas.overlaps()
    assert not ours(canvas.complaints)


@pytest.mark.browser
@pytest.mark.timeout(3 * ENOUGH)
@pytest.mark.parametrize(("vue", "theme"), LOOKS)
def test_runs(browser: "Browser", server: Server, screenshots: Path, vue: bool, theme: str) -> None:
    """From Browse Templates and Run to the grid's picture on its node."""
    settings = {"Comfy__VueNodes__Enabled": vue, "Comfy__ColorPalette": theme}
    with opened(browser, server, **settings) as canvas:
        canvas.browse("first-lora", screenshots / f"browse-{look(vue)}.png")
        canvas.set("AtelierTrainLora", name=look(vue), **TRAINING)
        canvas.set("AtelierEvaluationGrid", name=look(vue), **GRID)
        canvas.run()
        canvas.wait_for_text("Step", ENOUGH)
        canvas.page.screenshot(path=screenshots / f"progress-{look(vue)}.png")
        shown = canvas.wait_for_picture("AtelierEvaluationGrid", ENOUGH)
        finished = canvas.page.locator(".atelier-live .head", has_text="finished")
        finished.wait_for(state="attached", timeout=ENOUGH * 1000)
        canvas.settle()
        canvas.page.screenshot(path=screenshots / f"done-{look(vue)}.png")
        assert not canvas.dialogs()
        assert not canvas.overlaps()
        with Image.open(server.base / "output" / shown["subfolder"] / shown["filename"]) as grid:
            assert grid.width > 2 * templates.GRID["width"]
    assert not ours(canvas.complaints)


@pytest.mark.browser
@pytest.mark.timeout(2 * ENOUGH)
def test_a_folder_and_a_word_are_enough(
    browser: "Browser", server: Server, screenshots: Path
) -> None:
    """All else is the preset's, down to the prompts and the size of the pictures."""
    with opened(browser, server, Comfy__VueNodes__Enabled=True) as canvas:
        canvas.browse("folder-and-word", screenshots / "browse-word.png")
        canvas.set("AtelierLoadDataset", folder=f"{FOLDER}/class")
        canvas.set("AtelierTrainPreset", trigger_word="zwx")
        canvas.set("AtelierEvaluationGrid", steps=2)  # only to be quick
        canvas.run()
        shown = canvas.wait_for_picture("AtelierEvaluationGrid", ENOUGH)
        canvas.settle()
        canvas.page.screenshot(path=screenshots / "done-word.png")
        assert not canvas.dialogs()
        assert not canvas.overlaps()
    folder = server.base / "output" / shown["subfolder"]
    grid = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    prompts = [row["prompt"] for row in grid["rows"]]
    assert [prompt.split(",")[0] for prompt in prompts] == ["zwx"] * 3  # two captions, and alone
    assert (grid["sampling"]["width"], grid["sampling"]["height"]) == (128, 128)
    (lora,) = (server.base / "models" / "loras" / "atelier").glob("my-word*")
    with safe_open(lora, "np") as file:
        made = file.metadata()
    assert (made["modelspec.trigger_phrase"], made["ss_max_train_steps"]) == ("zwx", "200")


def look(vue: bool) -> str:
    return "nodes2" if vue else "canvas"


def ours(complaints: list[str]) -> list[str]:
    """Those that are about us: the bare page has a few of its own."""
    return [text for text in complaints if "atelier" in text.lower()]
