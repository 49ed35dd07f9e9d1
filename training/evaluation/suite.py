"""A suite of prompts as a text that people read and edit. Pure.

# trigger: ohwx
# class word: a person

## training
ohwx, a man with red hair
## context
ohwx on a beach at sunset
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..data.trigger import trigger_in
from ..files import legible

KINDS = ("training", "trigger", "context", "style", "plain")
OF_A_LIST = "context"  # the kind of prompts that stand under no heading
_FIELDS = {"trigger": "trigger", "class word": "class_word"}
_NOTE = re.compile(r"#\s+(?:([\w ]+?)\s*:)?\s*(.*)")
_HEADING = re.compile(r"##+\s+(.*)")
_ESCAPED = re.compile(r"\\+#")


@dataclass(frozen=True)
class Prompt:
    """`plain` is the text with the trigger replaced by the class word: what it asks for in words
    that every encoder knows."""

    text: str
    kind: str
    plain: str


@dataclass(frozen=True)
class Suite:
    """Prompts of all kinds, each text once."""

    trigger: str
    class_word: str
    prompts: tuple[Prompt, ...]

    def of_kind(self, kind: str) -> tuple[Prompt, ...]:
        return tuple(prompt for prompt in self.prompts if prompt.kind == kind)


def make(trigger: str, class_word: str, prompts: Iterable[tuple[str, str]]) -> Suite:
    """A suite of (kind, text): lines are joined, and a text that was there before is left out."""
    trigger, class_word = _one_line(trigger), _one_line(class_word)
    found: dict[str, Prompt] = {}
    for kind, given in prompts:
        text = _one_line(given)
        if text and text not in found:
            said = text if kind == "plain" else without_trigger(text, trigger, class_word)
            found[text] = Prompt(text, kind, said)
    return Suite(trigger, class_word, tuple(found.values()))


def without_trigger(text: str, trigger: str, class_word: str) -> str:
    """`text` with `class_word` in the trigger's place.

    An article or the class's noun that stood beside the trigger is not said twice: with "a dog",
    "an ohwx dog runs" and "ohwx runs" are both "a dog runs". Without a class word the trigger goes,
    with its comma.
    """
    if not trigger or not trigger_in(trigger)(text):
        return text
    word = re.escape(trigger)
    if not class_word:
        bare = re.sub(rf"(?<!\w){word}(?!\w)\s*,?", "", text, flags=re.IGNORECASE)
        return " ".join(bare.split()).strip(" ,")
    article, noun = _article(class_word)
    before = r"(?:\b(?:an?|the)\s+)?" if article else ""
    after = rf"(?:\s+{re.escape(noun)}(?!\w))?"
    found = re.compile(rf"{before}(?<!\w){word}(?!\w){after}", re.IGNORECASE)
    return found.sub(lambda _: class_word, text)


def write(suite: Suite) -> str:
    """The text of `suite`, which `read` takes."""
    lines = [f"# trigger: {suite.trigger}", f"# class word: {suite.class_word}"]
    for kind in KINDS:
        if prompts := suite.of_kind(kind):
            lines += ["", f"## {kind}", *(_escaped(prompt.text) for prompt in prompts)]
    return "\n".join(lines) + "\n"


def read(text: str) -> Suite:
    """The suite that `text` holds; a plain list of prompts is one of kind `OF_A_LIST`.

    Lines that begin with `# ` are notes and with `## ` headings; write `\\#` for a prompt that
    begins so. Raises `ValueError` that names a heading that is none, and a broken character.
    """
    kind, fields = OF_A_LIST, {"trigger": "", "class_word": ""}
    prompts: list[tuple[str, str]] = []
    for number, given in enumerate(text.splitlines(), start=1):
        line = _one_line(given)
        if not _is_text(line):
            raise ValueError(
                f"prompts: {legible(line)!r} has half a character in it: write it anew."
            )
        if heading := _HEADING.fullmatch(line):
            kind = heading[1].lower()
            if kind not in KINDS:
                raise ValueError(
                    f"prompts, line {number}: '{legible(line)}' is no heading of a suite; those "
                    f"are ## {', ## '.join(KINDS)}. If it is a prompt, write \\ before it."
                )
        elif note := _NOTE.fullmatch(line):
            if name := _FIELDS.get((note[1] or "").lower()):
                fields[name] = note[2]
        elif line:
            prompts.append((kind, line[1:] if _ESCAPED.match(line) else line))
    return make(**fields, prompts=prompts)


def _escaped(text: str) -> str:
    return f"\\{text}" if text.startswith("#") or _ESCAPED.match(text) else text


def _article(class_word: str) -> tuple[str, str]:
    found = re.fullmatch(r"(an?|the)\s+(.+)", class_word, re.IGNORECASE)
    return (found[1], found[2]) if found else ("", class_word)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON can hold one half of a pair
        return False
    return True
