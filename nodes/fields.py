"""A group of settings as the inputs of a node: names, ranges and sentences have one home."""

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from comfy_api.latest import io
from pydantic.fields import FieldInfo

from ..training.settings.group import ADDED, ONE_LINE, Group

_LIMITS = {"ge": "min", "gt": "min", "le": "max", "lt": "max"}


def inputs(group: type[Group], choices: dict[str, Sequence[str]] | None = None) -> list[Any]:
    """An input for each setting of `group`; `choices` are the options of text settings."""
    choices = choices or {}
    return [_input(name, field, choices.get(name)) for name, field in group.model_fields.items()]


def in_place(group: type[Group], names: Sequence[str]) -> list[Any]:
    """An input for each of these numbers of `group`, whose 0 leaves what was decided before."""
    made = inputs(group)
    for one in made:
        one.default = one.min = 0
        one.tooltip = f"0: as decided before. {one.tooltip}"
    return [one for one in made if one.id in names]


def _input(name: str, field: FieldInfo, choices: Sequence[str] | None) -> Any:
    shared: dict[str, Any] = {"default": field.default, "tooltip": field.description}
    if field.json_schema_extra == ADDED:  # ComfyUI refuses a prompt without a required input
        shared["optional"] = True
    if choices or get_origin(field.annotation) is Literal:
        return io.Combo.Input(name, options=list(choices or get_args(field.annotation)), **shared)
    if field.annotation is bool:
        return io.Boolean.Input(name, **shared)
    if field.annotation is str:
        one_line = field.json_schema_extra == ONE_LINE
        return io.String.Input(name, multiline=not one_line, **shared)
    if field.annotation is int:
        more: dict[str, Any] = {"control_after_generate": False} if name == "seed" else {}
        return io.Int.Input(name, **shared, **_limits(field), **more)
    assert field.annotation is float, name
    return io.Float.Input(name, **shared, **_limits(field), **_arrows(field.default))


def _limits(field: FieldInfo) -> dict[str, Any]:
    kind: Any = field.annotation
    return {
        widget: kind(getattr(rule, limit))
        for rule in field.metadata
        for limit, widget in _LIMITS.items()
        if hasattr(rule, limit)
    }


def _arrows(default: float) -> dict[str, Any]:
    """Arrows move a small number by small steps; what is typed is kept to nine places."""
    return {"step": 1e-6 if 0 < default < 1e-3 else 0.01, "round": 1e-9}
