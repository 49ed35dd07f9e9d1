"""What a reader gives: for each picture what is said of it, and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .facts import Facts
from .scan import Found, Tree


@dataclass(frozen=True)
class Said:
    """What one format says of one picture.

    `written` is the caption as it stands there, `where` names the place for people, `file` is the
    caption's own file, if it has one.
    """

    written: str
    where: str
    file: Path | None = None
    repeats: int = 1
    flags: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""


@dataclass
class Reading:
    """All that a format says: by the picture's name in its folder, what is wrong, what to tell."""

    said: dict[str, Said] = field(default_factory=dict)
    problems: list[ValueError] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A folder to read from: its files, those that are pictures, and what is known of them.

    A file that is a link must lead into one of the `roots`.
    """

    tree: Tree
    pictures: Sequence[Found]
    facts: Facts
    roots: Sequence[Path]


Reader = Callable[[Source], Reading]
