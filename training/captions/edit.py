"""Captions edited: one after the other, and then together where their order counts. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..data.readers.text import folded
from .frame import Frame
from .parts import Part, Parts, Wanted, is_kaomoji, is_prose, parts
from .replacing import Clock, Synonyms, pattern, replaced
from .settings import CaptionEdits

Lines = tuple[str, ...]  # the captions of one picture: most often one


def edit(
    captions: Sequence[Lines], settings: CaptionEdits, names: Sequence[str] = ()
) -> tuple[list[Lines], Counter[str]]:
    """The captions of each picture after the edit, in order, and how often what was done.

    `names` are the pictures', for `overrides`. What nothing applies to stays as it is. Raises
    `ValueError` for an override of no picture or of several, for a `find` that takes too long, and
    for captions that would be too long.
    """
    overrides = _overrides(settings.overrides, names)
    editor = _Editor(settings)
    for number, lines in enumerate(captions):
        if number not in overrides:
            editor.take(number, lines)
    after = [*captions]
    for number, lines in editor.finished():
        after[number] = lines
    for number, caption in overrides.items():
        after[number] = (caption,) if caption else ()
        editor.done["overrides"] += after[number] != captions[number]
    return after, +editor.done


def _overrides(lines: str, names: Sequence[str]) -> dict[int, str]:
    """The captions for single pictures by number; a picture is known by its name or its end."""
    found: dict[int, str] = {}
    called = _called(names) if lines.strip() else {}
    for line in filter(str.strip, lines.splitlines()):
        name, equals, caption = line.partition(" = " if " = " in line else "=")
        name = name.strip()
        if not (equals and name):
            raise ValueError(
                f"overrides: {line.strip()[:60]!r} is no `picture = caption`. Write one in a line."
            )
        fits = called.get(name, [])
        if len(fits) != 1:
            many = f"{len(fits)} pictures" if fits else "no picture"
            raise ValueError(
                f"overrides: {name[:80]!r} is the name of {many}. Write it as the report does."
            )
        found[fits[0]] = " ".join(folded(caption))
    return found


def _called(names: Sequence[str]) -> dict[str, list[int]]:
    """The numbers of the pictures that a name means: its own, or that of several folders."""
    called: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        steps = name.split("/")
        for start in range(1, len(steps)):
            called.setdefault("/".join(steps[start:]), []).append(number)
    return called | {name: [number] for number, name in enumerate(names)}


class _Editor:
    """One edit. Captions are taken, and finished once it is known how frequent each tag is."""

    def __init__(self, settings: CaptionEdits) -> None:
        self.settings = settings
        self.done: Counter[str] = Counter()
        self._clock = Clock()
        self._pattern = pattern(settings.find, settings.find_as) if settings.find else None
        self._synonyms = Synonyms(settings.synonyms)
        self._frame = Frame(settings.trigger, settings.prefix, settings.suffix)
        self._drop, self._keep = Wanted(settings.drop), Wanted(settings.keep_only)
        self._first = Wanted(settings.first)
        self._taken: list[tuple[int, Lines, list[str]]] = []
        self._common: Counter[str] = Counter()

    def take(self, number: int, lines: Lines) -> None:
        bodies = [self._tagged(self._worded(self._frame.apart(line).body)) for line in lines]
        self._taken.append((number, lines, bodies))
        if "first" in self.settings.order:
            tags = (part.key for body in bodies if not self._prose(body) for part in _each(body))
            self._common.update(set(tags))

    def finished(self) -> list[tuple[int, Lines]]:
        return [
            (number, tuple(filter(None, map(self._framed, lines or ("",), bodies or [""]))))
            for number, lines, bodies in self._taken
        ]

    def _framed(self, line: str, body: str) -> str:
        ordered = self._ordered(body)
        self.done["order"] += ordered != body
        apart = self._frame.apart(line)
        text = self._frame.around(apart, ordered)
        bare = f"{apart.trigger}{apart.prefix}{ordered}{apart.suffix}"
        self.done["trigger, prefix, suffix"] += text != bare
        return line if text == line else " ".join(text.split())  # as it would be read again

    def _worded(self, text: str) -> str:
        if self._pattern:
            plain = self.settings.find_as != "regex"
            found = replaced(text, self._pattern, self.settings.replace, plain, self._clock)
            text, count = found
            self.done["find"] += count
            text = " ".join(folded(text)) if count else text
        text, count = self._synonyms.unified(text, self._clock)
        self.done["synonyms"] += count
        return text

    def _prose(self, text: str) -> bool:
        if self.settings.captions_are == "as they look":
            return is_prose(text)
        return self.settings.captions_are == "sentences"

    def _tagged(self, text: str) -> str:
        """The tags that stay, as they are to be written."""
        found = parts(text)
        if not found.each or self._prose(text):
            return text
        if self.settings.underscores != "as they are":
            each = tuple(map(self._spelled, found.each))
            self.done["underscores"] += each != found.each
            found = replace(found, each=each)
        found = self._only("drop", found, lambda part: not self._drop.has(part.key))
        if self._keep:
            found = self._only("keep_only", found, lambda part: self._keep.has(part.key))
        if self.settings.once:
            seen = {""}
            found = self._only("once", found, lambda part: _new(part.key, seen))
        return str(found)

    def _only(self, what: str, found: Parts, wanted: Callable[[Part], bool]) -> Parts:
        left = found.only(wanted)
        self.done[what] += len(found.each) - len(left.each)
        return left

    def _spelled(self, part: Part) -> Part:
        if is_kaomoji(part.text):
            return part
        if self.settings.underscores == "spaces":
            return replace(part, text=part.text.replace("_", " "))
        return replace(part, text="_".join(part.text.split(" ")))

    def _ordered(self, body: str) -> str:
        how = self.settings.order
        if (how == "as they are" and not self._first) or self._prose(body):
            return body
        sign = {"frequent first": -1, "rare first": 1}.get(how, 0)

        def place(part: Part) -> tuple[object, ...]:
            tag = part.key
            by_name = tag if how == "alphabet" else ""
            return self._first.place(tag), sign * self._common[tag], by_name

        return str(parts(body).sorted(place))


def _each(body: str) -> tuple[Part, ...]:
    return parts(body).each


def _new(tag: str, seen: set[str]) -> bool:
    """Whether a tag is not among those that were seen; it then is."""
    known = tag in seen
    seen.add(tag)
    return not known
