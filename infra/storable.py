"""What PostgreSQL can keep, or compare with what it keeps, asked before anything is written."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MAX_SKU_CHARACTERS = 200
MAX_NAME_CHARACTERS = 500
MAX_DESCRIPTION_CHARACTERS = 20_000
MAX_OWNER_CHARACTERS = 200
MAX_ALT_CHARACTERS = 1_000


def require_storable(text: str) -> None:
    """PostgreSQL stores neither NUL nor half of a surrogate pair: raise `ValueError`."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("has half of a surrogate pair; send valid Unicode") from exc
    if "\x00" in text:
        raise ValueError("has a NUL character; remove it")


def _storable(text: str) -> str:
    require_storable(text)
    return text


def _in_utc(moment: datetime) -> datetime:
    """PostgreSQL knows no zone that is 16 hours or more away."""
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the end of the calendar") from exc


Storable = AfterValidator(_storable)
StorableText = Annotated[str, Storable]
Sku = Annotated[
    str,
    # Blanks around a sku are never meant: cells of spreadsheets and forms have them.
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SKU_CHARACTERS),
    Storable,
]
SkuFilter = Annotated[str, StringConstraints(strip_whitespace=True), Storable]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
