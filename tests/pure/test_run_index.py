"""What the list says of runs, and what is done with them: no LoRA and no graph is lost by it."""

import json
import shutil
import time

import pytest

from atelier.training import run as runs
from atelier.training.run import DEFAULTS
from atelier.training.watching import about, ending, index, pace, trash
from atelier.training.watching.ending import Ending


def made(folder, name="mine", steps=100, **config):
    asked = {"key": name, "config": {**DEFAULTS, "steps": steps, **config}, "continues": None}
    return runs.create(folder, name, asked)


def row(folder, name="mine", here=()):
    return next(one for one in index.Index().rows(folder, set(here)) if one["name"] == name)


def test_a_row_says_what_differs_from_the_defaults(tmp_path):
    run = made(tmp_path, rank=7)
    run.log([{"step": n, "loss": 0.5, "grad_norm": 1.0} for n in range(1, 31)])
    run.log([{"step": 30, "held_out": 0.25}])
    found = row(tmp_path)
    assert found["config"] == {"steps": 100, "rank": 7} and found["step"] == 30
    assert found["loss"] == 0.5 and found["held_out"] == 0.25 and not found["graph"]
    run.keep_graph({"workflow": None, "prompt": {"1": {}}})
    assert row(tmp_path)["graph"] and run.graph() == run.folder / "prompt.json"


def test_the_state_is_how_it_ended(tmp_path):
    run = made(tmp_path)
    assert row(tmp_path)["state"] == "unfinished"
    assert row(tmp_path, here=["mine"])["state"] == "running"
    pace.append(run.folder, {"step": 1, "time": time.time(), "seconds": 1.0})
    assert row(tmp_path)["state"] == "running"  # in another ComfyUI
    ending.write(run.folder, Ending("failed", "no number"))
    assert row(tmp_path)["state"] == "failed" and row(tmp_path)["error"] == "no number"
    ending.forget(run.folder)
    run.finish()
    assert row(tmp_path)["state"] == "finished"


def test_a_row_is_made_again_only_where_something_changed(tmp_path, monkeypatch):
    made(tmp_path)
    made(tmp_path, "other")
    rows, count = index.Index(), []
    real = index.row
    monkeypatch.setattr(index, "row", lambda run: count.append(run.name) or real(run))
    rows.rows(tmp_path, set())
    rows.rows(tmp_path, set())
    assert sorted(count) == ["mine", "other"]
    about.change(tmp_path / "mine", about.Change(tags=["good"]))
    assert rows.rows(tmp_path, set())[0]["tags"] or rows.rows(tmp_path, set())[1]["tags"]
    assert sorted(count) == ["mine", "mine", "other"]
    shutil.rmtree(tmp_path / "other")
    assert [one["name"] for one in rows.rows(tmp_path, set())] == ["mine"]


def test_damaged_runs_and_strange_files_are_left_out(tmp_path):
    made(tmp_path)
    broken = made(tmp_path, "broken")
    (broken.folder / "config.json").write_text("{", encoding="utf-8")
    (tmp_path / "file").write_text("x")
    mine = tmp_path / "mine"
    for name in (about.NAME, ending.NAME, pace.NAME):
        (mine / name).write_text("[1, {", encoding="utf-8")
    assert [one["name"] for one in index.Index().rows(tmp_path, set())] == ["mine"]


def test_the_end_of_a_long_log_is_enough_for_a_row(tmp_path):
    run = made(tmp_path)
    run.log([{"step": n, "loss": 1.0, "grad_norm": 1.0} for n in range(1, 6001)])
    run.log([{"step": n, "loss": 0.5, "grad_norm": 1.0} for n in range(6001, 6101)])
    assert (run.folder / "log.jsonl").stat().st_size > index.TAIL
    assert row(tmp_path)["loss"] == 0.5 and row(tmp_path)["step"] == 6100


def test_seconds_are_those_of_all_sittings(tmp_path):
    for seconds in (5, 10, 2, 4):
        pace.append(tmp_path, {"step": 1, "seconds": seconds, "time": 0})
    assert pace.seconds(pace.written(tmp_path)) == 14


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"title": "  a\u202e title "}, "a\\u202e title"),
        ({"tags": ["x", "", " x ", "y"]}, ["x", "y"]),
        ({"archived": True}, True),
    ],
)
def test_what_is_said_of_a_run_can_be_taken_back(tmp_path, change, wanted):
    run = made(tmp_path)
    before, after = about.change(run.folder, about.Change(**change))
    assert getattr(after, next(iter(change))) == wanted and about.read(run.folder) == after
    about.change(run.folder, about.Change(**before.model_dump()))
    assert about.read(run.folder) == before and run.name == "mine"


@pytest.mark.parametrize(
    "change", [{"title": "x" * 201}, {"tags": ["x" * 61]}, {"tags": ["x"] * 51}]
)
def test_what_is_too_long_is_refused_and_changes_nothing(tmp_path, change):
    run = made(tmp_path)
    with pytest.raises(ValueError):
        about.change(run.folder, about.Change(**change))
    assert about.read(run.folder) == about.About()


def test_a_deleted_run_comes_back_as_it_was(tmp_path):
    loras = tmp_path / "loras"
    loras.mkdir()
    (loras / "a.safetensors").write_bytes(b"a")
    run = made(tmp_path / "runs")
    run.log([{"step": 1, "loss": 1.0}])
    files = {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}
    gone = trash.delete(run, [loras / "a.safetensors"])
    assert not run.folder.exists() and not list(loras.iterdir())
    assert runs.every(tmp_path / "runs") == [] == index.Index().rows(tmp_path / "runs", set())
    assert [one.id for one in trash.listed(tmp_path / "runs")] == [gone.id]
    back, problems = trash.restore(tmp_path / "runs", gone.id)
    assert back.folder == run.folder and not problems
    assert (loras / "a.safetensors").read_bytes() == b"a"
    found = {path.name: path.read_bytes() for path in back.folder.iterdir() if path.is_file()}
    assert found.items() >= files.items() and trash.listed(tmp_path / "runs") == []
    with pytest.raises(LookupError):
        trash.restore(tmp_path / "runs", gone.id)


def test_nothing_is_written_over_when_a_run_comes_back(tmp_path):
    lora = tmp_path / "a.safetensors"
    lora.write_bytes(b"old")
    gone = trash.delete(made(tmp_path / "runs"), [lora])
    made(tmp_path / "runs")
    lora.write_bytes(b"new")
    back, problems = trash.restore(tmp_path / "runs", gone.id)
    assert back.name == "mine-2" and len(problems) == 2 and lora.read_bytes() == b"new"


def test_a_run_that_goes_on_is_not_deleted(tmp_path):
    run = made(tmp_path)
    with run.lock(), pytest.raises(ValueError, match="being trained"):
        trash.delete(run)
    assert run.asked() and trash.listed(tmp_path) == []


@pytest.mark.parametrize("own", ["..", "../mine", "", ".", "x"])
def test_only_what_is_in_the_trash_comes_out_of_it(tmp_path, own):
    made(tmp_path)
    with pytest.raises(LookupError):
        trash.restore(tmp_path, own)


def test_the_trash_can_be_emptied(tmp_path):
    trash.delete(made(tmp_path))
    trash.delete(made(tmp_path))
    assert trash.empty(tmp_path) == 2 and trash.listed(tmp_path) == []
    assert json.dumps(index.Index().rows(tmp_path, set())) == "[]"
