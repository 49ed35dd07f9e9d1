"""What earlier versions wrote into a run's `config.json`, as this one would have written it.

A new setting needs no step of its own here: a run from before has its default, which therefore has
to mean what was done before there was a choice. A setting that is renamed, or comes to mean
something else, needs one.
"""

from collections.abc import Callable, Mapping
from typing import Any

VERSION = 2

Stored = dict[str, Any]


def _from_1(stored: Stored) -> Stored:
    """No run could be branched yet."""
    return stored | {"continues": None}


STEPS: dict[int, Callable[[Stored], Stored]] = {1: _from_1}  # by the version that they leave


def migrate(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> Stored:
    """`stored` in the form of `VERSION`, with `defaults` for settings that it does not know.

    Raises `ValueError` for what a newer version wrote, and for what no version did.
    """
    if not isinstance(stored, dict) or not isinstance(stored.get("config"), dict):
        raise ValueError("it does not say what was asked")
    now = dict(stored)
    version = now.get("version", 1)
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise ValueError(f"a newer Atelier wrote it (version {version!r}): update this one")
    for step in range(version, VERSION):
        now = STEPS[step](now)
    unknown = sorted(now["config"].keys() - defaults.keys())
    if unknown:
        raise ValueError(
            f"it has settings that this Atelier does not know ({', '.join(unknown[:5])}): a newer "
            "one wrote it, update this one"
        )
    return now | {"version": VERSION, "config": {**defaults, **now["config"]}}
