"""New words with vectors of their own: textual inversion, beside the LoRA or alone."""

from pydantic import Field, field_validator

from ..data.words import refuse_word
from .group import Group


class WordSettings(Group):
    new_words: str = Field(
        default="",
        description="Words of the captions that get vectors of their own (textual inversion, Gal "
        "et al. 2022), such as `ohwx`: one in a line, or with commas. Each becomes a file, and is "
        "written `embedding:ohwx` in prompts.",
    )
    word_vectors: int = Field(
        default=2,
        ge=1,
        le=32,
        description="Vectors of each new word. More hold more of a thing, but leave less room in "
        "the prompt (2 as in diffusers' advanced_diffusion_training).",
    )
    word_start: str = Field(
        default="*",
        description="Text whose vectors the new words start from: what the thing is, such as "
        "`hat`. One line for all, or a line for each. It is repeated or cut to the number of "
        "vectors (as in kohya's scripts); `*` is OneTrainer's. `embedding:ohwx` goes on from a "
        "saved word.",
    )
    word_rate: float = Field(
        default=5e-4,
        gt=0,
        le=10,
        description="Learning rate of the new words (5e-4 as in diffusers' textual_inversion).",
    )
    train_network: bool = Field(
        default=True,
        description="Off: the network stays as it is, and only the new words learn (and the text "
        "encoders, if they are told to). The result is then the words' files, and no LoRA.",
    )

    @field_validator("new_words")
    @classmethod
    def _words(cls, text: str) -> str:
        words = _parts(text)
        for word in words:
            refuse_word(word)
        if len({word.lower() for word in words}) < len(words):
            raise ValueError("a word is named twice")
        return text

    @field_validator("word_start")
    @classmethod
    def _starts(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("write what the thing is, such as `hat`, or `*`")
        return text

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(_parts(self.new_words))

    @property
    def starts(self) -> dict[str, str]:
        """The text that each new word starts from; `ValueError` if the lines do not fit."""
        lines = [line.strip() for line in self.word_start.splitlines() if line.strip()]
        if len(lines) == 1:
            lines *= len(self.words)
        if self.words and len(lines) != len(self.words):
            raise ValueError(
                f"word_start has {len(lines)} lines for {len(self.words)} new_words: write one "
                "line, or as many as there are words"
            )
        return dict(zip(self.words, lines, strict=False))


def _parts(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in map(str.strip, line.split(",")) if part]
