"""Hashes of files, read again only where size or time of a file are others."""

import threading
from pathlib import Path

from ..files import digest

_MOST = 200_000


class Contents:
    """What pictures hold, by file; for several threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path) -> str:
        """SHA-256 as `Record.content` has it. Raises `OSError`."""
        stat = path.stat()
        with self._lock:
            known = self._known.get(path)
        if known and known[:2] == (stat.st_size, stat.st_mtime_ns):
            return known[2]
        content = digest(path.read_bytes())
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[path] = (stat.st_size, stat.st_mtime_ns, content)
        return content
