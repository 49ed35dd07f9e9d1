"""The captions that a picture is shown with: wildcards, order and dropout of tags. Pure."""

import random
import re
from collections.abc import Sequence

from ..settings.data import DataSettings

_CHOICE = re.compile(r"\{([^{}]*)\}")
_KEEP = "|||"  # kohya's keep_tokens_separator


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
    """Every {a|b} becomes one of its choices, the innermost first."""
    while _CHOICE.search(caption):
        caption = _CHOICE.sub(lambda found: dice.choice(found[1].split("|")), caption)
    return " ".join(caption.split())


def _split(caption: str, keep: int) -> tuple[list[str], list[str]]:
    before, marked, after = caption.partition(_KEEP)
    if marked:
        return _tags(before), _tags(after)
    tags = _tags(caption)
    return tags[:keep], tags[keep:]


def _tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]
