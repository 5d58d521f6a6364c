"""The columns that an imported file may have, and what people call them."""

from collections.abc import Sequence
from difflib import get_close_matches

from infra.contract.errors import ErrorCode, Rejected

_SYNONYMS = {
    "sku": ("sku", "serial_number"),
    "name": ("product_name", "name"),
    **{
        name: (name,)
        for name in (
            *("description", "price", "currency", "owner_id"),
            *("image_urls", "alt_texts", "metadata"),
        )
    },
}
FIELDS = {spelled: field for field, spellings in _SYNONYMS.items() for spelled in spellings}
"""Our field by the spelling of a column."""


def field_of(column: str) -> str | None:
    """Return our field for a column, in whatever case and with spaces or hyphens; None if none."""
    return FIELDS.get(_plain(column))


def unknown(column: str) -> str:
    """Return a sentence about a column that is not known, with the nearest that is."""
    near = get_close_matches(_plain(column), FIELDS, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FIELDS)}."
    return f"{column[:60]!r} is not known; {hint}"


def shown(column: str) -> str:
    """Return the name of a column, whatever it is, as text that can be kept and sent."""
    return column[:60].encode(errors="backslashreplace").decode().replace("\x00", "")


def without_trailing_blanks(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells up to the last one that is not blank: exports end lines with delimiters."""
    kept = len(cells)
    while kept and not cells[kept - 1].strip():
        kept -= 1
    return cells[:kept]


def fields_of_header(header: Sequence[str]) -> tuple[str, ...]:
    """Return our field for each column; raise `Rejected` (422) unless the header makes sense."""
    fields = [field_of(column) for column in header]
    strange = [column for column, field in zip(header, fields, strict=True) if field is None]
    if strange:
        told = " ".join(f"The column {unknown(column)}" for column in strange[:10])
        raise Rejected(422, ErrorCode.BAD_HEADER, told)
    known = tuple(field for field in fields if field is not None)
    twice = sorted({field for field in known if known.count(field) > 1})
    if twice:
        spellings = " and ".join("|".join(_SYNONYMS[field]) for field in twice)
        raise Rejected(422, ErrorCode.BAD_HEADER, f"The header has {spellings} more than once.")
    if "sku" not in known:
        raise Rejected(
            422,
            ErrorCode.BAD_HEADER,
            "The first line must name the columns, and one of them must be sku or serial_number.",
        )
    return known


def _plain(column: str) -> str:
    return column.strip().lower().replace(" ", "_").replace("-", "_")
