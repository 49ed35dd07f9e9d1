"""The routes of the runs page: what they answer, and to whom."""

import asyncio
import json
from typing import Any

import pytest
import torch
from aiohttp.test_utils import make_mocked_request
from safetensors.torch import save_file

from atelier.training import run as runs
from atelier.training.host import folders, run_routes, running
from atelier.training.run import DEFAULTS

HOST = {"Host": "127.0.0.1:8188"}


def ask(handler, name="mine", body=None, path="/", **headers):
    """An answer's status and content."""
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    request = make_mocked_request("POST", path, headers=HOST | headers, match_info={"name": name})
    request._read_bytes = b"" if body is None else json.dumps(body).encode()

    async def answered():
        return await run_routes._answering(handler)(request)

    answer: Any = asyncio.run(answered())
    return answer.status, json.loads(answer.body)


@pytest.fixture
def run():
    asked = {"key": "k", "config": DEFAULTS | {"steps": 9, "sample_every": 2}, "continues": None}
    made = runs.create(folders.runs(), "mine", asked | {"config": asked["config"]})
    made.log([{"step": n, "loss": 1 / n} for n in range(1, 10)])
    return made


def test_runs_are_listed_with_what_they_were_asked(run):
    status, told = ask(run_routes.listed)
    (row,) = told["runs"]
    assert status == 200 and row["name"] == "mine" and row["state"] == "unfinished"
    assert row["config"] == {"steps": 9, "sample_every": 2} and told["defaults"]["rank"]
    with running.stoppable("mine"):
        assert ask(run_routes.listed)[1]["runs"][0]["state"] == "running"


HANDLERS = {
    name: getattr(run_routes, name)
    for name in ("described", "series", "graph", "sample", "say", "delete")
}
NAMES = ["..", "../x", "a/b", ".trash", "C:x", "", "x" * 5000, "\x00", "no"]


@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_elsewhere(run, handler, name):
    status, told = ask(HANDLERS[handler], name)
    assert status in (400, 404) and len(told["error"]) < 1000
    assert ask(HANDLERS[handler], Origin="https://elsewhere.example")[0] == 403


def test_curves_come_whole_and_then_what_is_new(run):
    _, told = ask(run_routes.series, path="/?points=8")
    assert len(told["series"]["loss"][0]) <= 8 and told["to"] == "0:9"
    run.log([{"step": 10, "loss": 0.1}])
    _, more = ask(run_routes.series, path=f"/?after={told['to']}")
    assert more["series"]["loss"] == [[10], [0.1]]
    for wrong in ("0", "x", "9999999", "-5"):
        assert ask(run_routes.series, path=f"/?points={wrong}")[0] == 400


def test_a_graph_comes_as_it_was_queued(run):
    assert ask(run_routes.graph)[0] == 404
    run.keep_graph({"workflow": {"nodes": [1]}, "prompt": {"1": {}}})
    run.keep_graph({"workflow": {"nodes": [2]}, "prompt": None})
    assert ask(run_routes.graph) == (200, {"nodes": [1]})


def test_samples_are_told_by_step(run):
    folder = folders.samples("mine")
    folder.mkdir(parents=True)
    for name in ("step-000010-1.png", "step-000002-2.png", "step-000002-1.png", "step-x-1.png"):
        (folder / name).write_bytes(b"")
    _, told = ask(run_routes.described)
    assert [one["step"] for one in told["samples"]] == [2, 10]
    first = told["samples"][0]["pictures"]
    assert [one["number"] for one in first] == [1, 2]
    assert first[0]["subfolder"] == "atelier/runs/mine/samples"


def test_what_is_said_is_kept_and_can_be_taken_back(run):
    status, told = ask(run_routes.say, body={"title": "Mine, the good", "tags": ["hat"]})
    assert status == 200 and told["before"] == {"title": "", "tags": [], "archived": False}
    assert ask(run_routes.described)[1]["title"] == "Mine, the good"
    ask(run_routes.say, body=told["before"])
    assert ask(run_routes.described)[1]["title"] == "mine"
    for wrong in ({"name": "x"}, {"tags": "x"}, {"title": "x" * 300}, [], {"archived": "yes"}):
        assert ask(run_routes.say, body=wrong)[0] == 400


def test_a_run_is_deleted_and_put_back_its_loras_only_when_asked(run):
    lora = folders.loras() / "of-mine.safetensors"
    save_file({"a": torch.zeros(1)}, lora, {"atelier.run": json.dumps({"key": "k"})})
    other = folders.loras() / "of-another.safetensors"
    save_file({"a": torch.zeros(1)}, other, {"atelier.run": json.dumps({"key": "l"})})
    try:
        assert ask(run_routes.described)[1]["loras"] == ["of-mine.safetensors"]
        _, gone = ask(run_routes.delete)
        assert lora.is_file() and ask(run_routes.listed)[1]["runs"] == []
        assert ask(run_routes.restore, body={"id": gone["id"]}) == (
            200,
            {"run": "mine", "problems": []},
        )
        _, gone = ask(run_routes.delete, body={"loras": True})
        assert not lora.exists() and other.is_file()
        assert [one["id"] for one in ask(run_routes.listed)[1]["trash"]] == [gone["id"]]
        ask(run_routes.restore, body={"id": gone["id"]})
        assert lora.is_file() and ask(run_routes.described)[0] == 200
    finally:
        lora.unlink(missing_ok=True)
        other.unlink()


def test_a_run_that_goes_on_is_not_deleted_but_can_be_asked(run):
    assert ask(run_routes.sample)[0] == ask(run_routes.save)[0] == 404
    with running.stoppable("mine") as one:
        assert ask(run_routes.delete)[0] == 409
        assert ask(run_routes.sample)[0] == 200 and one.sample.is_set() and not one.save.is_set()
        assert ask(run_routes.save)[0] == 200 and one.save.is_set() and not one.stop.is_set()
    with run.lock():  # by another ComfyUI
        status, told = ask(run_routes.delete)
        assert status == 400 and "being trained" in told["error"]
    assert ask(run_routes.described)[0] == 200


def test_the_trash_is_emptied(run):
    ask(run_routes.delete)
    assert ask(run_routes.empty, body={"all": True})[0] == 400
    assert ask(run_routes.empty) == (200, {"deleted": 1})
    assert ask(run_routes.listed)[1]["trash"] == []
