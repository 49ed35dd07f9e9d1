"""Curate on sets: mirrored copies, foreign pictures, scenes that are too frequent, clusters."""

import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from atelier.measure.curation_sets import window
from atelier.measure.planted import mirrored
from atelier.training.curation import decisions, report, sheet
from atelier.training.curation.curate import curate
from atelier.training.curation.decisions import KEEP, Decisions
from atelier.training.curation.embeddings import Classical, Embedded, Embeddings
from atelier.training.curation.settings import CurationSettings
from atelier.training.curation.whole import Likeness

from .conftest import scene

LIMITS = CurationSettings(resolution=288, enlarged=0, sharpness=0, noise=0, compression=0, border=0)


def drawing(seed):
    """Flat shapes on white."""
    dice = random.Random(seed)
    page = Image.new("RGB", (288, 288), "white")
    pen = ImageDraw.Draw(page)
    for _ in range(3):
        x, y, r = dice.uniform(90, 200), dice.uniform(90, 200), dice.uniform(30, 70)
        fill = tuple(dice.randrange(40, 220) for _ in range(3))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    return page


@pytest.fixture
def judged(look, tmp_path):
    def curated(dataset, limits=LIMITS, decided=None, wired=None):
        looks = look(dataset)
        classical = Embeddings(tmp_path / "vectors", Classical()).of(dataset.records, looks)
        return curate(dataset, looks, limits, decided, Likeness(classical, wired))

    return curated


def said(found):
    return {one.name: {reason.kind for reason in one.reasons} for one in found.verdicts}


def test_a_drawing_among_scenes_is_an_outlier_and_the_score_names_its_encoder(write, judged):
    scenes = {f"s{seed:02d}": scene(seed) for seed in range(24)}
    found = judged(write(**scenes, x=drawing(1)))
    kinds = said(found)
    assert kinds.pop("x.png") == {"outlier"}
    assert not any(kinds.values())
    (reason,) = next(one.reasons for one in found.verdicts if one.name == "x.png")
    assert "spreads from the middle of the set, above 3.4 (classical features 1)" in reason.text
    assert "outlier: distance from the set's own middle" in report.text(found)
    off = LIMITS.model_copy(update={"strange": 0.0})
    assert not any(said(judged(found.dataset, off)).values())


def test_a_mirrored_copy_goes_and_its_caption_is_told(write, judged):
    dataset = write(
        captions={"b": "the other way"},
        a=scene(1),
        b=mirrored(scene(1), random.Random(0)),
        c=scene(2),
    )
    found = judged(dataset)
    assert said(found) == {"a.png": set(), "b.png": {"near duplicate"}, "c.png": set()}
    assert "like a.png, which is kept; other captions: “the other way”" in report.text(found)


def frequent(write):
    """Scenes in many lights, and parts of one more."""
    dice = random.Random(0)
    scenes = {}
    for seed in range(24):
        light = Image.new("RGB", (320, 256), tuple(dice.randrange(256) for _ in range(3)))
        scenes[f"s{seed:02d}"] = Image.blend(scene(seed), light, dice.uniform(0.3, 0.8))
    windows = {f"w{number:02d}": window(scene(99, 640, 512), dice) for number in range(18)}
    return write(**scenes, **windows)


def test_of_a_scene_that_is_too_frequent_as_many_are_kept_as_may_be(write, judged):
    found = judged(frequent(write))
    told = {name for name, kinds in said(found).items() if "over-represented" in kinds}
    assert len(told) >= 3 and all(name.startswith("w") for name in told)
    kept = [one.name for one in found.verdicts if one.kept]
    windows = sum(name.startswith("w") for name in kept)
    assert 4 <= windows <= 18 - len(told)
    text = report.text(found)
    assert "of the set (classical features 1); " in text and "over-represented: nearness" in text
    off = LIMITS.model_copy(update={"frequent": 0.0})
    assert "over-represented" not in report.text(judged(found.dataset, off))


def test_a_person_keeps_one_of_too_many(write, judged):
    found = judged(frequent(write))
    one = next(
        one for one in found.verdicts if any(r.kind == "over-represented" for r in one.reasons)
    )
    again = judged(found.dataset, decided={one.look.content: KEEP})
    assert next(two.kept for two in again.verdicts if two.name == one.name)


def test_of_few_pictures_only_clusters_are_told(write, judged):
    found = judged(write(a=scene(1), b=scene(2), x=drawing(1)))
    assert not any(said(found).values())
    text = report.text(found)
    assert "too few pictures to say; 20 are the least" in text
    assert "Clusters, by classical features 1:\n  1: 3 pictures, such as a.png" in text


def test_clusters_are_flags_for_the_page_and_stand_on_the_sheet(write, judged, tmp_path):
    scenes = {f"s{seed}": scene(seed) for seed in range(5)}
    dataset = write(**scenes, **{f"x{seed}": drawing(seed) for seed in range(4)})
    found = judged(dataset)
    numbers = {one.name: one.cluster for one in found.verdicts}
    assert {numbers[f"s{seed}.png"] for seed in range(5)} == {1}
    assert {numbers[f"x{seed}.png"] for seed in range(4)} == {2}
    kept = report.clusters(found)
    assert kept == {one.look.content: one.cluster for one in found.verdicts}
    file = decisions.write(tmp_path, "cats", Decisions(), report.recommended(found), kept)
    assert '"clusters": {' in file.read_text(encoding="utf-8")
    assert decisions.read(tmp_path) == Decisions()
    titles = [cell.title for cell in sheet.curation_cells(found, 9)]
    assert titles[0] == "1 · s0.png" and titles[-1] == "2 · x3.png"


def test_what_cannot_be_read_is_in_no_cluster_and_disturbs_none(write, judged):
    dataset = write(a=scene(1), b=scene(2), c=scene(3))
    dataset.records[1].path.write_bytes(b"no picture")
    found = judged(dataset)
    assert [one.cluster for one in found.verdicts] == [1, 0, 1]


def test_a_wired_encoder_groups_and_proposes_but_outliers_stay_with_what_is_measured(write, judged):
    dataset = write(**{f"s{seed:02d}": scene(seed) for seed in range(24)})
    vectors = np.random.default_rng(0).standard_normal((24, 64)).astype(np.float32)
    vectors[5] += 50  # far for the wired one alone
    wired = Embedded("CLIP 01234567", np.arange(24), vectors)
    found = judged(dataset, wired=wired)
    assert not any(said(found).values())
    assert any("Clusters, by CLIP 01234567:" in note for note in found.notes)
    crowd = replace(wired, vectors=np.concatenate([vectors[:12], np.tile(vectors[0], (12, 1))]))
    kinds = said(judged(dataset, wired=crowd))
    assert sum("over-represented" in one for one in kinds.values()) == 13 - int(0.2 * 24)
