"""Decisions are readable, can be undone, and are never lost."""

import json
from pathlib import Path

import pytest

from atelier.training.curation import decisions
from atelier.training.curation.decisions import ASIDE, FILE, KEEP, Decisions
from atelier.training.data.dataset import Dataset, Record


def test_every_change_can_be_undone_also_after_reading_them_again(tmp_path):
    one = Decisions().decide({"a": KEEP}, {"a": "a.png"})
    two = one.decide({"a": ASIDE, "b": KEEP}, {"b": "b.png"}).decide({"a": ""}, {})
    decisions.write(tmp_path, "cats", two, {})
    back = decisions.read(tmp_path)
    assert back.decided == {"b": KEEP}
    assert back.undo().decided == {"a": ASIDE, "b": KEEP}
    assert back.undo().undo().decided == {"a": KEEP}
    assert back.undo().undo().undo().undo().decided == {}


def test_what_changes_nothing_is_no_change():
    one = Decisions().decide({"a": KEEP}, {})
    assert one.decide({"a": KEEP}, {}) is one


def test_a_decision_written_by_hand_is_read(tmp_path):
    file = decisions.write(tmp_path, "cats", Decisions(), {"a" * 64: {"file": "a.png"}})
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept["decided"]["a" * 64] = {"decision": "keep"}
    file.write_text(json.dumps(kept), encoding="utf-8-sig")
    assert decisions.read(tmp_path).decided == {"a" * 64: KEEP}


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"decided": {"a": {"decision": "delete"}}, "before": []}']
)
def test_a_damaged_file_is_told_and_not_written_over(tmp_path, text):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"curation\.json cannot be read"):
        decisions.read(tmp_path)
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text


def test_what_is_there_already_is_not_written_again(tmp_path):
    file = decisions.write(tmp_path, "cats", Decisions(), {})
    before = file.stat().st_mtime_ns
    decisions.write(tmp_path, "cats", Decisions(), {})
    assert file.stat().st_mtime_ns == before


def test_datasets_of_one_name_in_two_folders_are_kept_apart():
    def at(*paths):
        records = tuple(Record(Path(path), "", 8, 8) for path in paths)
        return decisions.home(Path("/x"), Dataset("cats", records))

    assert at("/one/cats/a.png") != at("/two/cats/a.png")
    assert at("/one/cats/a.png") == at("/one/cats/a.png", "/one/cats/b.png")
