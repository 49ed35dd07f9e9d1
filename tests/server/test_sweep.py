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
RANK = {"node": "3", "input": "rank", "values": "2..8 x2"}


def body(*axes, **changes):
    graph = {key: node for key, node in training(steps=2).items() if key != "4"}
    made = {"name": "asked", "mode": "product", "axes": list(axes), "prompt": graph}
    return made | changes


def ask(server, path, sent=None, **headers) -> tuple[int, Any]:
    """Status and answer of a route."""

    async def go():
        async with connect(server.address) as client:
            url = f"{client.address}/atelier/sweeps{path}"
            asking = client.http.get(url, headers=headers)
            if sent is not None:
                asking = client.http.post(url, json=sent, headers=headers)
            async with asking as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text[:1] in "{[" else text

    return asyncio.run(go())


def test_a_preview_says_what_it_will_be_and_what_is_wrong(server):
    status, told = ask(server, "/preview", body(RATE, RANK))
    assert (status, told["count"], told["runs"], told["error"]) == (200, 6, 6, "")
    assert told["names"][5] == "learning_rate 0.02, rank 8"
    status, told = ask(server, "/preview", body(RATE, RANK | {"values": "4, 9999"}))
    assert status == 200 and told["wrong"][0] == "" and "above the most" in told["wrong"][1]
    assert "above the most" in told["error"]


def test_files_are_read_in_the_allowed_folders_only(server, base):
    (base / "input" / "words.txt").write_text("a hat\n\na cat, sitting\n")
    (base / "input" / "more").mkdir()
    prompt = body()["prompt"]
    axis = {"node": "2", "input": "folder", "values": ""}

    def count(values):
        sent = body(axis | {"values": values}, prompt=prompt)
        return ask(server, "/preview", sent)[1]

    assert count("file words.txt")["names"] == ["folder a hat", "folder a cat, sitting"]
    assert count("folders mo*")["names"] == ["folder more"]
    for values in ("file ../user/comfyui.db", "file /etc/passwd", "folders ../*", "folders /etc/*"):
        assert "outside the folders that may be read" in count(values)["error"], values


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/of/never", None, 404),
        ("/of/..%2Fruns", None, 404),
        ("/of/never/points/1", None, 404),
        ("/of/never/resume", {}, 404),
        ("/runs/never", None, 404),
        ("/runs/..%2F..%2Fx", None, 400),
        ("/preview", {"name": "x"}, 400),
        ("/preview", body(RATE, mode="guess"), 400),
        ("/preview", body(RATE, prompt={"3": {}}), 400),
        ("", body(RATE, name="../x"), 400),
        ("", body(RATE, axes=[]), 400),
    ],
)
def test_what_is_not_there_or_not_meant_is_refused(server, path, sent, status):
    # aiohttp of one of the servers does not route a slash in a name at all
    assert ask(server, path, sent)[0] in ({status, 404} if "%2F" in path else {status})


def test_other_pages_are_refused(server):
    other = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert ask(server, "", **other)[0] == 403
    assert ask(server, "", body(RATE), **other)[0] == 403


def test_points_that_are_queued_are_followed_to_their_end(server, base):
    graph = {"nodes": [{"id": 3, "widgets_values": ["test", 2, 2, 0.01, 4]}], "extra": {}}
    axes = (RATE | {"slot": 3}, RANK | {"values": "2"})
    status, made = ask(server, "", body(*axes, workflow=graph))
    assert (status, made) == (200, {"name": "asked", "points": [1, 2]})
    point = ask(server, "/of/asked/points/2")[1]
    assert point["prompt"]["3"]["inputs"]["name"] == "asked-02"
    assert point["workflow"]["nodes"][0]["widgets_values"] == ["asked-02", 2, 2, 0.02, 4]
    run(server, point["prompt"], workflow=point["workflow"])
    table = ask(server, "/of/asked")[1]
    assert [row["state"] for row in table["rows"]] == ["waiting", "done"]
    assert table["rows"][1]["runs"] == ["asked-02"] and table["scores"] == ["loss"]
    assert table["rows"][1]["training_seconds"] > 0
    assert ask(server, "/of/asked/resume", {})[1]["points"] == [1]
    broken = ask(server, "/of/asked/points/1")[1]
    broken["prompt"]["2"]["inputs"]["folder"] = "gone"
    with pytest.raises(PromptFailed):
        run(server, broken["prompt"], workflow=broken["workflow"])
    assert ask(server, "/of/asked")[1]["rows"][0]["state"] == "failed"
    assert ask(server, "")[1][0]["points"]["done"] == 1
    assert ask(server, "/of/asked/table.csv")[1].splitlines()[2].startswith("2,done,0.02,2,")
    status, told = ask(server, "/preview", body(RATE))
    assert told["seconds"] > 0 and told["bytes"] > 0  # from the run that there is now


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
