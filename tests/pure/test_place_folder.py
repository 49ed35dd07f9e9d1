"""A folder that is whole takes the next free name, and never that of another."""

import pytest

from atelier.training.files import place_folder


def staged(parent, text):
    folder = parent / f".{text}"
    folder.mkdir()
    (folder / "file").write_text(text)
    return folder


def test_a_taken_name_gets_the_next_number(tmp_path):
    for number in range(3):
        place_folder(staged(tmp_path, f"{number}"), tmp_path, "run")
    found = {path.name: (path / "file").read_text() for path in tmp_path.iterdir()}
    assert found == {"run": "0", "run-2": "1", "run-3": "2"}


def test_one_that_was_faster_keeps_its_name(tmp_path, monkeypatch):
    mine = staged(tmp_path, "mine")
    kind = type(mine)
    real = kind.rename

    def late(self, target):
        if target.name == "run":
            real(staged(tmp_path, "other"), target)
        return real(self, target)

    monkeypatch.setattr(kind, "rename", late)
    assert place_folder(mine, tmp_path, "run").name == "run-2"
    assert (tmp_path / "run" / "file").read_text() == "other"


def test_what_cannot_be_placed_is_said(tmp_path):
    with pytest.raises(ValueError, match="run cannot be written"):
        place_folder(tmp_path / "nothing", tmp_path, "run")
