"""What Curate says of pictures with one thing wrong, and of those with nothing."""

import random
from pathlib import Path

import pytest

from atelier.measure.planted import PLANTS
from atelier.training.curation import report, sheet
from atelier.training.curation.checks import METHODS, Fit, fit, reasons
from atelier.training.curation.curate import curate
from atelier.training.curation.decisions import ASIDE, KEEP
from atelier.training.curation.look import Look
from atelier.training.curation.looks import Looks
from atelier.training.curation.settings import CurationSettings
from atelier.training.data.dataset import Record
from atelier.training.data.folder import load_folder

from .conftest import dim, scene

DEMO = Path(__file__).parents[2] / "demo" / "pictures"
LIMITS = CurationSettings(resolution=288)
PIXELS = [kind for kind, (_, called) in PLANTS.items() if called != "near duplicate"]


def said(found):
    return {one.name: {reason.kind for reason in one.reasons} for one in found.verdicts}


@pytest.mark.parametrize("kind", PIXELS)
def test_a_planted_defect_is_found_in_each_and_nothing_in_the_others(kind, write, look):
    plant, called = PLANTS[kind]
    fine = {f"fine{seed}": scene(seed) for seed in range(4)}
    bad = {f"bad{seed}": plant(scene(seed), random.Random(seed)) for seed in range(10, 14)}
    dataset = write(**fine, **bad)
    found = said(curate(dataset, look(dataset), LIMITS))
    assert [found[f"{name}.png"] for name in fine] == [set()] * 4
    assert all(called in found[f"{name}.png"] for name in bad), found


def test_nothing_is_said_of_the_pictures_of_the_demo(tmp_path):
    for folder in ("hats", "class"):
        dataset = load_folder(DEMO / folder)
        looks = Looks(tmp_path, 128).of(dataset.records)
        found = curate(dataset, looks, CurationSettings(resolution=128))
        assert len(found.part(True)) == len(dataset), said(found)


def test_a_damaged_file_is_set_aside_with_the_reason_and_the_rest_goes_on(write, look):
    dataset = write(a=scene(1), b=scene(2))
    path = dataset.records[0].path
    path.write_bytes(path.read_bytes()[:5000])
    found = curate(dataset, look(dataset), LIMITS)
    assert said(found) == {"a.png": {"unreadable"}, "b.png": set()}
    assert "cannot be read as a picture" in report.text(found)
    assert found.part(False).records == dataset.records[:1]


def test_of_duplicates_the_largest_stays_and_captions_that_differ_are_told(write, look):
    big = scene(3, 640, 512)
    dataset = write(
        captions={"copy": "a dog"},
        big=big,
        copy=big.resize((400, 320)),
        other=scene(4),
    )
    found = curate(dataset, look(dataset), LIMITS)
    assert said(found) == {"big.png": set(), "copy.png": {"near duplicate"}, "other.png": set()}
    assert "like big.png, which is kept; other captions: “a dog”" in report.text(found)


def test_exact_copies_are_called_so(write, look):
    dataset = write(a=scene(5), b=scene(5))
    assert said(curate(dataset, look(dataset), LIMITS))["b.png"] == {"duplicate"}
    off = LIMITS.model_copy(update={"alike": 0.0})
    assert len(curate(dataset, look(dataset), off).part(True)) == 2


def test_of_a_chain_of_likenesses_only_neighbours_of_what_stays_go(write, look, monkeypatch):
    import numpy as np

    from atelier.training.curation import curate as module
    from atelier.training.curation.duplicates import Pairs

    chain = Pairs(np.array([0, 1, 2]), np.array([1, 2, 3]), np.array([0.9, 0.9, 0.9]))
    monkeypatch.setattr(module, "near", lambda looks, alike, by: chain)
    dataset = write(**{name: scene(seed) for seed, name in enumerate("abcd")})
    found = curate(dataset, look(dataset), LIMITS)
    assert [one.kept for one in found.verdicts] == [True, False, True, False]


def test_a_persons_word_comes_first(write, look):
    write(a=scene(1), b=scene(1))
    dark = write(c=dim(scene(2)))
    looks = look(dark)
    contents = {one.content for one in looks[2:]}
    free = curate(dark, looks, LIMITS)
    assert [one.kept for one in free.verdicts] == [True, False, False]
    kept = curate(dark, looks, LIMITS, dict.fromkeys(contents, KEEP))
    assert [one.kept for one in kept.verdicts] == [True, False, True]
    assert "Kept by your decision:\n  c.png: too dark" in report.text(kept)
    aside = curate(dark, looks, LIMITS, {looks[0].content: ASIDE})
    assert not any(one.kept for one in aside.verdicts)


def test_kept_and_set_aside_are_all_pictures_in_their_order(write, look):
    dataset = write(a=scene(1), b=dim(scene(2)), c=scene(3))
    found = curate(dataset, look(dataset), LIMITS)
    assert found.part(True).records == (dataset.records[0], dataset.records[2])
    assert found.part(False).records == (dataset.records[1],)


FITS = {
    "its own size": (512, 512, (512, 512), 1.0, 0.0),
    "half as large": (256, 256, (512, 512), 2.0, 0.0),
    "twice as wide": (1024, 512, (512, 512), 1.0, 0.5),
    "a third is cut": (768, 512, (512, 512), 1.0, 1 / 3),
}


@pytest.mark.parametrize("case", FITS)
def test_how_a_picture_goes_into_a_bucket(case):
    width, height, size, enlarged, cut_off = FITS[case]
    found = fit(Record(None, "", width, height), size)  # type: ignore[arg-type]
    assert (found.enlarged, found.cut_off) == pytest.approx((enlarged, cut_off))


def test_every_limit_can_be_switched_off():
    bad = Look("x", "", measures=None)
    off = {name: 0 for name in CurationSettings.model_fields if name != "resolution"}
    limits = CurationSettings.model_validate(off)
    assert [one.kind for one in reasons(bad, Fit((8, 8), 9.0, 0.9), limits)] == ["empty"]


def test_the_report_says_what_each_reason_was_measured_with(write, look):
    dataset = write(a=scene(1), b=dim(scene(2)))
    text = report.text(curate(dataset, look(dataset), LIMITS))
    assert f"too dark: {METHODS['too dark']}" in text
    assert METHODS["noise"] not in text
    assert "2 pictures, 1 kept, 1 set aside. No file was changed." in text
    assert "cut off on average" in text


def test_a_contact_sheet_shows_those_set_aside_first_and_is_bounded(write, look):
    dataset = write(a=scene(1), b=dim(scene(2)), c=scene(3))
    found = curate(dataset, look(dataset), LIMITS)
    cells = list(sheet.curation_cells(found, 2))
    assert [cell.title for cell in cells] == ["b.png", "a.png"]
    pages = list(sheet.pages([cells[0]] * 31))
    assert [page.size[0] for page in pages] == [6 * 230 + 6, 236]
    assert pages[0].getbbox()


def test_very_long_words_do_not_leave_their_cell():
    cell = sheet.Cell(scene(1), "n" * 400, "w" * 400)
    assert next(sheet.pages([cell])).width == 236
