"""The training that goes on in this process: who asks it to stop, and what closing ComfyUI does."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import comfy.model_management as management
from comfy_execution.utils import get_executing_context

PATIENCE = 60  # seconds that closing ComfyUI waits for a run to be saved


@dataclass(frozen=True)
class Running:
    """`stop` is set by the page's button: the run ends after its step, with what it has."""

    run: str
    node: str
    stop: Event = field(default_factory=Event)
    left: Event = field(default_factory=Event)


_running: dict[str, Running] = {}


@atexit.register
def leave() -> None:
    """End what goes on as a cancel does, and wait until it is saved."""
    for one in list(_running.values()):
        management.interrupt_current_processing()
        one.left.wait(PATIENCE)


@contextmanager
def stoppable(run: str) -> Iterator[Running]:
    """Inside, the run can be asked to stop, and is saved before the process ends.

    ComfyUI trains in a thread that Ctrl-C does not reach: the process would end under it.
    """
    context = get_executing_context()
    this = Running(run, context.node_id if context else "")
    _running[run] = this
    try:
        yield this
    finally:
        del _running[run]
        this.left.set()


def ask_to_stop(run: str) -> bool:
    """Let a run end after the step that it is at; False if no such run goes on here."""
    found = _running.get(run)
    if found:
        found.stop.set()
    return found is not None


def running() -> list[dict[str, Any]]:
    """The runs that go on in this process, and the nodes that they belong to."""
    return [{"run": one.run, "node": one.node} for one in list(_running.values())]
