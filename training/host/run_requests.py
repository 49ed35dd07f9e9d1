"""What the runs page sends: nothing else is taken."""

from pydantic import BaseModel, ConfigDict, Field


class Delete(BaseModel):
    """`loras`: the files that were written of it go with it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    loras: bool = False


class Restore(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    id: str = Field(max_length=100)


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
