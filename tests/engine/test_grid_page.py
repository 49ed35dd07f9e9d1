"""The routes of the page of grids, asked as the page asks, over HTTP but in this process."""

import asyncio
import base64
import io
import json
import re
import shutil
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from atelier.tests.galleries import keys, write_grid
from atelier.training.evaluation import votes
from atelier.training.evaluation.grid import cell_file, save_cell
from atelier.training.host import grid_routes
from atelier.training.host.folders import cache, pictures
from atelier.training.mark import MADE_BY_MACHINE

ROOT = grid_routes.ROOT


def ask(kind, path, query=None, body=None, headers=None):
    """Status, and the answer as JSON or bytes."""

    async def go():
        routes = web.RouteTableDef()
        grid_routes.register(routes)
        app = web.Application(client_max_size=2**26)
        app.add_routes(routes)
        data = json.dumps(body) if isinstance(body, dict) else body
        async with TestClient(TestServer(app)) as client:
            answer = await client.request(
                kind, ROOT + path, params=query or {}, data=data, headers=headers
            )
            found = await answer.read()
            text = answer.content_type == "application/json"
            return answer, json.loads(found) if text else found

    answer, found = asyncio.run(go())
    return answer.status, found


def get(path, **query):
    return ask("GET", path, query)


def vote(table, one=0, other=1, **changes):
    body = {"name": "grid", "left": table[0][one], "right": table[0][other], "winner": "left"}
    return ask("POST", "/votes", body=body | {"voter": "me", "blind": True} | changes)


@pytest.fixture
def folder(comfy_base):
    for place in (pictures(), cache()):
        shutil.rmtree(place, ignore_errors=True)
    return write_grid(pictures(), scores=True)


@pytest.fixture
def table(folder):
    return keys(folder)


def test_grids_are_listed_and_read(folder, table):
    write_grid(pictures(), "other")
    status, told = get("")
    assert status == 200 and sorted(told["grids"]) == ["grid", "other"]
    cell_file(pictures() / "cells", table[1][2]).unlink()
    status, told = get("/one", name="grid")
    assert status == 200 and len(told["cells"]) == 12 and told["missing"] == [table[1][2]]
    assert told["votes"] == 0 and set(told["scores"]) == {"identity", "copying"}


def test_pictures_come_small_large_and_whole(folder, table):
    key = table[0][1]
    for size in ("small", "large"):
        status, data = get("/picture", name="grid", key=key, size=size)
        with Image.open(io.BytesIO(data)) as picture:
            assert (status, picture.format, picture.size) == (200, "WEBP", (64, 48))
    status, data = get("/picture", name="grid", key=key, size="full")
    assert (status, data) == (200, cell_file(pictures() / "cells", key).read_bytes())
    status, data = get("/pair", name="grid", picture="pair-1.png")
    with Image.open(io.BytesIO(data)) as picture:
        assert status == 200 and picture.size == (40, 40)


@pytest.mark.parametrize("name", ["../grid", "/etc", "none", "", "\0", "grid/../grid", "CON"])
def test_no_other_folder_is_a_grid(folder, name):
    for path in ("/one", "/picture", "/pair", "/votes", "/html"):
        status, told = get(path, name=name)
        assert status in (400, 404) and told["error"], path


@pytest.mark.parametrize("key", ["", "f" * 64, "../manifest.json", "\0", "%2e%2e/x"])
def test_no_other_file_is_a_cell(folder, key):
    status, told = get("/picture", name="grid", key=key)
    assert status == 404 and "is no cell" in told["error"]
    for name in (key, "manifest.json", "scores.json", "../../cells"):
        assert get("/pair", name="grid", picture=name)[0] == 404


def test_links_lead_nowhere(folder, table, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    path = cell_file(pictures() / "cells", table[0][0])
    path.unlink()
    path.symlink_to(tmp_path / "secret.png")
    for size in ("small", "full"):
        status, told = get("/picture", name="grid", key=table[0][0], size=size)
        assert status == 404 and "link to a file outside" in told["error"]
    pair = folder / "pair-1.png"
    pair.unlink()
    pair.symlink_to(tmp_path / "secret.png")
    assert get("/pair", name="grid", picture="pair-1.png")[0] == 404


def test_a_broken_picture_is_told(folder, table):
    cell_file(pictures() / "cells", table[0][0]).write_bytes(b"no picture")
    status, told = get("/picture", name="grid", key=table[0][0])
    assert status == 422 and "cannot be read" in told["error"]


def test_votes_are_kept_and_counted(folder, table):
    status, told = vote(table)
    assert status == 200 and told["added"] == 1
    assert vote(table, 2, 0, winner="tie", voter="you", blind=False)[0] == 200
    status, told = get("/votes", name="grid")
    assert status == 200 and told["held"] is True
    assert [one["votes"] for one in told["columns"]] == [2, 1, 1]
    assert [one["wins"] for one in told["columns"]] == [1.5, 0, 0.5]
    kept = votes.read(folder)
    assert [(one.voter, one.winner, one.blind) for one in kept] == [
        ("me", "left", True), ("you", "tie", False)
    ]  # fmt: skip
    assert get("/one", name="grid")[1]["votes"] == 2


def test_a_vote_is_taken_back(folder, table):
    body = {"name": "grid", "left": table[0][0], "right": table[0][1], "winner": "left"}
    body |= {"voter": "me", "blind": True}
    vote(table, 1, 2)
    time = vote(table)[1]["time"]
    vote(table, 0, 2)
    for wrong in ({}, {"time": "now"}, {"time": time, "winner": "both"}, {"time": time, "more": 1}):
        assert ask("POST", "/votes/undo", body=body | wrong)[0] == 400, wrong
    other = {"time": "2026-11-22T00:00:00.000Z"}
    assert ask("POST", "/votes/undo", body=body | other) == (200, {"removed": 0})
    assert len(votes.read(folder)) == 3
    assert ask("POST", "/votes/undo", body=body | {"time": time}) == (200, {"removed": 1})
    assert ask("POST", "/votes/undo", body=body | {"time": time}) == (200, {"removed": 0})
    left = [(one.left, one.right) for one in votes.read(folder)]
    assert left == [(table[0][1], table[0][2]), (table[0][0], table[0][2])]


def test_what_is_no_vote_is_refused(folder, table):
    wrong: list[dict[str, Any]] = [
        {"left": "f" * 64}, {"left": "../x"}, {"winner": "both"}, {"voter": "x" * 81},
        {"blind": "no"}, {"more": 1}, {"name": "../grid"}, {"time": "now"},
    ]  # fmt: skip
    for changes in wrong:
        status, told = vote(table, **changes)
        assert status in (400, 404) and told["error"], changes
    assert ask("POST", "/votes", body="[")[0] == 400
    assert not (folder / votes.FILE).exists()


def test_votes_of_others_are_read_once(folder, table):
    def one(left, right, second):
        time = f"2026-11-22T00:00:{second:02d}.000Z"
        return {
            "left": left, "right": right, "winner": "right", "voter": "them", "time": time,
            "blind": True,
        }  # fmt: skip

    sent = {"format": votes.FORMAT, "version": 1, "grid": "grid"}
    sent["votes"] = [one(table[0][0], table[0][1], 1), one("f" * 64, table[0][1], 2)]
    for wanted in ({"added": 1, "known": 0, "foreign": 1}, {"added": 0, "known": 1, "foreign": 1}):
        assert ask("POST", "/votes/import", {"name": "grid"}, sent) == (200, wanted)
    status, told = ask("POST", "/votes/import", {"name": "grid"}, sent | {"format": "x"})
    assert status == 400 and "no file of votes" in told["error"]
    assert len(votes.read(folder)) == 1


def test_the_grid_comes_as_one_file(folder, table):
    cell_file(pictures() / "cells", table[3][0]).unlink()
    cell_file(pictures() / "cells", table[3][1]).write_bytes(b"no picture")
    status, data = get("/html", name="grid")
    text = data.decode()
    assert status == 200 and text.endswith("</html>\n")
    assert text.count("data:image/webp;base64,") == 10 * 2
    assert "pair-1.png" not in text and "hats/01.png" not in text
    assert f'"missing":["{table[3][0]}","{table[3][1]}"]' in text


def test_pictures_in_the_file_are_marked_and_carry_no_graph(folder, table):
    for key in (key for row in table for key in row):
        save_cell(pictures() / "cells", key, np.zeros((8, 8, 3)), {"workflow": "the graph"})
    _, data = get("/html", name="grid")
    found = re.findall(rb"data:image/webp;base64,([^<]+)<", data)
    assert len(found) == 12 * 2
    for one in map(base64.b64decode, found):
        assert MADE_BY_MACHINE.encode() in one and b"the graph" not in one
    assert b"the graph" not in data


def test_other_pages_are_told_no(folder, table):
    evil = {"Origin": "http://evil.example"}
    for path in ("", "/one", "/picture", "/pair", "/votes", "/html"):
        assert ask("GET", path, {"name": "grid"}, headers=evil)[0] == 403
    for path in ("/votes", "/votes/undo", "/votes/import"):
        assert ask("POST", path, {"name": "grid"}, {}, headers=evil)[0] == 403
