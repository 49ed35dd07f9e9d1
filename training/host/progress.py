"""What a person sees while something long runs: a bar, a line of text, a picture; and stopping."""

import time

import comfy.model_management as management
from comfy.utils import ProgressBar
from comfy_execution.progress import NodeState, get_progress_state
from comfy_execution.utils import get_executing_context
from PIL import Image
from server import PromptServer

Interrupted = management.InterruptProcessingException


def check_interrupt() -> None:
    """Raise `Interrupted` if the user pressed cancel."""
    management.throw_exception_if_processing_interrupted()


def show_text(text: str) -> None:
    """Show a line on the node that runs; on the node that the user placed, if it was expanded."""
    server = getattr(PromptServer, "instance", None)
    context = get_executing_context()
    if server and context:
        server.send_progress_text(text, context.node_id.split(".")[0])


def forget_finished() -> None:
    """Take the finished parts of the node that runs out of ComfyUI's list of what runs.

    It sends the whole list to the page at every step: for the parts of a large grid, megabytes.
    """
    context = get_executing_context()
    if context is None:
        return
    parts = f"{context.node_id.split('.')[0]}."
    nodes = get_progress_state().nodes
    for node, state in list(nodes.items()):
        if node.startswith(parts) and state["state"] is NodeState.Finished:
            del nodes[node]


def clock(seconds: float) -> str:
    """12:05, or 1:02:05 from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Progress:
    """A bar of `total` steps on the node that runs, with a line of text and the time left."""

    def __init__(self, total: int) -> None:
        self.bar = ProgressBar(total)
        self.total = total
        self.begin(0)

    def begin(self, done: int) -> None:
        """The clock for the time left starts here, with `done` steps behind us."""
        self.started = time.monotonic()
        self.done = self.first = done

    def update(self, done: int, text: str = "", picture: Image.Image | None = None) -> None:
        """`done` of the total steps are behind us. Raises `Interrupted` on the user's cancel."""
        check_interrupt()
        self.done = done
        preview = ("JPEG", picture, 768) if picture else None
        self.bar.update_absolute(done, self.total, preview)
        if text:
            show_text(f"{text} {self.remaining()}".strip())

    def remaining(self) -> str:
        behind = self.done - self.first
        if behind <= 0 or self.done >= self.total:
            return ""
        pace = (time.monotonic() - self.started) / behind
        return f"· {clock(pace * (self.total - self.done))} left"
