"""Where a column of a grid stands: what its scores mean, in units that no encoder decides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Interval, interval, paired
from .scores import Scores
from .shots import (
    CALLED,
    CONTEXTS,
    OWN,
    PLAIN,
    Shot,
    beside_base,
    columns_of,
    places,
    prompts_of,
)

NONE = Interval(np.nan, np.nan, np.nan, 0, 0)


@dataclass(frozen=True)
class Standing:
    """Means with intervals over prompts; NaN where the grid does not say.

    `learned`: how far it came in identity, from the base (0) to real pictures (1). `own` and
    `contexts`: the same in prompts that the training saw, and in others. `unfollowed`: how far it
    went in following prompts, from the base (0) to following none (1). `copied`: the share of
    copies, less the base's. `leaned`: as `learned`, without the trigger. `drifted`: how far
    pictures without the trigger are from the base's, 1 being as far as another seed's.
    """

    learned: Interval = NONE
    own: Interval = NONE
    contexts: Interval = NONE
    unfollowed: Interval = NONE
    copied: Interval = NONE
    leaned: Interval = NONE
    drifted: Interval = NONE

    @property
    def steady(self) -> float:
        """The share of what is learned that is left in phrases which the training did not see."""
        return self.contexts.mean / self.own.mean if self.own.above else np.nan


def standings(shots: Sequence[Shot], scores: Scores) -> dict[int, Standing]:
    """Where each column with a LoRA stands."""
    return {
        column: _standing(shots, scores, column)
        for column in columns_of(shots)
        if not any(shot.base for shot in shots if shot.column == column)
    }


def _standing(shots: Sequence[Shot], scores: Scores, column: int) -> Standing:
    found: dict[str, Interval] = {}
    if identity := scores.get("identity"):
        way = identity.ceiling - identity.floor
        gain = (identity.values - beside_base(shots, identity.values)) / max(way, 1e-6)
        kinds = {"learned": CALLED, "own": OWN, "contexts": CONTEXTS, "leaned": PLAIN}
        found |= {name: _over(shots, gain, some, column) for name, some in kinds.items()}
    if prompt := scores.get("prompt"):
        way = max(prompt.ceiling - prompt.floor, 1e-6)
        lost = (beside_base(shots, prompt.values) - prompt.values) / way
        followed = CONTEXTS if _over(shots, lost, CONTEXTS, column).n else CALLED
        found["unfollowed"] = _over(shots, lost, followed, column)
    if copying := scores.get("copying"):
        copies = np.array([float(copying.pairs[shot.key]["copy"]) for shot in shots])
        some = places(shots, CALLED, column)
        base = np.nan_to_num(beside_base(shots, copies))
        found["copied"] = paired(copies[some], base[some], prompts_of(shots, some))
    if leakage := scores.get("leakage"):
        found["drifted"] = _over(shots, leakage.values / leakage.ceiling, PLAIN, column)
    return Standing(**found)


def _over(shots: Sequence[Shot], values: np.ndarray, kinds: Sequence[str], column: int) -> Interval:
    some = places(shots, kinds, column)
    return interval(values[some], prompts_of(shots, some))


def dominant(shots: Sequence[Shot], scores: Scores, column: int) -> tuple[str, float]:
    """The training picture that is nearest to most pictures of a column, and their share."""
    some = places(shots, CALLED, column)
    if not some or "copying" not in scores:
        return "", 0.0
    names = Counter(scores["copying"].pairs[shots[place].key]["name"] for place in some)
    name, count = names.most_common(1)[0]
    return name, count / len(some)
