"""Scores of made-up grids, in which what each column does is known."""

import json

import numpy as np
import pytest

from atelier.tests.evaluation.planted import REFERENCES, Column, grid
from atelier.training.evaluation.scores import score
from atelier.training.evaluation.shots import Evidence

GOOD = Column(checkpoint=300)


@pytest.fixture(scope="module")
def whole():
    return grid(GOOD, Column(own=0.1, contexts=0.1), Column(copy=0.6), Column(leak=0.8))


@pytest.fixture(scope="module")
def told(whole):
    scores = whole.scores
    return json.loads(
        json.dumps({name: one.told(whole.shots) for name, one in scores.items()}, allow_nan=False)
    )


def mean(told, name, column):
    return told[name]["columns"][str(column)]["mean"]


def test_every_score_names_its_encoder_and_says_what_it_is(told):
    assert set(told) == {
        "identity", "style", "prompt", "copying", "diversity", "consistency", "leakage"
    }  # fmt: skip
    assert all(one["encoder"] and one["says"].endswith(".") for one in told.values())
    assert told["prompt"]["encoder"] == "made-up words"


def test_identity_goes_from_the_base_to_real_pictures(told):
    identity = told["identity"]
    assert identity["floor"] == pytest.approx(mean(told, "identity", 0), abs=1e-6)
    assert mean(told, "identity", 1) > 0.8 * identity["ceiling"]
    assert mean(told, "identity", 2) < 0.3 * identity["ceiling"]
    difference = identity["columns"]["1"]["paired_difference"]
    assert difference["low"] > 0 and not difference["too_few"]
    assert identity["columns"]["0"]["paired_difference"] is None


def test_copying_names_the_nearest_training_picture(told, whole):
    copying = told["copying"]
    assert mean(told, "copying", 3) > copying["ceiling"] > mean(told, "copying", 1)
    pairs = [copying["pairs"][shot.key] for shot in whole.shots if shot.column == 3]
    assert np.mean([pair["copy"] for pair in pairs]) > 0.4
    assert all(pair["name"] == f"picture-{pair['place']}.png" for pair in pairs)


def test_leakage_is_of_prompts_without_the_trigger_alone(told, whole):
    plain = {shot.key for shot in whole.shots if shot.kind == "plain" and not shot.base}
    assert set(told["leakage"]["cells"]) == plain
    assert mean(told, "leakage", 4) > 4 * mean(told, "leakage", 1)


def test_collapse_is_seen_over_seeds(told):
    assert mean(told, "diversity", 3) < 0.6 * told["diversity"]["floor"]


def test_hashes_that_differ_make_no_copy():
    made = grid(Column(copy=0.6))
    far = np.full(len(made.shots), 2**64 - 1, np.uint64)
    prints = type(made.seen.prints)(far, made.seen.prints.training, made.seen.prints.names)
    seen = Evidence(made.seen.identity, made.seen.style, made.seen.said, prints)
    assert not any(pair["copy"] for pair in score(made.shots, seen)["copying"].pairs.values())


def test_without_references_nothing_is_said_of_identity():
    made = grid(GOOD, references=0)
    assert not {"identity", "style", "consistency"} & set(made.scores)
    assert {"copying", "leakage", "prompt"} <= set(made.scores)


def test_texts_of_which_the_encoder_knows_nothing_are_left_out():
    made = grid(GOOD)
    assert made.seen.said
    made.seen.said.texts[[shot.kind == "context" for shot in made.shots]] = np.nan
    prompt = made.scores["prompt"]
    known = {shot.key for shot in made.shots if shot.kind != "context"}
    assert set(prompt.told(made.shots)["cells"]) == known
    made.seen.said.texts[:] = np.nan
    assert "prompt" not in made.scores


def test_few_prompts_are_too_few_to_say():
    made = grid(GOOD, kinds={"trigger": 1, "context": 3}, seeds=10)
    found = made.scores["identity"].columns[1]
    assert found.difference
    assert found.found.n == 40 and found.found.too_few and found.difference.too_few


def test_a_list_of_prompts_without_kinds_is_scored_too():
    scores = grid(GOOD, kinds={"context": 8}).scores
    assert scores["identity"].columns[1].found.n == 16
    assert scores["consistency"].columns[1].found.n == 16
    assert not scores["leakage"].columns


BAD = {
    "no picture": (lambda shots: [], "no pictures yet"),
    "no base": (
        lambda shots: [one for one in shots if not one.base],
        "no column of the base without",
    ),
}


@pytest.mark.parametrize("some, message", BAD.values(), ids=BAD.keys())
def test_a_grid_that_cannot_be_scored(some, message):
    made = grid(GOOD)
    with pytest.raises(ValueError, match=message):
        score(some(made.shots), made.seen)


def test_the_ceiling_without_training_pictures_is_that_of_the_references():
    made = grid(GOOD)
    seen = made.seen.identity
    alone = type(seen)(seen.encoder, seen.shots, seen.references, seen.training[:0])
    scores = score(made.shots, Evidence(alone, alone, None, made.seen.prints))
    assert "copying" not in scores and len(seen.references) == REFERENCES
    assert 0.5 < scores["identity"].ceiling / made.scores["identity"].ceiling < 1.5
