"""A grid on disk: scored, read again, recommended, and what happens when it is not as it should."""

import json

import pytest

from atelier.tests.evaluation.laid_out import KINDS, lay_out, picture
from atelier.tests.evaluation.planted import Column, grid
from atelier.training.curation.embeddings import Classical
from atelier.training.evaluation import judge, losses, score_text
from atelier.training.evaluation.contenders import contenders
from atelier.training.evaluation.entries import columns_named
from atelier.training.evaluation.eyes import Encoders, Eyes
from atelier.training.evaluation.gallery import read
from atelier.training.evaluation.grid import cell_file
from atelier.training.evaluation.plot import draw_plot
from atelier.training.evaluation.recommend import recommend
from atelier.training.evaluation.scores import Score
from atelier.training.files import write_json
from atelier.training.report.grid_part import scores


@pytest.fixture
def place(tmp_path):
    lay_out(tmp_path / "g", tmp_path / "cells")
    return tmp_path


def scored(place, logged=(), references=4, sets=False):
    real = judge.Real(
        [picture(place / f"held{n}.png", 100 + n, 1) for n in range(references)],
        [picture(place / f"one{n}.png", 200 + n, 1) for n in range(6)],
    )
    looked = []
    eyes = Eyes(place / "cache", looked.append)
    encoders = Encoders(Classical(), Classical())
    found = judge.score_grid(place / "g", place / "cells", real, encoders, eyes, logged, sets)
    return found, looked


LOG = [
    {"step": step, "held_out": loss, "held_out_by_time": {"0.5": loss}}
    for step, loss in ((5, 1.0), (10, 0.5), (15, 0.7), (20, 0.8))
]


def test_a_grid_is_scored_and_one_is_recommended(place):
    found, looked = scored(place, LOG)
    assert json.loads((place / "g" / "scores.json").read_text()) == found
    assert len(looked) == 3 * len(KINDS) - 2 * KINDS.count("plain") + 10  # the same are one
    identity = found["scores"]["identity"]
    assert identity["columns"]["2"]["mean"] > identity["columns"]["1"]["mean"] > identity["floor"]
    assert found["scores"]["held_out"]["columns"]["2"]["mean"] == 0.8
    advised = judge.recommend_of(place / "g")
    assert advised.chosen and advised.chosen.checkpoint == 20
    assert any("lowest at step 10 and rose" in one for one in advised.advice)
    kept = json.loads((place / "g" / "scores.json").read_text())
    assert kept["recommendation"]["chosen"]["label"] == "step 20"
    assert kept["scores"] == found["scores"]


@pytest.mark.parametrize("references", [4, 50])
def test_distances_of_sets_are_asked_for_and_told_everywhere(place, references):
    assert not {"cmmd", "kid"} & set(scored(place)[0]["scores"])
    found, _ = scored(place, references=references, sets=True)
    assert not [name for name in found["scores"] if "fid" in name]
    page = scores(read(place / "g"))
    for name, title in (("cmmd", "(CMMD)"), ("kid", "(KID × 1000)")):
        score = found["scores"][name]
        assert title in page and score["says"].split(":")[0] in page
        assert all(one["too_few"] and one["n"] == 10 for one in score["columns"].values())
        assert len(score["columns"]) == (3 if references == 50 else 0)  # of each 10 pictures
        assert ("held-out pictures, and 50 are the least" in page) == (references == 4)
    assert page.count("too few pictures to say") >= (6 if references == 50 else 0)
    judge.recommend_of(place / "g")


def test_the_second_time_nothing_is_looked_at(place):
    first, _ = scored(place)
    again, looked = scored(place)
    assert again == first and looked == []


def test_the_text_names_every_column(place):
    found, _ = scored(place, LOG)
    text = score_text.text(found["scores"], judge.labels(place / "g"))
    assert "IDENTITY by classical features 1, higher is better" in text
    assert "  step 20: " in text and "to the base" in text and "too few" not in text


def test_scores_come_back_as_they_were():
    made = grid(Column(checkpoint=100), Column(0.6, 0.6, copy=0.3, checkpoint=200))
    scores = made.scores
    again = {
        name: Score.of(json.loads(json.dumps(one.told(made.shots))), made.shots)
        for name, one in scores.items()
    }
    one, other = (recommend(contenders(made.shots, some, made.columns)) for some in (scores, again))
    assert one.text == other.text


CHANGES = {
    "no scores": (lambda place: (place / "g/scores.json").unlink(), "no scores yet"),
    "no JSON": (lambda place: (place / "g/scores.json").write_text("{"), "Score it again"),
    "another version": (
        lambda place: (place / "g/scores.json").write_text('{"version": 9, "scores": {}}'),
        "another version",
    ),
    "a score that is none": (
        lambda place: (place / "g/scores.json").write_text(
            '{"version": 1, "scores": {"identity": 3}}'
        ),
        "a score is not whole",
    ),
    "no manifest": (lambda place: (place / "g/manifest.json").write_text("[]"), "The grid g: "),
}


@pytest.mark.parametrize("change, message", CHANGES.values(), ids=CHANGES.keys())
def test_damaged_scores_are_named(place, change, message):
    scored(place)
    change(place)
    with pytest.raises(ValueError, match=message):
        judge.recommend_of(place / "g")


def _told(place):
    return json.loads((place / "g/manifest.json").read_text())


def _with(place, **changes):
    told = _told(place)
    told["cells"][0] |= changes
    write_json(place / "g/manifest.json", told)


BROKEN = {
    "a picture that is gone": ({"key": "0" * 64}, "is gone. Draw the grid again"),
    "a key with a path": ({"key": "../../x"}, "the manifest is damaged"),
    "a cell without a seed": ({"seed": None}, "the manifest is damaged"),
    "two LoRAs in a column": ({"lora": "other"}, "Take lora and strength out of"),
}


@pytest.mark.parametrize("changes, message", BROKEN.values(), ids=BROKEN.keys())
def test_a_grid_that_cannot_be_scored_is_named(place, changes, message):
    _with(place, **changes)
    with pytest.raises(ValueError, match=f"The grid g: .*{message}"):
        scored(place)


def test_a_damaged_picture_is_named(place):
    key = _told(place)["cells"][3]["key"]
    cell_file(place / "cells", key).write_text("no")
    with pytest.raises(ValueError, match=f"{key}.png"):
        scored(place)


def test_labels_are_what_people_read():
    cells = [
        {"column": n, "lora": "a", "checkpoint": None, "strength": s}
        for n, s in enumerate((0.5, 1))
    ]
    told = {"cells": cells, "columns": [{"lora": "a", "strength": "0.5"}, {"strength": "1"}]}
    assert [named[0] for named in columns_named(told).values()] == [
        "a · strength 0.5",
        "strength 1",
    ]


def test_a_checkpoint_has_the_last_loss_before_it():
    assert losses.at_steps(LOG, {1: 12, 2: 20, 3: 2}) == {1: 0.5, 2: 0.8}


def test_the_plot_shows_every_point(tmp_path):
    made = grid(Column(checkpoint=100), Column(leak=0.9, checkpoint=200))
    points = recommend(contenders(made.shots, made.scores, made.columns)).points
    colours = {colour for _, colour in draw_plot(points).getcolors(1 << 20) or []}
    assert {(0x6E, 0xA8, 0xFE), (0xE5, 0x70, 0x5F), (0xFF, 0xB4, 0x54)} <= colours
    assert draw_plot([]).size == draw_plot(points).size
