"""Which column is recommended, and what is said of the others, on made-up grids."""

import json
from dataclasses import replace

import numpy as np
import pytest

from atelier.tests.evaluation.planted import Column, grid
from atelier.training.evaluation.contenders import Limits, contenders, flags
from atelier.training.evaluation.recommend import recommend

GOOD = Column(checkpoint=300)


def found_of(*columns, **how):
    made = grid(*columns, **how)
    return contenders(made.shots, made.scores, made.columns)


def recommended(*columns, **how):
    return recommend(found_of(*columns, **how))


FLAGGED = {
    "good": (GOOD, ()),
    "undertrained": (Column(own=0.15, contexts=0.1), ("undertrained",)),
    "copying": (Column(copy=0.6), ("copying",)),
    "not following": (Column(follow=0.5), ("not following",)),
    "leaking": (Column(leak=0.8), ("leaking",)),
    "fragile": (Column(contexts=0.2), ("fragile",)),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("column, expected", FLAGGED.values(), ids=FLAGGED.keys())
def test_each_fault_is_flagged_and_no_other(column, expected, seed):
    (one,) = found_of(column, seed=seed)
    assert flags(one, Limits()) == expected


CHOICES = {
    "the higher": ([Column(own=0.5, contexts=0.5, checkpoint=100), GOOD], 2),
    "of equals the fewest steps": ([Column(checkpoint=900), GOOD, Column(checkpoint=600)], 2),
    "not the higher that copies": (
        [Column(own=0.6, contexts=0.6, checkpoint=200), Column(1, 1, copy=0.9, checkpoint=900)],
        1,
    ),
    "not the higher that leaks": (
        [Column(own=0.6, contexts=0.6, checkpoint=200), Column(1, 1, leak=0.9, checkpoint=900)],
        1,
    ),
    "of equal steps the strength nearer to 1": (
        [Column(strength=0.6, checkpoint=300), Column(strength=0.9, checkpoint=300)],
        2,
    ),
    "if all break a limit, the one that breaks the fewest": (
        [Column(copy=0.6, leak=0.8, checkpoint=100), Column(leak=0.8, checkpoint=200)],
        2,
    ),
}


@pytest.mark.parametrize("columns, expected", CHOICES.values(), ids=CHOICES.keys())
def test_the_choice(columns, expected):
    chosen = recommended(*columns).chosen
    assert chosen and chosen.column == expected


ADVICE = {
    "more steps, it has learned little": ([Column(0.2, 0.2, checkpoint=100)], "for more steps, or"),
    "more steps, it still rises": (
        [Column(0.3, 0.3, checkpoint=100), Column(0.8, 0.8, checkpoint=200)],
        "for more steps: the last",
    ),
    "fewer steps": (
        [Column(checkpoint=300), Column(copy=0.6, checkpoint=600)],
        "from step 600 on it is outside the limits",
    ),
    "lower rate": ([Column(copy=0.6)], "lower learning rate"),
    "class pictures": ([Column(leak=0.9)], "class_pictures"),
    "varied captions": ([Column(contexts=0.2)], "more varied captions"),
}


@pytest.mark.parametrize("columns, words", ADVICE.values(), ids=ADVICE.keys())
def test_what_to_change_next(columns, words):
    assert any(words in one for one in recommended(*columns).advice)


def test_a_good_run_gets_no_advice_but_to_go_on():
    last = recommended(Column(0.9, 0.9, checkpoint=100), Column(0.91, 0.91, checkpoint=200))
    assert last.advice == ()


def test_a_picture_that_dominates_is_named():
    made = grid(GOOD)
    made.seen.identity.shots[[shot.column == 1 for shot in made.shots]] *= 0.1
    made.seen.identity.shots[[shot.column == 1 for shot in made.shots]] += (
        made.seen.identity.training[4]
    )
    found = recommend(contenders(made.shots, made.scores, made.columns))
    assert any(one.startswith("picture-4.png dominates") for one in found.advice)


def test_of_too_few_pictures_none_is_recommended():
    found = recommended(GOOD, Column(checkpoint=600), kinds={"context": 3}, seeds=4)
    assert found.chosen is None
    assert "Too few pictures to say: 12 of each column" in found.text


def test_without_references_none_is_recommended():
    found = recommended(GOOD, references=0)
    assert found.chosen is None and "references" in found.text


@pytest.mark.parametrize("seed", range(3))
def test_with_an_encoder_that_is_blind_to_it_none_is_recommended(seed):
    found = recommended(GOOD, Column(0.5, 0.5, checkpoint=100), sees=0, seed=seed)
    assert found.chosen is None
    assert "does not tell real pictures from the base's" in found.text


def test_a_ceiling_that_is_not_known_is_no_blindness():
    made = grid(GOOD)
    scores = made.scores
    scores["identity"] = replace(scores["identity"], ceiling=np.nan)
    (one,) = contenders(made.shots, scores, made.columns)
    assert not one.standing.blind


def test_a_difference_that_is_not_sure_does_not_rank():
    """The later one is a little higher, and within the noise of two seeds."""
    found = recommended(Column(0.9, 0.85, checkpoint=100), Column(0.9, 0.851, checkpoint=900))
    assert found.chosen and found.chosen.checkpoint == 100


def test_what_is_told_is_json_and_has_every_point():
    found = recommended(Column(0.5, 0.5, checkpoint=100), GOOD)
    told = json.loads(json.dumps(found.told(), allow_nan=False))
    assert told["chosen"]["checkpoint"] == 300 and told["chosen"]["lora"] == "lora"
    assert [point["chosen"] for point in told["points"]] == [False, True]
    assert told["points"][1]["fidelity"]["mean"] > told["points"][0]["fidelity"]["mean"]
    assert told["text"].startswith("Recommended: column 2")


def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="no column with a LoRA"):
        recommend([])
