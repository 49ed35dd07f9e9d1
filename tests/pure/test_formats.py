"""Captions beside pictures and in lists: what is read, what is told, what is refused."""

import json

import pytest

from atelier.tests.sources import captions, jsonl, picture, read
from atelier.training.data.readers.scan import natural


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "deep/er/b.png"):
        picture(tmp_path / "set" / name)
    return tmp_path / "set"


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


def test_json_beside_a_picture_gives_caption_tags_source_and_licence(folder):
    values = {"caption": "a hat", "tags": ["red", "felt"], "url": "u", "license": "CC0", "id": 3}
    (folder / "a.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "deep/er/b.json").write_text('{"text": "a cap"}', encoding="utf-8")
    first, second = read(folder).records
    assert (first.caption, first.source, first.licence) == ("a hat, red, felt", "u", "CC0")
    assert read(folder).notes == {"set, licences": "CC0: 1"}
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


def test_a_caption_is_found_in_capitals_but_not_that_of_another_picture(folder):
    (folder / "A.Txt").write_text("hat")
    assert captions(read(folder, "x"))["a.png"] == "hat"
    picture(folder / "A.jpg")
    assert captions(read(folder, "x")) == {"a.png": "x", "A.jpg": "hat", "b.png": "x"}


def test_captions_that_are_the_same_contradict_nothing(folder):
    (folder / "a.txt").write_text("a  hat\n")
    (folder / "a.caption").write_text("a hat")
    assert captions(read(folder, "x"))["a.png"] == "a hat"


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
    assert any("Left out" in line and "1 picture." in line for line in read(rows).told)


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
