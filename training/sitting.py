"""What a run cost: a line in `sittings.jsonl` for each sitting, when it ends.

The log has no times, so that two runs of the same have the same log.
"""

import datetime
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .cost import FILE
from .host.machine import forget_peak, machine, peak_bytes
from .session import Session


@contextmanager
def sitting(session: Session) -> Iterator[None]:
    """Record how long the steps inside took, samples and validation among them, and on what.

    A process that is killed leaves no line. Nothing is raised here: it is only told.
    """
    run, state, device = session.run, session.state, session.denoiser.device
    began, first, start = datetime.datetime.now(datetime.timezone.utc), state.step, time.monotonic()
    forget_peak(device)
    try:
        yield
    finally:
        line = {
            "began": began.isoformat(timespec="seconds"),
            "from": first,
            "to": state.step,
            "seconds": round(time.monotonic() - start, 3),
            "peak": peak_bytes(device),
            **machine(device),
        }
        try:
            with (run.folder / FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            logging.warning("%s: what this sitting cost is not recorded: %s", run.name, error)
