"""What was read before is not read again, and a change is noticed."""

import json

import pytest

from atelier.tests.sources import captions, jsonl, packed, picture, places
from atelier.training.data.load import load, stamps


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "deep/er/b.png"):
        picture(tmp_path / "set" / name)
    return tmp_path / "set"


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


def test_a_queue_notices_whatever_may_be_read(folder, tmp_path):
    picture(tmp_path / "other/c.png")
    config = tmp_path / "set.toml"
    config.write_text('[[datasets]]\n[[datasets.subsets]]\nimage_dir = "other"\n')
    png = (tmp_path / "other/c.png").read_bytes()
    where = places(tmp_path, cache=tmp_path / "cache")

    def changed(source, change):
        before = stamps(source, where)
        assert stamps(source, where) == before
        change()
        return stamps(source, where) != before

    assert changed(folder, lambda: jsonl(folder / "metadata.jsonl", {"file_name": "a.png"}))
    assert changed(config, lambda: (tmp_path / "other/c.txt").write_text("a dog"))
    assert changed(config, lambda: config.write_text(f"{config.read_text()}num_repeats = 2"))
    path = packed(tmp_path / "x.zip", {"a.png": png})
    assert changed(path, lambda: packed(path, {"a.png": png, "b.png": png}))
