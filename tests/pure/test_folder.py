from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from atelier.training.data.folder import listing, load_folder
from atelier.training.data.pictures import PictureError, cover, open_rgb, size_of


@pytest.fixture
def folder(tmp_path):
    for name in ("b/two.png", "a.png", "b/one.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 20), "red").save(path)
        path.with_suffix(".txt").write_text(f"  caption of\n {name} ", encoding="utf-8")
    return tmp_path


def test_pictures_below_a_folder_are_listed_in_a_fixed_order_with_their_captions(folder):
    dataset = load_folder(folder)
    assert [r.path.relative_to(folder).as_posix() for r in dataset.records] == [
        "a.png",
        "b/one.jpg",
        "b/two.png",
    ]
    assert dataset.records[0].caption == "caption of a.png"
    assert (dataset.records[0].width, dataset.records[0].height) == (40, 20)


def test_the_fingerprint_is_of_contents_and_not_of_places(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "moved"
    folder.rename(other)
    first = load_folder(other).fingerprint
    assert first == load_folder(other).fingerprint
    (other / "a.txt").write_text("changed")
    assert load_folder(other).fingerprint != first


def test_sets_side_by_side_keep_their_order_counts_and_notes(folder):
    one, other = load_folder(folder), load_folder(folder, repeats=3)
    both = replace(other, notes={"b": "CC0"}).beside(replace(one, notes={"a": "mine"}))
    assert both.records == one.records + other.records
    assert {record.repeats for record in both.records[len(one) :]} == {3}
    assert both.notes == {"a": "mine", "b": "CC0"}
    assert both.fingerprint not in (one.fingerprint, other.fingerprint)


def test_the_listing_notices_a_changed_caption(folder):
    before = listing(folder)
    (folder / "a.txt").write_text("a longer caption than before")
    assert listing(folder) != before


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            "Käse".encode("latin-1"), r"a\.txt is not UTF-8 text \(byte 1 is 0xe4\)", id="latin-1"
        ),
        pytest.param("caption".encode("utf-16-le"), r"a\.txt holds NUL", id="utf-16-unmarked"),
        pytest.param(b"\xff\xfea", r"a\.txt is not UTF-16 text", id="utf-16-cut"),
        pytest.param(b"x" * 70_000, r"a\.txt has more than 65536 bytes", id="long"),
        pytest.param(b"a\x00b", r"a\.txt holds NUL", id="nul"),
    ],
)
def test_a_caption_in_a_wrong_encoding_is_named(folder, data, message):
    (folder / "a.txt").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        load_folder(folder)


def test_a_byte_order_mark_is_no_part_of_a_caption(folder):
    (folder / "a.txt").write_bytes("\ufeffhat".encode())
    assert load_folder(folder).records[0].caption == "hat"


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_missing_caption_is_named_and_can_have_a_default(folder, how):
    if how == "missing":
        (folder / "a.txt").unlink()
    else:
        (folder / "a.txt").write_text(" \n")
    with pytest.raises(ValueError, match=r"No caption for .*a\.png"):
        load_folder(folder)
    assert load_folder(folder, "a hat").records[0].caption == "a hat"


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="There is no picture in"):
        load_folder(tmp_path)


def test_a_link_is_followed_into_allowed_folders_only(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    Image.new("RGB", (8, 8)).save(other / "c.png")
    (folder / "c.png").symlink_to(other / "c.png")
    with pytest.raises(PictureError, match=r"c\.png is a link to a file outside"):
        load_folder(folder, "hat")
    assert len(load_folder(folder, "hat", allowed=[other])) == 4


def test_all_that_is_wrong_is_told_at_once(folder):
    (folder / "a.png").write_bytes(b"no picture")
    (folder / "b" / "one.txt").write_bytes(b"\xff")
    (folder / "b" / "two.txt").unlink()
    with pytest.raises(ValueError, match="3 things are wrong") as error:
        load_folder(folder)
    assert all(name in str(error.value) for name in ("a.png", "one.txt", "two.png"))


@pytest.mark.parametrize("data", [b"", b"no picture", b"GIF89a"], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_picture_is_named(folder, data):
    (folder / "a.png").write_bytes(data)
    with pytest.raises(PictureError, match=r"a\.png cannot be read"):
        load_folder(folder)


def test_a_truncated_picture_is_named_when_it_is_used(folder):
    Image.effect_noise((64, 64), 90).save(folder / "a.png")
    whole = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(whole[: len(whole) // 2])
    record = load_folder(folder).records[0]
    with pytest.raises(PictureError, match=r"a\.png cannot be read"):
        open_rgb(record.path)


def test_a_picture_is_seen_as_a_person_sees_it(tmp_path):
    path = tmp_path / "turned.jpg"
    picture = Image.new("RGB", (40, 20), "red")
    exif = picture.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    picture.save(path, exif=exif)
    assert size_of(path) == (20, 40)
    assert open_rgb(path).size == (20, 40)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_of_grey_are_scaled_and_not_cut_off(tmp_path, suffix):
    path = tmp_path / f"deep{suffix}"
    grey = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    Image.fromarray(grey).save(path)
    assert np.asarray(open_rgb(path))[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white(tmp_path, mode):
    path = tmp_path / "clear.png"
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    if mode == "P":
        palette = Image.new("P", (4, 4), 0)
        palette.putpalette([255, 0, 0])
        palette.save(path, transparency=0)
    else:
        clear.convert(mode).save(path)
    assert open_rgb(path).getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_of_the_right_size_comes_through_untouched():
    dots = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    assert np.array_equal(cover(Image.fromarray(dots), 24, 16) * 255, dots.astype(np.float32))
