"""Stopping a training on a real server: the button's route, Ctrl-C, a kill; and going on."""

import asyncio
import json
import os
import signal
import sys

import pytest
from safetensors import safe_open

from atelier.demo.server import running
from atelier.tests.bits import equal
from atelier.training import nest
from atelier.training.sweep.client import PromptFailed, connect

from .conftest import run, training

STEPS = 200  # a busy server may answer a hundred steps late


def prompt(name):
    graph = training(name=name, steps=STEPS, batch_size=1)
    graph["4"]["inputs"]["filename_prefix"] = f"stopping/{name}"
    return graph


def folder(base, name):
    return base / "user" / "__atelier" / "runs" / name


def logged(base, name):
    lines = (folder(base, name) / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def newest(base, name):
    return max(int(path.stem[5:]) for path in (folder(base, name) / "checkpoints").iterdir())


async def at_step(client, graph, place, step, then):
    """Queue `graph`, do `then` when the run in `place` is at that step; the prompt's outputs too.

    By the run's own log: a busy server tells of a step long after it.
    """
    task = asyncio.create_task(client.run(graph))
    log = place / "log.jsonl"
    while not (log.is_file() and log.read_bytes().count(b"\n") >= step):
        assert not task.done(), await task
        await asyncio.sleep(0.02)
    answer = await then()
    return answer, await task


async def post(client, path, **headers):
    async with client.http.post(f"{client.address}{path}", headers=headers) as answer:
        text = await answer.text()  # ComfyUI itself refuses some origins, and says nothing
        return answer.status, json.loads(text) if text.startswith("{") else {}


def test_stop_and_keep_goes_on_downstream_and_later_with_the_run(server, base):
    graph = prompt("kept")
    other = {"Origin": "https://elsewhere.example"}

    async def press():
        async with connect(server.address) as client:

            async def ask():
                running = await client.get("/atelier/running")
                return [
                    running,
                    await post(client, "/atelier/runs/kept/stop", **other),
                    await post(
                        client, "/atelier/runs/kept/stop", **{"Sec-Fetch-Site": "cross-site"}
                    ),
                    await post(client, "/atelier/runs/nothing/stop"),
                    await post(client, "/atelier/runs/..%2Fkept/stop"),
                    await post(client, "/api/atelier/runs/kept/stop", Origin=server.address),
                ]

            return await at_step(client, graph, folder(base, "kept"), 20, ask)

    answers, outputs = asyncio.run(press())
    assert answers[0] == [{"run": "kept", "node": "3"}]
    statuses = [status for status, _ in answers[1:]]
    assert statuses in ([403, 403, 404, 400, 200], [403, 403, 404, 404, 200])
    assert answers[-1][1] == {"run": "kept", "stopping": True}
    assert outputs["4"]["text"] == ["models/loras/stopping/kept_00001.safetensors"]
    with safe_open(base / "models/loras/stopping/kept_00001.safetensors", "np") as file:
        assert file.metadata()["ss_network_dim"] == "4"
    stopped = newest(base, "kept")
    assert 20 <= stopped < STEPS and not (folder(base, "kept") / "result.json").exists()

    texts = []
    again = run(server, graph, watch=lambda kind, data: texts.append(data.get("text", "")))
    steps = [int(text.split()[1]) for text in texts if text.startswith("Step ")]
    assert min(steps) > stopped and max(steps) == STEPS
    assert again["4"]["text"] == ["models/loras/stopping/kept_00002.safetensors"]
    assert logged(base, "kept") == list(range(1, STEPS + 1))
    texts.clear()
    run(server, graph, watch=lambda kind, data: texts.append(data.get("text", "")))
    assert not [text for text in texts if text.startswith("Step ")]


def test_a_run_is_resumed_by_a_name_that_the_page_does_not_know(server, base):
    first = training(name="by-name", steps=4)
    run(server, first)
    inputs = {key: first["3"]["inputs"][key] for key in ("model", "clip", "vae", "dataset")}
    graph = {key: first[key] for key in ("1", "2")}
    graph["3"] = {
        "class_type": "AtelierResumeRun",
        "inputs": inputs | {"run": "by-name", "steps": 6, "if_changed": "refuse"},
    }
    run(server, graph)
    assert logged(base, "by-name-2") == [1, 2, 3, 4, 5, 6]
    graph["3"]["inputs"]["run"] = "never-heard-of"
    with pytest.raises(PromptFailed, match="There is no run 'never-heard-of'"):
        run(server, graph)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("end", ["Ctrl-C", "kill"])
def test_a_server_that_ends_loses_no_more_than_it_may(server, base, end):
    """Ctrl-C: nothing. kill -9: at most what was learned since the last checkpoint."""
    name = end.lower()
    graph = prompt(name)
    graph["5"] = {
        "class_type": "AtelierValidationOptions",
        "inputs": {"validate_every": 0, "patience": 0, "keep": "last", "save_every": 7},
    }
    graph["3"]["inputs"]["options"] = ["5", 0]
    whole = json.loads(json.dumps(graph))
    whole["3"]["inputs"]["name"] = whole["4"]["inputs"]["filename_prefix"] = "uninterrupted"
    run(server, whole)

    async def end_it():
        async with connect(started.address) as client:

            async def signalled():
                how = signal.SIGINT if end == "Ctrl-C" else signal.SIGKILL
                os.kill(started.process.pid, how)

            with pytest.raises(PromptFailed, match="gone|forgot"):
                await at_step(client, graph, folder(base, name), 30, signalled)

    with running(base) as started:
        asyncio.run(end_it())
        started.process.wait(90)
    if end == "Ctrl-C":
        assert (folder(base, name) / "lora.safetensors").is_file()
        assert newest(base, name) == logged(base, name)[-1] >= 30
    else:
        assert newest(base, name) >= 28
    run(server, graph)
    assert logged(base, name) == list(range(1, STEPS + 1))
    ends = [
        nest.load(folder(base, one) / "checkpoints" / f"step-{STEPS:08d}.safetensors")
        for one in (name, "uninterrupted")
    ]
    assert equal(*ends)
