"""Which of several candidates people prefer, from votes between two at a time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NORMAL = 1.959963984540054  # of a 95 % interval
_ENOUGH, _MOST_TURNS = 1e-13, 100_000
HELD = 0.5  # what a held candidate won, and lost, against one of average strength


@dataclass(frozen=True)
class Strength:
    """`score` is the logarithm of the strength, 0 on average over all; `low` and `high` its 95 %.

    A candidate nobody voted on has none. `wins` counts a tie as half a win.
    """

    votes: int
    wins: float
    score: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Preference:
    """`held`: some candidate never lost, or never won, so that no likelihood has a maximum.

    All are then held towards the average by one tie each with an imagined average candidate.
    """

    strengths: tuple[Strength, ...]
    held: bool


def count_wins(votes: Sequence[tuple[int, int, float]], count: int) -> np.ndarray:
    """`[count, count]`: how often the row's candidate was preferred to the column's.

    A vote is `(one, other, share)`, where `share` of it goes to `one`: 1, 0, or a half for a tie.
    """
    wins = np.zeros((count, count))
    for one, other, share in votes:
        wins[one, other] += share
        wins[other, one] += 1 - share
    return wins


def preference(wins: np.ndarray) -> Preference:
    """Strengths under the model of Bradley and Terry: `wins` is as `count_wins` gives it.

    The maximum of the likelihood by Hunter's MM algorithm (Annals of Statistics 32, 2004, eq. 3),
    ties as half a win for each; intervals are Wald's, from the Fisher information of the logarithms
    with their sum held at 0.
    """
    played = wins + wins.T
    seen = np.flatnonzero(played.sum(1))
    own = wins[np.ix_(seen, seen)]
    held = len(seen) > 0 and not _connected(own > 0)
    scores, errors = _fit(own, HELD if held else 0.0)
    strengths = [
        Strength(round(votes), float(won))
        for votes, won in zip(played.sum(1), wins.sum(1), strict=True)
    ]
    for place, score, error in zip(seen, scores, errors, strict=True):
        known, far = strengths[place], NORMAL * error
        strengths[place] = Strength(
            known.votes, known.wins, float(score), float(score - far), float(score + far)
        )
    return Preference(tuple(strengths), held)


def _connected(beat: np.ndarray) -> bool:
    """Whether each has beaten each, by way of others: then there is a maximum (Ford, 1957)."""
    reached = beat | np.eye(len(beat), dtype=bool)
    for _ in range(len(beat).bit_length()):
        reached = reached @ reached
    return bool(reached.all())


def _fit(wins: np.ndarray, held: float) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the strengths, with their standard errors."""
    count = len(wins)
    if not count:
        return np.zeros(0), np.zeros(0)
    played, won = wins + wins.T, wins.sum(1) + held
    strength = np.ones(count)
    for _ in range(_MOST_TURNS):
        pairs = played / (strength[:, None] + strength)
        after = won / (pairs.sum(1) + 2 * held / (strength + 1))
        if not held:
            after /= np.exp(np.log(after).mean())
        done = np.abs(after / strength - 1).max() < _ENOUGH
        strength = after
        if done:
            break
    share = strength[:, None] / (strength[:, None] + strength)
    met = played * share * (1 - share)
    alone = strength / (strength + 1)
    known = np.diag(met.sum(1) + 2 * held * alone * (1 - alone)) - met
    middle = np.full((count, count), 1 / count)
    centre = np.eye(count) - middle
    spread = centre @ np.linalg.inv(known if held else known + middle) @ centre
    scores = np.log(strength)
    return scores - scores.mean(), np.sqrt(np.clip(np.diag(spread), 0, None))
