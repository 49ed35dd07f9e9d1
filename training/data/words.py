"""New words in captions, and how ComfyUI's prompts call them: `embedding:word`. Pure."""

import re
from collections.abc import Collection, Iterable

from ..files import safe_name

CALL = "embedding:"
_BRACKET = re.compile(r"(?<!\\)[()]$")  # where ComfyUI begins another part of the prompt


def refuse_word(word: str) -> None:
    """`ValueError` for what cannot be the name of an embedding in a prompt, or of its file.

    A number would be read as a weight: `(embedding:1)`.
    """
    if not re.fullmatch(r"\w[\w-]{0,63}", word):
        raise ValueError(f"{word!r} is not one word of letters, digits, '_' and '-', of 64 at most")
    safe_name(word, "the word")
    try:
        float(word)
    except ValueError:
        return
    raise ValueError(f"{word!r} is a number, which prompts read as a weight")


def spoken(text: str, words: Iterable[str]) -> set[str]:
    """Those of `words` that stand in `text` as whole words, in capitals or not."""
    known = {word.lower(): word for word in words}
    found = _pattern(known).finditer(text) if known else ()
    return {known[(one[1] or one[2]).lower()] for one in found}


def as_embeddings(text: str, words: Iterable[str]) -> str:
    """`text` with each of `words` called as ComfyUI calls an embedding, a part of its own.

    Spaces are put around it where there are none, since ComfyUI takes all up to the next space for
    the name; weights and brackets stay what they are.
    """
    known = {word.lower(): word for word in words}
    if not known:
        return text

    def called(found: re.Match[str]) -> str:
        before, after = text[: found.start()], text[found.end() :]
        left = "" if not before or before[-1].isspace() or _BRACKET.search(before) else " "
        right = "" if not after or after[0].isspace() else " "
        return f"{left}{CALL}{known[(found[1] or found[2]).lower()]}{right}"

    return _pattern(known).sub(called, text)


def _pattern(words: Collection[str]) -> re.Pattern[str]:
    """Any of `words`; after `embedding:` only a whole name, which may have hyphens."""
    any_of = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    plain = rf"(?<!\w)(?<!{CALL})({any_of})(?!\w)"
    return re.compile(rf"(?<!\w){CALL}({any_of})(?![\w-])|{plain}", re.IGNORECASE)
