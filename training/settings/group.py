"""The base of every group of settings."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """Settings that belong together: unknown names and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
