"""What the dataset page sends: nothing else is taken."""

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from ..browse.journal import Change

MOST_CHANGES = 200_000


class OfFolder(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    folder: str = Field(max_length=10_000)


class Caption(OfFolder):
    name: str
    expected: str
    text: str


class Captions(OfFolder):
    changes: list[Change] = Field(max_length=MOST_CHANGES)


class Decided(OfFolder):
    decisions: dict[str, str] = Field(max_length=MOST_CHANGES)


Sent = TypeVar("Sent", bound=BaseModel)


async def sent(request: web.Request, kind: type[Sent]) -> Sent:
    """The body of a request. Raises pydantic's `ValidationError`."""
    return kind.model_validate_json(await request.read())
