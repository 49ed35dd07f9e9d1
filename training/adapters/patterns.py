"""Lines that name layers: regular expressions, and the rank and alpha of what they find. Pure."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Of the adapter on one layer. Its effect is scaled by alpha / rank."""

    rank: int
    alpha: float


def parse_patterns(text: str) -> list[re.Pattern[str]]:
    """A pattern in a line; `ValueError` names one that is none."""
    return [_compiled(line) for line in map(str.strip, text.splitlines()) if line]


def parse_ranks(text: str) -> list[tuple[re.Pattern[str], Size]]:
    """Lines `pattern = rank` or `pattern = rank / alpha`; `ValueError` names one that is not."""
    groups = []
    for line in filter(None, map(str.strip, text.splitlines())):
        found = re.fullmatch(r"(.+?)\s*=\s*(\d+)\s*(?:/\s*(\d+(?:\.\d*)?))?", line)
        if not found or not 1 <= int(found[2]) <= 1024 or (found[3] and not float(found[3])):
            raise ValueError(
                f"{line!r} is not like `attn2 = 8` or `attn2 = 8 / 4` (rank 1 to 1024)"
            )
        rank = int(found[2])
        groups.append((_compiled(found[1]), Size(rank, float(found[3] or rank))))
    return groups


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
