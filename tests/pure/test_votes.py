"""Votes: a line each, whole or not there; read back from files that anybody may have written."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from atelier.training.evaluation import votes

A, B, C = "a" * 64, "b" * 64, "c" * 64


def vote(left=A, right=B, winner="left", voter="me", second=0, blind=True):
    time = f"2026-11-22T00:00:{second:02d}.000Z"
    told = {"left": left, "right": right, "winner": winner, "voter": voter, "time": time}
    return votes.Vote.model_validate(told | {"blind": blind})


def file(**changes):
    whole = {"format": votes.FORMAT, "version": 1, "grid": "g", "votes": [vote().model_dump()]}
    return json.dumps(whole | changes).encode()


def test_votes_are_added_once_and_read_back(tmp_path):
    assert votes.read(tmp_path) == []
    assert votes.append(tmp_path, [vote(), vote(second=1), vote()]) == 2
    assert votes.append(tmp_path, [vote(second=1), vote(second=2, winner="tie")]) == 1
    assert [one.winner for one in votes.read(tmp_path)] == ["left", "left", "tie"]
    lines = (tmp_path / votes.FILE).read_text().splitlines()
    assert json.loads(lines[0]) == vote().model_dump()


def test_half_a_line_costs_no_other(tmp_path):
    votes.append(tmp_path, [vote()])
    with (tmp_path / votes.FILE).open("a") as out:
        out.write('{"left": "aa')  # killed here
    votes.append(tmp_path, [vote(second=1)])
    assert [one.time[17:19] for one in votes.read(tmp_path)] == ["00", "01"]


def test_a_vote_is_taken_back_and_every_other_line_stays(tmp_path):
    assert not votes.withdraw(tmp_path, vote())
    votes.append(tmp_path, [vote(), vote(second=1), vote(second=2)])
    with (tmp_path / votes.FILE).open("a") as out:
        out.write('{"left": "aa')  # killed here
    before = (tmp_path / votes.FILE).read_text().splitlines()
    assert votes.withdraw(tmp_path, vote(second=1)) and not votes.withdraw(tmp_path, vote(B, A))
    assert (tmp_path / votes.FILE).read_text().splitlines() == [before[0], *before[2:]]
    assert votes.append(tmp_path, [vote(second=1)]) == 1
    assert [one.time[18] for one in votes.read(tmp_path)] == ["0", "2", "1"]


def test_many_at_once_lose_nothing(tmp_path):
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda n: votes.append(tmp_path, [vote(voter=str(n))]), range(60)))
    assert {one.voter for one in votes.read(tmp_path)} == {str(n) for n in range(60)}


def test_what_cannot_be_written_names_the_file(tmp_path):
    (tmp_path / votes.FILE).mkdir()
    with pytest.raises(ValueError, match="votes.jsonl cannot be written"):
        votes.append(tmp_path, [vote()])


def test_a_file_that_was_sent_back_is_read():
    assert votes.sent_back(file()) == [vote()]
    assert votes.sent_back(votes.told([vote(), vote(B, C)], "g").encode()) == [vote(), vote(B, C)]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"\xff\xfe", "the file"),
        (b"[" * 100_000, "the file"),
        (b"{}", "format"),
        (file(format="other"), "format"),
        (file(version=2), "version"),
        (file(more=1), "more"),
        (file(votes=[vote().model_dump() | {"winner": "both"}]), "votes.0.winner"),
        (file(votes=[vote().model_dump() | {"left": "../../x"}]), "votes.0.left"),
        (file(votes=[vote().model_dump() | {"voter": "x" * 81}]), "votes.0.voter"),
        (file(votes=[vote().model_dump() | {"time": "<b>"}]), "votes.0.time"),
        (file(votes=[vote().model_dump() | {"blind": "yes"}]), "votes.0.blind"),
    ],
)
def test_another_file_is_refused_by_what_is_wrong(data, where):
    with pytest.raises(ValueError, match=f"no file of votes \\({where}"):
        votes.sent_back(data)


def test_votes_count_for_columns():
    found = [vote(), vote(winner="right"), vote(winner="tie"), vote(left=A, right=C), vote(B, A)]
    result = votes.of_columns(found, {A: 0, B: 1}, 3)
    assert [one.votes for one in result.strengths] == [4, 4, 0]
    assert [one.wins for one in result.strengths] == [1.5, 2.5, 0]


def test_votes_within_a_column_say_nothing():
    assert votes.of_columns([vote()], {A: 0, B: 0}, 1).strengths[0].votes == 0
