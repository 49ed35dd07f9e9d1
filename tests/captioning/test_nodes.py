"""The four nodes in ComfyUI: models found in its folders, cancel, what is written and where."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.model_management as management
import folder_paths
import pytest
import torch

from atelier.nodes import caption
from atelier.training.captioning import tagger
from atelier.training.captioning.settings import CaptionSettings, SentenceSettings, TagSettings
from atelier.training.data.wired import images_dataset
from atelier.training.host.caption_models import find_tagger, find_teller, tagger_names
from atelier.training.host.folders import cache, records
from atelier.training.host.progress import Interrupted

from .conftest import drawn, written
from .test_endpoint import Chat, chat
from .tiny_models import blip
from .tiny_tagger import make_tagger

nodes: Any = caption
NAMES = ["red-1", "green-2", "blue-3", "red-4"]
ALL = {"mode": "fill in missing", "dry_run": False}
TAGS = TagSettings().model_dump()
TELL = SentenceSettings().model_dump()


@pytest.fixture
def input_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set", numbered=True)
    place = Path(folder_paths.get_input_directory()) / folder.name
    place.mkdir()
    return place


@pytest.fixture(scope="module")
def taggers():
    make_tagger(Path(folder_paths.models_dir) / "wd14" / "tiny")


@pytest.fixture
def server():
    found = Chat()
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    found.free.set()
    found.shutdown()
    found.server_close()


def ask(server, dataset, **more):
    own = {"address": server.url, "model": "", "timeout": 5, "retries": 0}
    return nodes.CaptionEndpoint.execute(dataset, **own, **{**TELL, **ALL, **more})


def test_the_tagger_writes_beside_pictures_in_the_input_folder(taggers, input_folder):
    dataset = drawn(input_folder, NAMES)
    out = nodes.CaptionTagger.execute(dataset, "tiny", **ALL, **TAGS)
    captioned, text, sheet = out.result
    assert written(input_folder)["blue-3"] == "sky"
    assert captioned.records[0].caption == "red hat, ^_^, bow (object)"
    assert "4 captioned." in text and out.ui["text"] == (text,)
    assert sheet[0].ndim == 4 and sheet[0].dtype == torch.float32
    assert out.ui["images"]


def test_room_is_made_for_a_tagger_on_the_graphics_card(taggers, input_folder, monkeypatch):
    asked = []
    monkeypatch.setattr(management, "free_memory", lambda room, *_: asked.append(room))
    monkeypatch.setattr(tagger, "providers", lambda: ["CPUExecutionProvider"])
    nodes.CaptionTagger.execute(drawn(input_folder, NAMES[:1]), "tiny", **ALL, **TAGS)
    assert asked == []
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(tagger, "providers", lambda: both)
    monkeypatch.setattr(tagger, "_Network", lambda files: SimpleNamespace(close=asked.clear))
    with nodes._tagger("tiny", TagSettings()).open():
        assert asked == [pytest.approx(1e9, rel=0.01)]


def test_a_dry_run_writes_nothing_and_shows_three(taggers, input_folder):
    dataset = drawn(input_folder, NAMES)
    captioned, text, _ = nodes.CaptionTagger.execute(
        dataset, "tiny", **{**ALL, **TAGS, "dry_run": True}
    ).result
    assert written(input_folder) == {} and captioned.records == dataset.records
    assert "3 shown, and nothing written." in text and "\nred-1.png\nred hat" in text


def test_a_dry_run_is_what_a_node_does_first():
    assert CaptionSettings().dry_run and CaptionSettings().mode == "fill in missing"


def test_taggers_are_found_in_their_folders_and_nowhere_else(taggers, comfy_base):
    models = Path(folder_paths.models_dir)
    make_tagger(models / "taggers" / "deep" / "er", name="wd-v3")
    make_tagger(models / "taggers" / "no-list")
    (models / "taggers" / "no-list" / "selected_tags.csv").unlink()
    assert {"tiny", "deep/er/wd-v3"} <= set(tagger_names())
    assert "no-list" not in tagger_names()
    assert find_tagger("deep/er/wd-v3").tags.name == "wd-v3.csv"
    for name in ("../wd14/tiny", "/etc", "tiny/../tiny", "", "none found: see this node's help"):
        with pytest.raises(ValueError, match="no tagger"):
            find_tagger(name)
        with pytest.raises(ValueError, match=r"Put the whole folder of a model .*vlm or .*LLM"):
            find_teller(name)


def test_a_vision_model_in_the_models_folder_captions(input_folder):
    blip(Path(folder_paths.models_dir) / "vlm" / "tiny-blip")
    dataset = drawn(input_folder, NAMES[:2])
    settings = {**TELL, **ALL, "max_tokens": 6, "prompt": "a photo of"}
    with torch.inference_mode():  # as ComfyUI runs nodes
        captioned, text, _ = nodes.CaptionVision.execute(dataset, "tiny-blip", **settings).result
    assert len(written(input_folder)) == 2
    assert all(record.caption for record in captioned.records)
    assert "2 end in the middle, at 'max_tokens'" in text


def test_a_cancel_keeps_what_is_done_and_the_next_queue_goes_on(server, input_folder):
    dataset = drawn(input_folder, NAMES)
    server.answers = [(200, chat("one")), (200, chat("two")), ("slow", b"")]

    def cancel():
        while len(server.asked) < 3:
            threading.Event().wait(0.02)
        management.interrupt_current_processing()

    threading.Thread(target=cancel, daemon=True).start()
    with pytest.raises(Interrupted):
        ask(server, dataset, mode="overwrite")
    server.free.set()
    assert written(input_folder) == {"green-2": "two", "red-1": "one"}
    server.answers = [*server.answers, (200, chat("three")), (200, chat("four"))]
    captioned, text, _ = ask(server, dataset, mode="overwrite").result
    assert len(server.asked) == 5
    texts = ["one", "two", "three", "four"]
    assert [record.caption for record in captioned.records] == texts
    assert sorted(written(input_folder).values()) == sorted(texts)
    assert "2 captioned.\n" in f"{text}\n" and "2 captioned before." in text


def test_a_server_that_goes_half_way_leaves_what_was_captioned(server, input_folder):
    dataset = drawn(input_folder, NAMES)
    server.answers = [(200, chat("one")), (500, b"gone")]
    with pytest.raises(ValueError, match=r"HTTP 500.* 1 of 4 are captioned; queue again"):
        ask(server, dataset)
    assert written(input_folder) == {"red-1": "one"}


def test_pictures_of_a_wire_keep_their_captions_in_the_dataset(server):
    images = [torch.full((1, 16, 16, 3), value) for value in (0.2, 0.8)]
    dataset = images_dataset(images, ["x"], (), cache() / "wired")
    captioned, text, _ = ask(server, dataset, mode="overwrite").result
    assert [record.caption for record in captioned.records] == ["a red field"] * 2
    assert not list(cache().rglob("*.txt")) or not list((cache() / "wired").glob("*/*.txt"))
    assert "stay in the dataset" in text
    ask(server, dataset, mode="overwrite")
    assert len(server.asked) == 2  # the second time they are known


def test_pictures_outside_the_allowed_folders_get_no_files(server, folder):
    dataset = drawn(folder, NAMES[:1])
    captioned, *_ = ask(server, dataset, mode="overwrite", seed=5).result
    assert captioned.records[0].caption == "a red field"
    assert written(folder) == {}


def test_another_machine_is_refused_and_the_file_named(folder):
    dataset = drawn(folder, NAMES[:1])
    own = {"model": "", "timeout": 5, "retries": 0, **TELL, **ALL}
    with pytest.raises(ValueError, match="not on this machine") as error:
        nodes.CaptionEndpoint.execute(dataset, "http://10.1.2.3/v1", **own)
    assert str(records() / "endpoints.txt") in str(error.value)
    with pytest.raises(ValueError, match="No address is given"):
        nodes.CaptionEndpoint.execute(dataset, "", **own)


def test_a_broken_picture_is_named_after_the_others_were_captioned(server, input_folder):
    dataset = drawn(input_folder, NAMES[:3])
    (input_folder / "green-2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"green-2\.png"):
        ask(server, dataset)
    assert sorted(written(input_folder)) == ["blue-3", "red-1"]


def test_nothing_is_preset_that_sends_pictures_anywhere():
    own = {one.id: one for one in nodes.CaptionEndpoint.define_schema().inputs}
    assert own["address"].default == ""


def test_a_text_encoder_that_cannot_write_is_refused(folder):
    with pytest.raises(ValueError, match="ComfyUI"):
        nodes.CaptionClip.execute(drawn(folder, NAMES[:1]), object(), **ALL, **TELL)
