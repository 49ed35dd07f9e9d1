"""Captions written back beside their pictures: whole, never silently over, never lost."""

import subprocess
import sys
import threading

import pytest

from atelier.training.data import sidecar
from atelier.training.data.folder import load_folder, picture_files
from atelier.training.data.sidecar import (
    NOTHING,
    CaptionChanged,
    history,
    read_caption,
    read_sidecar,
    write_caption,
)

WRITER = """
import sys
from pathlib import Path
from atelier.training.data.sidecar import read_sidecar, write_caption
picture = Path(sys.argv[1])
number = 0
while True:
    number += 1
    found = read_sidecar(picture)
    write_caption(found.path, f"caption {number} " * 500, found.hash)
    print(number, flush=True)
"""


@pytest.fixture
def cat(tmp_path):
    return tmp_path / "cat.png"


def held(path):
    return [file.read_text(encoding="utf-8") for file in history(path)]


def test_a_new_caption_is_written_as_it_is_given(cat):
    found = read_sidecar(cat)
    assert (found.path.name, found.text, found.hash) == ("cat.txt", "", NOTHING)
    write_caption(found.path, "eine Katze,  größer\n", found.hash)
    assert found.path.read_bytes() == "eine Katze,  größer\n".encode()
    assert history(found.path) == []
    assert read_caption(found.path) == ["eine Katze, größer"]


def test_the_caption_file_that_is_there_is_the_one_that_is_written(cat):
    cat.with_suffix(".caption").write_text("old", encoding="utf-8")
    found = read_sidecar(cat)
    assert found.path.name == "cat.caption"
    write_caption(found.path, "new", found.hash)
    assert not cat.with_suffix(".txt").exists()
    assert held(found.path) == ["old"]


def test_all_that_was_overwritten_is_kept_in_order(cat):
    path, seen = cat.with_suffix(".txt"), NOTHING
    for text in ("one", "two", "three", "two"):
        seen = write_caption(path, text, seen)
        assert seen == read_sidecar(cat).hash
    assert path.read_text(encoding="utf-8") == "two"
    assert held(path) == ["one", "two", "three"]
    assert history(path)[0].name == "cat.txt.0001.bak"


def test_a_file_that_holds_the_text_already_is_left_alone(cat):
    path = cat.with_suffix(".txt")
    seen = write_caption(path, "same", NOTHING)
    before = path.stat().st_mtime_ns
    assert write_caption(path, "same", seen) == seen
    assert path.stat().st_mtime_ns == before
    assert history(path) == []


@pytest.mark.parametrize("was", [None, "read"])
@pytest.mark.parametrize("now", [None, "theirs"])
def test_a_file_that_changed_beneath_is_refused_and_stays(cat, was, now):
    path = cat.with_suffix(".txt")
    if was:
        path.write_text(was, encoding="utf-8")
    found = read_sidecar(cat)
    path.unlink(missing_ok=True)
    if now:
        path.write_text(now, encoding="utf-8")
    if (was, now) == (None, None):
        write_caption(path, "mine", found.hash)
        return
    with pytest.raises(CaptionChanged, match=r"cat\.txt was changed by something else"):
        write_caption(path, "mine", found.hash)
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == now
    assert history(path) == []


def test_a_change_in_the_last_moment_is_refused_too(cat, monkeypatch):
    path = cat.with_suffix(".txt")
    path.write_text("read", encoding="utf-8")
    found, keep = read_sidecar(cat), sidecar._keep

    def keep_and_change(*given):
        keep(*given)
        path.write_text("theirs", encoding="utf-8")

    monkeypatch.setattr(sidecar, "_keep", keep_and_change)
    with pytest.raises(CaptionChanged):
        write_caption(path, "mine", found.hash)
    assert path.read_text(encoding="utf-8") == "theirs"
    assert not list(path.parent.glob(".*.part"))


def test_of_two_that_write_at_once_one_is_told(cat):
    path = cat.with_suffix(".txt")
    path.write_text("read", encoding="utf-8")
    found, told, ready = read_sidecar(cat), [], threading.Barrier(8)

    def write(number):
        ready.wait()
        try:
            write_caption(path, f"by {number}", found.hash)
        except CaptionChanged:
            told.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    assert len(told) == 7
    (winner,) = set(range(8)) - set(told)
    assert path.read_text(encoding="utf-8") == f"by {winner}"
    assert held(path) == ["read"]


def test_a_process_that_is_killed_while_it_writes_loses_no_caption(cat):
    command = [sys.executable, "-c", WRITER, str(cat)]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(7):
                assert process.stdout and process.stdout.readline()
            process.kill()
    kept, now = held(cat.with_suffix(".txt")), read_sidecar(cat).text
    texts = kept if kept[-1] == now else [*kept, now]  # the same: killed after it was kept
    parts = [text.split() for text in texts]
    assert all(words == words[:2] * 500 for words in parts)  # whole
    numbers = [int(words[1]) for words in parts]
    starts = [at for at, number in enumerate(numbers) if number == 1]
    assert len(starts) == 3
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        assert numbers[start:end] == list(range(1, end - start + 1))  # none is missing
        assert end - start >= 7


@pytest.mark.parametrize(
    ("text", "named"),
    [("x" * 70_000, "70000 bytes"), ("a\x00b", "NUL"), ("half \ud800", "half a character")],
)
def test_what_could_not_be_read_again_is_not_written(cat, text, named):
    with pytest.raises(ValueError, match=named):
        write_caption(cat.with_suffix(".txt"), text, NOTHING)
    assert not list(cat.parent.iterdir())


def test_links_are_not_written_through(cat, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("theirs", encoding="utf-8")
    cat.with_suffix(".txt").symlink_to(other)
    found = read_sidecar(cat)
    with pytest.raises(ValueError, match="is a link"):
        write_caption(found.path, "mine", found.hash)
    assert other.read_text(encoding="utf-8") == "theirs"


def test_a_history_that_leads_elsewhere_is_not_written(tmp_path):
    folder, elsewhere = tmp_path / "pictures", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / ".bak").symlink_to(elsewhere, target_is_directory=True)
    path = folder / "cat.txt"
    seen = write_caption(path, "one", NOTHING)
    with pytest.raises(ValueError, match=r"\.bak is a link"):
        write_caption(path, "two", seen)
    assert not list(elsewhere.iterdir())
    assert path.read_text(encoding="utf-8") == "one"


def test_the_history_is_no_part_of_the_dataset(tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8), "red").save(tmp_path / "cat.png")
    path = tmp_path / "cat.txt"
    write_caption(path, "two", write_caption(path, "one", NOTHING))
    assert [file.name for file in picture_files(tmp_path)] == ["cat.png"]
    assert load_folder(tmp_path).records[0].caption == "two"
