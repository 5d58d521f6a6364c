"""Read values out of a TOML table, and say of each wrong one where it stands and what is allowed.

All problems are collected, so that a file is mended in one go. It must not know presets.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeGuard, TypeVar

Path = tuple[str, ...]
T = TypeVar("T")

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#=]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*([\w"'.-]+)\s*=""")


class Report:
    """The problems of one file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = dict(reversed([*_lines_of_keys(text)]))  # of keys that come twice, the first
        self._problems: list[tuple[int, str]] = []

    @property
    def problems(self) -> list[str]:
        """A sentence per problem, in the order of the file."""
        ordered = sorted(self._problems, key=itemgetter(0))
        return [f"{self._file}, line {line}: {problem}" for line, problem in ordered]

    def add(self, path: Path, problem: str) -> None:
        """Note a problem of a key; of one inside an inline table, that table's line is named."""
        outwards = (path[:length] for length in range(len(path), 0, -1))
        line = next((self._lines[outer] for outer in outwards if outer in self._lines), 1)
        self._problems.append((line, f"{'.'.join(path)} {problem}"))


class Table:
    """One table of the file. A wrong value is reported, and a harmless one returned instead."""

    def __init__(self, values: Mapping[str, Any], path: Path, report: Report) -> None:
        self._values = values
        self._path = path
        self._report = report

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        """Yield the keys in the order of the file."""
        yield from self._values

    def value(self, key: str) -> Any:
        """Return what is written, None where nothing is."""
        return self._values.get(key)

    def wrong(self, key: str, problem: str) -> None:
        """Report what is wrong with a key, or with the table itself when the key is empty."""
        self._report.add((*self._path, key) if key else self._path, problem)

    def refuse(self, key: str, allowed: str, *, instead: T) -> T:
        """Report a key that is missing or has a wrong value; return `instead`."""
        said = f"must not be {self._written(key)}" if key in self else "is missing"
        self.wrong(key, f"{said}: write {allowed}.")
        return instead

    def _written(self, key: str) -> str:
        return json.dumps(self._values[key], ensure_ascii=False, default=str)

    def only(
        self, known: Collection[str], *, misplaced: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Report every key that is not one of the known ones.

        `misplaced` says what to write of those that are known elsewhere.
        """
        for key in self:
            if key not in known:
                said = f"is not known; known here are {', '.join(known)}."
                self.wrong(key, misplaced.get(key, said))

    def whole(self, key: str, low: int, high: int, *, default: int | None = None) -> int:
        """Return a whole number within bounds; required where there is no default."""
        value = self._values.get(key, default)
        if type(value) is int and low <= value <= high:
            return value
        instead = low if default is None else default
        return self.refuse(key, f"a whole number from {low} to {high}", instead=instead)

    def number(self, key: str, low: float, high: float, *, default: float | None = None) -> float:
        """Return a number within bounds; required where there is no default."""
        value = self._values.get(key, default)
        if is_number(value) and low <= value <= high:
            return float(value)
        instead = low if default is None else default
        return self.refuse(key, f"a number from {low:g} to {high:g}", instead=instead)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._values.get(key, default)
        return value if type(value) is bool else self.refuse(key, "true or false", instead=default)

    def choice(self, key: str, words: Collection[str], *, default: str) -> str:
        """Return one of the words."""
        value = self._values.get(key, default)
        if isinstance(value, str) and value in words:
            return value
        return self.refuse(key, " or ".join(f'"{word}"' for word in words), instead=default)

    def table(self, key: str, form: str) -> "Table":
        """Return the table under a key, an empty one where there is none; `form` describes it."""
        value = self._values.get(key)
        if not isinstance(value, dict):
            value = self.refuse(key, form, instead={})
        return Table(value, (*self._path, key), self._report)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number; true and false are none, though Python counts with them."""
    return type(value) in (int, float)


def _lines_of_keys(text: str) -> Iterator[tuple[Path, int]]:
    """Yield each table and key that opens a line, the tables around it too, and the line."""
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        path: Path = ()
        if header := _HEADER.fullmatch(line):
            path = table = _path(header[1])
        elif key := _KEY.match(line):
            path = (*table, *_path(key[1]))
        for length in range(1, len(path) + 1):
            yield path[:length], number


def _path(dotted: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
