"""Captioning a dataset, picture by picture: each caption is on disk before the next is begun."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ..data.dataset import Dataset, Record
from ..data.pictures import PictureError, open_rgb
from ..data.readers.text import folded
from ..data.sidecar import CaptionChanged, write_caption
from .captioner import CannotCaption, Captioner, Said, Say
from .journal import Journal
from .settings import Mode
from .turns import BEFORE, EDITED, WANTED, Turn, entry_of, joined

CAPTIONED = "captioned"
SILENT = "left as they were, for the model said nothing"
CHANGED = "changed by something else meanwhile, and left"
BROKEN = "not readable"
SHOWN = "shown, and nothing written"
TRIED = 3  # pictures of a dry run

Tick = Callable[[int, str], None]  # how many are behind us, and which picture is next


@dataclass(frozen=True)
class Row:
    """What became of one picture. `text` is its caption now, or what a dry run would write."""

    turn: Turn
    state: str
    text: str
    cut: bool = False
    error: PictureError | None = None

    @property
    def record(self) -> Record:
        """The record with the caption that it has now."""
        if self.state not in (CAPTIONED, BEFORE, EDITED):
            return self.turn.record
        lines = tuple(folded(self.text))
        return replace(
            self.turn.record,
            caption=" ".join(lines),
            lines=lines if len(lines) > 1 else (),
            written=self.text,
            caption_file=self.turn.file.path if self.turn.file else self.turn.record.caption_file,
        )


@dataclass(frozen=True)
class Outcome:
    """Every picture of a dataset after it was captioned, in its order."""

    dataset: Dataset
    rows: tuple[Row, ...]

    @property
    def captioned(self) -> Dataset:
        return replace(self.dataset, records=tuple(row.record for row in self.rows))

    @property
    def broken(self) -> list[PictureError]:
        return [row.error for row in self.rows if row.error]


def caption_all(
    dataset: Dataset,
    turns: Sequence[Turn],
    captioner: Captioner,
    mode: Mode,
    journal: Journal,
    tick: Tick,
) -> Outcome:
    """Caption every picture that wants it, and write each caption as soon as it is there.

    A picture that cannot be read does not end the work. Raises `CannotCaption`, and whatever `tick`
    raises to stop; what was written stays, and the next call goes on there.
    """
    rows = {n: Row(turn, turn.state, turn.text) for n, turn in enumerate(turns)}
    wanted = [number for number, turn in enumerate(turns) if turn.state == WANTED]
    twins: dict[Path, Row] = {}
    try:
        with _opened(captioner, wanted) as say:
            for done, number in enumerate(wanted):
                turn = turns[number]
                tick(done, turn.name)
                twin = twins.get(turn.record.path)  # a picture may be in a dataset twice
                row = replace(twin, turn=turn) if twin else None
                rows[number] = row or _caption(turn, captioner, say, mode, journal)
                twins[turn.record.path] = rows[number]
            tick(len(wanted), "")
    except CannotCaption as error:
        written = sum(row.state == CAPTIONED for row in rows.values())
        kept = f" {written} of {len(wanted)} are captioned; queue again to go on there."
        raise CannotCaption(f"{error}{kept if written else ''}") from error
    return Outcome(dataset, tuple(rows.values()))


def try_out(
    dataset: Dataset, turns: Sequence[Turn], captioner: Captioner, mode: Mode, tick: Tick
) -> Outcome:
    """Caption `TRIED` of the pictures that want it, spread over the set; nothing is written."""
    wanted = [number for number, turn in enumerate(turns) if turn.state == WANTED]
    steps = min(TRIED, len(wanted))
    tried = [wanted[step * (len(wanted) - 1) // max(1, steps - 1)] for step in range(steps)]
    rows = {n: Row(turn, turn.state, turn.text) for n, turn in enumerate(turns)}
    with _opened(captioner, tried) as say:
        for done, number in enumerate(tried):
            turn = turns[number]
            tick(done, turn.name)
            try:
                said = say(open_rgb(turn.record.path))
            except PictureError as error:
                rows[number] = Row(turn, BROKEN, "", error=error)
            else:
                text = joined(turn.text, said.text, mode, captioner.tags)
                rows[number] = Row(turn, SHOWN, text, said.cut)
        tick(len(tried), "")
    return Outcome(dataset, tuple(rows.values()))


def _opened(captioner: Captioner, wanted: Sequence[int]) -> AbstractContextManager[Say]:
    """The captioner, loaded for the block; not at all if nothing is wanted."""
    return captioner.open() if wanted else nullcontext(_nobody)


def _nobody(_picture: Image.Image) -> Said:
    raise AssertionError("no picture wants a caption")


def _caption(turn: Turn, captioner: Captioner, say: Say, mode: Mode, journal: Journal) -> Row:
    try:
        said = say(open_rgb(turn.record.path))
    except PictureError as error:
        return Row(turn, BROKEN, turn.text, error=error)
    if not said.text:
        return Row(turn, SILENT, turn.text)
    text = joined(turn.text, said.text, mode, captioner.tags)
    if turn.file is None:
        journal.put(entry_of(turn, text))
    else:
        try:
            journal.put(entry_of(turn, f"{text}\n"))
            write_caption(turn.file.path, f"{text}\n", turn.file.hash)
        except CaptionChanged:
            return Row(turn, CHANGED, turn.text, said.cut)
    return Row(turn, CAPTIONED, text, said.cut)
