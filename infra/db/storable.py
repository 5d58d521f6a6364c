"""What PostgreSQL can keep, or compare with what it keeps, asked before anything is written."""

from datetime import UTC, datetime
from typing import Annotated
from unicodedata import category

from pydantic import AfterValidator, StringConstraints

MAX_SKU_CHARACTERS = 200
MAX_NAME_CHARACTERS = 500
MAX_DESCRIPTION_CHARACTERS = 20_000
MAX_OWNER_CHARACTERS = 200
MAX_ALT_CHARACTERS = 1_000


def require_storable(text: str) -> str:
    """Return the text; raise `ValueError` for NUL and half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("has half of a surrogate pair; send valid Unicode") from exc
    if "\x00" in text:
        raise ValueError("has a NUL character; remove it")
    return text


def _in_utc(moment: datetime) -> datetime:
    """PostgreSQL knows no zone that is 16 hours or more away."""
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the end of the calendar") from exc


_INVISIBLE = frozenset({"Cc", "Zl", "Zp"})  # control characters, and separators of lines


def require_text(text: str) -> str:
    """Refuse control characters but tabs and line breaks, for texts of several lines: `ValueError`.

    In a log or a terminal they move, recolour or hide what others wrote.
    """
    return _require_visible(require_storable(text), allowed="\t\n\r")


def require_line(text: str) -> str:
    """Refuse every control character, for names and other texts of one line: `ValueError`."""
    return _require_visible(require_storable(text), allowed="")


def _require_visible(text: str, allowed: str) -> str:
    for place, character in enumerate(text):
        if category(character) in _INVISIBLE and character not in allowed:
            raise ValueError(
                f"has a control character (U+{ord(character):04X}, at place {place + 1}); remove it"
            )
    return text


def visible(text: str, allowed: str = "") -> str:
    """Write control characters as escapes, for what was kept before they were refused."""
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if category(character) in _INVISIBLE and character not in allowed
        else character
        for character in text
    )


Line = AfterValidator(require_line)
Lines = AfterValidator(require_text)
"""For what is written to the tables: a text of one line, or of several."""

LineText = Annotated[str, Line]

Storable = AfterValidator(require_storable)
StorableText = Annotated[str, Storable]
Sku = Annotated[
    str,
    # Blanks around a sku are never meant: cells of spreadsheets and forms have them.
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SKU_CHARACTERS),
    Line,
]
SkuFilter = Annotated[str, StringConstraints(strip_whitespace=True), Storable]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
