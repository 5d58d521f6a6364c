"""Which column of an imported file fills which of our fields."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from api.imports.profiles import PROFILES, Profile, ProfileName, plain, recognise
from infra.contract.errors import ErrorCode, Rejected
from infra.db.storable import visible

_SYNONYMS = {
    "sku": ("sku", "serial_number"),
    "name": ("product_name", "name"),
    "image_urls": ("image_urls", "image_url"),
    **{
        name: (name,)
        for name in (
            *("description", "price", "currency", "owner_id"),
            *("alt_texts", "alt_text", "metadata"),
        )
    },
}
FIELDS = {spelled: field for field, spellings in _SYNONYMS.items() for spelled in spellings}
"""Our field by the spelling of a column."""

GROUP = "group"
"""What a mapping says of a column whose equal values make rows one product, whatever its sku."""

IGNORE = "ignore"
"""What a mapping says of a column that is not read."""

_TARGETS = {**FIELDS, GROUP: GROUP, IGNORE: IGNORE}
_PAIR = re.compile(
    rf"\s*(?P<column>.+?)\s*:\s*(?P<field>{'|'.join(sorted(_TARGETS, key=len, reverse=True))})"
    r"\s*(?:,|\Z)",
    re.DOTALL,
)
_MAX_NAMES = 2_000  # that are remembered of a file whose records have names of their own
_NO_SKU = "The first line must name the columns, and one of them must be sku or serial_number."
_HOW_TO_MAP = "Say which column it is with map=COLUMN:sku."
_NO_IMAGES = (
    "No column has images: the file changes products only. Say which one has them with "
    "map=COLUMN:image_urls."
)


@dataclass(frozen=True, slots=True)
class FileRules:
    """How a caller wants a file read.

    `profile` is the name of one, `none` for our own columns alone, None to recognise it.
    `mapping` gives our field by the name of a column, before what the profile says. `base_url` is
    where relative addresses of images begin, `currency` that of prices which name none.
    `pattern` is how the names of pictures in an archive are written.
    """

    profile: ProfileName | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    base_url: str | None = None
    currency: str | None = None
    pattern: str | None = None

    def profile_for(self, header: Iterable[str]) -> Profile | None:
        """Return the profile of a file with this header."""
        if self.profile is None:
            return recognise(header)
        return PROFILES.get(self.profile)


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read `Image Src:image_urls,Variant SKU:sku`; raise `Rejected` (422).

    A column's name may hold commas and colons: a field of ours ends it.
    """
    mapping: dict[str, str] = {}
    for text in texts:
        place = 0
        while place < len(text) and text[place:].strip():
            pair = _PAIR.match(text, place)
            if pair is None:
                told = (
                    f"map: {shown(text[place:].strip())!r} is not COLUMN:FIELD. Fields are "
                    f"{', '.join(_TARGETS)}."
                )
                raise Rejected(422, ErrorCode.INVALID_REQUEST, told)
            mapping[pair["column"]] = _TARGETS[pair["field"]]
            place = pair.end()
    return mapping


class Cell(NamedTuple):
    """A column that is read: its place in the file, its name, and the field that it fills."""

    place: int
    name: str
    field: str


class Columns:
    """Finds our field for each column of a file, and remembers what it was asked for."""

    def __init__(self, rules: FileRules, header: Sequence[str] = ()) -> None:
        self.profile = rules.profile_for(header)
        self.continues = self.profile is not None and self.profile.continues
        self._mapped = {plain(column): target for column, target in rules.mapping.items()}
        self._asked = dict(rules.mapping)
        self._replaced = set(self._mapped.values())
        self._known = FIELDS if self.profile is None else self.profile.columns
        self._ranks = {name: rank for rank, name in enumerate((*self._mapped, *self._known))}
        self._strict = rules.strict
        self.read: dict[str, str] = {}
        """Our field by the name of each column that is read."""
        self.ignored: dict[str, None] = {}
        """The names of the columns that are not read."""

    def field_of(self, column: str) -> str | None:
        """Return our field for a column; None if it has none."""
        target = self._target(column)
        if target is None or target == IGNORE:
            if column.strip() and len(self.ignored) < _MAX_NAMES:
                self.ignored.setdefault(shown(column.strip()))
            return None
        if len(self.read) < _MAX_NAMES:
            self.read.setdefault(shown(column.strip()), target)
        return target

    def is_strange(self, column: str) -> bool:
        """Whether a column is refused: nothing is known of it, and the caller wants that told."""
        known = plain(column) in self._mapped or self._own(column) is not None
        return self._strict and not known

    def layout_of(self, header: Sequence[str]) -> tuple[Cell, ...]:
        """Return the columns that are read, the more telling ones of a field first.

        Raises `Rejected` (422) unless the header makes sense.
        """
        strange = [column for column in header if self.is_strange(column)]
        if strange:
            told = " ".join(f"The column {unknown(column)}" for column in strange[:10])
            raise Rejected(422, ErrorCode.BAD_HEADER, told)
        cells = [
            Cell(place, column.strip(), target)
            for place, column in enumerate(header)
            if (target := self.field_of(column)) is not None
        ]
        if self.profile is None:
            _require_once(cell for cell in cells if plain(cell.name) not in self._mapped)
        if not {"sku", GROUP} & {cell.field for cell in cells}:
            near = " ".join(f"The column {unknown(column)}" for column in header[:3] if column)
            raise Rejected(422, ErrorCode.BAD_HEADER, f"{_NO_SKU} {_HOW_TO_MAP} {near}".strip())
        return tuple(sorted(cells, key=lambda cell: self._ranks[plain(cell.name)]))

    def remarks(self) -> list[str]:
        """Return what a caller should know about the columns, as sentences."""
        told = []
        names = {plain(name) for name in (*self.read, *self.ignored)}
        absent = [column for column in self._asked if plain(column) not in names]
        if absent:
            told.append(f"The file has no column {', '.join(map(repr, map(shown, absent)))}.")
        if self.read and "image_urls" not in self.read.values():
            told.append(_NO_IMAGES)
        if self.profile is None:
            known = [name for name in FIELDS if FIELDS[name] not in self.read.values()]
            told += [
                f"The column {column!r} is ignored; did you mean {near[0]!r}?"
                for column in list(self.ignored)[:50]
                if (near := get_close_matches(plain(column), known, n=1, cutoff=0.75))
            ]
        return told

    def _target(self, column: str) -> str | None:
        name = plain(column)
        if name in self._mapped:
            return self._mapped[name]
        target = self._own(column)
        return None if target in self._replaced else target

    def _own(self, column: str) -> str | None:
        return self._known.get(plain(column))


def values_of(
    layout: Sequence[Cell], cells: Sequence[str]
) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Return the values of a record by field, and the column that each one stands in.

    Of several columns the first that has a value counts, and all of them for images.
    """
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for place, name, target in layout:
        value = cells[place] if place < len(cells) else ""
        names.setdefault(target, name)
        if not value.strip():
            continue
        if target not in values:
            values[target], names[target] = value, name
        elif target == "image_urls":
            values[target] = f"{values[target]}\n{value}"
    return values, names


def unknown(column: str) -> str:
    """Return a sentence about a column that is not known, with the nearest that is."""
    near = get_close_matches(plain(column[:60]), FIELDS, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(FIELDS)}."
    return f"{column[:60]!r} is not known; {hint}"


def shown(column: str) -> str:
    """Return the name of a column, whatever it is, as text that can be kept and sent."""
    return visible(column[:60].encode(errors="backslashreplace").decode())


def without_trailing_blanks(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells up to the last one that is not blank: exports end lines with delimiters."""
    kept = len(cells)
    while kept and not cells[kept - 1].strip():
        kept -= 1
    return cells[:kept]


def _require_once(cells: Iterable[Cell]) -> None:
    known = [cell.field for cell in cells if cell.field != "image_urls"]
    twice = sorted({target for target in known if known.count(target) > 1})
    if twice:
        spellings = " and ".join("|".join(_SYNONYMS[target]) for target in twice)
        raise Rejected(422, ErrorCode.BAD_HEADER, f"The header has {spellings} more than once.")
