"""Captioning on the node that runs: progress, cancel, what is written where."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import comfy.model_management as management

from ..captioning.addresses import Address, address_of, listed_in
from ..captioning.captioner import Captioner, Say
from ..captioning.journal import Journal
from ..captioning.settings import CaptionSettings
from ..captioning.turns import WANTED, turns
from ..captioning.work import Outcome, caption_all, try_out
from ..data.dataset import Dataset
from ..data.folder import together
from ..files import digest
from .folders import records, writable
from .progress import Progress

ENDPOINTS_FILE = "endpoints.txt"


def caption(dataset: Dataset, captioner: Captioner, settings: CaptionSettings) -> Outcome:
    """Caption `dataset`, or try it out. Cancelled, it keeps what is done and goes on there later.

    Raises `CannotCaption`, and `ValueError` that names every picture that cannot be read, after all
    others were captioned.
    """
    journal = Journal(_journal(captioner, settings))
    planned = turns(dataset, settings.mode, journal, writable())
    wanted = sum(turn.state == WANTED for turn in planned)
    tick = _ticking(wanted, captioner.name)
    if settings.dry_run:
        return try_out(dataset, planned, captioner, settings.mode, tick)
    outcome = caption_all(dataset, planned, captioner, settings.mode, journal, tick)
    if outcome.broken:
        raise together(dataset.name, outcome.broken)
    return outcome


def _journal(captioner: Captioner, settings: CaptionSettings) -> Path:
    key = digest(captioner.key, settings.mode)
    return records() / "captions" / f"{key[:16]}.jsonl"


def _ticking(total: int, name: str) -> Callable[[int, str], None]:
    bar = Progress(max(1, total))

    def tick(done: int, picture: str) -> None:
        bar.update(done, f"{name}: {done} of {total}{f' · {picture}' if picture else ''}")

    return tick


def endpoint_address(text: str) -> Address:
    """The address of a server that a workflow names: on this machine, or listed by its user."""
    file = records() / ENDPOINTS_FILE
    return address_of(text, listed_in(file), file)


def with_room(captioner: Captioner, room: float) -> Captioner:
    """`captioner`, for which ComfyUI leaves `room` bytes on its device when it is opened.

    For what takes memory there and is not ComfyUI's, such as onnxruntime.
    """

    @contextmanager
    def opened() -> Iterator[Say]:
        if room:
            management.free_memory(room, management.get_torch_device())
        with captioner.open() as say:
            yield say

    return replace(captioner, open=opened)
