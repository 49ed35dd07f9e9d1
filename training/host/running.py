"""The training that goes on in this process: who asks it to stop, and what closing ComfyUI does."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal

import comfy.model_management as management
from comfy_execution.utils import get_executing_context

PATIENCE = 60  # seconds that closing ComfyUI waits for a run to be saved


@dataclass
class Running:
    """`stop` is set by the page's button: the run ends after its step, with what it has.

    `sample` and `save` ask for pictures and for a LoRA file after the present step. `step` is where
    it is, -1 until it begins; `note` what it said last of what it was asked for.
    """

    run: str
    node: str
    stop: Event = field(default_factory=Event)
    sample: Event = field(default_factory=Event)
    save: Event = field(default_factory=Event)
    left: Event = field(default_factory=Event)
    step: int = -1
    note: str = ""


def taken(asked: Event) -> bool:
    """Whether it was asked for; then it is no longer."""
    if not asked.is_set():
        return False
    asked.clear()
    return True


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
    return ask(run, "stop")


def ask(run: str, what: Literal["stop", "sample", "save"]) -> bool:
    """Ask something of a run; False if no such run goes on here."""
    found = _running.get(run)
    if found:
        event: Event = getattr(found, what)
        event.set()
    return found is not None


def running() -> list[dict[str, Any]]:
    """The runs that go on in this process, and the nodes that they belong to."""
    return [{"run": one.run, "node": one.node} for one in list(_running.values())]
