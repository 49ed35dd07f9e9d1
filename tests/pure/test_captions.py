"""What a picture can be shown with: captions, views, masks."""

import numpy as np
import pytest
from PIL import Image

from atelier.training.data.captions import variants
from atelier.training.data.folder import load_folder
from atelier.training.data.pictures import View, cover, open_mask
from atelier.training.settings.data import DataSettings

TAGS = "ohwx, red, green, blue, yellow"


def drawn(caption, lines=(), **settings):
    return variants(caption, lines, DataSettings(**settings), "seed")


def test_a_plain_caption_stays_as_it_is():
    assert drawn("a {b|c}, d") == ("a {b|c}, d",)


def test_tags_are_shuffled_behind_those_that_are_kept():
    found = drawn(TAGS, shuffle_tags=True, keep_tags=1)
    assert 1 < len(found) <= 8
    for caption in found:
        assert caption.startswith("ohwx, ")
        assert sorted(caption.split(", ")) == sorted(TAGS.split(", "))
    assert drawn(TAGS, shuffle_tags=True, keep_tags=1) == found  # a function of the seed


def test_a_mark_in_the_caption_keeps_what_is_before_it():
    found = drawn("a photo of ohwx, standing ||| red, green, blue", shuffle_tags=True)
    assert all(caption.startswith("a photo of ohwx, standing, ") for caption in found)
    assert drawn("ohwx ||| red") == ("ohwx  red",)


def test_tags_are_dropped_but_not_those_that_are_kept():
    found = drawn(TAGS, tag_dropout=0.5, keep_tags=2, caption_variants=200)
    assert all(caption.startswith("ohwx, red") for caption in found)
    assert {len(caption.split(", ")) for caption in found} == {2, 3, 4, 5}


def test_wildcards_choose_and_lines_are_captions():
    found = drawn(
        "unused", ("a {red|blue} hat", "{a|{b|c}} d"), wildcards=True, caption_variants=99
    )
    assert set(found) == {"a red hat", "a blue hat", "a d", "b d", "c d"}


@pytest.mark.parametrize("text", ["12", "512;768", "big", "512, 9000"])
def test_a_wrong_resolution_is_named(text):
    with pytest.raises(ValueError, match="is not a resolution"):
        DataSettings(more_resolutions=text)


def test_resolutions_are_each_there_once():
    assert DataSettings(more_resolutions="512, 1024,512").resolutions(1024) == [1024, 512]


@pytest.fixture
def dots():
    dice = np.random.default_rng(0)
    return Image.fromarray(dice.integers(0, 255, (30, 40, 3), dtype=np.uint8))


def test_views_of_a_picture(dots):
    plain = cover(dots, 20, 20)
    mirrored = cover(dots, 20, 20, View(mirrored=True))
    assert np.array_equal(mirrored, plain[:, ::-1])
    crops = [cover(dots, 20, 20, View(number, seed="a")) for number in range(4)]
    assert np.array_equal(crops[0], plain)
    assert len({crop.tobytes() for crop in crops}) == 4
    assert np.array_equal(crops[2], cover(dots, 20, 20, View(2, seed="a")))


def test_masks_lie_beside_the_picture_or_in_it(tmp_path, dots):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text("x")
    dots.save(tmp_path / "a.png")
    half = Image.new("L", dots.size)
    half.paste(255, (0, 0, 20, 30))
    half.save(tmp_path / "a-masklabel.png")
    see_through = dots.copy()
    see_through.putalpha(half)
    see_through.save(tmp_path / "b.png")
    dots.save(tmp_path / "c.png")
    records = load_folder(tmp_path, repeats=3).records
    assert [record.path.name for record in records] == ["a.png", "b.png", "c.png"]
    assert {record.repeats for record in records} == {3}
    masks = [open_mask(record.path, record.mask) for record in records]
    assert masks[2] is None
    for mask in masks[:2]:
        assert mask is not None and np.array_equal(np.asarray(mask), np.asarray(half))


def test_a_changed_mask_is_noticed(tmp_path, dots):
    dots.save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("x")
    before = load_folder(tmp_path).fingerprint
    Image.new("L", dots.size, 255).save(tmp_path / "a-masklabel.png")
    assert load_folder(tmp_path).fingerprint != before


def test_lines_of_a_caption_file_are_kept_apart_and_read_as_one(tmp_path, dots):
    dots.save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("one\n\n  two words \n")
    (record,) = load_folder(tmp_path).records
    assert (record.caption, record.lines) == ("one two words", ("one", "two words"))
