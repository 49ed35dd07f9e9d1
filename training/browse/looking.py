"""Looking at every picture of a folder while its page is open: minutes, in the background."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ..curation.looks import Looks
from ..files import legible
from .contents import Contents
from .facts import contents_of
from .shelf import Shelf


@dataclass
class Work:
    """What goes on: in which folder, how far, and what went wrong, if anything."""

    folder: Path
    total: int
    done: int = 0
    error: str = ""
    stop: bool = False


class Looking:
    """One folder at a time; what was seen is kept, so that stopped work goes on there."""

    def __init__(self, folder: Callable[[], Path], contents: Contents) -> None:
        self._folder = folder
        self._contents = contents
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.work: Work | None = None

    def start(self, shelf: Shelf, resolution: int) -> Work:
        """Begin, or tell of what goes on in that folder. `ValueError` while another is at work."""
        with self._lock:
            if self._thread and self._thread.is_alive() and self.work and not self.work.stop:
                if self.work.folder == shelf.folder:
                    return self.work
                raise ValueError(
                    f"Pictures of {legible(self.work.folder)} are being looked at. Wait, or stop "
                    "that first."
                )
            self.work = Work(shelf.folder, len(shelf.entries))
            arguments = (shelf, resolution, self.work)
            self._thread = threading.Thread(target=self._go, args=arguments, daemon=True)
            self._thread.start()
            return self.work

    def stop(self, folder: Path) -> None:
        if self.work and self.work.folder == folder:
            self.work.stop = True

    def told(self, folder: Path) -> Work | None:
        """The work on that folder, if it goes on."""
        alive = self._thread is not None and self._thread.is_alive()
        return self.work if alive and self.work and self.work.folder == folder else None

    def failed(self, folder: Path) -> str:
        """What went wrong in the last work, if that was on that folder."""
        return self.work.error if self.work and self.work.folder == folder else ""

    def _go(self, shelf: Shelf, resolution: int, work: Work) -> None:
        """Some pictures after the other: those whose looks are kept in one file."""
        looks = Looks(self._folder(), resolution)
        records = shelf.dataset().records
        own = zip(contents_of(shelf, self._contents), records, strict=True)
        readable = sorted((one for one in own if one[0]), key=lambda one: one[0])
        work.done = len(records) - len(readable)
        try:
            for _, some in groupby(readable, key=lambda one: one[0][:2]):
                if work.stop:
                    break
                part = [record for _, record in some]
                looks.of(part)
                work.done += len(part)
        except (OSError, ValueError) as error:
            work.error = legible(error)
