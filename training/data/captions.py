"""The captions that a picture is shown with: wildcards, order and dropout of tags. Pure."""

import random
import re
from collections.abc import Sequence

from ..settings.data import DataSettings

_CHOICE = re.compile(r"\{([^{}]*)\}")
_KEEP = "|||"  # kohya's keep_tokens_separator
_DEEPEST = 50  # braces in braces


def variants(
    caption: str, lines: Sequence[str], settings: DataSettings, seed: str
) -> tuple[str, ...]:
    """The captions of one picture, each once, at most `caption_variants`; a function of `seed`.

    `lines` are those of its caption file, `caption` is all of them in one.
    """
    if settings.one_caption:
        return (caption.replace(_KEEP, ""),)
    dice = random.Random(seed)
    choices = list(lines) if settings.wildcards and lines else [caption]
    drawn = [_draw(dice.choice(choices), settings, dice) for _ in range(settings.caption_variants)]
    return tuple(dict.fromkeys(drawn))


def _draw(caption: str, settings: DataSettings, dice: random.Random) -> str:
    if settings.wildcards:
        caption = _choose(caption, dice)
    if not (settings.shuffle_tags or settings.tag_dropout):
        return caption.replace(_KEEP, "")
    kept, rest = _split(caption, settings.keep_tags)
    rest = [tag for tag in rest if dice.random() >= settings.tag_dropout]
    if settings.shuffle_tags:
        dice.shuffle(rest)
    return ", ".join(kept + rest)


def _choose(caption: str, dice: random.Random) -> str:
    """Every {a|b} becomes one of its choices, the innermost first; a brace alone stays."""
    chosen = caption
    for _ in range(_DEEPEST):
        if not _CHOICE.search(chosen):
            return " ".join(chosen.split())
        chosen = _CHOICE.sub(lambda found: dice.choice(found[1].split("|")), chosen)
    raise ValueError(
        f"The caption {caption[:100]!r} has braces more than {_DEEPEST} deep. Take some out, or "
        "set wildcards off, and they stay as they are."
    )


def _split(caption: str, keep: int) -> tuple[list[str], list[str]]:
    before, marked, after = caption.partition(_KEEP)
    if marked:
        return _tags(before), _tags(after)
    tags = _tags(caption)
    return tags[:keep], tags[keep:]


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]
