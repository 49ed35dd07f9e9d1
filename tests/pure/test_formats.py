"""Every format that datasets come in: what is read, what is told, what is refused."""

import json
import os
import zipfile

import pytest
from PIL import Image

from atelier.training.data.dataset import CLASS
from atelier.training.data.load import Places, load, stamps
from atelier.training.data.readers.scan import natural, scan


def picture(path, size=(16, 8), color="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def places(*allowed, cache=None):
    def resolve(text, base):
        path = (base / text).resolve()
        if not any(path.is_relative_to(root) for root in (base.resolve(), *allowed)):
            raise ValueError(f"{path} lies outside the folders that may be read")
        return path

    return Places(resolve, allowed, cache)


def read(source, *more, **kinds):
    return load(source, places(), *more, **kinds)


def captions(dataset):
    return {record.path.name: record.caption for record in dataset.records}


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "deep/er/b.png"):
        picture(tmp_path / "set" / name)
    return tmp_path / "set"


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# ------------------------------------------------------------ order


def test_numbers_are_in_order_of_value_and_capitals_among_small_letters():
    names = ["b.png", "10.png", "9.png", "A.png", "é.png", "2/1.png", "10/1.png", "img1e3", "img02"]
    found = sorted(names, key=natural)
    names.reverse()
    assert found == [
        "2/1.png", "9.png", "10/1.png", "10.png", "A.png", "b.png", "img1e3", "img02", "é.png",
    ]  # fmt: skip
    assert sorted(names, key=natural) == found


def test_no_number_is_too_long_to_be_put_in_order():
    names = ["1" * 5000, "2" + "0" * 4999, "9"]
    assert sorted(names, key=natural) == [names[2], names[0], names[1]]


def test_letters_written_in_two_ways_lie_side_by_side():
    assert sorted(["e\u0301b", "\u00e9a", "f"], key=natural) == ["f", "\u00e9a", "e\u0301b"]


def test_pictures_are_in_the_same_order_in_every_format(tmp_path):
    folder = tmp_path / "set"
    names = ["10.png", "9.png", "b.png", "A.png"]
    for name in names:
        picture(folder / name)
    rows = jsonl(folder / "list.jsonl", *({"file_name": name, "text": name} for name in names))
    expected = ["9.png", "10.png", "A.png", "b.png"]
    assert list(captions(read(folder, "x"))) == list(captions(read(rows))) == expected


# ------------------------------------------------------------ captions beside pictures


def test_json_beside_a_picture_gives_caption_tags_source_and_licence(folder):
    values = {"caption": "a hat", "tags": ["red", "felt"], "url": "u", "license": "CC0", "id": 3}
    (folder / "a.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "deep/er/b.json").write_text('{"text": "a cap"}', encoding="utf-8")
    first, second = read(folder).records
    assert (first.caption, first.source, first.licence) == ("a hat, red, felt", "u", "CC0")
    assert second.caption == "a cap"


def test_json_without_a_caption_is_none(folder):
    (folder / "a.json").write_text('{"rating": "s"}', encoding="utf-8")
    assert set(captions(read(folder, "x")).values()) == {"x"}


def test_captions_that_differ_are_refused_and_one_kind_can_be_chosen(folder):
    (folder / "a.txt").write_text("a, hat")
    (folder / "a.caption").write_text("A hat.")
    (folder / "a.json").write_text('{"caption": "Hats"}')
    with pytest.raises(ValueError, match=r"in a\.txt and another in a\.caption") as error:
        read(folder, "x")
    assert "'captions' of Load Dataset" in str(error.value)
    for kind, text in {".txt": "a, hat", ".caption": "A hat.", ".json": "Hats"}.items():
        assert captions(read(folder, "x", captions=kind)) == {"a.png": text, "b.png": "x"}


def test_captions_that_are_the_same_contradict_nothing(folder):
    (folder / "a.txt").write_text("a  hat\n")
    (folder / "a.caption").write_text("a hat")
    assert captions(read(folder, "x"))["a.png"] == "a hat"


# ------------------------------------------------------------ ImageFolder


@pytest.mark.parametrize("column", ["text", "caption"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_imagefolder_names_pictures_from_where_it_lies(folder, kind, column):
    text = 'a "hat", red\r\nand new; 猫'
    for place, name in ((folder, "a.png"), (folder / "deep", "er/b.png")):
        if kind == "jsonl":
            jsonl(place / "metadata.jsonl", {"file_name": name, column: text})
        else:
            quoted = text.replace('"', '""')
            data = f'file_name,{column}\n{name},"{quoted}"\n'
            (place / "metadata.csv").write_bytes(b"\xef\xbb\xbf" + data.encode())
    for record in read(folder).records:
        assert record.written == text
        assert record.lines == ('a "hat", red', "and new; 猫")


def test_paths_with_backslashes_and_other_capitals_are_found(folder):
    jsonl(
        folder / "metadata.jsonl",
        {"file_name": "A.PNG", "text": "a"},
        {"file_name": "deep\\er\\b.png", "text": "b"},
    )
    assert captions(read(folder)) == {"a.png": "a", "b.png": "b"}


def test_a_list_that_is_named_is_the_whole_dataset(folder):
    (folder / "a.txt").write_text("another caption")
    rows = jsonl(folder / "mine.jsonl", {"file_name": "a.png", "text": "hat", "repeats": 3})
    (record,) = read(rows).records
    assert (record.caption, record.repeats) == ("hat", 3)
    assert any("1 pictures are not listed" in line for line in read(rows).told)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param('{"file_name": "c.png", "text": "x"}', "line 1 names 'c.png'", id="gone"),
        pytest.param('{"file_name": "../x.png", "text": ""}', "lies outside the folder", id="up"),
        pytest.param('{"file_name": "/etc/x.png"}', "lies outside the folder", id="root"),
        pytest.param('{"file_name": "C:/x.png"}', "lies outside the folder", id="drive"),
        pytest.param('{"text": "x"}', "line 1 has no 'file_name'", id="nameless"),
        pytest.param('\n{"file_name": "a.png"', "line 2 is not JSON", id="cut"),
        pytest.param("[1]", "line 1 is no JSON object", id="list"),
        pytest.param('{"file_name": "a.png", "text": 3}', "'text' is 3, and no text", id="number"),
        pytest.param(
            '{"file_name": "a.png", "text": "x", "caption": "y"}', "that differ", id="two columns"
        ),
        pytest.param(
            '{"file_name": "a.png", "text": "x"}\n{"file_name": "A.png", "text": "y"}',
            "both name a.png", id="twice",
        ),
        pytest.param('{"file_name": "a.png", "text": "\\ud800"}', "half a character", id="half"),
        pytest.param('{"file_name": "a.png", "text": "a\\u0000"}', "NUL", id="nul"),
        pytest.param(
            '{"file_name": "a.png", "text": "x", "repeats": 0}', "repeats is 0", id="repeats"
        ),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(folder, rows, message):
    (folder / "metadata.jsonl").write_text(rows, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read(folder, "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("name,text\na.png,x\n", "line 1 has no column 'file_name'"),
        ("file_name,text\na.png,x, y\n", "line 2 has 3 columns"),
        ('file_name,text\na.png,"x\n', "is not CSV"),
        ("", "line 1 has no column"),
    ],
)
def test_a_bad_table_is_named(folder, data, message):
    (folder / "metadata.csv").write_text(data)
    with pytest.raises(ValueError, match=message):
        read(folder, "x")


def test_a_list_without_captions_says_so(folder):
    jsonl(folder / "metadata.jsonl", {"file_name": "a.png", "label": 3})
    assert any("has no captions" in line and "label" in line for line in read(folder, "x").told)


# ------------------------------------------------------------ kohya's folders and files


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
    assert "reg/1_dog: 1 pictures, 1 times each, pictures of the class." in dataset.told


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


def test_a_dataset_file_in_a_folder_is_told(config):
    assert any(line.startswith("dataset.toml is not read.") for line in read(config.parent).told)
    alone = config.rename(config.parent.parent / "alone.toml")
    for path in sorted(config.parent.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    with pytest.raises(ValueError, match=r"but there is alone\.toml"):
        read(alone.parent)


# ------------------------------------------------------------ zip files


def packed(path, files, **more):
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def png(tmp_path):
    return picture(tmp_path / "one.png").read_bytes()


def zipped(path, cache):
    return load(path, places(cache=cache))


def test_a_zip_file_is_unpacked_once_and_again_when_something_is_missing(tmp_path, png):
    path = packed(
        tmp_path / "cats.zip",
        {"3_cat/1.png": png, "3_cat/1.txt": "hat", "__MACOSX/._1.png": "x", "3_cat/run.exe": "x"},
    )
    first = zipped(path, tmp_path / "cache")
    (record,) = first.records
    assert (first.name, record.caption, record.repeats) == ("cats", "hat", 3)
    assert len(scan(tmp_path / "cache" / "unpacked").files) == 2
    made = record.path.stat().st_mtime_ns
    assert zipped(path, tmp_path / "cache").records[0].path.stat().st_mtime_ns == made
    record.path.with_suffix(".txt").unlink()
    assert zipped(path, tmp_path / "cache").fingerprint == first.fingerprint
    packed(path, {"3_cat/1.png": png, "3_cat/1.txt": "cap"})
    assert zipped(path, tmp_path / "cache").records[0].caption == "cap"


@pytest.mark.parametrize(
    "name",
    ["../a.png", "/a.png", "a/../../b.png", "C:/a.png", "a\\b.png", "a//b.png", "con.png",
     "a/nul.txt", "a:b.png", "a?.png", "x /a.png", "\u202egnp.png"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused_before_anything_is_written(tmp_path, png, name):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.png", png)
        entry = zipfile.ZipInfo("x")
        entry.filename = name  # as it is: ZipInfo itself would mend some
        archive.writestr(entry, png)
    with pytest.raises(ValueError, match="is not unpacked: ") as error:
        zipped(path, tmp_path / "cache")
    assert "unpack it yourself" in str(error.value)
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path.parent / "a.png").exists()


def _link(archive, png):
    entry = zipfile.ZipInfo("a.png")
    entry.external_attr = 0o120777 << 16
    archive.writestr(entry, "/etc/passwd")


def _twice(archive, png):
    archive.writestr("a.png", png)
    archive.writestr("A.png", png)


def _bomb(archive, png):
    archive.writestr("a.png", bytes(2**28 + 2**20), zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize(
    ("fill", "message"), [(_link, "is a link"), (_twice, "or alike"), (_bomb, "as in a zip bomb")]
)
def test_links_bombs_and_doubles_are_refused(tmp_path, png, fill, message):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        fill(archive, png)
    with pytest.raises(ValueError, match=message):
        zipped(tmp_path / "bad.zip", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_entries_over_each_other_are_a_bomb(tmp_path, png):
    """As in D. Fifield's bomb: many names for the same bytes."""
    path = packed(tmp_path / "bad.zip", {f"{number}.png": png for number in range(50)})
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:  # every entry begins where the first does
        data[at + 42 : at + 46] = bytes(4)
        data[at + 20 : at + 24] = (len(png) + 200).to_bytes(4, "little")
        at += 4
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is not unpacked|cannot be read as a zip file"):
        zipped(path, tmp_path / "cache")


@pytest.mark.parametrize("cut", [0, 10, 0.5])
def test_a_damaged_zip_file_is_named_and_leaves_nothing(tmp_path, png, cut):
    path = packed(tmp_path / "bad.zip", {"a.png": png, "a.txt": "hat"})
    data = path.read_bytes()
    if cut == 0.5:  # a byte of the picture is another one
        data = data.replace(png[20:40], bytes(20), 1)
        path.write_bytes(data)
    else:
        path.write_bytes(data[:cut])
    with pytest.raises(ValueError, match=r"bad\.zip cannot be read as a zip file"):
        zipped(path, tmp_path / "cache")
    assert not list((tmp_path).rglob("*.part"))


# ------------------------------------------------------------ what was read before


def aged(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (1e9, 1e9))


@pytest.fixture
def counted(monkeypatch):
    """Names of files that were read, in order."""
    from atelier.training.data.readers import facts

    seen = []

    def noting(function):
        return lambda path: (seen.append(path.name), function(path))[1]

    monkeypatch.setattr(facts, "size_of", noting(facts.size_of))
    monkeypatch.setattr(facts, "read_text", noting(facts.read_text))
    monkeypatch.setattr(facts, "_RECENT", -(10**18))  # files of this moment may be kept
    return seen


def test_a_change_to_one_caption_reads_that_caption_alone(folder, tmp_path, counted):
    (folder / "a.txt").write_text("hat")
    (folder / "deep/er/b.txt").write_text("cap")
    where = places(cache=tmp_path / "cache")
    first = load(folder, where)
    assert sorted(counted) == ["a.png", "a.txt", "b.png", "b.txt"]
    counted.clear()
    assert load(folder, where) == first
    assert not counted
    (folder / "a.txt").write_text("a new hat")
    assert captions(load(folder, where)) == {"a.png": "a new hat", "b.png": "cap"}
    assert counted == ["a.txt"]
    counted.clear()
    picture(folder / "a.png", (32, 8))
    assert load(folder, where).records[0].width == 32
    assert counted == ["a.png"]


def test_what_was_changed_just_now_is_not_relied_on(folder, tmp_path):
    (folder / "a.txt").write_text("hat")
    load(folder, places(cache=tmp_path / "cache"), "x")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"version": 1, "sizes": {"a.png": [1]}, "texts": {}}', "{" * 10**5]
)
def test_a_damaged_cache_is_made_again(folder, tmp_path, counted, damage):
    where = places(cache=tmp_path / "cache")
    first = load(folder, where, "x")
    (file,) = (tmp_path / "cache" / "listing").iterdir()
    file.write_text(damage)
    counted.clear()
    assert load(folder, where, "x") == first
    assert len(counted) == 2
    assert json.loads(file.read_text())["version"] == 1


def test_a_queue_notices_whatever_may_be_read(folder, config, tmp_path, png):
    where = places(tmp_path, cache=tmp_path / "cache")

    def changed(source, change):
        before = stamps(source, where)
        assert stamps(source, where) == before
        change()
        return stamps(source, where) != before

    assert changed(folder, lambda: jsonl(folder / "metadata.jsonl", {"file_name": "a.png"}))
    assert changed(config, lambda: (config.parent / "reg/1_dog/d.txt").write_text("a dog"))
    assert changed(config, lambda: config.write_text(CONFIG.replace("\\", "/") + "\n# more"))
    path = packed(tmp_path / "x.zip", {"a.png": png})
    assert changed(path, lambda: packed(path, {"a.png": png, "b.png": png}))
