"""What earlier versions wrote is read; what none wrote is refused with its reason."""

import pytest

from atelier.training.migrations import VERSION, migrate

DEFAULTS = {"steps": 400, "seed": 0, "new": "as before"}
FIRST = {"key": "k", "format": 2, "config": {"steps": 7, "seed": 1}, "model": "m"}


def test_the_first_version_had_no_branches_and_fewer_settings():
    assert migrate(FIRST, DEFAULTS) == {
        "version": VERSION,
        "key": "k",
        "format": 2,
        "config": {"steps": 7, "seed": 1, "new": "as before"},
        "model": "m",
        "continues": None,
    }


def test_what_is_new_stays_as_it_is():
    now = migrate(FIRST, DEFAULTS) | {"continues": {"key": "other"}}
    assert migrate(now, DEFAULTS) == now
    assert "continues" not in FIRST


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (FIRST | {"version": VERSION + 1}, "newer Atelier"),
        (FIRST | {"version": 0}, "newer Atelier"),
        (FIRST | {"version": "2"}, "newer Atelier"),
        (FIRST | {"config": {"future": 1}}, r"\(future\): a newer one"),
        (FIRST | {"config": None}, "what was asked"),
        ({}, "what was asked"),
        ([], "what was asked"),
        (None, "what was asked"),
    ],
)
def test_what_cannot_be_read_is_said(stored, message):
    with pytest.raises(ValueError, match=message):
        migrate(stored, DEFAULTS)
