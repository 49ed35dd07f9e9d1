"""Adaptive search: Optuna proposes, servers that train nothing answer."""

import asyncio
import importlib
import json
import sys

import pytest
from aiohttp import web

from atelier.training.sweep import command, kept
from atelier.training.sweep.results import table

from .sweep_server import Server
from .test_sweep_command import call, graph, quick  # noqa: F401 - fixtures

pytest.importorskip("optuna", reason="the extra `search` is not installed")
search = importlib.import_module("atelier.training.sweep.search")
AXES = ["--axis", "Train.rate=0..1", "--axis", "Train.rank=4, 8"]
HOW = ["--mode", "search", "--goal", "held-out loss", "--seed", "1"]


class Scored(Server):
    """The held-out loss is least at rate 0.3 and rank 8. `stops` are the runs that were ended."""

    def __init__(self, **more):
        super().__init__(**more)
        self.stops, self.hopeless = [], False

    async def run(self, request):
        name = request.match_info["run"]
        one = next(taken for taken in self.taken if taken["name"] == name)
        loss = (one["rate"] - 0.3) ** 2 + (0.2 if one["rank"] == 4 else 0)
        loss = loss + 1 if self.hopeless and len(self.taken) > 5 else loss
        scores = {"held-out loss": {"value": loss}, "style": {"value": -loss}}
        more = {"held_out": [[5, loss + 0.1], [10, loss]]}
        return web.json_response({"seconds": 1.0, "steps": 10, "scores": scores, **more})

    async def stop(self, request):
        self.stops.append(request.match_info["run"])
        return web.json_response({})

    def routes(self, app):
        super().routes(app)
        app.router.add_post("/atelier/runs/{run}/stop", self.stop)


def points(tmp_path):
    return kept.Kept(tmp_path / "sweeps" / "mine").sweep().points


def test_a_search_comes_near_what_is_best_and_can_be_resumed(tmp_path, call):  # noqa: F811
    async def go():
        async with Scored().running() as server:
            where = ["--server", server.address]
            first = await call("run", *AXES, *HOW, "--count", "24", *where)
            taken = len(server.taken)
            again = await call("run", *AXES, *HOW, "--count", "24", *where)
            return first, taken, again, len(server.taken)

    assert asyncio.run(go()) == (0, 24, 0, 24)
    found = points(tmp_path)
    assert len(set(found)) > 12 and found[0][0] != found[1][0]
    late = [abs(float(rate) - 0.3) for rate, _ in found[12:]]
    assert sorted(late)[len(late) // 2] < 0.2  # by chance it would be 0.27
    assert [rank for _, rank in found[12:]].count(8) >= 5  # by chance it would be 4


def test_a_search_that_was_cut_off_goes_on_with_what_it_knows(tmp_path, call):  # noqa: F811
    async def go():
        weak = Scored(dies=5)
        async with weak.until_dead():
            line = ["--count", "8", "--server", weak.address, "--give-up", "0"]
            code = await call("run", *AXES, *HOW, *line)
        async with Scored().running() as server:
            return code, await call("resume", "--server", server.address), server.taken

    code, again, taken = asyncio.run(go())
    assert (code, again) == (3, 0) and len(points(tmp_path)) == 8
    assert [one["name"] for one in taken] == ["mine-05", "mine-06", "mine-07", "mine-08"]


@pytest.mark.parametrize("goal", ["held-out loss", "style"])  # the less the better, and the more
def test_runs_that_are_worse_than_most_are_ended_early(tmp_path, call, goal):  # noqa: F811
    async def go():
        async with Scored(ends=4).running() as server:
            server.hopeless = True
            line = ["--mode", "search", "--goal", goal, "--seed", "1", "--count", "8"]
            return await call("run", *AXES, *line, "--server", server.address), server.stops

    code, stops = asyncio.run(go())
    assert code == 0 and stops[-3:] == ["mine-06", "mine-07", "mine-08"]
    assert not {"mine-01", "mine-02", "mine-03", "mine-04"} & set(stops)
    again = search.Searching(kept.Kept(tmp_path / "sweeps" / "mine"), print)
    states = [trial.state.name for trial in again.study.trials]
    assert states[:4] == ["COMPLETE"] * 4 and states.count("PRUNED") == len(stops)
    assert all(trial.intermediate_values.keys() == {5, 10} for trial in again.study.trials)
    early = [row["ended_early"] for row in table(again.kept)["rows"]]
    assert early == [state == "PRUNED" for state in states]


def test_a_search_without_a_goal_is_refused(tmp_path, call, capsys):  # noqa: F811
    async def go():
        async with Scored().running() as server:
            line = ["--mode", "search", "--count", "3", "--server", server.address]
            return await call("run", *AXES, *line)

    assert asyncio.run(go()) == 2
    assert "A search needs a goal" in capsys.readouterr().err


def test_without_optuna_it_says_what_to_install(tmp_path, call, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "atelier.training.sweep.search", raising=False)

    async def go():
        async with Scored().running() as server:
            line = ["--count", "3", "--server", server.address]
            return await call("run", *AXES, *HOW, *line), server.taken

    assert asyncio.run(go()) == (2, [])
    assert "pip install optuna" in capsys.readouterr().err


def test_the_journal_of_a_search_can_be_read_by_any_program(tmp_path, call):  # noqa: F811
    async def go():
        async with Scored().running() as server:
            await call("run", *AXES, *HOW, "--count", "2", "--server", server.address)

    asyncio.run(go())
    lines = (tmp_path / "sweeps" / "mine" / "points.jsonl").read_text().splitlines()
    assert [tuple(json.loads(line)) for line in lines] == list(points(tmp_path))
    assert command.main(["results", "mine", "--folder", str(tmp_path / "sweeps")]) == 0
