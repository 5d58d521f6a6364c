"""Values from callers that PostgreSQL can hold, or compare with what it holds."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from infra.storable import MAX_SKU_CHARACTERS, require_storable


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
