"""Kohya's folders, lists and dataset files."""

import json

import pytest

from atelier.tests.sources import captions, picture, read
from atelier.training.data.dataset import CLASS
from atelier.training.data.readers import toml_file


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "deep/er/b.png"):
        picture(tmp_path / "set" / name)
    return tmp_path / "set"


@pytest.fixture
def kohya(tmp_path):
    for name in (
        "img/10_sks dog/a.png",
        "img/10_sks dog/b.png",
        "img/3_cat/c.png",
        "reg/1_dog/d.png",
    ):
        picture(tmp_path / "project" / name)
    (tmp_path / "project/img/10_sks dog/a.txt").write_text("a hat")
    return tmp_path / "project"


def test_kohyas_folders_give_repeats_captions_and_class_pictures(kohya):
    dataset = read(kohya, repeats=2)
    assert captions(dataset) == {
        "a.png": "a hat", "b.png": "sks dog", "c.png": "cat", "d.png": "dog"
    }  # fmt: skip
    assert [record.repeats for record in dataset.records] == [6, 20, 20, 2]
    assert list(captions(dataset.flagged(CLASS))) == ["d.png"]
    assert len(dataset.flagged(CLASS, there=False)) == 3
    assert "img/10_sks dog: 2 pictures, 10 times each." in dataset.told
    assert "reg/1_dog: 1 picture, 1 times each, pictures of the class." in dataset.told


def test_the_words_of_a_folder_can_be_all_that_is_read(kohya):
    assert captions(read(kohya, captions="folder name"))["a.png"] == "sks dog"
    with pytest.raises(ValueError, match=r"No caption for .*b\.png"):
        read(kohya, captions=".txt")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("loose.png", "lie in no folder of its own"),
        ("holiday/e.png", "lie in the folder holiday"),
        ("01_numbered/e.png", "lie in the folder 01_numbered"),
        ("2024_trip/e.png", "2024_trip would be shown 2024 times"),
        (f"{'9' * 200}_x/e.png", "would be shown 1000000000 times"),
    ],
)
def test_folders_that_may_be_kohyas_or_not_are_refused(kohya, other, message):
    picture(kohya / other)
    with pytest.raises(ValueError, match=message) as error:
        read(kohya)
    assert "Rename it" in str(error.value)


def test_numbers_alone_are_no_repeats(tmp_path):
    for name in ("01_a/a.png", "2/b.png", "3_/c.png"):
        picture(tmp_path / name)
    assert [record.repeats for record in read(tmp_path, "x").records] == [1, 1, 1]


def test_kohyas_json_names_pictures_with_and_without_suffix_and_by_whole_paths(folder):
    value = {
        str(folder / "a.png"): {"caption": "a hat", "tags": "red, felt"},
        "deep/er/b": {"tags": "cap", "train_resolution": [512, 512]},
    }
    (folder / "meta_lat.json").write_text(json.dumps(value))
    dataset = read(folder)
    assert captions(dataset) == {"a.png": "a hat, red, felt", "b.png": "cap"}
    assert any("sizes to train at: not taken over" in line for line in dataset.told)


def test_kohyas_json_that_says_less_contradicts_nothing(folder):
    (folder / "meta_cap.json").write_text('{"a": {"caption": "hat"}}')
    (folder / "meta_lat.json").write_text('{"a": {"caption": "hat", "train_resolution": [1, 1]}}')
    assert captions(read(folder, "x")) == {"a.png": "hat", "b.png": "x"}
    (folder / "meta_cap.json").write_text('{"a": {"caption": "cap"}}')
    with pytest.raises(ValueError, match=r"one caption in meta_lat\.json.* in meta_cap\.json"):
        read(folder, "x")


def test_a_json_file_of_another_program_is_told_and_not_read(folder):
    (folder / "metadata.json").write_text("[1, 2]")
    assert any(line.startswith("Not read: metadata.json") for line in read(folder, "x").told)
    (folder / "meta_cap.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match="not as kohya's captioning scripts"):
        read(folder, "x")


CONFIG = """
[general]
shuffle_caption = true
caption_extension = ".txt"
enable_bucket = true

[[datasets]]
resolution = 512
num_repeats = 2

  [[datasets.subsets]]
  image_dir = "img/10_sks dog"
  class_tokens = "a dog"
  caption_prefix = "photo,"

  [[datasets.subsets]]
  image_dir = 'reg\\1_dog'
  num_repeats = 1
  is_reg = true
  class_tokens = "dog"
"""


@pytest.fixture
def config(kohya):
    file = kohya / "dataset.toml"
    file.write_text(CONFIG.replace("\\\\", "/").replace("\\", "/"))
    return file


def test_kohyas_dataset_file_says_which_folders_how_often_and_which_are_of_the_class(config):
    dataset = read(config)
    assert captions(dataset) == {
        "a.png": "photo, a hat", "b.png": "photo, a dog", "d.png": "dog"
    }  # fmt: skip
    assert [record.repeats for record in dataset.records] == [2, 2, 1]
    assert list(captions(dataset.flagged(CLASS))) == ["d.png"]
    told = "\n".join(dataset.told)
    for key in ("shuffle_caption = True", "resolution = 512", "not needed here: enable_bucket"):
        assert key in told


def test_kohyas_dataset_file_may_be_json_and_name_a_list(folder, tmp_path):
    (tmp_path / "meta.json").write_text('{"a": {"caption": "hat"}}')
    subset = {"image_dir": "set", "metadata_file": "meta.json", "num_repeats": 3}
    (tmp_path / "config.json").write_text(json.dumps({"datasets": [{"subsets": [subset]}]}))
    (record,) = read(tmp_path / "config.json").records
    assert (record.path, record.caption, record.repeats) == (folder / "a.png", "hat", 3)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('image_dir = "img/10_sks dog"', 'image_dir = "../out"', "lies outside"),
        ('image_dir = "img/10_sks dog"', 'image_dir = "/etc"', "lies outside"),
        ('image_dir = "img/10_sks dog"', 'image_dir = "no"', "there is no folder"),
        ('image_dir = "img/10_sks dog"', "", "has no image_dir"),
        ('image_dir = "img/10_sks dog"', 'image_directory = "x"', "'image_directory' is no key"),
        ("num_repeats = 2", 'num_repeats = "2"', "num_repeats is '2', and not a whole number"),
        ("num_repeats = 2", "num_repeats = true", "num_repeats is 'True'"),
        ("num_repeats = 2", "num_repeats = 0", "not from 1 to 1000"),
        ('".txt"', '"txt"', "Write it with its dot"),
        ('".txt"', '"/../x.txt"', "Write it with its dot"),
        ("is_reg = true", 'conditioning_data_dir = "x"', "for a ControlNet"),
        ("[[datasets]]", "[[dataset]]", "'dataset' is no part"),
        ("[general]", "[general", "is not TOML"),
        (CONFIG, "", "has no \\[\\[datasets"),
        (CONFIG, "datasets = 3", "is no list of tables"),
    ],
)
def test_what_cannot_be_taken_over_is_named(config, before, after, message):
    text = config.read_text()
    before = text if before is CONFIG else before
    assert before in text
    config.write_text(text.replace(before, after))
    with pytest.raises(ValueError, match=message):
        read(config)


def test_where_nothing_reads_toml_the_way_out_is_told(config, monkeypatch):
    monkeypatch.setattr(toml_file, "_module", lambda: None)
    with pytest.raises(ValueError, match="Python 3.11 and newer, or with the package 'tomli'"):
        read(config)


def test_a_dataset_file_in_a_folder_is_told(config):
    assert any(line.startswith("dataset.toml is not read.") for line in read(config.parent).told)
    alone = config.rename(config.parent.parent / "alone.toml")
    for path in sorted(config.parent.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(ValueError, match=r"but there is alone\.toml"):
        read(alone.parent)
