"""Captions as words that can be compared. Pure."""

import re

from .parts import is_prose, key, parts

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def listed(text: str) -> frozenset[str]:
    """The words of a table, in small letters."""
    return frozenset(text.split())


STOP = listed(
    "a an the of in on at with and or is are was were be being this that these those it its there "
    "here which who some to for by from as into onto while very has have his her their"
)
# What says that it is a picture, and how good, but not of what.
_HOLLOW = listed(
    "photo photos photograph picture pictures image images pic shot snapshot drawing illustration "
    "painting artwork art render rendering sketch depiction graphic view file jpg jpeg png img "
    "object objects thing things something item items subject scene stuff anything content "
    "example sample untitled unknown none no one "
    "shows showing show depicts depicting depicted features featuring contains containing seen "
    "taken displayed shown main "
    "beautiful nice good great amazing best high low quality resolution detailed masterpiece "
    "highres absurdres hd 4k 8k uhd stunning"
)


def words(caption: str) -> list[str]:
    """The words of a caption in small letters; `_` parts them."""
    return _WORD.findall(caption.lower())


def content(caption: str) -> frozenset[str]:
    """The words that say something, without the `s` of plurals."""
    return frozenset(
        word.removesuffix("s") if len(word) > 3 else word
        for word in words(caption)
        if word not in STOP
    )


def is_empty(caption: str) -> bool:
    return not any(map(str.isalnum, caption))


def is_generic(caption: str) -> bool:
    """Whether it says no more than that there is a picture of something."""
    said = words(caption)
    return bool(said) and all(word in STOP or word in _HOLLOW or word.isdecimal() for word in said)


def normal(caption: str) -> str:
    """A caption to look phrases up in: `, 1girl, long hair, ` for tags, small letters for prose.

    In a list of tags every tag has commas around it.
    """
    if is_prose(caption):
        return f" {' '.join(caption.lower().replace('_', ' ').split())} "
    tags = [part.key for part in parts(caption).each if part.text]
    return f", {', '.join(tags)}, "


def same(caption: str) -> str:
    """Equal for captions that are the same but for capitals, spaces and points."""
    return key(caption).rstrip(" .,")
