"""All runs in a list: what each was asked, how far it came, how it ended."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ..run import DEFAULTS, Run
from . import about, ending, pace
from .log_reader import LogReader, parsed
from .thin import thinned

TAIL = 128 * 1024  # bytes at the end of a log that a list looks at
_DECIDES = ("config.json", "result.json", "stops.json", about.NAME, ending.NAME)


@dataclass
class Index:
    """The rows of a folder of runs; one is made again only where its files are others."""

    _rows: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    def rows(self, runs: Path, going_on: set[str]) -> list[dict[str, Any]]:
        """A row for each run that can be read, the newest first. `going_on`: in this ComfyUI."""
        found = {path.name: path for path in _folders(runs)}
        for gone in self._rows.keys() - found.keys():
            self._rows.pop(gone, None)
        rows = []
        for name, path in found.items():
            stamp = _stamp(path)
            known = self._rows.get(name)
            if not known or known[0] != stamp:
                try:
                    known = stamp, row(Run(path))
                except ValueError:
                    continue
                self._rows[name] = known
            rows.append(known[1] | {"state": _state(known[1], name in going_on)})
        return sorted(rows, key=lambda one: one["begun"], reverse=True)


def _folders(runs: Path) -> list[Path]:
    if not runs.is_dir():
        return []
    folders = (path for path in runs.iterdir() if not path.name.startswith("."))
    return [path for path in folders if (path / "config.json").is_file()]


def _stamp(folder: Path) -> list[tuple[int, int] | None]:
    stamps = []
    for name in (*_DECIDES, "log.jsonl", pace.NAME):
        try:
            found = (folder / name).stat()
            stamps.append((found.st_mtime_ns, found.st_size))
        except OSError:
            stamps.append(None)
    return stamps


def row(run: Run) -> dict[str, Any]:
    """What the list says of a run. Raises `ValueError` for one that cannot be read."""
    asked = run.asked()
    config = asked["config"]
    said = about.read(run.folder)
    end = ending.read(run.folder)
    lines = pace.written(run.folder)
    log = tail(run.folder / "log.jsonl")
    step = max((int(one["step"]) for one in log if "step" in one), default=0)
    losses = [one["loss"] for one in log if isinstance(one.get("loss"), float)][-50:]
    held = [one["held_out"] for one in log if isinstance(one.get("held_out"), float)]
    return {
        "name": run.name,
        "title": said.title or run.name,
        "tags": said.tags,
        "archived": said.archived,
        "ended": end.state if end else "finished" if run.finished else "",
        "error": end.error if end else "",
        "step": step,
        "steps": config["steps"],
        "begun": run.begun(),
        "seconds": pace.seconds(lines),
        "told": lines[-1]["time"] if lines else 0.0,
        "loss": sum(losses) / len(losses) if losses else None,
        "held_out": held[-1] if held else None,
        "config": {key: one for key, one in config.items() if DEFAULTS.get(key) != one},
        "continues": (asked.get("continues") or {}).get("run", ""),
        "graph": run.graph() is not None,
    }


def _state(row: dict[str, Any], here: bool) -> str:
    if here:
        return "running"
    if row["ended"]:
        return row["ended"]
    return "running" if time.time() - row["told"] < pace.ALIVE else "unfinished"


def tail(path: Path) -> list[dict[str, Any]]:
    """The last whole lines of a log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            data = file.read()
    except OSError:
        return []
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    lines = lines if size <= TAIL else lines[1:]
    return [parsed(line) for line in lines]


class Readers:
    """The readers of a few runs' logs, kept while they are looked at."""

    MOST = 40

    def __init__(self) -> None:
        self._readers: dict[Path, LogReader] = {}
        self._lock = Lock()

    def of(self, run: Run) -> LogReader:
        path = run.folder / "log.jsonl"
        with self._lock:
            reader = self._readers.pop(path, None) or LogReader(path)
            self._readers[path] = reader  # the newest last
            while len(self._readers) > self.MOST:
                self._readers.pop(next(iter(self._readers)))
        return reader


def told(run: Run, reader: LogReader, after: str = "", count: int = 800) -> dict[str, Any]:
    """The curves of a run for the page: all of them, or what came `after` a cursor."""
    generation, _, line = after.partition(":")
    known = generation.isdecimal() and line.isdecimal()
    news = reader.news(int(generation) if known else -1, int(line) if known else 0, count)
    return {
        "run": run.name,
        "from": f"{news.generation}:{news.first}" if news.first else "",
        "to": f"{news.generation}:{news.last}",
        "series": news.series | ({} if news.first else _paced(run, count)),
    }


def _paced(run: Run, count: int) -> dict[str, list[list[float]]]:
    """Speed and memory, which stand beside the log."""
    lines = pace.written(run.folder)
    steps = np.array([one["step"] for one in lines], dtype=np.float64)
    series = {}
    for key in ("speed", "memory"):
        values = np.array([one.get(key, 0) for one in lines], dtype=np.float64)
        if len(lines) > 1 and values.any():
            series[key] = [one.tolist() for one in thinned(steps, values, count)]
    return series
