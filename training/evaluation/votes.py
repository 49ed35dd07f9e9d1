"""Votes between two pictures of a grid: a line each in `votes.jsonl`, and read from files."""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..files import atomic, legible, telling
from .bradley_terry import Preference, count_wins, preference

FILE = "votes.jsonl"
FORMAT = "atelier-votes"
MOST = 200_000  # votes on a grid
MOST_BYTES = 64 * 2**20
_SHARES = {"left": 1.0, "right": 0.0, "tie": 0.5}
_LOCK = threading.Lock()  # one at a time, or two could write into one line


class Vote(BaseModel):
    """`left` and `right` are keys of cells; `blind` where the voter did not know which is which."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    left: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    right: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    winner: Literal["left", "right", "tie"]
    voter: str = Field(max_length=80)
    time: str = Field(pattern=r"^\d{4}-\d\d-\d\dT[\d:.]{5,20}(Z|[+-]\d\d:\d\d)?$")
    blind: bool


class _Sent(BaseModel):
    """The file that people download from a grid's page and send back."""

    model_config = ConfigDict(extra="forbid", strict=True)
    format: Literal["atelier-votes"]
    version: Literal[1]
    grid: str = Field(max_length=1000)
    votes: list[Vote] = Field(max_length=MOST)


def read(folder: Path) -> list[Vote]:
    """The votes of a grid; lines that are none (half written, say) are left out."""
    try:
        with (folder / FILE).open("rb") as file:
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        return []
    return [vote for vote in map(_of_line, data.splitlines()) if vote]


def append(folder: Path, votes: Iterable[Vote]) -> int:
    """Add votes that are not there yet, whole lines in one write; return how many.

    Raises `ValueError` that names the file where it cannot be written, or holds too many.
    """
    path = folder / FILE
    with _LOCK, telling(path):
        before = read(folder)
        new = list(dict.fromkeys(votes))
        known = set(before)
        new = [vote for vote in new if vote not in known]
        if len(before) + len(new) > MOST:
            raise ValueError(f"{path} holds {len(before)} votes, and {MOST} are the most.")
        if not new:
            return 0
        lines = "".join(json.dumps(vote.model_dump()) + "\n" for vote in new)
        with path.open("ab+") as file:
            if file.tell() and _torn(file):
                lines = "\n" + lines
            file.write(lines.encode())
            file.flush()
            os.fsync(file.fileno())
    return len(new)


def withdraw(folder: Path, vote: Vote) -> bool:
    """Take a vote back; whether it was there. Other lines stay as they are.

    Raises `ValueError` that names the file where it cannot be written.
    """
    path = folder / FILE
    with _LOCK, telling(path):
        try:
            lines = path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return False
        kept = [line for line in lines if _of_line(line) != vote]
        if len(kept) == len(lines):
            return False
        with atomic(path) as temporary:
            temporary.write_bytes(b"".join(kept))
    return True


def _of_line(line: bytes) -> Vote | None:
    try:
        return Vote.model_validate_json(line)
    except ValidationError:
        return None


def _torn(file: Any) -> bool:
    """Whether the last line has no end: its writer was killed."""
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def sent_back(data: bytes) -> list[Vote]:
    """The votes in a file that somebody else made. Raises `ValueError` that says what it is not."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"This file has {len(data)} bytes: no file of votes is that large.")
    try:
        return _Sent.model_validate_json(data).votes
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = legible(".".join(map(str, first["loc"])) or "the file")
        raise ValueError(
            f"This is no file of votes ({where}: {legible(first['msg'])}). Take the one that "
            "“Save my votes” of a grid's page made."
        ) from error


def told(votes: Sequence[Vote], grid: str) -> str:
    """A file of votes, as the page makes it and `sent_back` reads it."""
    whole = {"format": FORMAT, "version": 1, "grid": grid}
    return json.dumps(whole | {"votes": [vote.model_dump() for vote in votes]})


def of_columns(votes: Sequence[Vote], columns: Mapping[str, int], count: int) -> Preference:
    """How much each of `count` columns is preferred; `columns` says which one a cell stands in.

    Votes on other cells, and between cells of one column, say nothing.
    """
    meant = [
        (columns[vote.left], columns[vote.right], _SHARES[vote.winner])
        for vote in votes
        if vote.left in columns and vote.right in columns
    ]
    return preference(count_wins([one for one in meant if one[0] != one[1]], count))
