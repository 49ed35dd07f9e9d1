"""What the page may send about sweeps."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .axes import Asked
from .wires import Level
from .workflow import is_prompt


class AskedAxis(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    node: str = Field(max_length=200)
    input: str = Field(max_length=200)
    values: str = Field(max_length=200_000)
    slot: int | None = Field(default=None, ge=0, le=100_000)


class AskedSweep(BaseModel):
    """A sweep as the panel has it; `prompt` and `workflow` as `app.graphToPrompt` gives them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=1000)
    mode: Literal["product", "paired", "random", "latin"]
    count: int = Field(default=0, ge=0, le=1_000_000)
    seed: int = Field(default=0, ge=0, le=2**53)
    axes: list[AskedAxis] = Field(max_length=100)
    prompt: dict[str, dict[str, Any]]
    workflow: dict[str, Any] | None = None

    @field_validator("prompt")
    @classmethod
    def _whole(cls, prompt: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if not is_prompt(prompt):
            raise ValueError("It is no prompt: nodes with class_type and inputs are wanted.")
        return prompt

    @field_validator("workflow")
    @classmethod
    def _saved(cls, workflow: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            Level.of(workflow or {})
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"It is no saved workflow ({error!r}).") from error
        return workflow

    @property
    def asked(self) -> list[Asked]:
        return [Asked(one.node, one.input, one.values, one.slot) for one in self.axes]
