"""Sweeps on a real server: the routes that the page asks, and a server that is killed."""

import asyncio
import json
import shutil
import sys
from typing import Any

import pytest

from atelier.demo.install import FOLDER
from atelier.measure.sweep import killed_sweep
from atelier.training.sweep.client import PromptFailed, connect

from ..browser.conftest import copy_some
from .conftest import run, training

RATE = {"node": "3", "input": "learning_rate", "values": "0.01, 0.02"}


def body(*axes, **changes):
    graph = {key: node for key, node in training(steps=2).items() if key != "4"}
    made = {"name": "asked", "mode": "product", "axes": list(axes), "prompt": graph}
    return made | changes


def ask(server, path, sent=None, **headers) -> tuple[int, Any]:
    """Status and answer of a route."""

    async def go():
        async with connect(server.address) as client:
            url = f"{client.address}/atelier/sweeps{path}"
            how = "GET" if sent is None else "POST"
            async with client.http.request(how, url, json=sent, headers=headers) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text[:1] in "{[" else text

    return asyncio.run(go())


def test_points_that_are_queued_are_followed_and_share_their_work(server, base):
    graph = {"nodes": [{"id": 3, "widgets_values": ["test", 2, 2, 0.01, 4]}], "extra": {}}
    axis = RATE | {"values": "0.01, 0.02, 0.03", "slot": 3}
    status, made = ask(server, "", body(axis, workflow=graph))
    assert (status, made) == (200, {"name": "asked", "points": [1, 2, 3]})
    points = [ask(server, f"/of/asked/points/{number}")[1] for number in made["points"]]
    assert points[1]["prompt"]["3"]["inputs"]["name"] == "asked-02"
    assert points[1]["workflow"]["nodes"][0]["widgets_values"] == ["asked-02", 2, 2, 0.02, 4]
    points[2]["prompt"]["2"]["inputs"]["folder"] = "gone"
    cached = []

    def watch(kind, data):
        if kind == "execution_cached":
            cached.append(data["nodes"])

    for point in points[:2]:
        run(server, point["prompt"], workflow=point["workflow"], watch=watch)
    assert {"1", "2"} <= set(cached[1])  # the base and the pictures are those of the point before
    table = ask(server, "/of/asked")[1]
    assert [row["state"] for row in table["rows"]] == ["done", "done", "waiting"]
    assert table["rows"][1]["runs"] == ["asked-02"] and table["scores"] == ["loss"]
    assert table["rows"][1]["training_seconds"] > 0
    assert ask(server, "/of/asked/resume", {})[1]["points"] == [3]
    with pytest.raises(PromptFailed):
        run(server, points[2]["prompt"], workflow=points[2]["workflow"])
    assert ask(server, "/of/asked")[1]["rows"][2]["state"] == "failed"
    assert ask(server, "")[1][0]["points"]["done"] == 2
    assert ask(server, "/of/asked/table.csv")[1].splitlines()[2].startswith("2,done,0.02,")
    status, told = ask(server, "/preview", body(RATE))
    assert told["seconds"] > 0 and told["bytes"] > 0  # from the runs that there are now


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="a server is killed as POSIX does")
def test_a_sweep_goes_on_after_its_server_is_killed(base):
    pictures = base / "input" / FOLDER
    pictures.unlink()
    copy_some(pictures)
    end = killed_sweep(base, "killed", 6, "0.01, 0.02", batch_size=1)
    assert end.code == 0 and end.resumed >= 2
    assert len(end.runs) == end.loras == end.grids == 6
    assert [row["state"] for row in end.rows] == ["done"] * 6
    shutil.rmtree(base / "user" / "__atelier" / "sweeps")
