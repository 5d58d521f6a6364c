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


_INVISIBLE = frozenset({"Cc", "Zl", "Zp"})  # control characters, and separators of lines


def require_text(text: str) -> None:
    """Refuse control characters but tabs and line breaks, for texts of several lines: `ValueError`.

    In a log or a terminal they move, recolour or hide what others wrote.
    """
    require_storable(text)
    _require_visible(text, allowed="\t\n\r")


def require_line(text: str) -> None:
    """Refuse every control character, for names and other texts of one line: `ValueError`."""
    require_storable(text)
    _require_visible(text, allowed="")


def _require_visible(text: str, allowed: str) -> None:
    for place, character in enumerate(text):
        if category(character) in _INVISIBLE and character not in allowed:
            raise ValueError(
                f"has a control character (U+{ord(character):04X}, at place {place + 1}); remove it"
            )


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


def _line(text: str) -> str:
    require_line(text)
    return text


def _text(text: str) -> str:
    require_text(text)
    return text


Line = AfterValidator(_line)
Lines = AfterValidator(_text)
"""For what is written to the tables: a text of one line, or of several."""

LineText = Annotated[str, Line]

Storable = AfterValidator(_storable)
StorableText = Annotated[str, Storable]
Sku = Annotated[
    str,
    # Blanks around a sku are never meant: cells of spreadsheets and forms have them.
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SKU_CHARACTERS),
    Line,
]
SkuFilter = Annotated[str, StringConstraints(strip_whitespace=True), Storable]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
