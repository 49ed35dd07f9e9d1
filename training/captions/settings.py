"""The settings of Edit Captions and of Lint Captions."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from ..settings.group import ONE_LINE, Group
from .replacing import Synonyms, pattern

Order = Literal["as they are", "alphabet", "frequent first", "rare first"]


class CaptionEdits(Group):
    """What is done to every caption, in this order of fields but for the frame, which is last.

    As they are, all of them change nothing.
    """

    trigger: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="Trigger word: put in front of each caption that lacks it, as a tag of its "
        "own. A word that the base does not know, such as `ohwx`.",
    )
    prefix: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="Put in front of each caption that does not begin with it, behind the "
        "trigger: `a photo of`, or with its comma, `pixel art,`.",
    )
    suffix: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="Put behind each caption that does not end with it: `, white background`.",
    )
    find: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="Text to be replaced. Empty: nothing is.",
    )
    replace: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="What comes in its place; nothing takes it out. Where `find` is a regular "
        "expression, `\\1` is its first group.",
    )
    find_as: Literal["text", "words", "regex"] = Field(
        default="text",
        description="text: as it is written, anywhere. words: whole words, in capitals or not. "
        "regex: a regular expression, stopped if it takes more than 5 s.",
    )
    synonyms: str = Field(
        default="",
        description="One word for one thing: a line `grey = gray, silver` makes both others grey, "
        "as whole words.",
    )
    underscores: Literal["as they are", "spaces", "underscores"] = Field(
        default="as they are",
        description="Write the tags with spaces, or with underscores. Kaomoji such as ^_^ stay.",
    )
    drop: str = Field(
        default="",
        description="Tags that are taken out, one in a line or with commas. `*` stands for "
        "anything: `*background`. long_hair and Long hair are one.",
    )
    keep_only: str = Field(
        default="", description="If there are some, all tags but these are taken out."
    )
    once: bool = Field(default=False, description="Each tag once: the first of the same stays.")
    order: Order = Field(
        default="as they are",
        description="Order of the tags: by the alphabet, or by how many captions have them.",
    )
    first: str = Field(
        default="",
        description="Tags that come first, in this order, one in a line or with commas. The "
        "trigger is before them.",
    )
    captions_are: Literal["as they look", "tags", "sentences"] = Field(
        default="as they look",
        description="The settings of tags, from `underscores` to `first`, leave sentences alone. "
        "as they look: a caption with full stops or long parts is sentences.",
    )
    overrides: str = Field(
        default="",
        description="Captions for single pictures, which nothing else changes: a line "
        "`hats/03.png = a red hat`.",
    )

    @field_validator("synonyms")
    @classmethod
    def _synonyms(cls, lines: str) -> str:
        Synonyms(lines)
        return lines

    @model_validator(mode="after")
    def _can_be_found(self) -> "CaptionEdits":
        if self.find:
            pattern(self.find, self.find_as)
        return self


class LintSettings(Group):
    """What Lint Captions looks for; docs/measurements/lint.md judges the defaults."""

    trigger: str = Field(
        default="",
        json_schema_extra=ONE_LINE,
        description="Trigger word that every caption should have, and that no other should be.",
    )
    similar: float = Field(
        default=0.85,
        ge=0,
        le=1,
        description="Captions say nearly the same, where so much of their words is in both. 0 is "
        "off.",
    )
    alike: float = Field(
        default=0.88,
        ge=0.01,
        le=1,
        description="Pictures that are at least so alike may share a caption. 1: exact copies "
        "only.",
    )
    constant: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Never varies: a background, pose, view or light that so many of all captions "
        "name. 0 is off.",
    )
    common: int = Field(
        default=47400,
        ge=0,
        le=49152,
        description="A trigger is a common word, if it is among so many of CLIP's most frequent "
        "tokens: ohwx is the 47,481st. 0 is off.",
    )
