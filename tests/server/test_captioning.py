"""Pictures without captions, captioned by a server of chat on a real ComfyUI: done, cut off, gone
on; and an address that a stranger's workflow brings.
"""

import asyncio
import threading

import pytest
from PIL import Image

from atelier.tests.captioning.conftest import COLOURS
from atelier.tests.captioning.test_endpoint import Chat, chat
from atelier.training.captioning.settings import SentenceSettings
from atelier.training.sweep.client import PromptFailed, connect

from .conftest import run, stop_after

NAMES = ["red-1", "green-2", "blue-3"]


@pytest.fixture
def speaker():
    found = Chat()
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    found.free.set()
    found.shutdown()
    found.server_close()


@pytest.fixture
def folder(base, request):
    place = base / "input" / request.node.name
    place.mkdir()
    for name in NAMES:
        Image.new("RGB", (64, 48), COLOURS[name.split("-")[0]]).save(place / f"{name}.png")
    return place


def captioning(folder, address, **changes):
    settings = SentenceSettings().model_dump() | {"model": "", "timeout": 20, "retries": 0}
    settings |= {"mode": "fill in missing", "dry_run": False} | changes
    inputs = {"folder": folder.name, "default_caption": "a picture"}
    return {
        "1": {"class_type": "AtelierLoadDataset", "inputs": inputs},
        "2": {
            "class_type": "AtelierCaptionEndpoint",
            "inputs": {"dataset": ["1", 0], "address": address} | settings,
        },
    }


def texts(folder):
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.txt"))}


def test_captions_are_written_and_a_second_queue_asks_for_none(server, folder, speaker):
    prompt = captioning(folder, speaker.url)
    shown = run(server, prompt)["2"]
    assert "3 captioned." in shown["text"][0] and shown["images"]
    assert texts(folder) == dict.fromkeys(sorted(NAMES), "a red field\n")
    again = run(server, prompt)["2"]
    assert "3 had a caption." in again["text"][0]
    assert len(speaker.asked) == 3


def test_a_cancel_leaves_what_was_captioned_and_the_next_queue_goes_on(server, folder, speaker):
    speaker.answers = [(200, chat("first")), ("slow", b""), (200, chat("later"))]
    prompt = captioning(folder, speaker.url, mode="overwrite")

    async def cancelled():
        async with connect(server.address) as client:
            await stop_after(client, prompt, "1 of 3")

    with pytest.raises(PromptFailed, match="was cancelled"):
        asyncio.run(cancelled())
    speaker.free.set()
    assert list(texts(folder).values()) == ["first\n"]
    shown = run(server, prompt)["2"]
    assert "1 captioned before.\n2 captioned.\n" in shown["text"][0]
    assert sorted(texts(folder).values()) == ["first\n", "later\n", "later\n"]


@pytest.mark.parametrize("address", ["http://10.9.8.7:80/v1", "https://example.com/v1", ""])
def test_a_strangers_workflow_sends_pictures_nowhere(server, base, speaker, address):
    folder = base / "input" / "pictures"
    with pytest.raises(PromptFailed, match=r"endpoints\.txt|No address is given"):
        run(server, captioning(folder, address, dry_run=True, mode="overwrite"))
