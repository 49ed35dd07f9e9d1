"""Where a column of a grid stands: what its scores mean, in units that no encoder decides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import Interval, interval, paired
from .scores import Score, Scores
from .shots import (
    ANEW,
    CALLED,
    CAPTIONS,
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
    `contexts`: the same in captions of the training, and in other prompts. `unfollowed`: how far it
    went in following prompts, from the base (0) to following none (1). `copied`: the share of
    copies, less the base's, where prompts are no captions of the training: to draw a picture that
    was described is no copying. `redrawn`: how far it came, in prompts that are, from the base (0)
    to the very training picture (1). `leaned`: as `learned`, without the trigger. `drifted`: how
    far pictures without the trigger are from the base's, 1 being as far as another seed's. `blind`:
    the encoder does not tell real pictures from the base's, and nothing is known of identity.
    """

    learned: Interval = NONE
    own: Interval = NONE
    contexts: Interval = NONE
    unfollowed: Interval = NONE
    copied: Interval = NONE
    redrawn: Interval = NONE
    leaned: Interval = NONE
    drifted: Interval = NONE
    blind: bool = False

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
    identity = scores.get("identity")
    blind = identity is not None and _is_blind(shots, identity)
    if identity and not blind:
        way = identity.ceiling - identity.floor
        gain = (identity.values - beside_base(shots, identity.values)) / way
        kinds = {"learned": CALLED, "contexts": CONTEXTS, "leaned": PLAIN}
        found["own"] = _own(shots, gain, column)
        found |= {name: _over(shots, gain, some, column) for name, some in kinds.items()}
    if prompt := scores.get("prompt"):
        way = max(prompt.ceiling - prompt.floor, 1e-6)
        lost = (beside_base(shots, prompt.values) - prompt.values) / way
        followed = CONTEXTS if _over(shots, lost, CONTEXTS, column).n else CALLED
        found["unfollowed"] = _over(shots, lost, followed, column)
    if copying := scores.get("copying"):
        copies = np.array([float(copying.pairs[shot.key]["copy"]) for shot in shots])
        some = places(shots, ANEW, column) or places(shots, CALLED, column)
        base = np.nan_to_num(beside_base(shots, copies))
        found["redrawn"] = _redrawn(shots, copying.values, column)
        found["copied"] = paired(copies[some], base[some], prompts_of(shots, some))
    if leakage := scores.get("leakage"):
        found["drifted"] = _over(shots, leakage.values / leakage.ceiling, PLAIN, column)
    return Standing(**found, blind=blind)


def _is_blind(shots: Sequence[Shot], identity: Score) -> bool:
    """Whether the base's pictures are as like the held-out ones as real pictures are, for what the
    encoder sees: then there is no way for a LoRA to have come. Not where either is unknown.
    """
    some = places(shots, CALLED)
    base = interval(identity.values[some], prompts_of(shots, some))
    return identity.ceiling <= (base.mean if base.too_few else base.high)


def _redrawn(shots: Sequence[Shot], alike: np.ndarray, column: int) -> Interval:
    base = beside_base(shots, alike)
    return _over(shots, (alike - base) / np.maximum(1 - base, 1e-6), CAPTIONS, column)


def _own(shots: Sequence[Shot], gain: np.ndarray, column: int) -> Interval:
    """Over training captions; of too few of them, each picture is evidence of its own."""
    kinds = CAPTIONS if places(shots, CAPTIONS, column) else OWN
    found = _over(shots, gain, kinds, column)
    return interval(gain[places(shots, kinds, column)]) if found.too_few else found


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
