"""What is seen of all captions together: the same, nearly the same, never another. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix

from ..curation.duplicates import Pairs, groups, near
from ..curation.look import Look
from .plain import content, normal, same
from .terms import varying

LooksOf = Callable[[Sequence[int]], Sequence[Look]]  # at the pictures with these numbers
FEWEST = 6  # captions in which something can be said to be always there
_LEAST_WORDS = 1  # that say something, with which captions can be nearly the same
_ROWS = 1024  # captions compared at once with all others


def shared(captions: Sequence[str]) -> list[list[int]]:
    """Numbers of captions that are the same but for capitals and points; each group has several."""
    alike: dict[str, list[int]] = {}
    for number, caption in enumerate(captions):
        if caption:
            alike.setdefault(same(caption), []).append(number)
    return [numbers for numbers in alike.values() if len(numbers) > 1]


def nearly(captions: Sequence[str], similar: float) -> list[list[int]]:
    """Groups of captions that say nearly the same, in at least two ways.

    So much of the words that say something must be in both (Jaccard's index, 1: all of them).
    """
    first: dict[str, int] = {}
    for number, caption in enumerate(captions):
        first.setdefault(same(caption), number)
    sets = [content(captions[number]) for number in first.values()]
    kept = [n for n, words in enumerate(sets) if len(words) >= _LEAST_WORDS]
    numbers = np.array(list(first.values()))[kept] if kept else np.zeros(0, np.int64)
    pairs = _pairs([sets[n] for n in kept], similar)
    group = groups(len(numbers), pairs)
    found: dict[int, list[int]] = {}
    for place, one in enumerate(group.tolist()):
        found.setdefault(one, []).append(int(numbers[place]))
    several = [own for own in found.values() if len(own) > 1]
    everyone: dict[str, list[int]] = {}
    for number, caption in enumerate(captions):
        everyone.setdefault(same(caption), []).append(number)
    return [sorted(n for one in own for n in everyone[same(captions[one])]) for own in several]


def _pairs(sets: Sequence[frozenset[str]], similar: float) -> Pairs:
    """Pairs of sets of words with at least this index of Jaccard."""
    places: dict[str, int] = {}
    columns = [places.setdefault(word, len(places)) for words in sets for word in sorted(words)]
    sizes = np.array([len(words) for words in sets], np.float32)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    shape = len(sets), max(1, len(places))
    table = csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape)
    some: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for start in range(0, len(sets), _ROWS):
        both = (table[start : start + _ROWS] @ table.T).tocoo()
        left, right, common = both.row + start, both.col, both.data
        index = common / (sizes[left] + sizes[right] - common)
        told = (left < right) & (index >= similar)
        some.append((left[told], right[told], index[told]))
    if not some:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    first, second, index = (np.concatenate(part) for part in zip(*some, strict=True))
    return Pairs(first, second, index)


def unlike(numbers: Sequence[int], looks_of: LooksOf, alike: float) -> list[int]:
    """One picture of each kind among these: what looks alike is one kind, exact copies at least."""
    looks = looks_of(numbers)
    kinds = groups(len(looks), near(looks, alike or 1.0))
    seen: dict[int, int] = {}
    for number, kind in zip(numbers, kinds.tolist(), strict=True):
        seen.setdefault(kind, number)
    return list(seen.values())


def constant(captions: Sequence[str], share: float) -> Iterator[tuple[str, str, list[int]]]:
    """What should vary and hardly does: its aspect, the phrase, and the captions that have it."""
    said = [varying(normal(caption)) for caption in captions]
    counted = Counter(one for some in said for one in some)
    if len(captions) < FEWEST:
        return
    for (aspect, phrase), count in counted.most_common():
        if count >= share * len(captions):
            yield aspect, phrase, [n for n, some in enumerate(said) if (aspect, phrase) in some]


def everywhere(captions: Sequence[str]) -> list[str]:
    """Words that are in all captions: what the set teaches, or never varies."""
    if len(captions) < FEWEST:
        return []
    return sorted(frozenset.intersection(*map(content, captions)))
