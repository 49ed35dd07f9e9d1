"""Which factor a layer has, by patterns of layers' names. Pure."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from ..files import legible


def factor(blocks: Mapping[str, float], layer: str) -> float:
    """That of the longest pattern that fits `layer`; 1 where none does."""
    fitting = [pattern for pattern in blocks if fits(pattern, layer)]
    return blocks[max(fitting, key=lambda one: (_length(one), one))] if fitting else 1.0


def fits(pattern: str, layer: str) -> bool:
    """`double_blocks.0` is that layer and all within it; `*` stands for any characters."""
    first, *others = f"{pattern.strip().rstrip('.')}.".split("*")
    name = f"{layer}."
    if not name.startswith(first):
        return False
    at = len(first)
    for part in others:  # each where it comes first: whatever follows the last is fine
        at = name.find(part, at) + len(part)
        if at < len(part):
            return False
    return True


def unfit(blocks: Mapping[str, float], layers: Iterable[str]) -> str:
    """What to say of the first pattern that fits none of the model's layers; '' if all do."""
    names = list(layers)
    for pattern in blocks:
        if not any(fits(pattern, name) for name in names):
            heads = sorted({head for name in names for head in _heads(name)})
            near = get_close_matches(pattern.rstrip(".*"), heads, n=3, cutoff=0.5)
            tops = sorted({name.partition(".")[0] for name in names})
            there = ", ".join(near or tops[:12])
            return f"no layer of the model fits the block '{legible(pattern)}'; there are {there}"
    return ""


def _heads(name: str) -> Iterable[str]:
    """Of a.b.c.d: a, a.b and a.b.c."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, min(4, len(parts) + 1)))


def _length(pattern: str) -> int:
    return len(pattern) - pattern.count("*")
