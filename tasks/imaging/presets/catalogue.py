"""The presets that a process knows: those of the package, and those of an operator's file.

It must not know who reads them, and when: see `tasks.presets`. A pixel process is given the one
preset that it needs and does not import this.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from infra.contract.errors import ErrorCode, PermanentError
from tasks.imaging.presets.model import Preset
from tasks.imaging.presets.problems import problems
from tasks.imaging.presets.tables import PresetsFile

PACKAGED_FILE = Path(__file__).with_name("presets.toml")


class PresetsInvalid(Exception):
    """A presets file is not for use; the message has a line per problem.

    Each names the file, the line and the key, and says what is wrong and what would be right.
    """


class Presets:
    """Presets by name; iterating yields the names in alphabetical order."""

    def __init__(self, presets: Mapping[str, Preset]) -> None:
        self._presets = MappingProxyType(dict(sorted(presets.items())))

    def __iter__(self) -> Iterator[str]:
        yield from self._presets

    def __contains__(self, name: object) -> bool:
        return name in self._presets

    def named(self, name: str) -> Preset:
        """Look a preset up; raise `PermanentError` (unknown_preset) when there is none."""
        try:
            return self._presets[name]
        except KeyError as exc:
            raise PermanentError(
                ErrorCode.UNKNOWN_PRESET,
                f"There is no preset named {name!r}; known are {', '.join(self)}.",
            ) from exc


def load_presets(file: Path | None = None) -> Presets:
    """Return the package's presets, and those of `file`, which win where names are equal.

    Raises `PresetsInvalid`.
    """
    own = {} if file is None else _read(file)
    return Presets({**_packaged(), **own})


@cache
def packaged_presets() -> Presets:
    """Return the presets that come with the package."""
    return Presets(_packaged())


@cache
def _packaged() -> Mapping[str, Preset]:
    return _read(PACKAGED_FILE)


def _read(file: Path) -> Mapping[str, Preset]:
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as exc:
        raise PresetsInvalid(f"{file} cannot be read: {exc.strerror}.") from exc
    except ValueError as exc:  # of UTF-8 or of TOML; the latter names line and column
        raise PresetsInvalid(f"{file} is not TOML: {exc}.") from exc
    try:
        # As JSON, whose tables and lists strict models accept.
        tables = PresetsFile.model_validate_json(json.dumps(document, default=str)).presets
    except ValidationError as exc:
        found = problems(exc, document, text)
        raise PresetsInvalid("\n".join(f"{file}, {problem}" for problem in found)) from exc
    orders = {name: [*table["formats"]] for name, table in document["presets"].items()}
    return {name: table.preset(name, orders[name]) for name, table in tables.items()}
