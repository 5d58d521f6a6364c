"""Takes the cells apart that hold several things.

A URL may contain commas, semicolons and bars, so these separate only where another URL follows.
White space never belongs to a URL and always separates.
"""

import re

_BEFORE_A_URL = re.compile(r"[,;|](?=[a-z][a-z0-9+.-]{0,20}://)", re.IGNORECASE)
_SEPARATORS = ",;|"
_BETWEEN_TEXTS = re.compile(r"[|\n]")


def urls_in(cell: str) -> list[str]:
    """Return the URLs of a cell, in order, and whatever else stands there."""
    pieces = (piece for word in cell.split() for piece in _BEFORE_A_URL.split(word))
    return [url for piece in pieces if (url := piece.strip(_SEPARATORS))]


def texts_in(cell: str) -> list[str]:
    """Return the alt texts of a cell, one for each URL; an empty one says nothing."""
    return [text.strip() for text in _BETWEEN_TEXTS.split(cell.strip())]
