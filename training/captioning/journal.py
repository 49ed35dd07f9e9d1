"""What was captioned, line by line, so that work which was cut off goes on where it stopped. Pure.

A line is on disk before its caption is written. It says what the caption file held before and after
(by hash), so that after a crash it can be told whether the caption was written, and whether
somebody has edited it since.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ..files import legible, telling


@dataclass(frozen=True)
class Entry:
    """One picture: its file, its content, the hashes of its caption file, and the caption."""

    picture: str
    content: str
    before: str
    after: str
    text: str


class Journal:
    """A file that only grows. Safe to delete: all is then captioned anew."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.entries: dict[str, Entry] = {}
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        for number, line in enumerate(text.splitlines(), 1):
            if not line:
                continue
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError, RecursionError) as error:  # cut off in the middle
                logging.warning("%s, line %s is left out (%s).", file, number, legible(error))
            else:
                self.entries[entry.picture] = entry

    def put(self, entry: Entry) -> None:
        """Write a line, so that it lasts. Raises `ValueError` where the disk refuses."""
        with telling(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                # A line of its own, also after one that was cut off.
                file.write(f"\n{json.dumps(asdict(entry))}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        self.entries[entry.picture] = entry
