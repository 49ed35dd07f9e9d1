"""A Dataset's captions edited, told, and written back where nothing else wrote."""

import pytest
from PIL import Image

from atelier.training.captions.changes import edit_dataset, text, write_changes
from atelier.training.captions.settings import CaptionEdits
from atelier.training.data.folder import load_folder

GREY = CaptionEdits(synonyms="grey = gray")


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "hats"
    (place / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        Image.new("RGB", (64, 64)).save(place / f"{name}.png")
    (place / "a.txt").write_bytes(b"a gray hat\n")
    (place / "b.txt").write_bytes(b"\xef\xbb\xbfa  red hat")
    (place / "sub" / "c.caption").write_bytes(b"gray\r\nblue\r\n")
    return place


def below(folder):
    return lambda path: path.is_relative_to(folder)


def files(folder):
    found = (path for path in folder.rglob("*") if path.suffix in (".txt", ".caption"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_what_does_not_change_is_the_same_object(folder):
    dataset = load_folder(folder)
    edited = edit_dataset(dataset, GREY)
    assert edited.dataset.records[1] is dataset.records[1]
    assert [one.name for one in edited.changes] == ["a.png", "sub/c.png"]
    assert edited.dataset.records[0].caption == "a grey hat"
    assert edited.dataset.records[2].lines == ("grey", "blue")
    assert edited.dataset.records[2].caption == "grey blue"
    assert dataset.records[0].caption == "a gray hat"
    assert edit_dataset(dataset, CaptionEdits()).dataset == dataset


def test_only_changed_captions_are_written_and_read_again_as_they_were_edited(folder):
    before = files(folder)
    edited = edit_dataset(load_folder(folder), GREY)
    write_changes(edited.changes, below(folder))
    after = files(folder)
    assert after["a.txt"] == b"a grey hat\n"
    assert after["b.txt"] == before["b.txt"]
    assert after["sub/c.caption"] == b"grey\nblue\n"
    assert load_folder(folder).fingerprint == edited.dataset.fingerprint
    assert (folder / ".bak" / "a.txt.0001.bak").read_bytes() == before["a.txt"]
    write_changes(edited.changes, below(folder))  # what is there already is not written again
    assert files(folder) == after


def test_a_picture_without_a_file_gets_one(folder):
    (folder / "a.txt").unlink()
    edited = edit_dataset(load_folder(folder, "gray"), GREY)
    write_changes(edited.changes, below(folder))
    assert (folder / "a.txt").read_bytes() == b"grey\n"


def test_nothing_is_written_where_a_file_changed_meanwhile(folder):
    changes = edit_dataset(load_folder(folder), GREY).changes
    (folder / "sub" / "c.caption").write_text("mine")
    before = files(folder)
    with pytest.raises(ValueError, match=r"c\.caption holds another caption .* Nothing was writt"):
        write_changes(changes, below(folder))
    assert files(folder) == before


def test_nothing_is_written_outside_the_folders_that_are_allowed(folder, tmp_path):
    changes = edit_dataset(load_folder(folder), GREY).changes
    before = files(folder)
    with pytest.raises(ValueError, match=r"a\.png lies outside the folders that may be written"):
        write_changes(changes, below(tmp_path / "elsewhere"))
    assert files(folder) == before


def test_no_caption_is_written_empty(folder):
    edited = edit_dataset(load_folder(folder), CaptionEdits(drop="gray, a gray hat"))
    assert edited.dataset.records[0].caption == ""
    assert "Left without a caption: a.png" in text(edited)
    before = files(folder)
    with pytest.raises(ValueError, match=r"a\.png would be left without a caption"):
        write_changes(edited.changes, below(folder))
    assert files(folder) == before


def test_a_second_edit_writes_what_a_first_one_left_in_the_dataset(folder):
    first = edit_dataset(load_folder(folder), GREY).dataset
    second = edit_dataset(first, CaptionEdits(trigger="ohwx"))
    write_changes(second.changes, below(folder))
    assert (folder / "a.txt").read_bytes() == b"ohwx, a grey hat\n"


def test_a_caption_of_a_list_is_not_written_beside_it(folder):
    for path in (folder / "a.txt", folder / "b.txt"):
        path.unlink()
    lines = '{"file_name": "a.png", "text": "gray"}\n{"file_name": "b.png", "text": "red"}\n'
    (folder / "metadata.jsonl").write_text(lines)
    edited = edit_dataset(load_folder(folder, "a default"), GREY)
    assert edited.dataset.records[0].caption == "grey"
    with pytest.raises(ValueError, match=r"a\.png has its caption in a list"):
        write_changes(edited.changes, below(folder))
    assert not (folder / "a.txt").exists()


def test_one_file_is_not_given_two_captions(folder):
    dataset = load_folder(folder)
    twice = dataset.beside(dataset)
    edits = CaptionEdits(overrides="a.png = one\na.png #2 = two")
    with pytest.raises(ValueError, match=r"a\.png #2 is in the dataset twice"):
        write_changes(edit_dataset(twice, edits).changes, below(folder))


def test_the_report_shows_each_change_and_what_would_go_on_changing(folder):
    grown = edit_dataset(load_folder(folder), CaptionEdits(find="gray", replace="gray gray"))
    assert grown.again
    told = text(grown, write_changes(grown.changes, below(folder)))
    assert "hats: 2 of 3 captions changed." in told
    assert "a.png\n  - a gray hat\n  + a gray gray hat" in told
    assert "Written into 2 files" in told
    assert "would change the captions once more" in told
    settled = edit_dataset(load_folder(folder), GREY)
    assert not settled.again
    assert "No file was changed" in text(settled)
    assert "0 of 3" in text(edit_dataset(load_folder(folder), CaptionEdits()))
