"""The kinds of values that settings have, and how a variable's text becomes one.

It reads no variable itself: `infra.settings` does.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _entries(value: Any) -> Any:
    """Split a list that a variable names with commas."""
    if isinstance(value, str):
        return tuple(entry.strip() for entry in value.split(",") if entry.strip())
    return value


Entries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_entries)]
