"""The kinds of values that settings have, and how a variable's text becomes one.

It reads no variable itself: `infra.settings.sections` does.
"""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
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


def _networks(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Require addresses and networks: a name, or `*`, would be trusted for what it does not say."""
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError as exc:
            raise ValueError(
                f"{entry!r} is not an address or network; write 10.0.0.5 or 10.0.0.0/8"
            ) from exc
    return entries


Networks = Annotated[Entries, AfterValidator(_networks)]
