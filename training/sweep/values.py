"""What a person writes as the values of an axis, as values. Pure, but for files through `Reader`.

4, 8, 16                a list; lines or commas between, quotes around what has a comma
1e-5…1e-3 log 5         five values with equal ratios (`..` for `…`)
0..1 5                  five values with equal steps
4..64 ×2                4, 8, 16, 32, 64 (`x2` too)
0..10 +2                0, 2, 4, 6, 8, 10
1e-5..1e-3 log          all between: for random and latin sweeps
file prompts.txt        a value on each line
folders hats-*          the folders that fit
*.safetensors           of a list of choices, those that fit
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from ..files import legible

Value = int | float | str | bool
MOST = 10_000  # values of an axis, and points of a sweep
TRUE, FALSE = ("true", "on", "yes"), ("false", "off", "no")

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(
    rf"(?P<low>{_NUMBER})\s*(?:\.\.\.?|…)\s*(?P<high>{_NUMBER})"
    rf"(?:\s+(?P<kind>log|lin))?"
    rf"(?:\s*(?P<by>[×xX*+])\s*(?P<step>{_NUMBER})|\s+(?P<count>\d+))?"
)


class Reader(Protocol):
    """Where files and folders are looked for; each raises `ValueError` for what may not be read."""

    def lines(self, name: str) -> list[str]: ...

    def folders(self, pattern: str) -> list[str]: ...


@dataclass(frozen=True)
class Spec:
    """One input as `/object_info` describes it."""

    kind: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    multiline: bool = False

    @classmethod
    def of(cls, spec: Sequence[Any]) -> "Spec":
        options = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
        listed = spec[0] if isinstance(spec[0], list | tuple) else options.get("options")
        if listed is not None:
            return cls("COMBO", choices=tuple(listed))
        low, high = options.get("min"), options.get("max")
        return cls(str(spec[0]), low, high, multiline=bool(options.get("multiline")))


@dataclass(frozen=True)
class Span:
    """All numbers from `low` to `high`, evenly, or evenly in their logarithm."""

    low: float
    high: float
    log: bool
    whole: bool

    def at(self, place: float) -> Value:
        """The number at `place` from 0 to 1 of the way."""
        if self.log:
            value = math.exp(math.log(self.low) + place * math.log(self.high / self.low))
        else:
            value = self.low + place * (self.high - self.low)
        return round(value) if self.whole else _short(min(max(value, self.low), self.high))


Values = tuple[Value, ...] | Span


def parse(text: str, spec: Spec, reader: Reader | None = None) -> Values:
    """The values that `text` names for an input. Raises `ValueError` with the word that is wrong.

    A `Span` where it is one range without a number of values.
    """
    words = _words(text, spec)
    if not words:
        raise ValueError("No value is named. Write some, such as 4, 8, 16 or 4..64 ×2.")
    if len(words) == 1 and isinstance(whole := _range(words[0], spec), Span):
        return whole
    found: list[Value] = []
    for word in words:
        found += _meant(word, spec, reader)
        if len(found) > MOST:
            raise ValueError(f"These are more than {MOST} values. Name fewer.")
    return tuple(_once(found))


def _meant(word: str, spec: Spec, reader: Reader | None) -> list[Value]:
    """The values that one word of a list stands for."""
    lead, _, rest = word.partition(" ")
    if lead in ("file", "folders") and rest.strip() and reader and spec.kind in ("STRING", "COMBO"):
        listed = reader.lines if lead == "file" else reader.folders
        return [typed(one, spec) for one in listed(rest.strip())]
    values = _range(word, spec)
    if isinstance(values, Span):
        raise ValueError(
            f"{legible(word)}: say how many values, such as {legible(word)} 5; a range without a "
            "number stands alone, for random and latin sweeps."
        )
    if values is not None:
        return values
    if spec.choices is not None and any(sign in word for sign in "*?"):
        return _fitting(word, spec.choices)
    return [typed(word, spec)]


def _words(text: str, spec: Spec) -> list[str]:
    """Lines and commas separate; in a text of several lines for a long text, lines alone do."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if spec.multiline or (spec.kind == "STRING" and len(lines) > 1):
        return [_unquoted(line) for line in lines]
    rows = csv.reader(lines, skipinitialspace=True)
    return [word.strip() for row in rows for word in row if word.strip()]


def _unquoted(line: str) -> str:
    quoted = len(line) > 1 and line[0] == line[-1] == '"'
    return line[1:-1] if quoted else line


def _range(word: str, spec: Spec) -> list[Value] | Span | None:
    """The numbers of a range, a `Span` where it has no number of values, None for what is none."""
    match = _RANGE.fullmatch(word) if spec.kind in ("INT", "FLOAT") else None
    if not match:
        return None
    low, high = float(match["low"]), float(match["high"])
    whole, log = spec.kind == "INT", match["kind"] == "log"
    if low >= high or not math.isfinite(high - low):
        raise ValueError(f"{word}: {match['low']} must be below {match['high']}.")
    if log and low <= 0:
        raise ValueError(f"{word}: a log range must begin above 0.")
    if match["by"]:
        return _whole(_stepped(word, low, high, match["by"], float(match["step"])), spec)
    if not match["count"]:
        return Span(low, high, log, whole)
    count = int(match["count"])
    if not 2 <= count <= MOST:
        raise ValueError(f"{word}: a range has from 2 to {MOST} values, not {count}.")
    span = Span(low, high, log, False)
    return _whole([span.at(number / (count - 1)) for number in range(count)], spec)


def _stepped(word: str, low: float, high: float, by: str, step: float) -> list[Value]:
    """From `low` to at most `high`, each value the last times or plus `step`."""
    times = by != "+"
    if (step <= 1 or low <= 0) if times else step <= 0:
        raise ValueError(f"{word}: {by}{step:g} does not lead from {low:g} to {high:g}.")
    last = math.log(high / low, step) if times else (high - low) / step
    if last > MOST:
        raise ValueError(f"{word}: these are more than {MOST} values.")
    count = math.floor(last + 1e-9) + 1
    return [_short(low * step**n if times else low + n * step) for n in range(count)]


def _whole(values: Iterable[Value], spec: Spec) -> list[Value]:
    """Rounded where the input takes whole numbers; what falls together is one value."""
    return _once(round(float(v)) if spec.kind == "INT" else v for v in values)


def _short(value: float) -> float:
    """Six digits: more say nothing, and names are made of them."""
    return float(f"{value:.6g}")


def _once(values: Iterable[Value]) -> list[Value]:
    """Without repetitions; True is not 1 here."""
    return list({(type(value), value): value for value in values}.values())


def _fitting(pattern: str, choices: Sequence[Any]) -> list[Value]:
    """The choices that a pattern names, with `/` for the folders of every system."""
    wanted = pattern.replace("\\", "/")
    found = [one for one in choices if fnmatchcase(str(one).replace("\\", "/"), wanted)]
    if not found:
        raise ValueError(f"{legible(pattern)}: no choice fits. There is {_some(choices)}.")
    return found


def _some(choices: Sequence[Any]) -> str:
    more = f" and {len(choices) - 8} more" if len(choices) > 8 else ""
    return ", ".join(map(legible, choices[:8])) + more if choices else "none"


def typed(word: Any, spec: Spec) -> Value:
    """`word` as a value of the input. Raises `ValueError` for what it does not take."""
    if spec.kind in ("INT", "FLOAT"):
        return _number(word, spec)
    if spec.kind == "BOOLEAN":
        said = str(word).strip().lower()
        if said not in TRUE + FALSE:
            raise ValueError(f"{legible(word)} is neither true nor false.")
        return said in TRUE
    if spec.choices is not None:
        for choice in spec.choices:
            if str(choice) == str(word):
                return choice
        raise ValueError(f"{legible(word)} is no choice. There is {_some(spec.choices)}.")
    return str(word)


def _number(word: Any, spec: Spec) -> Value:
    try:
        value = float(word)
        exact = int(str(word)) if re.fullmatch(r"\s*[-+]?\d+\s*", str(word)) else None
    except ValueError:
        raise ValueError(f"{legible(word)} is not a number.") from None
    if not math.isfinite(value):
        raise ValueError(f"{legible(word)} is no finite number.")
    if spec.kind == "INT":
        if value != int(value):
            raise ValueError(f"{legible(word)} is not a whole number.")
        value = int(value) if exact is None else exact  # a seed of 64 bits has no float
    within(value, spec)
    return value


def within(value: Value, spec: Spec) -> None:
    """Raises `ValueError` for a number outside the input's range."""
    if isinstance(value, str):
        return
    if spec.low is not None and value < spec.low:
        raise ValueError(f"{value:g} is below the least, {spec.low:g}.")
    if spec.high is not None and value > spec.high:
        raise ValueError(f"{value:g} is above the most, {spec.high:g}.")
