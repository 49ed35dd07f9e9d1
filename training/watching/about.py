"""What people say of a run: its title, tags, and whether it is put away. `about.json`.

A run keeps the name of its folder: graphs find it by that, and so do the runs that go on from it.
"""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..files import legible, write_json

NAME = "about.json"


class About(BaseModel):
    model_config = ConfigDict(extra="ignore")
    title: str = Field(default="", max_length=200)
    tags: list[str] = Field(default_factory=list, max_length=50)
    archived: bool = False

    @field_validator("title")
    @classmethod
    def _line(cls, text: str) -> str:
        return legible(text.strip())

    @field_validator("tags")
    @classmethod
    def _words(cls, tags: list[str]) -> list[str]:
        words = [legible(tag.strip()) for tag in tags]
        if any(len(word) > 60 for word in words):
            raise ValueError("a tag has at most 60 characters")
        return list(dict.fromkeys(word for word in words if word))


class Change(BaseModel):
    """What is to be otherwise; None: stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    title: str | None = None
    tags: list[str] | None = None
    archived: bool | None = None


def read(folder: Path) -> About:
    """What is said; nothing where there is none, or what was edited by hand is of no use."""
    try:
        return About.model_validate(json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return About()


def change(folder: Path, wanted: Change) -> tuple[About, About]:
    """Write it; what was said before, to undo it by, and now. Raises pydantic's error."""
    before = read(folder)
    after = About.model_validate(before.model_dump() | wanted.model_dump(exclude_none=True))
    write_json(folder / NAME, after.model_dump())
    return before, after
