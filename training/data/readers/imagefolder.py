"""`metadata.jsonl` and `metadata.csv` of Hugging Face's ImageFolder: a row for each picture.

https://huggingface.co/docs/datasets/image_dataset
"""

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...files import legible
from .rows import Names, Row, read
from .said import Reading, Source
from .scan import Found
from .text import decoded

NAMES = ("metadata.jsonl", "metadata.csv")
MOST_BYTES = 2**28  # of a file of rows
_NAME = "file_name"


def content(path: Path) -> str:
    """A file of rows as text. Raises `ValueError` for what is none, or too long."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{legible(path)} has more than 256 MiB, which is too long. Part it.")
        return decoded(path.read_bytes(), path)
    except OSError as error:
        raise ValueError(f"{legible(path)} cannot be read ({error.strerror}).") from error


def rows(file: Found) -> Iterator[Row]:
    """The rows of a file, by its suffix. Raises `ValueError` that names the line."""
    kind = _csv_rows if file.suffix == ".csv" else _json_rows
    return kind(content(file.path), partial("{}, line {}".format, legible(file.name)))


def reading(file: Found, source: Source) -> Reading:
    """What one file says."""
    try:
        file.refuse_strange(source.roots)
        return read(rows(file), Names(source, file.folder), legible(file.name))
    except ValueError as error:
        return Reading(problems=[error])


def _json_rows(text: str, place: "partial[str]") -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = place(number)
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{where} is not JSON ({legible(error)}). Mend it.") from error
        if not isinstance(values, dict):
            raise ValueError(f"{where} is no JSON object, as {{…}} would be. Mend it.")
        yield where, _named(values.get(_NAME), where), values


def _csv_rows(text: str, place: "partial[str]") -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(lines, [])
        if _NAME not in head:
            told = ", ".join(map(legible, head))[:100]
            raise ValueError(
                f"{place(1)} has no column '{_NAME}' (but {told}). Name the columns there, with "
                "commas between them."
            )
        for row in lines:
            where = place(lines.line_num)
            if not row:
                continue
            if len(row) != len(head):
                raise ValueError(
                    f"{where} has {len(row)} columns, and the first line {len(head)}. Put a text "
                    "with commas in quotes."
                )
            values = dict(zip(head, row, strict=True))
            yield where, _named(values[_NAME], where), values
    except csv.Error as error:
        raise ValueError(f"{place(lines.line_num)} is not CSV ({legible(error)}).") from error


def _named(name: object, where: str) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"{where} has no '{_NAME}'. Write there which picture it is about.")
    return name
