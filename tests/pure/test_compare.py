"""Runs side by side: which are meant, what differs, what stays of long logs, what they cost."""

import json

import pytest

from atelier.training.compare import compared, curves, differences, named, summary
from atelier.training.config import TrainConfig
from atelier.training.cost import FILE, cost
from atelier.training.curve import envelope
from atelier.training.run import create

KNOWN = ["hat-3", "hat-2", "hat", "dog [x]", "dog x"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("hat", ["hat"]),
        ("hat*", ["hat-3", "hat-2", "hat"]),
        ("hat-?\ndog*", ["hat-3", "hat-2", "dog [x]", "dog x"]),
        ("dog [x]", ["dog [x]"]),
        (" hat , hat-2,hat ", ["hat", "hat-2"]),
    ],
)
def test_names_and_patterns(asked, found):
    assert named(asked, KNOWN) == found


@pytest.mark.parametrize(("asked", "says"), [("", "none is named"), ("cat*", r"no run 'cat\*'")])
def test_what_names_no_run_is_told(asked, says):
    with pytest.raises(ValueError, match=says):
        named(asked, KNOWN)


def test_only_what_differs_is_listed():
    found = differences({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3, "z": False}})
    assert found == {"y": {"a": 2, "b": 3}, "z": {"a": None, "b": False}}
    assert differences({"a": {"x": 1}}) == {} == differences({})


def test_an_envelope_keeps_ends_and_peaks():
    points = [(n, 1.0) for n in range(100_000)]
    points[54_321] = (54_321, 9.0)
    points[77_777] = (77_777, -9.0)
    few = envelope(points)
    assert len(few) <= 610 and few == sorted(few)
    assert {points[0], points[54_321], points[77_777], points[-1]} <= set(few)
    assert envelope(points[:600]) == points[:600] and envelope([]) == []


def made(folder, name="a", sittings=(), lines=(), **settings):
    config = TrainConfig().model_dump() | settings
    asked = {
        "key": "k",
        "format": 2,
        "config": config,
        "model": "m",
        "dataset": settings.get("rank", 0),
    }
    run = create(folder, name, asked, {"dataset": {"total": 3}})
    run.write_log(list(lines))
    (run.folder / FILE).write_text("".join(f"{one}\n" for one in sittings), encoding="utf-8")
    return run


def logged(steps):
    return [
        {"step": n, "loss": 1 / n, "grad_norm": 1.0, "learning_rate": 0.1}
        for n in range(1, steps + 1)
    ]


def sat(start, end, seconds, peak=None):
    return json.dumps(
        {"from": start, "to": end, "seconds": seconds, "peak": peak, "device": "cpu",
         "versions": {"torch": "2"}}
    )  # fmt: skip


def test_the_cost_of_several_sittings(tmp_path):
    damaged = ["{", "[]", "3", '{"seconds": "x", "from": 1, "to": 2}', '{"seconds": 3}']
    run = made(tmp_path, sittings=[sat(0, 10, 5.0, 7), *damaged, sat(8, 20, 5.0, 9)])
    paid = cost(run)
    assert (paid.seconds, paid.steps, paid.peak) == (10.0, 20, 9)
    assert paid.steps_per_second == 2.0 and paid.devices == ("cpu",)
    assert paid.versions == ({"torch": "2"},)


def test_a_run_that_recorded_nothing_costs_an_unknown(tmp_path):
    run = made(tmp_path)
    (run.folder / FILE).unlink()
    assert cost(run).steps_per_second is None and summary(run)["cost"]["seconds"] == 0


def test_runs_beside_each_other_are_json(tmp_path):
    lines = [
        {"step": n, "loss": 1 / n, "grad_norm": 1.0, "learning_rate": 0.1} for n in range(1, 9)
    ]
    held = [
        {"step": 4, "held_out": 0.4, "held_out_by_time": {"0.5": 0.4}},
        {"step": 8, "held_out": 0.5, "held_out_by_time": {"0.5": 0.5}},
    ]
    runs = [made(tmp_path, "a", lines=lines + held, rank=4), made(tmp_path, "b", rank=8)]
    found = compared(runs)
    assert json.loads(json.dumps(found))["runs"][0]["name"] == "a"
    assert found["settings"] == {"rank": {"a": 4, "b": 8}}
    assert found["inputs"] == {"dataset": {"a": 4, "b": 8}}
    runs[1].keep_graph({"base": "b.safetensors"})
    again = compared(runs)
    assert again["inputs"]["base"] == {"a": "unknown", "b": "b.safetensors"}
    assert [one["base"] for one in again["runs"]] == ["", "b.safetensors"]
    one, other = found["runs"]
    assert (one["steps"], one["held_out"], one["held_out_step"]) == (8, 0.4, 4)
    assert one["held_out_by_time"] == {"0.5": [(4, 0.4), (8, 0.5)]}
    assert other["loss"] is None and other["held_out"] is None and other["steps"] == 0
    assert one["state"] == "unfinished" and one["pictures"] == {"dataset": 3}
    runs[0].stopped(8)
    assert summary(runs[0])["state"] == "stopped"
    (runs[0].folder / "result.json").write_text("{}")
    assert summary(runs[0])["state"] == "finished"


def test_curves_of_a_long_log_are_short():
    lines = [
        {"step": n, "loss": 1 / n, "grad_norm": 1.0, "learning_rate": 0.1} for n in range(1, 10001)
    ]
    found = curves([*lines, {"step": 10000, "held_out": 0.5}, {"step": 10000, "overflow": 1.0}])
    assert all(len(points) <= 650 for points in found.values())
    assert found["held_out"] == [(10000, 0.5)] and found["smoothed"][-1][0] == 10000
