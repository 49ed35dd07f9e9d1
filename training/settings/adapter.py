"""What is trained: the kind of adapter, its size, and the layers that it sits on."""

from typing import Literal

from pydantic import Field, field_validator

from ..adapters.patterns import parse_patterns, parse_ranks
from .group import Group

Kind = Literal["lora", "dora", "loha", "lokr"]
Targets = Literal[
    "attention", "attention_mlp", "all_linear", "all", "style_blocks", "subject_blocks"
]


class AdapterSettings(Group):
    adapter: Kind = Field(
        default="lora",
        description="lora: the usual one (Hu et al. 2021). dora: learns the length of each row of "
        "a weight apart from its direction; often a little better, slower (Liu et al. 2024). loha: "
        "higher rank for the same size, for styles (FedPara, Hyeon-Woo et al. 2022). lokr: the "
        "smallest files (Yeh et al. 2024). The last two want a higher learning rate.",
    )
    alpha: float = Field(
        default=0.0,
        ge=0,
        le=4096,
        description="Scale of the adapter: its effect is multiplied by alpha / rank. 0 means: "
        "equal to the rank. Leave it unless a recipe says otherwise.",
    )
    rank_stabilized: bool = Field(
        default=False,
        description="Scale by alpha / sqrt(rank) instead (rsLoRA, Kalajdzievski 2023): high ranks "
        "learn as fast as low ones. For lora and dora.",
    )
    targets: Targets = Field(
        default="attention_mlp",
        description="Which layers learn: attention; attention and MLP (the usual choice); every "
        "linear layer; all linear layers and convolutions; or only the blocks that carry the "
        "style, or the subject, where these are known (SDXL, Flux).",
    )
    include: str = Field(
        default="",
        description="Only layers whose name contains one of these patterns, one in a line "
        "(regular expressions, as in OneTrainer). Inspect Base shows what they match.",
    )
    exclude: str = Field(
        default="",
        description="Not the layers whose name contains one of these patterns, one in a line.",
    )
    ranks: str = Field(
        default="",
        description="Another rank for some layers: lines like `attn2 = 8` or `mlp = 32 / 16` (rank "
        "/ alpha). The first pattern that is found in a layer's name counts.",
    )
    lokr_factor: int = Field(
        default=-1,
        ge=-1,
        le=1024,
        description="For lokr: size of the smaller of its two matrices. -1 makes them as equal as "
        "possible, which gives the smallest file.",
    )
    dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of the adapter's inputs (lora, dora) or rows (loha, lokr) that are left "
        "out at random in each step, against overfitting.",
    )

    @field_validator("include", "exclude")
    @classmethod
    def _regular(cls, text: str) -> str:
        parse_patterns(text)
        return text

    @field_validator("ranks")
    @classmethod
    def _readable_ranks(cls, text: str) -> str:
        parse_ranks(text)
        return text
