"""What can be set for captions."""

from typing import Literal

from pydantic import Field

from ..settings.group import Group

Mode = Literal["fill in missing", "overwrite", "append"]


class CaptionSettings(Group):
    mode: Mode = Field(
        default="fill in missing",
        description="What happens to captions that are there: they stay, are written over (the old "
        "ones are kept in .bak), or get the new words at their end.",
    )
    dry_run: bool = Field(
        default=True,
        description="Caption three pictures, show them, and write nothing. Turn it off to caption "
        "all.",
    )


class TagSettings(Group):
    general: float = Field(
        default=0.35,
        ge=0,
        le=1,
        description="Tags of what is seen: those at least so likely. Higher gives fewer and surer "
        "ones. 0 is off.",
    )
    character: float = Field(
        default=0.85,
        ge=0,
        le=1,
        description="Names of characters: those at least so likely. 0 is off.",
    )
    rating: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The likeliest rating (general, explicit and so on), if it is at least so "
        "likely. 0 is off.",
    )
    other: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Tags of all other kinds (artists, copyrights, meta), which few models have. 0 "
        "is off.",
    )
    spaces: bool = Field(
        default=True,
        description="Write long_hair as 'long hair'. Emoticons such as ^_^ stay as they are.",
    )
    escape: bool = Field(
        default=False,
        description=r"Write brackets in tags as \( and \), as prompts in ComfyUI want them.",
    )
    exclude: str = Field(
        default="",
        description="Tags that are never written, between commas; underscore and space are the "
        "same.",
    )


class SentenceSettings(Group):
    prompt: str = Field(
        default="",
        description="What the model is asked. Empty: what suits the model (see the help page).",
    )
    max_tokens: int = Field(
        default=200,
        ge=1,
        le=4096,
        description="Longest caption, in tokens (about four letters each). The report says how "
        "many were cut off there.",
    )
    temperature: float = Field(
        default=0.0,
        ge=0,
        le=2,
        description="0: always the likeliest word. Higher is more varied, and less sure.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**32 - 1,
        description="Another number gives other captions where the temperature is not 0, and "
        "captions anew what was captioned before.",
    )
    picture_size: int = Field(
        default=1024,
        ge=64,
        le=4096,
        description="Pictures are scaled down to this longer side before they are shown to the "
        "model, in pixels. Larger shows more, and takes more time and memory.",
    )
