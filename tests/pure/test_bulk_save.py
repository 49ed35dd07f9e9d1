"""Many captions saved at once by a process that is killed: none is lost, and all are finished."""

import random
import subprocess
import sys
import time

import pytest
from PIL import Image

from atelier.training.browse import journal
from atelier.training.browse.journal import Change, finish, save_all
from atelier.training.browse.shelf import shelf_of
from atelier.training.data.sidecar import history

COUNT = 60
WRITER = """
import sys
from pathlib import Path
from atelier.training.browse.journal import Change, save_all
from atelier.training.browse.shelf import shelf_of
shelf = shelf_of(Path(sys.argv[1]))
changes = [Change(n, one.hash, "after " + one.caption) for n, one in shelf.entries.items()]
print("ready", flush=True)
sys.stdin.readline()
save_all(Path(sys.argv[2]), shelf, changes)
print("done", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "cats"
    place.mkdir()
    for number in range(COUNT):
        Image.new("1", (1, 1)).save(place / f"{number:03d}.png")
        (place / f"{number:03d}.txt").write_text(f"caption {number}")
    return place


def captions(folder):
    return [path.read_text() for path in sorted(folder.glob("*.txt"))]


def test_whoever_is_killed_half_way_has_lost_nothing(folder, tmp_path):
    journals = tmp_path / "journals"
    before = captions(folder)
    after = [f"after {text}" for text in before]
    command = [sys.executable, "-c", WRITER, str(folder), str(journals)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        wanted = random.Random(time.time_ns()).randrange(1, COUNT // 2)
        while sum(text.startswith("after") for text in captions(folder)) < wanted:
            assert process.poll() is None, "It was done before it could be killed."
        process.kill()
    there = captions(folder)
    assert all(now in (old, new) for now, old, new in zip(there, before, after, strict=True))
    assert there != after and len(list(journals.iterdir())) == 1
    outcome = finish(journals, shelf_of(folder))
    assert captions(folder) == after and not outcome.refused
    assert not list(journals.iterdir())
    for number, text in enumerate(before):
        assert [one.read_text() for one in history(folder / f"{number:03d}.txt")] == [text]


def test_what_was_changed_by_another_in_between_stays(folder, tmp_path, monkeypatch):
    shelf = shelf_of(folder)
    changes = [Change(name, one.hash, "mine") for name, one in shelf.entries.items()]
    with monkeypatch.context() as cut:
        cut.setattr(journal, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            save_all(tmp_path / "journals", shelf, changes)
    (folder / "007.txt").write_text("theirs")
    (folder / "009.txt").unlink()
    (folder / "010.png").unlink()
    outcome = finish(tmp_path / "journals", shelf_of(folder))
    refused = {one.name: (one.yours, one.theirs) for one in outcome.refused}
    assert refused == {
        "007.png": ("mine", "theirs"), "009.png": ("mine", ""), "010.png": ("mine", "")
    }  # fmt: skip
    assert (folder / "007.txt").read_text() == "theirs"
    (left,) = (tmp_path / "journals").iterdir()
    assert left.name.endswith(".left.json") and left.read_text().count('"mine"') == 3
    assert finish(tmp_path / "journals", shelf_of(folder)).saved == {}


def test_another_folders_changes_wait_for_it(folder, tmp_path):
    journals = tmp_path / "journals"
    journals.mkdir()
    (journals / "a.json").write_text("{damaged")
    kept = journal._kept(tmp_path / "dogs", [Change("000.png", "", "mine")])
    journal.write_json(journals / "b.json", kept)
    assert finish(journals, shelf_of(folder)).saved == {}
    assert {path.name for path in journals.iterdir()} == {"a.json", "b.json"}


def test_a_full_disk_is_told_of_each_with_what_was_wanted(folder, tmp_path, monkeypatch):
    shelf = shelf_of(folder)
    changes = [Change(name, one.hash, "mine") for name, one in shelf.entries.items()]

    def full(*_):
        raise ValueError("the disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(journal, "write_caption", full)
        outcome = save_all(tmp_path / "journals", shelf, changes)
    assert len(outcome.refused) == COUNT and captions(folder)[0] == "caption 0"
    assert {(one.yours, one.error) for one in outcome.refused} == {("mine", "the disk is full")}
    assert {one.hash for one in outcome.refused} == {change.expected for change in changes}
