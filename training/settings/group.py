"""The base of every group of settings."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.config import JsonDict

ONE_LINE: JsonDict = {"one_line": True}  # of a text: for its place on a node
ADDED: JsonDict = {"added": True}  # later than its node: prompts that were saved do not have it


class Group(BaseModel):
    """Settings that belong together: unknown names and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyGroup = TypeVar("AnyGroup", bound=Group)


def checked(kind: type[AnyGroup], what: str, settings: dict[str, Any]) -> AnyGroup:
    """The group with these settings; `ValueError` names each wrong one, its value and its range."""
    try:
        return kind(**settings)
    except ValidationError as error:
        raise ValueError(f"{what}: " + "; ".join(map(_line, error.errors()))) from error


def _line(error: Any) -> str:
    if not error["loc"]:
        return str(error["msg"])
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}, got {error['input']!r}"
