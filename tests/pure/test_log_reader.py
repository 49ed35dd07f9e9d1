"""A log that grows, is cut short, is rewritten: read once, and drawn with few points."""

import json

import numpy as np
import pytest

from atelier.training.curve import smooth
from atelier.training.run import Run
from atelier.training.watching.index import told
from atelier.training.watching.log_reader import LogReader
from atelier.training.watching.thin import thinned


def lines(first, last, **more):
    return [{"step": n, "loss": 1 / n, "grad_norm": 2.0, **more} for n in range(first, last + 1)]


def append(path, some):
    with path.open("ab") as file:
        file.write("".join(json.dumps(line) + "\n" for line in some).encode())


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log.jsonl"


def test_only_what_was_added_is_read(log, monkeypatch):
    reader = LogReader(log)
    assert reader.read() == 0 and reader.told() == {}
    append(log, lines(1, 500))
    assert reader.read() == 500
    read = []
    monkeypatch.setattr(reader, "_take", lambda line: read.append(line["step"]))
    append(log, lines(501, 503))
    reader.read()
    assert read == [501, 502, 503]


def test_a_line_that_is_cut_short_waits(log):
    append(log, lines(1, 2))
    with log.open("ab") as file:
        file.write(b'{"step": 3, "lo')
    reader = LogReader(log)
    assert reader.read() == 2
    with log.open("ab") as file:
        file.write(b'ss": 0.25}\n')
    assert reader.read() == 3 and reader.last("loss") == 0.25


def test_a_damaged_line_is_no_more_than_that(log):
    append(log, lines(1, 2))
    with log.open("ab") as file:
        file.write(b'{"step": 3, \x00}\n[4]\n')
    append(log, lines(5, 5))
    reader = LogReader(log)
    assert reader.read() == 5 and reader.told()["loss"][0] == [1, 2, 5]


def test_every_key_is_a_series_and_the_loss_is_smoothed_as_the_picture_is(log):
    append(log, [*lines(1, 3), {"step": 3, "held_out": 0.5}, *lines(4, 6)])
    reader = LogReader(log)
    reader.read()
    found = reader.told()
    assert found["held_out"] == [[3], [0.5]] and found["grad_norm"][1] == [2.0] * 6
    wanted = smooth([1 / n for n in range(1, 7)])
    assert found["smooth"][1] == pytest.approx(wanted, rel=1e-5)
    assert reader.told(5)["loss"][0] == [5, 6]


def test_what_is_no_number_is_not_told(log):
    append(log, [{"step": 1, "loss": float("nan")}, *lines(2, 3)])
    reader = LogReader(log)
    assert reader.read() == 3
    assert reader.told()["loss"][0] == [2, 3] and len(reader.told()["smooth"][0]) == 2
    json.dumps(reader.told(), allow_nan=False)


@pytest.mark.parametrize("kept", [[], lines(1, 4), lines(1, 9, other=1)])
def test_a_log_that_was_rewritten_is_read_anew(log, kept):
    append(log, lines(1, 8))
    reader = LogReader(log)
    reader.read()
    log.write_bytes(b"")
    append(log, kept)
    assert reader.read() == len(kept) and reader.generation == 1
    log.unlink()
    assert reader.read() == 0 and reader.told() == {}


def test_a_cursor_gives_what_came_after_it_and_all_when_it_does_not_hold(log):
    run = Run(log.parent)
    append(log, lines(1, 10))
    reader = LogReader(log)
    first = told(run, reader)
    assert first["from"] == "" and first["to"] == "0:10"
    append(log, lines(11, 12))
    more = told(run, reader, first["to"])
    assert (more["from"], more["to"]) == ("0:10", "0:12") and more["series"]["loss"][0] == [11, 12]
    assert told(run, reader, "0:12")["series"] == {}
    log.write_bytes(b"")
    append(log, lines(1, 3))
    anew = told(run, reader, "0:12")
    assert anew["from"] == "" and anew["series"]["loss"][0] == [1, 2, 3]
    for wrong in ("", ":", "x:y", "1:-3", "1:99999", "0:3"):
        assert told(run, reader, wrong)["to"] == "1:3"


@pytest.mark.parametrize("count", [1, 5, 8, 9, 799, 800, 801, 12_345, 100_000])
@pytest.mark.parametrize("most", [4, 9, 800])
def test_few_points_have_the_ends_and_the_peaks(count, most):
    dice = np.random.default_rng(count)
    steps, values = np.arange(count, dtype=float), dice.normal(size=count)
    some, kept = thinned(steps, values, most)
    assert len(some) == len(kept) <= most and (len(some) == count if count <= most else True)
    assert some[0] == 0 and some[-1] == count - 1
    assert (np.diff(some) > 0).all() and np.array_equal(kept, values[some.astype(int)])
    assert kept.min() == values.min() and kept.max() == values.max()


def test_numbers_that_are_none_hide_no_peak():
    values = np.sin(np.arange(1000.0))
    values[500:510] = np.nan
    values[505] = 9.0
    _, kept = thinned(np.arange(1000.0), values, 50)
    assert np.nanmax(kept) == 9.0
