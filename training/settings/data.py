"""How pictures and captions are varied while training."""

from pydantic import Field, field_validator

from .group import Group


class DataSettings(Group):
    more_resolutions: str = Field(
        default="",
        description="More base resolutions, such as `512, 768`: every picture is trained at each "
        "of them too.",
    )
    flip: bool = Field(
        default=False,
        description="Show half of the pictures mirrored. Not for faces that should be known by "
        "their sides, nor for text.",
    )
    crops: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Different crops of each picture: the first is the middle, the others are "
        "windows of 90 to 100 % of it at random places. Each is encoded once.",
    )
    shuffle_tags: bool = Field(
        default=False,
        description="Put the parts of a caption between commas into another order each time.",
    )
    keep_tags: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="So many parts at the start of a caption stay where they are, and are never "
        "dropped: the trigger word, say. A `|||` in a caption marks the place too.",
    )
    tag_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the other parts that are left out each time."
    )
    wildcards: bool = Field(
        default=False,
        description="Lines of a caption file are several captions of the picture, and {a|b} in a "
        "caption stands for one of these.",
    )
    caption_variants: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="How many different captions of a picture are drawn by the four settings "
        "above. Each is encoded once.",
    )
    caption_dropout: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of pictures that are shown without a caption, so that guidance goes on "
        "working: 0.05 to 0.1 for long trainings.",
    )
    masked: bool = Field(
        default=False,
        description="Count only what the mask shows: white in `cat-masklabel.png` beside "
        "`cat.png` or in what is wired into Dataset From Images, or what is not transparent in the "
        "picture itself.",
    )
    unmasked_weight: float = Field(
        default=0.0, ge=0, le=1, description="How much the rest counts, outside the mask."
    )

    @field_validator("more_resolutions")
    @classmethod
    def _sizes(cls, text: str) -> str:
        for part in filter(None, map(str.strip, text.split(","))):
            if not (part.isdecimal() and 64 <= int(part) <= 8192):
                raise ValueError(f"{part!r} is not a resolution from 64 to 8192")
        return text

    def resolutions(self, first: int) -> list[int]:
        """`first` and the others, each once."""
        others = [int(part) for part in self.more_resolutions.split(",") if part.strip()]
        return list(dict.fromkeys([first, *others]))

    @property
    def one_caption(self) -> bool:
        """Whether a picture's caption is the same every time."""
        return not (self.shuffle_tags or self.tag_dropout or self.wildcards)
