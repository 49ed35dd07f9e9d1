"""What travels on a dataset wire: lazy records, never decoded pictures."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..files import digest


@dataclass(frozen=True)
class Record:
    """One picture and its caption. `width` and `height` are pixels as a person sees the picture.

    `lines` are those of the caption file, if it has several; `mask` is a picture of the same shape,
    white where it counts; the picture is shown `repeats` times as often as others.
    """

    path: Path
    caption: str
    width: int
    height: int
    lines: tuple[str, ...] = ()
    mask: Path | None = None
    repeats: int = 1

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
    """An ordered set of records; the order is the same on every machine."""

    name: str
    records: tuple[Record, ...]
    notes: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def beside(self, first: "Dataset") -> "Dataset":
        """The pictures of `first` and then these, with the notes of both."""
        name, records = f"{first.name} + {self.name}", first.records + self.records
        return Dataset(name, records, first.notes | self.notes)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every picture and caption, in order. Where the folder lies does not matter."""
        return digest(*(part for record in self.records for part in record.identity))
