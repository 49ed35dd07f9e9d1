"""What travels on a dataset wire: lazy records, never decoded pictures."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ..files import digest

CLASS = "class"  # of a picture that shows what the base knows already, for prior preservation


@dataclass(frozen=True)
class Record:
    """One picture and its caption. `width` and `height` are pixels as a person sees the picture.

    `lines` are those of the caption file, if it has several; `mask` is a picture of the same shape,
    white where it counts; the picture is shown `repeats` times as often as others. `written` is the
    caption as it was found, with its line ends and spaces, and `caption_file` where, if it has a
    file of its own. `flags` say what kind of picture it is (`CLASS`); `source` and `licence` are
    notes for people.
    """

    path: Path
    caption: str
    width: int
    height: int
    lines: tuple[str, ...] = ()
    mask: Path | None = None
    repeats: int = 1
    written: str = ""
    caption_file: Path | None = None
    flags: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""

    @cached_property
    def content(self) -> str:
        """Hash of the picture file's bytes; read once, when first needed."""
        return digest(self.path.read_bytes())

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """All that decides what is learned from it."""
        mask = digest(self.mask.read_bytes()) if self.mask else ""
        return self.content, self.caption, *self.lines, mask, str(self.repeats)


@dataclass(frozen=True)
class Dataset:
    """An ordered set of records; the order is the same on every machine.

    `told` are sentences on how it was read.
    """

    name: str
    records: tuple[Record, ...]
    notes: dict[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def beside(self, first: "Dataset") -> "Dataset":
        """The pictures of `first` and then these, with the notes of both."""
        name, records = f"{first.name} + {self.name}", first.records + self.records
        return Dataset(name, records, first.notes | self.notes, first.told + self.told)

    def flagged(self, flag: str, *, there: bool = True) -> "Dataset":
        """The records that have `flag`, or those that have not, in order."""
        return replace(self, records=tuple(r for r in self.records if (flag in r.flags) is there))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every picture and caption, in order. Where the folder lies does not matter."""
        return digest(*(part for record in self.records for part in record.identity))
