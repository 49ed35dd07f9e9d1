"""The terminal's command, against servers that answer as ComfyUI does and train nothing."""

import asyncio
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from atelier.demo.server import free_port
from atelier.training.sweep import command, kept, planning, runner

from .sweep_server import NODES, Server
from .test_sweep_plan import PROMPT

PACK = Path(__file__).resolve().parent.parent.parent
AXES = ["--axis", "Train.rate=0.01, 0.1", "--axis", "Train.rank=4..16 x2"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(runner, "POLL", 0.01)


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PROMPT))
    return path


@pytest.fixture
def call(tmp_path, graph):
    """The command in a thread, with its folder; returns its exit code."""

    async def go(*arguments, name="mine"):
        line = [str(graph), "--name", name] if arguments[0] == "run" else [name]
        line = [arguments[0], *line, *arguments[1:], "--folder", str(tmp_path / "sweeps")]
        return await asyncio.to_thread(command.main, line)

    return go


def states(tmp_path, name="mine"):
    return [one.state for one in kept.Kept(tmp_path / "sweeps" / name).points(6)]


def test_six_points_on_one_server(tmp_path, call, capsys):
    async def go():
        async with Server(ends=2).running() as server:
            files = ["--csv", str(tmp_path / "t.csv"), "--json", str(tmp_path / "t.json")]
            code = await call("run", *AXES, "--server", server.address, *files)
            again = await call("run", *AXES, "--server", server.address)
            return code, again, server.taken

    code, again, taken = asyncio.run(go())
    assert (code, again) == (0, 0)
    names = [inputs["name"] for inputs in taken]
    assert names == [f"mine-{n:02d}" for n in range(1, 7)]  # and nothing the second time
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    ended = [line for line in lines if ": done" in line]
    assert [line.partition("]")[0] for line in ended] == [f"[{n}/6" for n in range(1, 7)]
    assert all(re.search(r"About \d+ s left", line) for line in ended[:-1])
    with (tmp_path / "t.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["loss"] for line in lines] == ["0.01"] * 3 + ["0.1"] * 3
    assert json.loads((tmp_path / "t.json").read_text())["best"] == {"loss": [1, 2, 3]}


def test_a_server_that_is_started_again_gets_its_point_again(tmp_path, call):
    async def go():
        first = Server(dies=3)
        async with first.until_dead():
            work = asyncio.create_task(call("run", *AXES, "--server", first.address))
            await asyncio.wait_for(first.dead.wait(), 60)
            second = Server(first.port)
            while True:
                try:
                    async with second.running():
                        return await asyncio.wait_for(work, 60), first.taken, second.taken
                except OSError:  # the port is not free yet
                    await asyncio.sleep(0.05)

    code, before, after = asyncio.run(go())
    assert code == 0 and states(tmp_path) == ["done"] * 6
    assert [one["name"] for one in before] == ["mine-01", "mine-02", "mine-03"]
    assert [one["name"] for one in after] == ["mine-03", "mine-04", "mine-05", "mine-06"]


def test_a_lost_servers_point_is_done_by_the_other(tmp_path, call):
    async def go():
        weak = Server(dies=1)
        async with weak.until_dead(), Server(ends=3).running() as strong:
            servers = ["--server", weak.address, "--server", strong.address, "--give-up", "0.3"]
            code = await asyncio.wait_for(call("run", *AXES, *servers), 60)
            return code, weak.taken, strong.taken

    code, weak, strong = asyncio.run(go())
    assert code == 0 and states(tmp_path) == ["done"] * 6
    assert len(weak) == 1 and len(strong) == 6


@pytest.mark.parametrize("moment", [*range(0, 60, 4), 500])
def test_a_command_that_was_stopped_finds_its_point_in_the_queue(tmp_path, call, moment):
    """Whatever it was waiting for: a stop that comes with an answer counts too."""

    async def go():
        async with Server(ends=10**9).running() as server:
            made = planning.planned
            work = runner.Runner
            options = command._parser().parse_args(
                ["run", str(tmp_path / "mine.json"), *AXES, "--folder", str(tmp_path / "sweeps")]
            )
            folder = kept.create(tmp_path / "sweeps", made(options, NODES))
            first = asyncio.create_task(work(folder, print).run([server.address]))
            while not server.taken and not first.done():
                await asyncio.sleep(0.01)
            for _ in range(moment):
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first], timeout=60)
            assert first.cancelled()
            server.ends = 1
            code = await asyncio.wait_for(call("resume", "--server", server.address), 60)
            return code, [one["name"] for one in server.taken]

    code, names = asyncio.run(go())
    assert code == 0 and names == [f"mine-{n:02d}" for n in range(1, 7)]


def test_points_that_fail_are_told_and_done_again_when_asked(tmp_path, call, capsys):
    async def go():
        async with Server(fails="no memory").running() as server:
            code = await call("run", *AXES, "--server", server.address)
            server.fails = ""
            return code, states(tmp_path), await call("resume", "--server", server.address)

    code, before, after = asyncio.run(go())
    assert (code, after) == (1, 0) and before == ["failed"] * 6
    assert "T (node 2): no memory" in capsys.readouterr().out


def test_ctrl_c_stops_it_and_the_points_that_are_done_are_kept(tmp_path, call, capsys, monkeypatch):
    async def stopped(self, number):
        if number == 2:
            raise KeyboardInterrupt
        return await work(self, number)

    async def go():
        async with Server().running() as server:
            code = await call("run", *AXES, "--server", server.address)
            monkeypatch.undo()
            return code, states(tmp_path), await call("resume", "--server", server.address)

    work = runner.Runner._leave
    monkeypatch.setattr(runner.Runner, "_leave", stopped)
    code, before, after = asyncio.run(go())
    assert (code, after) == (130, 0) and before == ["done"] * 3 + ["waiting"] * 3
    assert "The same command goes on from here" in capsys.readouterr().err


def test_no_server(tmp_path, call, capsys):
    address = f"http://127.0.0.1:{free_port()}"
    code = asyncio.run(call("run", *AXES, "--server", address, "--give-up", "0"))
    assert code == 3 and not (tmp_path / "sweeps").exists()
    assert f"{address} does not answer" in capsys.readouterr().err


def test_a_server_that_lacks_a_choice_is_not_used(tmp_path, call, capsys):
    async def go():
        poor = Server()
        poor.nodes = NODES | {"Load": {"input": {"required": {"ckpt": [["a"]]}}}}
        async with Server().running() as rich, poor.running():
            servers = ["--server", rich.address, "--server", poor.address]
            return await call("run", "--axis", "Load.ckpt=*", *servers), poor.taken, rich.taken

    code, poor, rich = asyncio.run(go())
    assert code == 0 and not poor and len(rich) == 3
    assert "Load: ckpt: b is no choice" in capsys.readouterr().out


WRONG = {
    "an axis": (["--axis", "rank 4"], "write it as node.input=values"),
    "a node": (["--axis", "Nobody.rank=4"], "no node is called Nobody"),
    "a value": (["--axis", "Train.rank=4, 500"], "500 is above the most"),
    "a mode's count": (["--axis", "Train.rank=4", "--mode", "latin"], "How many points"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_plan_queues_nothing(tmp_path, call, capsys, name):
    arguments, message = WRONG[name]

    async def go():
        async with Server().running() as server:
            return await call("run", *arguments, "--server", server.address), server.taken

    code, taken = asyncio.run(go())
    assert (code, taken) == (2, []) and not (tmp_path / "sweeps").exists()
    assert message in capsys.readouterr().err


def test_another_sweep_of_the_same_name_is_not_gone_on_with(tmp_path, call, capsys):
    async def go():
        async with Server().running() as server:
            first = await call("run", *AXES, "--server", server.address)
            other = ["--axis", "Train.rank=5", "--server", server.address]
            return first, await call("run", *other)

    assert asyncio.run(go()) == (0, 2)
    assert "holds another sweep of this name" in capsys.readouterr().err


def test_the_points_can_be_seen_first(tmp_path, call, capsys):
    async def go():
        async with Server().running() as server:
            return await call("run", *AXES, "--server", server.address, "--dry-run"), server.taken

    assert asyncio.run(go()) == (0, [])
    assert "6: rate 0.1, rank 16" in capsys.readouterr().out
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.parametrize("folder", ["ComfyUI-Atelier.main", "my pack"])
def test_the_script_runs_whatever_the_pack_is_called(tmp_path, folder):
    """As one calls it from a shell, with the pack's folder first on `sys.path`."""
    pack = tmp_path / "custom_nodes" / folder
    pack.mkdir(parents=True)
    for name in ("__init__.py", "sweep.py"):
        shutil.copy(PACK / name, pack)
    shutil.copytree(PACK / "nodes", pack / "nodes", ignore=shutil.ignore_patterns("__pycache__"))
    target = pack / "training"
    shutil.copytree(PACK / "training", target, ignore=shutil.ignore_patterns("__pycache__"))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(pack / "sweep.py"), "list"],
        env=clean, cwd=pack, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
