"""A caption as parts between commas, which can be told apart, taken out and put in order. Pure.

What is not asked for stays as it is, byte for byte: `"".join` of all there is gives the caption.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

KEEP = "|||"  # kohya's keep_tokens_separator: what is before it stays in its place
_BETWEEN = re.compile(r"\s*(?:,|\|\|\|)\s*")
# A full stop behind a word, a verb of sentences, or an `and` behind a comma.
_SENTENCE = re.compile(
    r"(?<=\w\w\w)[\"'”’)]?\s?\.[\"'”’)]*(?:\s|$)|[。！？]|(?<!that) (?:is|are|was|were) |"
    r",\s?(?:and|or|but|while|as|who|which|whose|then) ",
    re.IGNORECASE,
)
_MOST_WORDS = 4.5  # words of a tag, on average; the parts of sentences have more
_EYE = re.compile(r"\S{1,4}")


@dataclass(frozen=True)
class Part:
    """A tag, or what else stands between two commas; `before` is the comma, with its spaces."""

    before: str
    text: str

    @property
    def key(self) -> str:
        return key(self.text)


@dataclass(frozen=True)
class Parts:
    """`after` is what follows the last one: a comma too many, say."""

    each: tuple[Part, ...]
    after: str = ""

    def __str__(self) -> str:
        return "".join(part.before + part.text for part in self.each) + self.after

    def only(self, wanted: Callable[[Part], bool]) -> "Parts":
        """Without those that are not wanted, and without the commas that would then be double."""
        kept: list[Part] = []
        mark = ""
        for part in self.each:
            mark = part.before if KEEP in part.before else mark
            if wanted(part):
                kept.append(replace(part, before=mark or part.before))
                mark = ""
        if len(kept) == len(self.each):
            return self
        if kept and KEEP not in kept[0].before:
            kept[0] = replace(kept[0], before=self.each[0].before)
        return Parts(tuple(kept), (mark + self.after) if kept else "")

    def sorted(self, by: Callable[[Part], tuple[object, ...]]) -> "Parts":
        """In another order behind the last `|||`; the commas stay where they are."""
        marks = [number for number, part in enumerate(self.each) if KEEP in part.before]
        start = marks[-1] if marks else 0
        behind = sorted(self.each[start:], key=by)
        moved = (
            replace(part, before=place.before)
            for part, place in zip(behind, self.each[start:], strict=True)
        )
        return replace(self, each=(*self.each[:start], *moved))


def parts(caption: str) -> Parts:
    """The parts of a caption; a comma in {a, b|c} is no end of one."""
    each: list[Part] = []
    before, start, end = "", 0, 0
    depth = 0
    for found in _BETWEEN.finditer(caption):
        depth += _opened(caption, end, found.start())
        end = found.end()
        if depth > 0:
            continue
        each.append(Part(before, caption[start : found.start()]))
        before, start = found[0], found.end()
    if start < len(caption):
        return Parts((*each, Part(before, caption[start:])))
    return Parts(tuple(each), before)


def _opened(text: str, start: int, end: int) -> int:
    return text.count("{", start, end) - text.count("}", start, end)


def key(text: str) -> str:
    """By which a tag is known: long_hair is Long hair, and \\( is (; a kaomoji is itself."""
    text = text.strip()
    if is_kaomoji(text):
        return text
    plain = text.replace("_", " ").replace("\\(", "(").replace("\\)", ")")
    return " ".join(plain.lower().split())


def is_kaomoji(tag: str) -> bool:
    """Whether `_` is the mouth between two eyes (^_^, o_o, |_|), and no space."""
    left, mouth, right = tag.strip().partition("_")
    return bool(mouth) and all(
        _EYE.fullmatch(eye) and sum(map(str.isalnum, eye)) <= 1 for eye in (left, right)
    )


def is_prose(caption: str) -> bool:
    """Whether a caption is sentences rather than tags: by its full stops, or by long parts."""
    if _SENTENCE.search(caption):
        return True
    counts = [len(part.text.split()) for part in parts(caption).each if part.text]
    return bool(counts) and sum(counts) / len(counts) > _MOST_WORDS


class Wanted:
    """A list of tags, one in a line or with commas between; `*` in one stands for anything."""

    def __init__(self, text: str) -> None:
        keys = [key(one) for line in text.splitlines() for one in line.split(",")]
        self.keys = [one for one in keys if one]
        self._exact = {one for one in self.keys if "*" not in one}
        self._wild = [one.split("*") for one in self.keys if "*" in one]

    def __bool__(self) -> bool:
        return bool(self.keys)

    def has(self, part: str) -> bool:
        """Whether the tag with this key is one of them."""
        return part in self._exact or any(_fits(part, pieces) for pieces in self._wild)

    def place(self, part: str) -> int:
        """Which of them it is; a number after all for none."""
        for number, one in enumerate(self.keys):
            if one == part or ("*" in one and _fits(part, one.split("*"))):
                return number
        return len(self.keys)


def _fits(text: str, pieces: Sequence[str]) -> bool:
    """Whether `text` is the pieces in their order, with anything between them. Linear."""
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    if not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def joined(pieces: Iterable[str]) -> str:
    """Texts with a space between them, but none in front of a comma or a full stop."""
    text = ""
    for piece in filter(None, (one.strip() for one in pieces)):
        text += piece if not text or piece[0] in ",.;:!?" else f" {piece}"
    return text
