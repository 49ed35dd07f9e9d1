"""The base of every group of settings."""

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

ONE_LINE: JsonDict = {"one_line": True}  # of a text: for its place on a node
ADDED: JsonDict = {"added": True}  # later than its node: prompts that were saved do not have it
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


class Group(BaseModel):
    """Settings that belong together: unknown names and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyGroup = TypeVar("AnyGroup", bound=Group)


def checked(kind: type[AnyGroup], what: str, settings: dict[str, Any]) -> AnyGroup:
    """The group with these settings; `ValueError` names each wrong one, its value and its range."""
    try:
        return kind(**settings)
    except ValidationError as error:
        lines = [_line(kind, one) for one in error.errors()]
        raise ValueError(f"{what}: " + "; ".join(lines)) from error


def _line(kind: type[Group], error: Any) -> str:
    if not error["loc"]:
        return str(error["msg"])
    name, *_ = error["loc"]
    place = ".".join(map(str, error["loc"]))
    if name not in kind.model_fields:
        near = get_close_matches(str(name), kind.model_fields, 1)
        meant = f" (meant is perhaps {near[0]})" if near else ""
        return f"{place}: there is no such setting{meant}, got {error['input']!r}"
    return f"{place}: {error['msg']}, got {error['input']!r}{_range(kind.model_fields[name])}"


def _range(field: FieldInfo) -> str:
    """What a number may be."""
    found = [
        f"{word} {getattr(rule, limit)}"
        for rule in field.metadata
        for limit, word in _LIMITS.items()
        if hasattr(rule, limit)
    ]
    return f"; it is {' and '.join(found)}" if found else ""
