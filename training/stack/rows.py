"""The rows of a LoRA stack as JSON: what the node's widget writes and the API takes.

{"version": 1, "rows": [{"on": true, "lora": "styles/ink.safetensors", "model": 0.8}]}
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from ..files import legible
from ..settings.group import Group
from .foreign import from_other_pack

Strength = Annotated[float, Field(ge=-100.0, le=100.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
NO_FILE = ("", "None")
MOST_ROWS = 500


class Row(Group):
    """One LoRA. A row that is off, or names no file yet, does nothing."""

    on: bool = True
    lora: Annotated[str, Field(max_length=1000)] = ""
    model: Strength = 1.0
    text: Strength | None = None
    """Strength for the text encoders; without it, that of the model."""
    blocks: dict[str, Strength] = Field(default_factory=dict, max_length=1000)
    """Factor by pattern of layers' names; where several match a layer, the longest counts."""
    schedule: Annotated[tuple[tuple[Share, Strength], ...], Field(max_length=200)] = ()
    """(share of the sampling steps done, factor from there on), the first at 0."""

    @field_validator("schedule")
    @classmethod
    def _in_order(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        starts = [start for start, _ in value]
        if starts and starts[0] != 0:
            raise ValueError("the first entry of a schedule starts at 0: write [0, 1] before it")
        if sorted(set(starts)) != starts:
            raise ValueError("a schedule's entries start one after the other")
        return value

    @field_validator("blocks")
    @classmethod
    def _named(cls, value: dict[str, float]) -> dict[str, float]:
        if any(not pattern.strip() or len(pattern) > 300 for pattern in value):
            raise ValueError("a pattern of blocks is empty, or longer than 300 characters")
        return value

    @property
    def text_strength(self) -> float:
        return self.model if self.text is None else self.text

    @property
    def acts(self) -> bool:
        return self.on and self.lora not in NO_FILE


class Rows(Group):
    """The value of the node's input `rows`."""

    version: Literal[1] = 1
    rows: Annotated[tuple[Row, ...], Field(max_length=MOST_ROWS)] = ()


EMPTY = '{"version": 1, "rows": []}'


def read_rows(text: str) -> tuple[Row, ...]:
    """The rows that `text` holds. `ValueError` that says which row and value is wrong."""
    if not text.strip():
        return ()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"rows is no JSON ({legible(error)}). Begin with {EMPTY}") from error
    ours = isinstance(value, dict) and ("rows" in value or "version" in value)
    return checked(value if ours else {"rows": from_other_pack(value)})


def checked(value: Any) -> tuple[Row, ...]:
    """The rows of what JSON holds, in our form."""
    try:
        return Rows.model_validate(value).rows
    except ValidationError as error:
        raise ValueError(f"rows: {_first(error)}") from error


def write_rows(rows: Sequence[Row]) -> str:
    """`rows` as JSON that `read_rows` takes: what is at its default is left out, but `on`."""
    told = [
        {"on": row.on, "lora": row.lora, "model": row.model}
        | row.model_dump(exclude_defaults=True, exclude={"on", "lora", "model"})
        for row in rows
    ]
    return json.dumps({"version": 1, "rows": told}, ensure_ascii=False)


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, with the row's number as people count."""
    one = error.errors(include_url=False)[0]
    place = [part + 1 if isinstance(part, int) else part for part in one["loc"]]
    where = " → ".join(map(str, place))
    given = f", not {legible(json.dumps(one['input'], default=str))}" if place else ""
    return f"{where}: {one['msg'].removeprefix('Value error, ')}{given}"
