"""TensorBoard event files of a run, by TensorBoard's own writer: an option, for who has it."""

import math
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .log_reader import LogReader

FOLDER = "tensorboard"
TAGS = {
    "loss": "loss/train",
    "held_out": "loss/held-out",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
}


def refuse_missing() -> None:
    """`ValueError` where the package is not installed."""
    if find_spec("tensorboard") is None:
        raise ValueError(
            "tensorboard = on needs the package tensorboard, which is not installed. Install it "
            "into ComfyUI's Python (pip install tensorboard), or set tensorboard to off in "
            "Validation Options."
        )


class Events:
    """Writes what a log holds, and what is added to it, into `folder`.

    Begun anew at every sitting, with all that was logged before: a log that was cut back at a
    resume leaves no points behind.
    """

    def __init__(self, run: Path) -> None:
        refuse_missing()
        folder = run / FOLDER
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink(missing_ok=True)
        proto, writer = "tensorboard.compat.proto", "tensorboard.summary.writer.event_file_writer"
        self._event: Any = import_module(f"{proto}.event_pb2").Event
        self._summary: Any = import_module(f"{proto}.summary_pb2").Summary
        self._writer: Any = import_module(writer).EventFileWriter(str(folder))
        self._log = LogReader(run / "log.jsonl")
        self._line = 0

    def write(self) -> None:
        """Write what the log has more than at the last time."""
        lines = self._log.read()
        if lines == self._line:
            return
        for key, tag in TAGS.items():
            series = self._log.series.get(key)
            if series:
                steps, values = series.since(self._line, len(series.lines) + 4)
                for step, value in zip(steps, values, strict=True):
                    self._add(tag, int(step), float(value))
        self._line = lines
        self._writer.flush()

    def _add(self, tag: str, step: int, value: float) -> None:
        if math.isfinite(value):
            summary = self._summary(value=[self._summary.Value(tag=tag, simple_value=value)])
            self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        self.write()
        self._writer.close()
