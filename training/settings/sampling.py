"""Pictures that are drawn while a run goes on."""

from pydantic import Field, field_validator

from .group import Group


class SamplingSettings(Group):
    sample_every: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Steps between sample pictures, drawn by ComfyUI's own sampler with the LoRA "
        "as it is then. They lie in output/atelier/runs. 0 draws none.",
    )
    sample_prompts: str = Field(
        default="",
        description="What is drawn, one prompt in a line, at most 8. Use the trigger word.",
    )
    sample_steps: int = Field(default=20, ge=1, le=1000, description="Steps of the sampler.")
    sample_guidance: float = Field(
        default=4.0,
        ge=0,
        le=100,
        description="Guidance (CFG). 1 for distilled models such as Flux.",
    )
    sample_sampler: str = Field(default="euler", description="As in KSampler.")
    sample_scheduler: str = Field(default="simple", description="As in KSampler.")
    sample_seed: int = Field(
        default=0,
        ge=0,
        le=2**63 - 1,
        description="Of the sample pictures; the same at every step, so that they can be compared.",
    )

    @field_validator("sample_prompts")
    @classmethod
    def _few(cls, text: str) -> str:
        count = len(_lines(text))
        if count > 8:
            raise ValueError(f"at most 8 prompts can be drawn, not {count}")
        return text

    @property
    def prompts(self) -> list[str]:
        """What is drawn; nothing if pictures are not asked for."""
        return _lines(self.sample_prompts) if self.sample_every else []


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
