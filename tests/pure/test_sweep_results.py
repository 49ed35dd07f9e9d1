"""A sweep's journal, and its points side by side."""

import csv
import io
import json

import pytest

from atelier.training.sweep import kept as store
from atelier.training.sweep.axes import Asked
from atelier.training.sweep.estimate import amount, duration, estimate
from atelier.training.sweep.facts import costs, facts
from atelier.training.sweep.history import ended, point_of
from atelier.training.sweep.kept import Point
from atelier.training.sweep.plan import make_sweep
from atelier.training.sweep.results import best, pareto, rows, scores, table, to_csv

from .test_sweep_plan import INFO, PROMPT, RANK, RATE


@pytest.fixture
def sweep():
    return make_sweep("mine", "product", [RATE, RANK], PROMPT, INFO)


def done(**scores):
    facts = {"scores": {name.replace("_", " "): value for name, value in scores.items()}}
    return {"state": "done", "runs": ["r"], "files": ["=f"], "facts": facts, "seconds": 2.0}


def test_a_journal_says_what_became_of_each_point(tmp_path, sweep):
    kept = store.create(tmp_path, sweep)
    assert [point.state for point in kept.points(6)] == ["waiting"] * 6
    kept.note(0, "queued", prompt_id="a", server="s")
    kept.note(0, "done", runs=["mine-01"])
    kept.note(0, "queued", prompt_id="again")  # somebody else: what is done stays done
    kept.note(1, "failed", error="no")
    kept.note(2, "lost", server="s")
    with (kept.folder / "journal.jsonl").open("a") as file:
        file.write('{"point": 99, "state": "done"}\n{"point": 4, "sta')
    points = kept.points(6)
    assert [point.state for point in points] == ["done", "failed"] + ["waiting"] * 4
    assert points[0].told["runs"] == ["mine-01"] and points[1].told["error"] == "no"
    assert store.find(tmp_path, "mine").sweep() == sweep
    assert [one.name for one in store.every(tmp_path)] == ["mine"]


def test_a_name_that_is_taken_gets_a_number(tmp_path, sweep):
    store.create(tmp_path, sweep)
    second = store.create(tmp_path, sweep)
    assert second.name == "mine-2"
    assert second.sweep().prompt_of(0)["2"]["inputs"]["name"] == "mine-2-01"


@pytest.mark.parametrize("name", ["gone", "../mine", "", "con"])
def test_no_other_folder_is_a_sweep(tmp_path, sweep, name):
    store.create(tmp_path, sweep)
    with pytest.raises(LookupError):
        store.find(tmp_path, name)


def test_a_point_that_takes_servers_down_fails_at_last():
    point = Point()
    for _ in range(store.PATIENCE - 1):
        point.take({"state": "lost"})
        assert point.state == "waiting"
    point.take({"state": "lost"})
    assert point.state == "failed" and "went away 3 times" in point.told["error"]
    point.take({"state": "lost"})  # a person asked for it once more
    assert point.state == "waiting"


# ------------------------------------------------------------ a prompt's end


def picture(folder, kind="output"):
    return {"filename": "g.png", "subfolder": folder, "type": kind}


ENTRY = {
    "prompt": [
        1,
        "id",
        {},
        {"extra_pnginfo": {"workflow": {"extra": {"atelier_sweep": {"name": "mine", "point": 2}}}}},
    ],
    "outputs": {
        "3": {"atelier_run": ["mine-02"], "loss_curve": [picture("atelier/runs/mine-02")]},
        "4": {"text": ["models/loras/a.safetensors", "about it"]},
        "8.0.0.25": {"images": [picture("atelier/grids/x")]},
        "9": {"images": [picture("", "temp")]},
    },
    "status": {
        "messages": [
            ["execution_start", {"timestamp": 1000}],
            ["execution_success", {"timestamp": 4500}],
        ]
    },
}  # fmt: skip


def test_what_a_prompt_gave_is_read_from_the_history():
    end = ended(ENTRY)
    assert end.told() == {
        "runs": ("mine-02",),
        "files": ("models/loras/a.safetensors",),
        "pictures": ({"filename": "g.png", "subfolder": "atelier/grids/x", "type": "output"},),
        "seconds": 3.5,
    }
    assert point_of(ENTRY["prompt"]) == ("mine", 1)
    assert point_of([1, "id", {}, {}]) is None


def test_the_scores_of_a_grid_stand_beside_those_of_the_run(sweep):
    judged = {"style": {"value": 0.5, "low": 0.4, "high": 0.6}, "x": {"value": "words"}, "y": 1}
    end = ended(ENTRY | {"outputs": ENTRY["outputs"] | {"10": {"atelier_scores": [judged]}}})
    assert end.scores == {"style": judged["style"]}
    told = {**end.told(), "state": "done", "facts": {"scores": {"loss": {"value": 0.1}}}}
    found = rows(sweep, [Point("done", 0, told)] + [Point()] * 5)
    assert found[0]["scores"] == {"loss": {"value": 0.1}, "style": judged["style"]}


@pytest.mark.parametrize(
    ("message", "state", "error"),
    [
        (
            ["execution_error", {"node_type": "T", "node_id": "3", "exception_message": " no\n"}],
            "failed",
            "T (node 3): no",
        ),
        (["execution_interrupted", {}], "cancelled", "It was cancelled."),
    ],
)
def test_a_prompt_that_did_not_end_well(message, state, error):
    end = ended(ENTRY | {"status": {"messages": [message]}})
    assert (end.state, end.told()) == (state, {"error": error})


# ------------------------------------------------------------ side by side


def test_the_best_are_all_that_cannot_be_told_from_the_best(sweep):
    told = [
        done(style={"value": 0.9, "low": 0.8, "high": 1.0}),
        done(style={"value": 0.85, "low": 0.78, "high": 0.9}),
        done(style={"value": 0.6, "low": 0.5, "high": 0.7}),
    ]
    found = rows(sweep, [Point("done", 0, one) for one in told] + [Point()] * 3)
    assert best(found, "style") == [1, 2]
    assert best(found, "never measured") == []


def test_less_loss_is_better(sweep):
    told = [done(held_out_loss={"value": value}) for value in (0.3, 0.1, 0.2)]
    found = rows(sweep, [Point("done", 0, one) for one in told] + [Point()] * 3)
    assert scores(found) == ["held out loss"]
    assert best(found, "held out loss") == [2]


def test_the_front_of_two_scores(sweep):
    pairs = [(0.1, 5), (0.2, 7), (0.3, 6), (0.1, 5)]  # loss, style
    told = [done(loss={"value": a}, style={"value": b}) for a, b in pairs]
    found = rows(sweep, [Point("done", 0, one) for one in told] + [Point()] * 2)
    assert pareto(found, ["loss", "style"]) == [1, 2, 4]
    assert pareto(found, ["loss", "seconds"]) == [1, 4]
    assert pareto(found, ["nothing"]) == []


def test_a_table_for_spreadsheets(tmp_path, sweep):
    kept = store.create(tmp_path, sweep)
    told = done(loss={"value": 0.5, "low": 0.4, "high": 0.6})
    told.pop("state")
    kept.note(1, "done", **told)
    kept.note(2, "failed", error="=SUM(A1)")
    shown = table(kept)
    assert shown["best"] == {"loss": [2]} and shown["axes"] == ["rate", "rank"]
    lines = list(csv.DictReader(io.StringIO(to_csv(shown["rows"], shown["axes"]))))
    assert lines[1] | {"runs": "", "files": ""} == {
        "point": "2", "state": "done", "rate": "0.01", "rank": "8",
        "loss": "0.5", "loss low": "0.4", "loss high": "0.6",
        "steps": "", "seconds": "2.0", "training_seconds": "", "bytes": "",
        "runs": "", "files": "", "error": "",
    }  # fmt: skip
    assert lines[1]["files"] == "'=f" and lines[2]["error"] == "'=SUM(A1)"
    json.dumps(shown)


# ------------------------------------------------------------ runs and what they cost


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    config = {"steps": 100, "batch_size": 2, "resolution": 128, "rank": 4}
    (folder / "config.json").write_text(json.dumps({"config": config}))
    (folder / "result.json").write_text("{}")
    lines = [{"step": n, "loss": 1.0 if n < 91 else 0.5} for n in range(1, 101)]
    lines += [{"step": 50, "held_out": 0.2}, {"step": 100, "held_out": 0.3}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "log.jsonl").write_text(text + '{"step"')
    (folder / "sittings.jsonl").write_text('{"seconds": 30}\n{"seconds": 10.5}\n')
    return folder.parent


def test_a_run_says_what_it_reached_and_cost(runs):
    found = facts(runs / "old")
    assert (found["seconds"], found["steps"], found["finished"]) == (40.5, 100, True)
    assert found["scores"] == {
        "loss": {"value": 0.5},
        "held-out loss": {"value": 0.2},
        "last held-out loss": {"value": 0.3},
    }
    assert found["held_out"] == [[50, 0.2], [100, 0.3]]
    with pytest.raises(LookupError):
        facts(runs / "gone")


def test_time_and_disk_come_from_earlier_runs(runs):
    info = json.loads(json.dumps(INFO))
    train = info["AtelierTrainLora"]["input"]["required"]
    train |= {name: ["INT", {}] for name in ("steps", "batch_size", "resolution")}
    prompt = json.loads(json.dumps(PROMPT))
    prompt["2"]["inputs"] |= {"steps": 50, "batch_size": 2, "resolution": 128}
    axes = [Asked("2", "rank", "4, 8"), Asked("3", "cfg", "3, 5"), Asked("2", "steps", "50, 100")]
    made = make_sweep("mine", "product", axes, prompt, info)
    earlier = costs(runs)
    found = estimate(made, earlier)
    assert found.runs == 4  # of 8 points: what comes after the training is not trained again
    assert found.seconds == pytest.approx(2 * (20.25 + 40.5))
    assert found.bytes == pytest.approx(earlier[0]["bytes"] / 4 * (4 + 8) * 2)
    unknown = estimate(made, [])
    assert (unknown.seconds, unknown.bytes) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "told"), [(40, "40 s"), (600, "10 min"), (12000, "3 h 20 min")]
)
def test_durations_are_told_in_what_they_are_counted_in(seconds, told):
    assert duration(seconds) == told


def test_amounts():
    assert [amount(size) for size in (12, 3.2e6, 4.25e9)] == ["12 bytes", "3 MB", "4.2 GB"]
