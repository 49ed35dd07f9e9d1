"""From gradients to what a person is told: influence, share, doubt about a caption. Pure numpy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DOMINANT, TIMES_FAIR = 0.1, 3.0  # share of the whole pull, and of what would be fair
DOUBTFUL = 2.5  # robust spreads below the others
HARMFUL = 2.0  # standard errors below nothing


@dataclass(frozen=True)
class Measured:
    """At one checkpoint, of `weight`: gradients `[n, d]` of the training pictures, `[m, d]` of the
    held-out ones and `[o, d]` of outputs, and the training pictures' losses `[n]` with their own
    caption and with none.
    """

    weight: float
    pictures: np.ndarray
    held_out: np.ndarray
    outputs: np.ndarray
    own: np.ndarray
    empty: np.ndarray


@dataclass(frozen=True)
class Scores:
    """For each training picture `[n]`.

    `held_out`: how far a step on it goes the way in which the loss of the held-out pictures falls,
    from -1 to 1, and `error`, its standard error over these. `output`: the same for the outputs.
    `share`: of the training's whole pull. `caption`: by how much its caption lowers its loss, as a
    share of that without a caption. `order`: the pictures' numbers, the worst first.
    """

    held_out: np.ndarray
    error: np.ndarray
    output: np.ndarray
    share: np.ndarray
    caption: np.ndarray
    order: np.ndarray


def checkpoint_weights(steps: Sequence[int], log: Iterable[Mapping[str, Any]]) -> list[float]:
    """How much each of the checkpoints `steps` counts: the learning rate of every step that was
    taken nearest to it, as a share of all (TracIn, Pruthi et al. 2020, section 3.2).
    """
    total = [0.0] * len(steps)
    for line in log:
        if "learning_rate" in line:
            before = line["step"] - 1  # the weights that the step's gradient was taken at
            nearest = min(range(len(steps)), key=lambda n: abs(steps[n] - before))
            total[nearest] += line["learning_rate"]
    whole = sum(total)
    return [one / whole for one in total] if whole else [1 / len(steps)] * len(steps)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`[n, d]` and `[m, d]` to `[n, m]`."""
    return _unit(one) @ _unit(other).T


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def scores(measured: Sequence[Measured], shown: Sequence[int]) -> Scores:
    """`shown` `[n]`: how often each picture is shown in an epoch.

    Influence is TracIn's sum over checkpoints, of gradients of unit length, as those of a few hard
    pictures would decide it otherwise (gradient cosine, Hanawa et al. 2021). Pictures are ordered
    by what their caption does for them: see `docs/measurements/influence.md`.
    """
    held = _over(measured, lambda one: cosines(one.pictures, one.held_out))
    output = _over(measured, lambda one: cosines(one.pictures, one.outputs))
    caption = _over(measured, _explained)
    pull = _over(measured, lambda one: _pull(one.pictures, np.asarray(shown)))
    several = held.shape[1] > 1
    error = held.std(1, ddof=1) / np.sqrt(held.shape[1]) if several else np.full(len(held), np.inf)
    mean = _mean(held)
    return Scores(
        mean,
        error,
        _mean(output),
        pull / max(pull.sum(), 1e-12),
        caption,
        np.lexsort((mean, caption)),
    )


def _over(measured: Sequence[Measured], of: Any) -> np.ndarray:
    return sum((one.weight * of(one) for one in measured), np.zeros(1))


def _mean(rows: np.ndarray) -> np.ndarray:
    """`[n, m]` to `[n]`; nothing is said where there are none."""
    return rows.mean(1) if rows.shape[1] else np.zeros(len(rows))


def _explained(one: Measured) -> np.ndarray:
    return 1 - one.own / np.maximum(one.empty, 1e-12)


def _pull(gradients: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Of each picture's gradient, what goes along the sum of all: how much a step on all is its."""
    own = shown[:, None] * gradients.astype(np.float64)
    whole = own.sum(0)
    length = np.linalg.norm(whole)
    return np.maximum(own @ (whole / length if length else whole), 0)


def below(values: np.ndarray) -> np.ndarray:
    """How many robust spreads each value lies below the middle one (1.4826 x the median distance,
    which is a standard deviation where values are normal).
    """
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    return (middle - values) / max(float(spread), 1e-12)


def kinds(found: Scores) -> list[tuple[str, ...]]:
    """What is said of each picture: `mislabelled`, `harmful`, `dominant`, or nothing."""
    n = len(found.share)
    doubtful = (found.caption < 0) | (below(found.caption) > DOUBTFUL)
    harmful = found.held_out + HARMFUL * found.error < 0
    dominant = (found.share > DOMINANT) & (found.share * n > TIMES_FAIR)
    named = zip(doubtful, harmful, dominant, strict=True)
    names = ("mislabelled", "harmful", "dominant")
    return [tuple(k for k, on in zip(names, one, strict=True) if on) for one in named]
