"""Bases of what goes in and out, and the field types routes share."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

METADATA_KEYS_MAX: Final = 50


class Input(BaseModel):
    """A request body: unknown fields are refused, null is a value only where the type says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Output(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ExternalKey = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
MetadataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=40)]
Metadata = Annotated[dict[MetadataKey, Annotated[str, Field(max_length=500)]], Field(max_length=METADATA_KEYS_MAX)]
