"""The routes of sweeps, over HTTP but in this process; a queue and a history stand in."""

import asyncio
import json
import shutil
from types import SimpleNamespace

import nodes
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from server import PromptServer

from atelier.nodes.dataset import LoadDataset
from atelier.nodes.train import TrainLora
from atelier.tests.pure.test_sweep_results import ENTRY
from atelier.training.host import sweep_routes, sweeps

PROMPT = {
    "2": {"class_type": "AtelierLoadDataset", "inputs": {"folder": "pictures"}},
    "3": {
        "class_type": "AtelierTrainLora",
        "inputs": {"dataset": ["2", 0], "name": "mine", "learning_rate": 0.01, "rank": 4},
    },
}
RATE = {"node": "3", "input": "learning_rate", "values": "0.01, 0.02", "slot": 0}
FOLDER = {"node": "2", "input": "folder", "values": "", "slot": None}


class Queue:
    running: list = []  # noqa: RUF012 - one for each test, set below
    history: dict = {}  # noqa: RUF012

    def get_current_queue(self):
        return self.running, []

    def get_history(self):
        return self.history


@pytest.fixture
def queue(monkeypatch):
    made = Queue()
    made.running, made.history = [], {}
    stand_in = SimpleNamespace(prompt_queue=made)
    monkeypatch.setattr(PromptServer, "instance", stand_in, raising=False)
    for kind in (LoadDataset, TrainLora):
        monkeypatch.setitem(nodes.NODE_CLASS_MAPPINGS, f"Atelier{kind.__name__}", kind)
    shutil.rmtree(sweeps.sweeps(), ignore_errors=True)
    return made


def body(*axes, **changes):
    made = {"name": "mine", "mode": "product", "axes": list(axes), "prompt": PROMPT}
    return made | changes


def ask(path, sent=None, **headers):
    async def go():
        routes = web.RouteTableDef()
        sweep_routes.register(routes)
        app = web.Application()
        app.add_routes(routes)
        async with TestClient(TestServer(app)) as client:
            kind = "GET" if sent is None else "POST"
            data = None if sent is None else json.dumps(sent)
            answer = await client.request(
                kind, f"{sweep_routes.ROOT}{path}", data=data, headers=headers
            )
            text = await answer.text()
            return answer.status, json.loads(text) if text[:1] in "{[" else text

    return asyncio.run(go())


def item(point, prompt_id):
    tag = {"extra": {"atelier_sweep": {"name": "mine", "point": point}}}
    return [1, prompt_id, PROMPT, {"extra_pnginfo": {"workflow": tag}}, []]


def states():
    return [row["state"] for row in ask("/of/mine")[1]["rows"]]


def test_a_point_is_followed_from_the_queue_to_its_end(queue):
    graph = {"nodes": [{"id": 3, "widgets_values": [0.01]}]}
    assert ask("", body(RATE, workflow=graph)) == (200, {"name": "mine", "points": [1, 2]})
    status, point = ask("/of/mine/points/2")
    assert status == 200 and point["prompt"]["3"]["inputs"]["name"] == "mine-02"
    assert point["workflow"]["nodes"][0]["widgets_values"] == [0.02]
    assert states() == ["waiting", "waiting"]
    queue.running = [item(1, "a"), item(2, "b")]
    assert states() == ["queued", "queued"]
    assert ask("/of/mine/resume", {})[1]["points"] == []
    queue.running = []
    queue.history = {"b": {**ENTRY, "prompt": item(2, "b")}}
    assert states() == ["cancelled", "done"]  # somebody took the first out of the queue
    assert ask("/of/mine?pareto=seconds")[1]["pareto"] == [2]
    assert ask("/of/mine?pareto=seconds&pareto=loss")[1]["pareto"] == []
    assert ask("/of/mine/resume", {})[1]["points"] == [1]
    queue.history = {}
    queue.running = [item(1, "c")]
    assert states() == ["queued", "done"]
    assert ask("/of/mine/table.csv")[1].splitlines()[2].startswith("2,done,0.02")
    assert ask("")[1][0]["points"] == {
        "waiting": 0, "queued": 1, "done": 1, "failed": 0, "cancelled": 0,
    }  # fmt: skip


def test_after_a_restart_what_was_queued_waits_again(queue, monkeypatch):
    ask("", body(RATE))
    queue.running = [item(1, "a"), item(2, "b")]
    assert states() == ["queued", "queued"]
    queue.running = []
    monkeypatch.setattr(sweeps, "BOOT", "another")
    assert states() == ["waiting", "waiting"]
    assert ask("/of/mine/resume", {})[1]["points"] == [1, 2]


def test_a_preview_says_what_it_will_be_and_what_is_wrong(queue):
    rank = {"node": "3", "input": "rank", "values": "2..8 x2", "slot": None}
    status, told = ask("/preview", body(RATE, rank))
    assert (status, told["count"], told["runs"], told["error"]) == (200, 6, 6, "")
    assert told["names"][5] == "learning_rate 0.02, rank 8"
    _, told = ask("/preview", body(RATE, rank | {"values": "4, 9999"}))
    assert told["wrong"][0] == "" and "above the most" in told["wrong"][1]


def test_files_are_read_in_the_allowed_folders_only(queue, comfy_base):
    (comfy_base / "input" / "words.txt").write_text("a hat\n\na cat, sitting\n")
    (comfy_base / "input" / "more").mkdir(exist_ok=True)

    def told(values):
        return ask("/preview", body(FOLDER | {"values": values}))[1]

    assert told("file words.txt")["names"] == ["folder a hat", "folder a cat, sitting"]
    assert told("folders mo*e")["names"] == ["folder more"]
    for values in ("file ../user/comfyui.db", "file /etc/passwd", "folders ../*", "folders /etc/*"):
        assert "outside the folders that may be read" in told(values)["error"], values
    assert "no text file" in told("file more")["error"]
    assert "There is no folder" in told("folders */x")["error"]
    assert "No folder fits" in told("folders **z")["error"]


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/of/never", None, 404),
        ("/of/..", None, 404),
        ("/of/never/points/1", None, 404),
        ("/of/never/resume", {}, 404),
        ("/runs/never", None, 404),
        ("/preview", {"name": "x"}, 400),
        ("/preview", [], 400),
        ("/preview", body(RATE, mode="guess"), 400),
        ("/preview", body(RATE, prompt={"3": {}}), 400),
        ("", body(RATE, name="../x"), 400),
        ("", body(RATE, workflow={"nodes": [{"type": "no id"}]}), 400),
        ("", body(), 400),
    ],
)
def test_what_is_not_there_or_not_meant_is_refused(queue, path, sent, status):
    assert ask(path, sent)[0] == status


def test_other_pages_are_refused(queue):
    other = {"Origin": "https://elsewhere.example"}
    assert ask("", **other)[0] == 403 and ask("", body(RATE), **other)[0] == 403
