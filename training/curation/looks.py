"""Looks at many pictures, kept on disk by content: a picture that changed is looked at again."""

import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..data.dataset import Record
from ..files import atomic, legible
from .look import VERSION, Look, look_at, look_from

Tick = Callable[[str], None]
_MISSING = ""  # the content of a file that cannot be read


class Looks:
    """A folder of looks at `resolution`, in 256 files of JSON. Safe to delete at any time."""

    def __init__(self, folder: Path, resolution: int) -> None:
        self.folder = folder / f"{VERSION}-{resolution}"
        self.resolution = resolution

    def of(self, records: Sequence[Record], tick: Tick = lambda _: None) -> list[Look]:
        """A look at each picture, in order; `tick` is told the name of each that is looked at.

        What was seen is kept file by file, so that work which is stopped goes on there.
        """
        workers = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        try:
            contents = list(workers.map(_content, records))
            paths = dict(zip(contents, (record.path for record in records), strict=True))
            known = self.known(paths)
            wanted = sorted(content for content in paths if content and content not in known)
            fresh = workers.map(
                lambda content: look_at(paths[content], content, self.resolution), wanted
            )
            self._keep(fresh, known, lambda look: tick(paths[look.content].name))
        finally:
            workers.shutdown(cancel_futures=True)
        return [
            known[content] if content else _gone(record.path)
            for record, content in zip(records, contents, strict=True)
        ]

    def known(self, contents: Iterable[str]) -> dict[str, Look]:
        """Looks by content, of those that were looked at before, and perhaps others."""
        known: dict[str, Look] = {}
        for part in sorted({content[:2] for content in contents if content}):
            known |= self._read(part)
        return known

    def _keep(
        self, fresh: Iterable[Look], known: dict[str, Look], tick: Callable[[Look], None]
    ) -> None:
        """Add the looks, which come ordered by content, to `known` and to the files."""
        part = ""
        for look in fresh:
            if part and look.content[:2] != part:
                self._write(part, known)
            part = look.content[:2]
            known[look.content] = look
            tick(look)
        if part:
            self._write(part, known)

    def _read(self, part: str) -> dict[str, Look]:
        file = self.folder / f"{part}.json"
        if not file.is_file():
            return {}
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return {content: look_from(content, one) for content, one in kept.items()}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            logging.warning("%s cannot be used (%s). It is made again.", file, legible(error))
            return {}

    def _write(self, part: str, known: dict[str, Look]) -> None:
        own = {name: look.kept() for name, look in known.items() if name[:2] == part}
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in own.items())
        with atomic(self.folder / f"{part}.json") as temporary:
            temporary.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _content(record: Record) -> str:
    try:
        return record.content
    except OSError:
        return _MISSING


def _gone(path: Path) -> Look:
    return Look(_MISSING, f"{legible(path)} cannot be read: it is gone, or locked.")
