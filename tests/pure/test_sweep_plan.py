"""Axes, points, and the prompts they make."""

import json

import pytest

from atelier.training.sweep.axes import Asked
from atelier.training.sweep.plan import Sweep, make_sweep

INFO = {
    "Load": {"input": {"required": {"ckpt": [["a", "b", "c"]]}}},
    "AtelierTrainLora": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "name": ["STRING", {}],
                "rate": ["FLOAT", {"min": 0.0, "max": 1.0}],
                "rank": ["INT", {"min": 1, "max": 128}],
            }
        }
    },
    "Grid": {"input": {"required": {"lora": ["LORA"], "cfg": ["FLOAT", {"max": 100.0}]}}},
}
PROMPT = {
    "1": {"class_type": "Load", "inputs": {"ckpt": "a"}},
    "2": {
        "class_type": "AtelierTrainLora",
        "inputs": {"model": ["1", 0], "name": "mine", "rate": 0.1, "rank": 4},
        "_meta": {"title": "Train"},
    },
    "3": {"class_type": "Grid", "inputs": {"lora": ["2", 0], "cfg": 3.0}},
}
GRAPH = {
    "nodes": [
        {"id": 2, "type": "AtelierTrainLora", "widgets_values": ["mine", 0.1, 4]},
        {"id": 3, "type": "Grid", "widgets_values": [3.0]},
    ],
    "extra": {"ds": 1},
}
RATE, RANK = Asked("2", "rate", "0.01, 0.1", 1), Asked("2", "rank", "4..16 x2", 2)


def sweep(*axes, mode="product", **more):
    return make_sweep("mine", mode, axes, PROMPT, INFO, workflow=GRAPH, **more)


def test_the_full_product():
    made = sweep(RATE, RANK)
    assert made.points == ((0.01, 4), (0.01, 8), (0.01, 16), (0.1, 4), (0.1, 8), (0.1, 16))
    assert made.point_name(5) == "rate 0.1, rank 16"
    inputs = made.prompt_of(5)["2"]["inputs"]
    assert inputs == {"model": ["1", 0], "name": "mine-06", "rate": 0.1, "rank": 16}
    assert PROMPT["2"]["inputs"]["name"] == "mine"


def test_pairs_and_what_is_the_same_for_all():
    made = sweep(RATE, Asked("2", "rank", "4, 8"), Asked("3", "cfg", "5"), mode="paired")
    assert made.points == ((0.01, 4, 5.0), (0.1, 8, 5.0))
    with pytest.raises(ValueError, match=r"Train: rate must have 3 values"):
        sweep(RATE, RANK, mode="paired")


@pytest.mark.parametrize("mode", ["random", "latin"])
def test_seeded_points_lie_inside_and_come_again(mode):
    axes = (Asked("2", "rate", "1e-4..1e-1 log"), RANK)
    made = [sweep(*axes, mode=mode, count=12, seed=seed) for seed in (1, 1, 2)]
    assert made[0].points == made[1].points != made[2].points
    assert len(made[0].points) == 12
    assert all(1e-4 <= float(rate) <= 1e-1 and rank in (4, 8, 16) for rate, rank in made[0].points)


def test_a_latin_square_uses_each_part_once():
    made = sweep(Asked("2", "rate", "0..1"), RANK, mode="latin", count=12, seed=3)
    assert sorted(int(rate * 12) for rate, _ in made.points) == list(range(12))
    ranks = [rank for _, rank in made.points]
    assert all(ranks.count(rank) == 4 for rank in (4, 8, 16))


def test_points_that_differ_after_the_training_share_its_run():
    made = sweep(RATE, Asked("3", "cfg", "3, 5"))
    names = [made.prompt_of(number)["2"]["inputs"]["name"] for number in range(4)]
    assert names == ["mine-01", "mine-01", "mine-03", "mine-03"]


def test_a_name_that_is_swept_is_left_alone():
    made = sweep(Asked("2", "name", "one, two"))
    assert made.prompt_of(1)["2"]["inputs"]["name"] == "two"


def test_the_graph_of_a_point_has_its_values_and_says_which_it_is():
    graph = sweep(RATE, RANK).workflow_of(1)
    assert graph["nodes"][0]["widgets_values"] == ["mine-02", 0.01, 8]
    told = {"name": "mine", "point": 2, "title": "rate 0.01, rank 8"}
    assert graph["extra"] == {"ds": 1, "atelier_sweep": told}
    assert GRAPH["nodes"][0]["widgets_values"] == ["mine", 0.1, 4]


@pytest.mark.parametrize("mode", ["product", "random"])
def test_a_plan_is_the_same_after_json(mode):
    axes = (RATE, RANK) if mode == "product" else (Asked("2", "rate", "0..1"), RANK)
    made = sweep(*axes, mode=mode, count=3)
    assert Sweep.from_json(json.loads(json.dumps(made.to_json()))) == made


WRONG = {
    "nothing": ((), {}, "Nothing changes"),
    "no such node": ((Asked("9", "rate", "1"),), {}, "Node 9 is not part"),
    "no such input": ((Asked("2", "speed", "1"),), {}, "has no input speed"),
    "a wire": ((Asked("2", "model", "1"),), {}, "is a wire"),
    "out of range": ((Asked("2", "rate", "0.5, 2"),), {}, "Train: rate: 2 is above the most"),
    "a range's end out of range": ((Asked("2", "rank", "4..256 x2"),), {}, "256 is above the most"),
    "a span's end": ((Asked("2", "rate", "0..2"),), {"mode": "random", "count": 2}, "2 is above"),
    "a span in a product": ((Asked("2", "rate", "0..1"),), {}, "say how many values"),
    "no choice": ((Asked("1", "ckpt", "d"),), {}, "d is no choice"),
    "twice": ((RATE, RATE), {}, "is there twice"),
    "how many": ((RATE,), {"mode": "latin"}, "How many points"),
    "a mode": ((RATE,), {"mode": "guess"}, "no kind of sweep"),
    "too many": (
        (Asked("2", "rate", "0..1 9999"), RANK),
        {},
        "more than 10000 points",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_before_anything_is_queued(name):
    axes, more, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        sweep(*axes, **more)


def test_a_wired_input_is_refused():
    prompt = json.loads(json.dumps(PROMPT))
    prompt["2"]["inputs"]["rank"] = ["1", 0]
    with pytest.raises(ValueError, match="wired to another node"):
        make_sweep("mine", "product", [RANK], prompt, INFO)


def test_a_name_must_be_a_file_name():
    with pytest.raises(ValueError, match="cannot be a file name"):
        make_sweep("../x", "product", [RANK], PROMPT, INFO)


@pytest.mark.parametrize("kept", [{}, {"version": 1}, {"version": 1, "axes": [{}], "points": []}])
def test_a_damaged_plan_is_refused(kept):
    with pytest.raises(ValueError, match="version|no plan"):
        Sweep.from_json(kept)
