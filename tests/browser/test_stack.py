"""The rows of LoRA Stack, used by a person in both looks of the page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from atelier.demo.server import Server
from atelier.training.metadata import thumbnail

from .canvas import opened
from .stacked import (
    ADD_AND_OPEN,
    CONTRAST,
    ENTER,
    FACED,
    INTO_SUBGRAPH,
    PROMOTE,
    TEXT,
    Stack,
    saved,
    workflow,
)
from .test_templates import look

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
FILES = ("styles/ink-wash", "styles/inkwell", "red hat")
NAMES = ["ink-wash", "red hat", "ink_wash_v3"]
# What the page says where a subgraph is made, whatever is in it; and of the damaged file.
EXPECTED = ("Attempted to cleanup event listeners for graph", "422 (", "422 http")
PATIENCE = 60_000  # milliseconds that any one thing may take on a busy machine


def write_loras(folder: Path) -> None:
    layer = "lora_unet_input_blocks_1_1_proj_in"
    tensors = {
        f"{layer}.lora_down.weight": np.zeros((2, 4), np.float32),
        f"{layer}.lora_up.weight": np.zeros((4, 2), np.float32),
    }
    told = {"modelspec.trigger_phrase": "inkwash, brush", "ss_learning_rate": "0.0001"}
    told |= thumbnail(Image.new("RGB", (200, 100), "orange"))
    for name in FILES:
        path = folder / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path, metadata=told)
    (folder / "damaged.safetensors").write_bytes(b"no tensors")


@pytest.fixture(scope="module", params=[False, True], ids=look)
def page(request: pytest.FixtureRequest, browser: "Browser", server: Server) -> Iterator[Stack]:
    """One page for all tests of a look; at its end, nothing was complained of."""
    write_loras(server.base / "models" / "loras")
    with opened(browser, server, Comfy__VueNodes__Enabled=request.param) as canvas:
        canvas.page.set_default_timeout(PATIENCE)
        bare = set(canvas.complaints)
        yield Stack(canvas, request.param)
        own = [text for text in canvas.complaints if text not in bare]
        assert not [text for text in own if not any(one in text for one in EXPECTED)]


@pytest.fixture
def stack(page: Stack) -> Stack:
    page.open()
    return page


def test_opens_what_was_saved(stack: Stack) -> None:
    assert stack.texts() == stack.prompted() == [saved()]
    nodes = stack.page.evaluate("app.graph.serialize().nodes")
    values = {node["type"]: node["widgets_values"] for node in nodes}
    assert values == {node["type"]: node["widgets_values"] for node in workflow()["nodes"]}
    assert stack.names() == NAMES
    assert stack.number("model", 2).input_value() == "-0.125"


def test_can_be_read_in_dark_and_light(stack: Stack, screenshots: Path) -> None:
    stack.button("block weights", 1).click()
    colours = set()
    for palette in ("light", "dark"):
        stack.paint(palette)
        stack.lists.get_by_role("button", name="Add LoRA").click()
        stack.page.get_by_role("combobox", name="Search LoRAs").fill("ink")
        stack.page.keyboard.press("ArrowDown")
        stack.page.get_by_role("tooltip").wait_for()
        stack.page.screenshot(path=screenshots / f"stack-{look(stack.vue)}-{palette}.png")
        stack.page.keyboard.press("Escape")
        button = stack.button("LoRA: styles/ink-wash")
        assert button.evaluate(CONTRAST) >= 4.5, palette
        colours.add(button.evaluate("button => getComputedStyle(button).color"))
    assert len(colours) == 2


def test_adds(stack: Stack) -> None:
    stack.lists.get_by_role("button", name="Add LoRA").click()
    stack.page.get_by_role("combobox", name="Search LoRAs").fill("well")
    assert stack.page.get_by_role("option").all_inner_texts() == ["styles/inkwell"]
    stack.page.keyboard.press("Enter")
    assert stack.names() == [*NAMES, "inkwell"]
    assert stack.value()[3] == {"on": True, "lora": "styles/inkwell.safetensors", "model": 1}
    stack.settle()
    stack.page.mouse.click(1100, 600)  # the page looks for changes: the node's size is no other
    stack.undo()
    assert stack.texts() == [saved()]
    assert stack.names() == NAMES


def test_a_step_left_open_does_not_reach_another_workflow(stack: Stack) -> None:
    """A workflow may be opened by code, in the very frame of an edit."""
    stack.page.evaluate(ADD_AND_OPEN, workflow())
    stack.rows.nth(2).wait_for()
    stack.settle()
    assert stack.texts() == [saved()]
    stack.press("Escape")
    stack.click(stack.switch(0))
    stack.undo()
    assert stack.texts() == [saved()]


def test_chooses_another_file(stack: Stack) -> None:
    stack.button("LoRA: styles/ink-wash").click()
    stack.page.get_by_role("option", name="red hat").click()
    assert stack.names() == ["red hat", *NAMES[1:]]
    stack.page.keyboard.press("Enter")  # the keyboard is back on the button
    stack.page.keyboard.press("Escape")
    stack.page.get_by_role("listbox").wait_for(state="detached")
    assert stack.value()[0] == {"on": True, "lora": "red hat.safetensors", "model": 0.8}


def test_reorders_by_mouse_and_keyboard(stack: Stack) -> None:
    handle = stack.rows.nth(2).get_by_role("button", name="Move ink_wash_v3, 3 of 3", exact=True)
    handle.drag_to(stack.rows.nth(0), target_position={"x": 40, "y": 2})
    assert stack.names() == [NAMES[2], *NAMES[:2]]
    stack.settle()
    stack.press("Alt+ArrowDown")
    stack.press("Alt+ArrowDown")
    stack.press("Alt+ArrowDown")  # it is the last already
    assert stack.names() == NAMES
    stack.undo()
    stack.undo()
    stack.undo()
    assert stack.texts() == [saved()]
    assert stack.names() == NAMES


def test_toggles_one_and_all(stack: Stack) -> None:
    def on() -> list[bool]:
        shown = [stack.switch(place).get_attribute("aria-checked") for place in range(3)]
        held = [row["on"] for row in stack.value()]
        assert shown == [str(one).lower() for one in held]
        return held

    everything = stack.lists.get_by_role("switch", name="All on or off")
    assert everything.get_attribute("aria-checked") == "mixed"
    stack.click(stack.switch(0))
    assert on() == [False, False, True]
    stack.click(everything)
    assert on() == [True, True, True]
    stack.click(everything)
    assert on() == [False, False, False]
    stack.undo()
    stack.switch(1).click()  # the list on the page is that of the node after undo, too
    assert on() == [True, False, True]


def test_duplicates_and_removes(stack: Stack) -> None:
    stack.button("Duplicate red hat", 1).click()
    assert stack.names() == ["ink-wash", "red hat", "red hat", "ink_wash_v3"]
    one, other = stack.value()[1:3]
    assert one == other and one["schedule"] == [[0, 1], [0.5, 0]]
    stack.number("model", 2).fill("0,25")
    stack.page.keyboard.press("Enter")
    assert [row["model"] for row in stack.value()] == [0.8, 1, 0.25, -0.125]
    stack.button("Remove red hat", 1).click()
    assert [row["model"] for row in stack.value()] == [0.8, 0.25, -0.125]
    stack.page.keyboard.press("Delete")  # the keyboard is on the next row
    assert stack.names() == ["ink-wash", "ink_wash_v3"]
    assert len(stack.texts()) == 1, "Delete removed the node"


def test_sets_strengths(stack: Stack) -> None:
    box = stack.number("model").bounding_box()
    assert box
    stack.page.mouse.move(box["x"] + 20, box["y"] + 10)
    stack.page.mouse.down()
    stack.page.mouse.move(box["x"] + 44, box["y"] + 10, steps=4)
    stack.page.mouse.up()
    assert stack.value()[0]["model"] == 1.0  # 24 pixels are 4 steps of 0.05
    assert stack.number("text").is_disabled() and stack.number("text").input_value() == "1.00"
    stack.undo()
    assert stack.texts() == [saved()]
    stack.button("text encoders as the model").click()
    stack.number("text").fill("much")
    stack.page.keyboard.press("Enter")
    assert stack.number("text").get_attribute("aria-invalid") == "true"
    assert stack.value()[0]["text"] == 0.8
    stack.number("text").fill("0.5")
    stack.page.keyboard.press("ArrowUp")
    stack.page.keyboard.press("Tab")
    assert stack.value()[0]["text"] == 0.85
    stack.button("text encoders as the model").click()
    assert "text" not in stack.value()[0]


def test_block_weights_and_schedule(stack: Stack) -> None:
    stack.button("block weights", 1).click()
    schedule = stack.rows.nth(1).get_by_role("textbox", name="Schedule")
    assert schedule.input_value() == "0: 1, 0.5: 0"
    schedule.fill("0.5: 0")
    stack.page.keyboard.press("Enter")
    stack.rows.nth(1).get_by_text("The first keyframe is at 0").wait_for()
    assert stack.texts() == [saved()]
    schedule.fill("0%: 1, 25%: 0.5")
    stack.page.keyboard.press("Enter")
    assert stack.value()[1]["schedule"] == [[0, 1], [0.25, 0.5]]
    blocks = stack.rows.nth(1).get_by_role("textbox", name="Block weights")
    assert blocks.input_value() == "double_blocks.*: 0.5"
    blocks.fill("")
    stack.page.keyboard.press("Tab")
    assert "blocks" not in stack.value()[1]


def test_trigger_words_go_into_a_prompt(stack: Stack) -> None:
    stack.button("block weights", 0).click()
    row = stack.rows.nth(0)
    row.get_by_role("combobox").select_option(label="into CLIP Text Encode (Prompt) #2: text")
    row.get_by_role("button", name="inkwash", exact=True).click()
    assert stack.page.evaluate(TEXT) == "a cat, inkwash"
    row.get_by_role("button", name="inkwash", exact=True).click()  # it is there already
    assert stack.page.evaluate(TEXT) == "a cat, inkwash"


def test_a_file_tells_of_itself(stack: Stack) -> None:
    button = stack.button("LoRA: styles/ink-wash")
    button.hover()
    card = stack.page.get_by_role("tooltip").filter(has_text="Trigger words: inkwash, brush")
    card.wait_for()
    assert "0.0001" in card.inner_text()
    picture = card.locator("img")
    assert picture.evaluate("picture => [picture.naturalWidth, picture.naturalHeight]") == [
        200,
        100,
    ]
    stack.page.mouse.move(5, 700)
    card.wait_for(state="detached")


def test_a_missing_file_is_named(stack: Stack) -> None:
    lost = stack.rows.nth(2)
    lost.get_by_text("No such file.").wait_for()
    assert not stack.rows.nth(0).get_by_text("No such file.").is_visible()
    lost.get_by_role("button", name="ink-wash", exact=True).click()
    assert stack.value()[2]["lora"] == "styles/ink-wash.safetensors"
    lost.get_by_text("No such file.").wait_for(state="hidden")


def test_a_damaged_file_is_named(stack: Stack) -> None:
    stack.button("LoRA: old/ink_wash_v3", 2).click()
    stack.page.get_by_role("option", name="damaged").click()
    stack.button("block weights", 2).click()
    stack.rows.nth(2).get_by_role("group").get_by_text("damaged.safetensors").wait_for()


def test_copies(stack: Stack) -> None:
    stack.select()
    stack.page.keyboard.press("Control+c")
    stack.page.keyboard.press("Control+v")
    stack.lists.nth(1).wait_for()
    assert stack.texts() == stack.prompted() == [saved(), saved()]
    last = stack.lists.last.get_by_role("listitem").first.get_by_role("switch")
    last.dispatch_event("click")
    assert len(set(stack.texts())) == 2, "the copy is not on its own"


def test_reloads(stack: Stack) -> None:
    stack.number("model").fill("0.37")  # in none of the drafts that the page keeps of other tests
    stack.page.keyboard.press("Enter")
    before = stack.texts()
    stack.reload()
    stack.rows.nth(2).wait_for()
    assert stack.texts() == stack.prompted() == before
    assert stack.names() == NAMES


def test_lives_in_a_subgraph(stack: Stack) -> None:
    stack.select()
    stack.page.evaluate(INTO_SUBGRAPH)
    stack.settle()
    assert stack.texts() == [] and stack.prompted() == [saved()]
    stack.page.evaluate(ENTER)
    stack.rows.nth(2).wait_for()
    stack.switch(1).click()
    assert stack.value()[1]["on"] is True
    assert stack.prompted() == stack.texts()
    assert stack.names() == NAMES


def test_lives_on_the_face_of_a_subgraph(stack: Stack) -> None:
    """Where its input is one of the subgraph's, so that the list is on the outer node."""
    stack.select()
    stack.page.evaluate(INTO_SUBGRAPH)
    stack.page.evaluate(PROMOTE)
    assert stack.prompted() == [saved()]
    if not stack.page.evaluate(FACED):
        pytest.skip("This page (1.49) shows no pack's own widgets on the face of a subgraph.")
    stack.rows.nth(2).wait_for()
    stack.switch(1).click()
    (sent,) = stack.prompted()
    assert [row["on"] for row in json.loads(sent)["rows"]] == [True, True, True]
    stack.page.evaluate(ENTER)
    stack.settle()
    stack.page.evaluate("app.canvas.setGraph(app.graph)")
    stack.rows.nth(2).wait_for()
    stack.switch(0).click()
    (sent,) = stack.prompted()
    assert [row["on"] for row in json.loads(sent)["rows"]] == [False, True, True]


def test_what_is_not_ours_is_kept_as_text(stack: Stack) -> None:
    foreign = '{"loras": [["a", 1.0]]}'
    changed = workflow()
    changed["nodes"][0]["widgets_values"] = [foreign]
    stack.canvas.load(changed)
    text = stack.lists.get_by_role("textbox", name="The stack as JSON")
    text.wait_for()
    assert text.input_value() == foreign
    assert stack.texts() == stack.prompted() == [foreign]
    assert not stack.rows.count()
    stack.lists.get_by_role("button", name="Begin an empty list").click()
    assert stack.value() == []
