"""What a run tells while it goes on, from a thread of its own: the training loop does nothing for
it but to say which step it is at."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management as management
import psutil
from server import PromptServer

from ..config import TrainConfig
from ..run import Run
from ..watching import ending, pace
from ..watching.ending import Ending
from ..watching.index import Readers
from ..watching.tensorboard import Events
from .machine import allocated
from .running import Running

EVENT = "atelier.run"
EVERY = 1.0  # seconds between two looks
MOST = 200  # points in a telling
readers = Readers()  # those of the routes too: a place in a log means the same to both


@contextmanager
def watched(run: Run, running: Running, config: TrainConfig) -> Iterator[None]:
    """Inside, pages are told of the run, and its pace is written down; how it ends, at the end."""
    ending.forget(run.folder)
    watcher = Watcher(run, running, config)
    watcher.start()
    try:
        yield
    except management.InterruptProcessingException:
        _end(run, Ending("stopped"))
        raise
    except BaseException as error:
        _end(run, Ending("failed", f"{error}"[: ending.MOST]))
        raise
    else:
        if not run.finished:
            _end(run, Ending("stopped"))
    finally:
        watcher.end()


def _end(run: Run, how: Ending) -> None:
    """On a full disk, or where the folder is gone, the error itself says more."""
    if (run.folder / "config.json").is_file():
        try:
            ending.write(run.folder, how)
        except ValueError as error:
            logging.warning("%s", error)


class Watcher:
    """Looks every second at a run's log, and tells all pages what came to it.

    A telling names the place in the log that it goes on from: a page that was not there in time
    asks for what it lacks, and the others ask for nothing.
    """

    def __init__(self, run: Run, running: Running, config: TrainConfig) -> None:
        self.run = run
        self.running = running
        self.steps = config.steps
        self.cost = 0.0  # seconds of this machine's time, so far
        log = readers.of(run)
        self._line, self._generation = log.read(), log.generation
        self._pace: pace.Pace | None = None
        self._events = Events(run.folder) if config.tensorboard else None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch {run.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Wait until the last has been told."""
        self._left.set()
        self._thread.join()

    def _watch(self) -> None:
        going_on = True
        while going_on:
            going_on = not self._left.wait(EVERY)
            begun = time.thread_time()
            try:
                self.look(going_on)
            except (OSError, ValueError) as error:  # the training itself says what is wrong
                logging.debug("%s could not be watched: %s", self.run.name, error)
            self.cost += time.thread_time() - begun
        if self._events:
            self._events.close()

    def look(self, going_on: bool = True) -> None:
        """Write and tell what is new."""
        step = self.running.step
        memory = _memory()
        if step >= 0:
            self._pace = self._pace or pace.Pace()
            self._pace.at(step)
            if line := self._pace.line(step, memory, end=not going_on):
                pace.append(self.run.folder, line)
        if self._events:
            self._events.write()
        server = getattr(PromptServer, "instance", None)
        if server:
            server.send_sync(EVENT, self._told(memory, going_on))

    def _told(self, memory: int, going_on: bool) -> dict[str, Any]:
        news = readers.of(self.run).news(self._generation, self._line, MOST)
        self._generation, self._line = news.generation, news.last
        step = self.running.step
        end = None if going_on else ending.read(self.run.folder)
        return {
            "run": self.run.name,
            "node": self.running.node,
            "state": "running" if going_on else end.state if end else "finished",
            "error": end.error if end else "",
            "step": max(step, 0),
            "steps": self.steps,
            "from": f"{news.generation}:{news.first}",
            "to": f"{news.generation}:{news.last}",
            "series": news.series,
            "speed": round(self._pace.speed, 4) if self._pace else 0.0,
            "left": self._pace.left(step, self.steps) if self._pace else None,
            "memory": memory,
            "note": self.running.note,
        }


def _memory() -> int:
    """Bytes: of the device where it counts them, else of this process."""
    taken = allocated()
    return psutil.Process().memory_info().rss if taken is None else taken
