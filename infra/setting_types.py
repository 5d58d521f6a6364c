"""What values of settings may be: numbers within bounds, and lists."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _entries(value: Any) -> Any:
    """Split a list that a variable names with commas."""
    if isinstance(value, str):
        return tuple(entry.strip() for entry in value.split(",") if entry.strip())
    return value


Entries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_entries)]
