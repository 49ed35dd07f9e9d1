"""What a run keeps of its pictures, and how it says what has changed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from atelier.training import records
from atelier.training.data.dataset import Dataset, Record


def record(name, content, caption="a", **more):
    one = Record(Path("/data") / name, caption, 8, 8, **more)
    one.__dict__["content"] = content * 64
    return one


FOUR = [record(f"{name}.png", name) for name in "abcd"]


def changes(then, now):
    return records.changes(
        records.listing(Dataset("x", tuple(then))), records.listing(Dataset("x", tuple(now)))
    )


CASES = {
    "added": ([*FOUR, record("e.png", "e")], "1 added (e.png)"),
    "removed": (FOUR[1:], "1 removed (a.png)"),
    "changed": ([record("a.png", "z"), *FOUR[1:]], "1 changed (a.png)"),
    "caption": ([record("a.png", "a", "b"), *FOUR[1:]], "1 with another caption (a.png)"),
    "lines": (
        [record("a.png", "a", lines=("a", "b")), *FOUR[1:]],
        "1 with another caption (a.png)",
    ),
    "repeats": (
        [record("a.png", "a", repeats=3), *FOUR[1:]],
        "1 with another mask or count (a.png)",
    ),
    "renamed": ([record("z.png", "a"), *FOUR[1:]], "the pictures are in another order"),
    "renamed, and another caption": (
        [record("z.png", "a", "b"), *FOUR[1:]],
        "1 with another caption (z.png)",
    ),
    "order": (FOUR[::-1], "the pictures are in another order"),
    "many": (
        FOUR + [record(f"n{number}.png", f"{number}x") for number in range(9)],
        "9 added (n0.png, n1.png, n2.png, n3.png, n4.png and 4 more)",
    ),
    "two things": (
        [record("a.png", "a", "b"), *FOUR[2:]],
        "1 removed (b.png); 1 with another caption (a.png)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_changed_is_said(case):
    now, text = CASES[case]
    assert changes(FOUR, now) == text


def test_where_the_folder_lies_is_no_part_of_it():
    moved = [replace(one, path=Path("/other/place") / one.path.name) for one in FOUR]
    for one, before in zip(moved, FOUR, strict=True):
        one.__dict__["content"] = before.content
    here, there = (records.listing(Dataset("x", tuple(some))) for some in (FOUR, moved))
    assert here == there and "/" not in str(here)


def test_names_that_come_twice_are_kept_apart():
    folders = [record("one/a.png", "a"), record("two/a.png", "b")]
    assert list(records.listing(Dataset("x", tuple(folders)))["records"]) == [
        "one/a.png",
        "two/a.png",
    ]


def test_of_very_many_only_the_number_is_kept(monkeypatch):
    monkeypatch.setattr(records, "MOST", 3)
    assert records.listing(Dataset("x", tuple(FOUR))) == {"total": 4}
    assert changes(FOUR, FOUR[:2]) == "4 pictures then, 2 now: too many to say which"


def test_a_run_from_before_the_list_says_so():
    assert "older than the list" in records.changes({}, {"total": 1, "records": {}})


def test_licences_sources_and_notes_are_counted_and_can_be_written():
    some = [
        record("a.png", "a", licence="CC0", source="me"),
        record("b.png", "b", licence="CC0"),
        record("c.png", "c", licence="\ud800 odd"),
    ]
    told = records.told(Dataset("x", tuple(some), {"x": "half \udc00"}, ("read as \ud800",)))
    assert told == {
        "licences": {"CC0": 2, "? odd": 1},
        "sources": {"me": 1},
        "notes": {"x": "half ?"},
        "told": ["read as ?"],
    }
    json.dumps(told, ensure_ascii=False).encode()
    assert records.told(Dataset("x", ())) == {}
