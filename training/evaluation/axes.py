"""What a grid varies, as people write it, and as values. Pure."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from ..files import legible
from ..settings.group import ONE_LINE, Group

Combine = Literal["each alone", "on and off", "all together"]
LORA, CHECKPOINT, STRENGTH = "lora", "checkpoint", "strength"
OF_THE_LORA = (LORA, CHECKPOINT, STRENGTH)
NAMES = ("prompt", "seed", "lora", STRENGTH, "steps", "cfg", "sampler", "scheduler", "size")
NOT_LEGIBLE = "Write numbers with commas between them, such as 0.5, 1."


def _list_of(what: str, example: str) -> Any:
    return Field(
        default="",
        description=f"{what} to compare, with commas between them: {example}. Empty: that of the "
        "grid's node, in all pictures.",
        max_length=10_000,
        json_schema_extra=ONE_LINE,
    )


class Axes(Group):
    """What Grid Axes sets."""

    rows: str = Field(
        default="prompt, seed",
        description="What goes down the grid, the slowest first; all else goes across. Of: "
        f"{', '.join(NAMES)}.",
        max_length=1000,
        json_schema_extra=ONE_LINE,
    )
    combine: Combine = Field(
        default="each alone",
        description="Where several LoRAs are wired. each alone: one at a time. on and off: every "
        "combination of them. all together: all at once.",
    )
    steps: str = _list_of("Numbers of sampling steps", "10, 20, 30")
    cfg: str = _list_of("Values of cfg", "3, 5")
    samplers: str = _list_of("Samplers", "euler, dpmpp_2m")
    schedulers: str = _list_of("Schedulers", "simple, karras")
    sizes: str = _list_of("Sizes, width by height in pixels,", "1024x1024, 832x1216")
    batch_size: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Pictures of each seed, drawn as one batch as Empty Latent Image's batch_size "
        "does. Each has a row of its own.",
    )


@dataclass(frozen=True)
class Value:
    """A place on an axis: what is written there, and what it sets."""

    label: str
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    name: str
    values: tuple[Value, ...]


def words(text: str) -> list[str]:
    """The words in `a, b; c`, each once."""
    return list(dict.fromkeys(word for word in re.split(r"[\s,;]+", text) if word))


def numbers(text: str, what: str) -> list[float]:
    """The numbers in `0, 0.5 1`; `ValueError` naming `what` and the word that is none."""
    found: list[float] = []
    for word in words(text) or [""]:
        try:
            value = float(word)
        except ValueError:
            raise ValueError(f"{what}: '{legible(word)}' is not a number. {NOT_LEGIBLE}") from None
        if not abs(value) < 1e20:
            raise ValueError(f"{what}: {word!r} is out of range.")
        if value not in found:
            found.append(value)
    return found


def whole_numbers(text: str, what: str, least: int, most: int, told: str) -> list[int]:
    """As `numbers`, of those that have no point and lie in the range, which `told` says."""
    numbers(text, what)
    exact = [_exactly(word) for word in words(text)]
    if any(value is None or not least <= value <= most for value in exact):
        raise ValueError(f"{what}: {legible(text)!r} must be whole numbers from {told}.")
    return [value for value in dict.fromkeys(exact) if value is not None]


def _exactly(word: str) -> int | None:
    """The whole number that `word` is, without the way over a float, which has 53 bits."""
    if re.fullmatch(r"[+-]?\d+", word):
        return int(word)
    return int(float(word)) if float(word).is_integer() else None


def setting_axes(axes: Axes, samplers: Collection[str], schedulers: Collection[str]) -> list[Axis]:
    """An axis for each setting that is varied. `ValueError` names a value that cannot be."""
    found = [
        _axis("steps", axes.steps, _steps),
        _axis("cfg", axes.cfg, _cfg),
        _axis("sampler", axes.samplers, lambda text: _known(text, "sampler", samplers)),
        _axis("scheduler", axes.schedulers, lambda text: _known(text, "scheduler", schedulers)),
        _axis("size", axes.sizes, _sizes),
    ]
    return [axis for axis in found if axis.values]


def _axis(name: str, text: str, read: Callable[[str], Iterable[Value]]) -> Axis:
    return Axis(name, tuple(read(text)) if text.strip() else ())


def _steps(text: str) -> list[Value]:
    values = whole_numbers(text, "steps", 1, 10_000, "1 to 10000")
    return [Value(str(value), {"steps": value}) for value in values]


def _cfg(text: str) -> list[Value]:
    values = numbers(text, "cfg")
    if bad := next((value for value in values if not 0 <= value <= 100), None):
        raise ValueError(f"cfg: {bad:g} must be a number from 0 to 100.")
    return [Value(f"{value:g}", {"cfg": value}) for value in values]


def _known(text: str, what: str, known: Collection[str]) -> list[Value]:
    field = {"sampler": "sampler_name"}.get(what, what)
    for word in words(text):
        if word not in known:
            raise ValueError(
                f"{what}s: '{legible(word)}' is none that ComfyUI has: {', '.join(sorted(known))}."
            )
    return [Value(word, {field: word}) for word in words(text)]


def _sizes(text: str) -> list[Value]:
    found = []
    for word in words(text):
        match = re.fullmatch(r"(\d{1,5})[x×*](\d{1,5})", word.lower())
        sides = [int(side) for side in match.groups()] if match else [0]
        if any(not 16 <= side <= 16384 or side % 8 for side in sides):
            raise ValueError(
                f"sizes: '{legible(word)}' is no size. Write width x height in pixels without "
                "spaces, 16 to 16384 and divisible by 8, such as 832x1216."
            )
        found.append(Value(f"{sides[0]}×{sides[1]}", {"width": sides[0], "height": sides[1]}))
    return found


def rows_of(text: str) -> list[str]:
    """The names of axes in `text`; `ValueError` for what is none."""
    found = [{CHECKPOINT: LORA}.get(word, word) for word in words(text.lower())]
    if wrong := next((name for name in found if name not in NAMES), None):
        raise ValueError(
            f"rows: '{legible(wrong)}' is nothing that a grid varies. Those are {', '.join(NAMES)}."
        )
    return list(dict.fromkeys(found))
