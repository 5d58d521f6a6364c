"""What PostgreSQL can keep as text, asked before anything is written."""

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
