"""What a person decided about pictures, in a file that can be read, edited and undone.

`curation.json` keeps decisions by the content of a picture: they stay with it when it is renamed,
and end when it is changed. What was decided before is kept in the file too, the newest last.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset
from ..files import digest, legible, write_json

FILE = "curation.json"
KEEP, ASIDE = "keep", "set aside"
MOST_UNDONE = 100
_ABOUT = (
    "Pictures that Atelier's Curate looked at. 'decided' is yours: give a picture the word 'keep' "
    "or 'set aside', or take its line out. 'recommended' and 'clusters' are written anew each "
    "time."
)


@dataclass(frozen=True)
class Decisions:
    """`decided`: `KEEP` or `ASIDE` by content hash; `names` are for people; `before`: for undo."""

    decided: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    before: tuple[Mapping[str, str], ...] = ()

    def decide(self, changes: Mapping[str, str], names: Mapping[str, str]) -> "Decisions":
        """Decisions with `changes` by content; an empty word takes a decision back."""
        after = {**self.decided, **changes}
        decided = {content: word for content, word in after.items() if word}
        if decided == dict(self.decided):
            return self
        before = (*self.before, dict(self.decided))[-MOST_UNDONE:]
        return Decisions(decided, {**self.names, **names}, before)

    def undo(self) -> "Decisions":
        """As it was before the last change; nothing changes where there was none."""
        if not self.before:
            return self
        return replace(self, decided=self.before[-1], before=self.before[:-1])


def home(folder: Path, dataset: Dataset) -> Path:
    """The folder below `folder` for what is known of a dataset: by its name and where it lies."""
    parents = [str(record.path.parent) for record in dataset.records]
    try:
        common = os.path.commonpath(parents) if parents else ""
    except ValueError:  # on several drives of Windows
        common = ""
    return folder / digest(dataset.name, common)[:16]


def read(folder: Path) -> Decisions:
    """The decisions in a folder; none where there is no file. `ValueError` for a damaged one."""
    file = folder / FILE
    if not file.is_file():
        return Decisions()
    try:
        kept = json.loads(file.read_text(encoding="utf-8-sig"))
        lines = kept["decided"]
        decided = {content: _word(one["decision"]) for content, one in lines.items()}
        names = {content: str(one.get("file", "")) for content, one in lines.items()}
        before = tuple(
            {content: _word(word) for content, word in one.items()} for one in kept["before"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{file} cannot be read ({legible(error)}). Mend it in an editor, or move it away to "
            "begin without decisions."
        ) from error
    return Decisions(decided, names, before)


def told(folder: Path) -> dict[str, dict[str, Any]]:
    """What Curate wrote of pictures, by content: to be read, and given to `write` again."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8-sig"))
        parts = {name: dict(found[name]) for name in ("recommended", "clusters") if name in found}
    except (OSError, ValueError, TypeError, RecursionError):
        parts = {}
    return {"recommended": {}} | parts


def _word(word: Any) -> str:
    if word not in (KEEP, ASIDE):
        raise ValueError(f"a decision is '{KEEP}' or '{ASIDE}', not {word!r}")
    return word


def write(
    folder: Path,
    name: str,
    decisions: Decisions,
    recommended: Mapping[str, Any],
    clusters: Mapping[str, int] | None = None,
) -> Path:
    """Write decisions and recommendations, atomically; nothing is written that is there already.

    `clusters` are the numbers of pictures' clusters by content.
    """
    file = folder / FILE
    value = {
        "about": _ABOUT,
        "dataset": name,
        "decided": {
            content: {"file": decisions.names.get(content, ""), "decision": word}
            for content, word in decisions.decided.items()
        },
        "before": [dict(one) for one in decisions.before],
        "recommended": dict(recommended),
        "clusters": dict(clusters or {}),
    }
    try:
        same = json.loads(file.read_text(encoding="utf-8-sig")) == value
    except (OSError, ValueError, RecursionError):
        same = False
    if not same:
        write_json(file, value)
    return file
