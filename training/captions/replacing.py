"""Find and replace in captions; a pattern that would never end is stopped. Pure."""

import time
from collections.abc import Iterable, Mapping

import regex

from ..data.readers.text import MOST_CAPTION

SECONDS = 5.0  # that all searching of one edit may take
MOST_PATTERN = 1000  # characters
MOST_TERMS = 2000  # words that have another
Pattern = regex.Pattern[str]


class Clock:
    """How long searching may still take, over all captions together."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self.end - time.monotonic(), 1e-3)


def pattern(find: str, how: str) -> Pattern:
    """What is looked for: `how` is 'text' as it is, whole 'words' in any case, or a 'regex'.

    Raises `ValueError` for what is no regular expression.
    """
    if len(find) > MOST_PATTERN:
        raise ValueError(f"more than {MOST_PATTERN} characters are looked for; write fewer")
    if how == "text":
        return regex.compile(regex.escape(find, special_only=True))
    if how == "words":
        return words([find])
    try:
        return regex.compile(find, regex.VERSION0)
    except (regex.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{find[:80]!r} is no regular expression ({error})") from error


def words(terms: Iterable[str]) -> Pattern:
    """Any of `terms` as whole words, in capitals or not; a space stands for `_` too."""
    long_first = sorted(terms, key=len, reverse=True)
    any_of = "|".join(
        "[ _]+".join(regex.escape(word) for word in term.replace("_", " ").split())
        for term in long_first
    )
    return regex.compile(rf"(?<![^\W_])(?:{any_of})(?![^\W_])", regex.IGNORECASE)


def replaced(text: str, found_by: Pattern, by: str, plain: bool, clock: Clock) -> tuple[str, int]:
    """`text` with all that is found replaced, and how often. `plain`: no groups (`\\1`) in `by`.

    Raises `ValueError` where that takes too long, or makes a text that is no caption.
    """
    pieces, end, size, count = [], 0, 0, 0
    try:
        for found in found_by.finditer(text, timeout=clock.left, concurrent=True):
            new = by if plain else found.expand(by)
            pieces += [text[end : found.start()], new]
            size += len(new)
            end, count = found.end(), count + 1
            if size > MOST_CAPTION:
                raise ValueError(
                    f"replace: the caption {text[:40]!r} would have more than {MOST_CAPTION} "
                    "characters. Write less, or find less."
                )
    except TimeoutError as error:
        raise ValueError(
            f"find: {found_by.pattern[:80]!r} was stopped after {SECONDS:g} s, at the caption "
            f"{text[:40]!r}. It has repeats inside repeats, most likely, such as (a+)+: write it "
            "simpler."
        ) from error
    except (regex.error, IndexError) as error:
        raise ValueError(f"replace: {by[:80]!r} cannot be used ({error}).") from error
    return "".join((*pieces, text[end:])), count


class Synonyms:
    """Lines of `term = other, another`: each of the others becomes the term."""

    def __init__(self, lines: str) -> None:
        self.terms = _terms(lines)
        own = {_plain(term) for term in self.terms.values()}  # `t-shirt` is not a `shirt`
        self._found_by = words({*self.terms, *own}) if self.terms else None

    def unified(self, text: str, clock: Clock) -> tuple[str, int]:
        """`text` with one word for each thing, and how many were others."""
        if not self._found_by:
            return text, 0
        pieces, end, count = [], 0, 0
        try:
            for found in self._found_by.finditer(text, timeout=clock.left, concurrent=True):
                if term := self.terms.get(_plain(found[0])):
                    pieces += [text[end : found.start()], _as_written(term, found[0])]
                    end, count = found.end(), count + 1
        except TimeoutError as error:
            raise ValueError("synonyms: these are too many for so many captions.") from error
        return "".join((*pieces, text[end:])), count


def _as_written(term: str, word: str) -> str:
    """`term` with `_` where `word` has it, and with a capital if it begins with one."""
    if "_" in word and " " not in word:
        term = term.replace(" ", "_")
    return term[0].upper() + term[1:] if word[0].isupper() else term


def _plain(word: str) -> str:
    return " ".join(word.replace("_", " ").lower().split())


def _terms(lines: str) -> Mapping[str, str]:
    """The term for each other word. Raises `ValueError` for lines that do not fit together."""
    terms: dict[str, str] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        term, equals, others = line.partition("=")
        own = [one for one in map(_plain, others.split(",")) if one]
        if not (equals and term.strip() and own):
            raise ValueError(f"line {number}, {line.strip()[:60]!r}: write `term = other, another`")
        for other in own:
            if terms.setdefault(other, term.strip()) != term.strip():
                raise ValueError(f"{other!r} is to become {terms[other]!r} and {term.strip()!r}")
    if len(terms) > MOST_TERMS or len(lines) > MOST_CAPTION:
        raise ValueError(f"{len(terms)} words, of which {MOST_TERMS} are the most; write fewer")
    terms = {other: term for other, term in terms.items() if other != _plain(term)}
    for other, term in terms.items():
        if _plain(term) in terms:
            raise ValueError(f"{other!r} is to become {term!r}, which is to become something else")
    return terms
