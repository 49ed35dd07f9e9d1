"""Sweeps of this server: what the queue and the history say of their points."""

import asyncio
import logging
import uuid
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import nodes
from server import PromptServer

from ..files import legible
from ..sweep.facts import facts
from ..sweep.history import ended, point_of
from ..sweep.kept import CANCELLED, DONE, QUEUED, WAITING, Kept, Point
from . import folders

BOOT = uuid.uuid4().hex  # another one after a restart: what was queued before is gone
OFTEN = 2.0  # seconds between looks at the history, while a sweep's points are queued
MOST_TEXT = 5_000_000  # characters of a file of prompts

_watching: set[asyncio.Task[None]] = set()


def sweeps() -> Path:
    return folders.records() / "sweeps"


class ServerReader:
    """Files and folders that a sweep may name: those that a workflow may, and no others."""

    def lines(self, name: str) -> list[str]:
        path = folders.resolve(name)
        if path.suffix.lower() not in (".txt", ".csv", ".md", ".list") or not path.is_file():
            raise ValueError(f"{legible(path)} is no text file (.txt).")
        if path.stat().st_size > MOST_TEXT:
            raise ValueError(f"{legible(path)} is too long for a list of values.")
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{legible(path)} cannot be read ({error}).") from error
        return [line.strip() for line in text.splitlines() if line.strip()]

    def folders(self, pattern: str) -> list[str]:
        """Folders by a pattern for the last part of a path: `sets/hats-*`."""
        parent, _, last = pattern.replace("\\", "/").rpartition("/")
        base = folders.resolve_folder(parent or ".")
        lead = f"{parent}/" if parent else ""
        found = [
            f"{lead}{path.name}"
            for path in sorted(base.iterdir())
            if fnmatchcase(path.name, last) and path.is_dir() and path.name[0] != "."
        ]
        for name in found:
            folders.resolve_folder(name)  # a link may lead elsewhere
        if not found:
            raise ValueError(f"No folder fits {legible(pattern)} in {legible(base)}.")
        return found


def object_info(kinds: set[str]) -> dict[str, Any]:
    """Of the nodes in a prompt, what `/object_info` says of their inputs."""
    known = {kind: nodes.NODE_CLASS_MAPPINGS.get(kind) for kind in kinds}
    return {kind: {"input": node.INPUT_TYPES()} for kind, node in known.items() if node}


def look(kept: Kept) -> tuple[list[Point], bool]:
    """The points as queue and history have them now, noted in the journal where that is news.

    And whether any is still in the queue. Points that were queued before a restart wait again.
    """
    server = PromptServer.instance
    running, pending = server.prompt_queue.get_current_queue()
    sweep = kept.sweep()
    points = kept.points(len(sweep.points))
    queued = {}
    for item in [*running, *pending]:
        tag = point_of(item)
        if tag and tag[0] == kept.name and 0 <= tag[1] < len(points):
            queued[tag[1]] = str(item[1])
    entries = {}
    for prompt_id, entry in server.prompt_queue.get_history().items():
        tag = point_of(entry["prompt"])
        if tag and tag[0] == kept.name and 0 <= tag[1] < len(points):
            entries[tag[1]] = (prompt_id, entry)  # of several, the last
    for number, point in enumerate(points):
        for state, told in _news(number, point, queued, entries):
            kept.note(number, state, **told)
    return kept.points(len(points)), bool(queued)


def _news(
    number: int, point: Point, queued: dict[int, str], entries: dict[int, tuple[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    if point.state == DONE:
        return []
    known = point.told.get("prompt_id")
    if number in queued:
        if known == queued[number] and point.state == QUEUED:
            return []
        return [(QUEUED, {"prompt_id": queued[number], "boot": BOOT})]
    if number in entries:
        prompt_id, entry = entries[number]
        if known == prompt_id and point.state not in (QUEUED, WAITING):
            return []
        end = ended(entry)
        return [(end.state, {"prompt_id": prompt_id, **end.told(), **facts_of(end.runs)})]
    if point.state == QUEUED and "server" not in point.told:  # not a terminal's, which looks itself
        if point.told.get("boot") == BOOT:
            return [(CANCELLED, {"prompt_id": known, "error": "It was taken out of the queue."})]
        return [(WAITING, {"prompt_id": known})]
    return []


def facts_of(runs: tuple[str, ...]) -> dict[str, Any]:
    """The facts of the last run that a point trained, if it did."""
    for name in reversed(runs):
        try:
            return {"facts": facts(folders.runs() / name)}
        except LookupError:
            continue
    return {}


def watch(kept: Kept) -> None:
    """Go on looking while points are in the queue, so that nothing is missed without a page."""
    if any(task.get_name() == kept.name for task in _watching):
        return

    async def looking() -> None:
        idle = 0
        while idle < 5:  # the page may still be queueing
            await asyncio.sleep(OFTEN)
            try:
                _, busy = await asyncio.to_thread(look, kept)
            except (ValueError, OSError) as error:
                logging.warning("The sweep %s cannot be followed: %s", kept.name, error)
                return
            idle = 0 if busy else idle + 1

    task = asyncio.get_running_loop().create_task(looking(), name=kept.name)
    _watching.add(task)
    task.add_done_callback(_watching.discard)
