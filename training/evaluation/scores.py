"""The scores of a grid's pictures, each beside the base at the same prompt and seed.

Vectors of encoders in, numbers with intervals out. Never one blended number.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from . import metrics
from .copying import REAL, copying
from .intervals import Interval, interval, paired, worst
from .shots import (
    CALLED,
    CONTEXTS,
    OWN,
    PLAIN,
    Evidence,
    Prints,
    Said,
    Seen,
    Shot,
    beside_base,
    columns_of,
    places,
    places_of_plain,
    prompts_of,
)


@dataclass(frozen=True)
class Column:
    """A column's mean, and how it differs from the base's, picture by picture."""

    found: Interval
    difference: Interval | None = None


@dataclass(frozen=True)
class Score:
    """`values` has a number for each shot, NaN where the score says nothing of it. `floor` is the
    base's, `ceiling` that of real pictures. `pairs` names the nearest training picture of a shot,
    `more` is told besides.
    """

    encoder: str
    better: Literal["higher", "lower", "none"]
    says: str
    values: np.ndarray
    columns: Mapping[int, Column]
    floor: float = np.nan
    ceiling: float = np.nan
    pairs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def told(self, shots: Sequence[Shot]) -> dict[str, Any]:
        """For `scores.json`."""
        values = zip(shots, self.values.tolist(), strict=True) if len(self.values) else ()
        return {
            "encoder": self.encoder,
            "better": self.better,
            "says": self.says,
            "cells": {shot.key: round(value, 6) for shot, value in values if np.isfinite(value)},
            "columns": {f"{column}": _told(one) for column, one in self.columns.items()},
            "ceiling": _number(self.ceiling),
            "floor": _number(self.floor),
            "pairs": dict(self.pairs),
            **self.more,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any], shots: Sequence[Shot]) -> "Score":
        """What `told` said, of the same shots, but for the columns. `ValueError` if it is damaged.

        A grid that was drawn anew has other keys: its scores are not these.
        """
        try:
            values = [float(told["cells"].get(shot.key, np.nan)) for shot in shots]
            pairs = {
                str(key): {"name": str(pair["name"]), "copy": bool(pair["copy"])}
                for key, pair in told["pairs"].items()
            }
            edges = [
                np.nan if told[edge] is None else float(told[edge]) for edge in ("floor", "ceiling")
            ]
            return cls(str(told["encoder"]), "none", "", np.array(values), {}, *edges, pairs=pairs)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"a score is not whole ({error!r})") from error


Scores = dict[str, Score]


def score(shots: Sequence[Shot], seen: Evidence) -> Scores:
    """Every score that the evidence allows. Raises `ValueError` where there is nothing to score."""
    if not shots:
        raise ValueError("there are no pictures yet")
    if not any(shot.base for shot in shots):
        raise ValueError("there is no column of the base without LoRA to compare with")
    found: Scores = {}
    if len(seen.identity.references):
        found["identity"] = _identity(shots, seen.identity)
        found["style"] = _style(shots, seen.style)
        found["consistency"] = _consistency(shots, found["identity"])
    if seen.said is not None and np.isfinite(seen.said.texts).any():
        found["prompt"] = _prompt(shots, seen.said)
    if len(seen.identity.training):
        found["copying"] = _copying(shots, seen.identity, seen.prints)
    found["diversity"] = _diversity(shots, seen.identity)
    found["leakage"] = _leakage(shots, seen.identity)
    if seen.held_out:
        found["held_out"] = _held_out(seen.held_out)
    return found


def _columns(shots: Sequence[Shot], values: np.ndarray, kinds: Iterable[str]) -> dict[int, Column]:
    base, wanted, found = beside_base(shots, values), tuple(kinds), {}
    for column in columns_of(shots):
        some = places(shots, wanted, column)
        prompts = prompts_of(shots, some)
        own = interval(values[some], prompts)
        if not own.n:
            continue
        other = None if shots[some[0]].base else paired(values[some], base[some], prompts)
        found[column] = Column(own, other if other and other.n else None)
    return found


def _mean(values: np.ndarray, some: Iterable[int]) -> float:
    kept = values[list(some)]
    kept = kept[np.isfinite(kept)]
    return float(kept.mean()) if len(kept) else np.nan


def _to_real(shots: Sequence[Shot], seen: Seen, kinds: Iterable[str], says: str) -> Score:
    kinds = tuple(kinds)
    values = metrics.to_references(seen.shots, seen.references)
    real = metrics.to_references(seen.training, seen.references) if len(seen.training) else None
    ceiling = metrics.among(seen.references) if real is None else real
    floor = _mean(values, places(shots, kinds))
    found = _columns(shots, values, kinds)
    return Score(seen.encoder, "higher", says, values, found, floor, float(ceiling.mean()))


def _identity(shots: Sequence[Shot], seen: Seen) -> Score:
    says = (
        "Mean likeness to the held-out pictures, over prompts that ask for what was learned. The "
        "ceiling is that of real training pictures."
    )
    return _to_real(shots, seen, CALLED, says)


def _style(shots: Sequence[Shot], seen: Seen) -> Score:
    says = "Mean likeness in look and meaning to the held-out pictures, over prompts of no style."
    return _to_real(shots, seen, (*OWN, "context"), says)


def _consistency(shots: Sequence[Shot], identity: Score) -> Score:
    """What the LoRA adds to identity, context by context."""
    added = identity.values - beside_base(shots, identity.values)
    contexts = set(places(shots, CONTEXTS)) or set(places(shots, CALLED))
    kinds = {shots[place].kind for place in contexts}
    values = np.array(
        [
            value if shot.kind in kinds and not shot.base else np.nan
            for shot, value in zip(shots, added, strict=True)
        ]
    )
    found = {}
    for column in columns_of(shots):
        some = places(shots, kinds, column)
        low = worst(values[some], prompts_of(shots, some))
        if low.n:
            found[column] = Column(low)
    says = (
        "What the LoRA adds to identity beside the base: of a picture, and of a column in the "
        "worst tenth of its contexts."
    )
    return Score(identity.encoder, "higher", says, values, found, 0.0)


def _prompt(shots: Sequence[Shot], said: Said) -> Score:
    values = metrics.match(said.shots, said.texts)
    kinds = CONTEXTS if np.isfinite(values[places(shots, CONTEXTS)]).any() else CALLED
    says = (
        "How well pictures show what their prompts say, the trigger replaced by its class word. "
        "The ceiling is the base."
    )
    base, texts = places(shots, kinds), said.texts
    floor = metrics.chance(said.shots[base], texts[base])
    ceiling = _mean(values, base)
    found = _columns(shots, values, kinds)
    return Score(said.encoder, "higher", says, values, found, floor, ceiling)


def _copying(shots: Sequence[Shot], seen: Seen, prints: Prints) -> Score:
    found = copying(seen, prints)
    pairs = {
        shot.key: {
            "place": int(place),
            "name": prints.names[place],
            "bits": int(bits),
            "copy": bool(told),
        }
        for shot, place, bits, told in zip(
            shots, found.nearest, found.bits, found.copies, strict=True
        )
    }
    says = (
        "Likeness to the nearest training picture, over prompts that ask for what was learned. The "
        f"ceiling is what {REAL:.0%} of real pictures do not reach: above it lies a copy."
    )
    floor = _mean(found.alike, places(shots, CALLED))
    columns = _columns(shots, found.alike, CALLED)
    return Score(seen.encoder, "lower", says, found.alike, columns, floor, found.limit, pairs)


def _diversity(shots: Sequence[Shot], seen: Seen) -> Score:
    groups = [(shot.column, shot.prompt, shot.how) for shot in shots]
    values = metrics.diversity(seen.shots, groups)
    floor = _mean(values, places(shots, CALLED))
    says = "Mean distance of pictures of the same prompt at other seeds. The floor is the base."
    return Score(seen.encoder, "higher", says, values, _columns(shots, values, CALLED), floor)


def _leakage(shots: Sequence[Shot], seen: Seen) -> Score:
    """Drift from the base where the trigger is not said; its ceiling is another seed's."""
    base = {shot.pair: number for number, shot in enumerate(shots) if shot.base}
    own = [number for number in places_of_plain(shots) if shots[number].pair in base]
    values = np.full(len(shots), np.nan)
    values[own] = metrics.drift(
        seen.shots[own], seen.shots[[base[shots[number].pair] for number in own]]
    )
    found = {column: Column(one.found) for column, one in _columns(shots, values, PLAIN).items()}
    seeds = metrics.diversity(seen.shots, [(shot.column, shot.prompt, shot.how) for shot in shots])
    says = (
        "Distance from the base at the same prompt and seed, over prompts without the trigger. The "
        "ceiling is that of another seed."
    )
    ceiling = _mean(seeds, places(shots, PLAIN))
    return Score(seen.encoder, "lower", says, values, found, 0.0, ceiling)


def _held_out(losses: Mapping[int, float]) -> Score:
    found = {
        column: Column(Interval(loss, np.nan, np.nan, 0, 0)) for column, loss in losses.items()
    }
    says = "Loss on the held-out pictures at the checkpoint's step, as the run logged it."
    return Score("the run's own loss", "lower", says, np.zeros(0), found)


def _told(column: Column) -> dict[str, Any]:
    found = column.found.told()
    difference = column.difference
    return found | {"paired_difference": difference.told() if difference else None}


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
