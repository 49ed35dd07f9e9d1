"""Captioning a dataset: what is captioned, what is left, and that nothing is lost on the way."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from atelier.training.captioning import report
from atelier.training.captioning.captioner import CannotCaption, tidy
from atelier.training.captioning.journal import Journal
from atelier.training.captioning.turns import BEFORE, EDITED, HAD, WANTED, joined, turns
from atelier.training.captioning.work import (
    BROKEN,
    CAPTIONED,
    CHANGED,
    SHOWN,
    SILENT,
    caption_all,
    try_out,
)
from atelier.training.data.dataset import Dataset
from atelier.training.data.folder import load_folder
from atelier.training.data.sidecar import history

from .conftest import Painter, drawn, written

FILL, OVER, APPEND = "fill in missing", "overwrite", "append"
NAMES = ["red-1", "green-2", "blue-3", "red-4", "green-5"]


class Stopped(BaseException):
    """As ComfyUI's own: not caught by `except Exception`."""


def run(dataset, painter, mode, folder, stop_at=None, may_write=True):
    journal = Journal(folder.parent / f"{painter.captioner.key}-{mode}.jsonl")
    planned = turns(dataset, mode, journal, lambda _: may_write)
    seen = []

    def tick(done, name):
        if stop_at is not None and done >= stop_at:
            raise Stopped
        seen.append((done, name))

    outcome = caption_all(dataset, planned, painter.captioner, mode, journal, tick)
    total = sum(turn.state == WANTED for turn in planned)
    assert [done for done, _ in seen] == (list(range(total + 1)) if total else [0])
    return outcome


def states(outcome):
    return [row.state for row in outcome.rows]


def test_missing_captions_are_filled_in_and_the_others_stay(folder):
    dataset = drawn(folder, NAMES[:3], {"green-2": "my own\n"})
    painter = Painter()
    outcome = run(dataset, painter, FILL, folder)
    assert states(outcome) == [CAPTIONED, HAD, CAPTIONED]
    assert painter.asked == ["red", "blue"]
    texts = ["a red picture", "my own", "a blue picture"]
    assert [record.caption for record in outcome.captioned.records] == texts
    assert list(written(folder).values()) == [texts[2], texts[1], texts[0]]
    assert (folder / "green-2.txt").read_bytes() == b"my own\n"
    assert not (folder / ".bak").exists()


def test_an_empty_caption_file_is_one_that_is_missing(folder):
    dataset = drawn(folder, ["red-1"])
    (folder / "red-1.txt").write_text(" \n", encoding="utf-8")
    assert states(run(dataset, Painter(), FILL, folder)) == [CAPTIONED]


def test_what_is_overwritten_is_kept(folder):
    dataset = drawn(folder, NAMES[:2], {"red-1": "my own", "green-2": "mine too"})
    run(dataset, Painter(), OVER, folder)
    assert written(folder) == {"green-2": "a green picture", "red-1": "a red picture"}
    (kept,) = history(folder / "red-1.txt")
    assert kept.read_text(encoding="utf-8") == "my own"


@pytest.mark.parametrize(
    ("old", "new", "tags", "both"),
    [
        ("a hat", "It is red.", False, "a hat It is red."),
        ("a hat. It is red.", "It is red.", False, "a hat. It is red."),
        ("hat, long_hair", "long hair, red", True, "hat, long_hair, red"),
        ("Hat", "hat", True, "Hat"),
        (r"miku \(append\)", "miku_(append), smile", True, r"miku \(append\), smile"),
        ("a hat\na cap", "red", True, "a hat, red\na cap, red"),
        ("", "red", True, "red"),
    ],
)
def test_appending_says_nothing_twice(old, new, tags, both):
    assert joined(old, new, APPEND, tags) == both


def test_the_report_shows_a_long_caption_whole(folder):
    dataset = drawn(folder, ["red-1"])
    painter = Painter(says=" ".join(["a {} picture"] * 200))
    text = report.text(run(dataset, painter, FILL, folder), painter.captioner)
    assert " ".join(["a red picture"] * 200) in text


def test_lines_of_a_caption_file_stay_lines(folder):
    dataset = drawn(folder, ["red-1"], {"red-1": "a hat\na cap\n"})
    outcome = run(dataset, Painter(), APPEND, folder)
    (record,) = outcome.captioned.records
    assert record.lines == ("a hat a red picture", "a cap a red picture")
    assert written(folder)["red-1"].splitlines() == list(record.lines)


def test_a_dry_run_shows_three_spread_over_the_set_and_writes_nothing(folder):
    dataset = drawn(folder, NAMES, {"red-1": "my own"})
    painter = Painter()
    journal = Journal(folder.parent / "journal.jsonl")
    planned = turns(dataset, APPEND, journal, lambda _: True)
    before = sorted(folder.rglob("*"))
    outcome = try_out(dataset, planned, painter.captioner, APPEND, lambda *_: None)
    assert states(outcome) == [SHOWN, WANTED, SHOWN, WANTED, SHOWN]
    assert outcome.rows[0].text == "my own a red picture"
    assert outcome.captioned.records == dataset.records
    assert sorted(folder.rglob("*")) == before and not journal.file.exists()
    text = report.text(outcome, painter.captioner)
    assert "A dry run: nothing was written." in text
    assert "my own a red picture" in text
    assert len(list(report.cells(outcome, 9))) == 3
    assert painter.unloaded == 1


@pytest.mark.parametrize("mode", [FILL, OVER, APPEND])
def test_work_that_was_cancelled_goes_on_where_it_stopped(folder, mode):
    dataset = drawn(folder, NAMES, None if mode == FILL else dict.fromkeys(NAMES, "old"))
    first = Painter()
    with pytest.raises(Stopped):
        run(dataset, first, mode, folder, stop_at=2)
    assert first.asked == ["red", "green"] and first.unloaded == 1
    assert "a red picture" in written(folder)["red-1"]
    second = Painter()
    outcome = run(dataset, second, mode, folder)
    assert second.asked == ["blue", "red", "green"]
    assert states(outcome)[:2] == [HAD if mode == FILL else BEFORE] * 2
    start = "old " if mode == APPEND else ""
    colours = {name: name.split("-")[0] for name in NAMES}
    wanted = {name: f"{start}a {colour} picture" for name, colour in sorted(colours.items())}
    assert written(folder) == wanted
    if mode != FILL:  # the dataset that goes on is what the files say
        assert {r.path.stem: r.caption for r in outcome.captioned.records} == wanted
    third = Painter()
    run(dataset, third, mode, folder)
    assert third.loaded == 0  # nothing is loaded for nothing
    assert written(folder) == wanted


WORKER = """
import sys, time
from dataclasses import replace
from pathlib import Path
from atelier.tests.captioning.conftest import Painter
from atelier.tests.captioning.test_work import run
from atelier.training.data.dataset import Dataset, Record
folder = Path(sys.argv[1])
files = sorted(folder.glob("*.png"))
dataset = Dataset("pictures", tuple(Record(file, "old", 48, 32) for file in files))
run(dataset, Painter(before=lambda number: print(number, flush=True)), "append", folder)
print("done", flush=True)
"""


def test_a_process_that_is_killed_half_way_loses_no_caption_and_says_none_twice(folder):
    names = [f"{colour}-{number:02d}" for number in range(8) for colour in ("red", "blue")]
    drawn(folder, names, dict.fromkeys(names, "old"))
    command = [sys.executable, "-c", WORKER, str(folder)]
    for lines in (3, 4, 6):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for _ in range(lines):
                assert process.stdout.readline().strip() not in ("", "done")
            process.kill()
        for name, text in written(folder).items():
            assert text in ("old", f"old a {name[:-3]} picture")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert written(folder) == {name: f"old a {name[:-3]} picture" for name in sorted(names)}
    for name in names:
        (kept,) = history(folder / f"{name}.txt")
        assert kept.read_text(encoding="utf-8") == "old"


def test_what_a_person_edited_since_is_left_alone(folder):
    dataset = drawn(folder, NAMES[:2], {"red-1": "old", "green-2": "old"})
    run(dataset, Painter(), OVER, folder)
    (folder / "red-1.txt").write_text("by hand", encoding="utf-8")
    (folder / "green-2.txt").unlink()
    outcome = run(dataset, Painter(), OVER, folder)
    assert states(outcome) == [EDITED, CAPTIONED]
    assert written(folder) == {"green-2": "a green picture", "red-1": "by hand"}
    assert outcome.captioned.records[0].caption == "by hand"
    assert "red-1.png" in report.text(outcome, Painter().captioner)
    again = run(dataset, Painter(key="another seed"), OVER, folder)
    assert states(again) == [CAPTIONED, CAPTIONED]


def test_a_picture_that_is_another_one_now_is_captioned_anew(folder):
    dataset = drawn(folder, ["red-1"])
    run(dataset, Painter(), OVER, folder)
    drawn(folder, ["blue-1"])
    (folder / "blue-1.png").replace(folder / "red-1.png")
    fresh = drawn(folder.parent, [])
    records = tuple(type(one)(one.path, "", 48, 32) for one in dataset.records)
    outcome = run(type(fresh)("pictures", records), Painter(), OVER, folder)
    assert states(outcome) == [CAPTIONED]
    assert written(folder) == {"red-1": "a blue picture"}


def test_a_caption_that_is_written_meanwhile_by_somebody_else_stays(folder):
    dataset = drawn(folder, NAMES[:3], {"green-2": "old"})

    def meddle(number):
        if number == 1:
            (folder / "green-2.txt").write_text("theirs", encoding="utf-8")
            (folder / "blue-3.txt").write_text("theirs too", encoding="utf-8")

    outcome = run(dataset, Painter(before=meddle), OVER, folder)
    assert states(outcome) == [CAPTIONED, CHANGED, CHANGED]
    texts = {"blue-3": "theirs too", "green-2": "theirs", "red-1": "a red picture"}
    assert written(folder) == texts
    assert "changed by something else" in report.text(outcome, Painter().captioner)


def test_a_model_that_says_nothing_leaves_the_caption(folder):
    dataset = drawn(folder, ["red-1"], {"red-1": "old"})
    outcome = run(dataset, Painter(says=""), OVER, folder)
    assert states(outcome) == [SILENT]
    assert written(folder) == {"red-1": "old"}


def test_a_picture_that_cannot_be_read_does_not_end_the_work(folder):
    dataset = drawn(folder, NAMES[:3])
    (folder / "green-2.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    outcome = run(dataset, Painter(), FILL, folder)
    assert states(outcome) == [CAPTIONED, BROKEN, CAPTIONED]
    assert ["green-2.png" in str(error) for error in outcome.broken] == [True]
    assert sorted(written(folder)) == ["blue-3", "red-1"]


def test_a_captioner_that_gives_up_says_how_far_it_came(folder):
    dataset = drawn(folder, NAMES)

    def fail(number):
        if number == 2:
            raise CannotCaption("The server is gone.")

    with pytest.raises(CannotCaption, match=r"gone\. 2 of 5 are captioned; queue again"):
        run(dataset, Painter(before=fail), FILL, folder)
    assert len(written(folder)) == 2


def test_where_no_file_may_be_written_captions_stay_in_the_dataset(folder):
    dataset = drawn(folder, NAMES[:2])
    first = Painter()
    with pytest.raises(Stopped):
        run(dataset, first, OVER, folder, stop_at=1, may_write=False)
    second = Painter()
    outcome = run(dataset, second, OVER, folder, may_write=False)
    assert second.asked == ["green"]  # the other is kept too, with Atelier's own
    captions = [record.caption for record in outcome.captioned.records]
    assert captions == ["a red picture", "a green picture"]
    assert written(folder) == {}


def test_a_journal_that_was_cut_off_loses_its_last_line_only(folder, caplog):
    dataset = drawn(folder, NAMES[:2], {"red-1": "old", "green-2": "old"})
    run(dataset, Painter(), APPEND, folder)
    (journal,) = Path(folder.parent).glob("*.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-30])
    assert [Path(one).stem for one in Journal(journal).entries] == ["red-1"]
    outcome = run(dataset, Painter(), APPEND, folder)
    assert states(outcome) == [BEFORE, CAPTIONED]
    assert set(written(folder).values()) == {"old a red picture", "old a green picture"}
    assert len(Journal(journal).entries) == 2
    assert "is left out" in caplog.text


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("  A hat.\n\nOn a cat. ", "A hat. On a cat."),
        ("<think>what\nis it?</think>\nA hat.", "A hat."),
        ("<think>never ends", ""),
        ('"A hat."', "A hat."),
        ('"A" hat and a "B"', '"A" hat and a "B"'),
    ],
)
def test_what_a_model_says_becomes_one_line(said, line):
    assert tidy(said) == line


@pytest.mark.parametrize("kind", ["a list", "its .json"])
def test_a_caption_that_stands_elsewhere_gets_no_second_one_beside_it(folder, kind):
    (record,) = drawn(folder, ["red-1"]).records
    own = folder / "red-1.json" if kind == "its .json" else None
    listed = replace(record, caption="old", written="old\n", caption_file=own)
    dataset = Dataset("pictures", (listed,))
    assert states(run(dataset, Painter(), FILL, folder)) == [HAD]
    outcome = run(dataset, Painter(), APPEND, folder)
    assert outcome.captioned.records[0].caption == "old a red picture"
    assert written(folder) == {}
    assert "1 of them stay in the dataset" in report.text(outcome, Painter().captioner)


def test_a_caption_file_of_another_suffix_is_the_one_that_is_written(folder):
    (record,) = drawn(folder, ["red-1"]).records
    own = folder / "red-1.booru"
    own.write_text("old", encoding="utf-8")
    named = replace(record, caption="old", written="old", caption_file=own)
    outcome = run(Dataset("pictures", (named,)), Painter(), OVER, folder)
    assert own.read_text(encoding="utf-8") == "a red picture\n"
    assert written(folder) == {}
    (after,) = outcome.captioned.records
    assert (after.written, after.caption_file) == ("a red picture", own)


def test_what_was_captioned_is_read_again_as_it_was_said(folder):
    dataset = drawn(folder, NAMES)
    captioned = run(dataset, Painter(), FILL, folder).captioned
    again = load_folder(folder)
    assert [one.caption for one in again.records] == [
        one.caption for one in sorted(captioned.records, key=lambda one: one.path.name)
    ]


def test_two_pictures_with_one_caption_file_are_named_before_anything_is_asked(folder):
    (record,) = drawn(folder, ["red-1"]).records
    other = folder / "red-1.jpg"
    other.write_bytes(record.path.read_bytes())
    dataset = Dataset("pictures", (record, replace(record, path=other)))
    painter = Painter()
    with pytest.raises(ValueError, match=r"red-1\.png and red-1\.jpg have one caption file"):
        run(dataset, painter, FILL, folder)
    assert painter.asked == []


def test_a_picture_that_comes_twice_is_captioned_once(folder):
    (record,) = drawn(folder, ["red-1"]).records
    painter = Painter()
    outcome = run(Dataset("pictures", (record, record)), painter, APPEND, folder)
    assert written(folder) == {"red-1": "a red picture"}
    assert [one.caption for one in outcome.captioned.records] == ["a red picture"] * 2
    assert painter.asked == ["red"]
