"""Files of presets for tests: the shortest good one, and what is said about broken ones."""

from pathlib import Path

import pytest

from tasks.imaging.presets.catalogue import PresetsInvalid, load_presets

SHORTEST = """
version = 1
[presets.plain]
revision = 1
widths = [100, 900]
formats.jpeg.quality = 80
"""
WIDTHS = "widths = [100, 900]"


def written(directory: Path, text: str) -> Path:
    file = directory / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(directory: Path, text: str) -> list[str]:
    """Return what is said about a file, without its path."""
    file = written(directory, text)
    with pytest.raises(PresetsInvalid) as caught:
        load_presets(file)
    return str(caught.value).replace(f"{file}, ", "").splitlines()


def broken(line: str, *, instead_of: str = "") -> str:
    """Return a good file with one more line (its seventh), or one line replaced by it."""
    good = SHORTEST.rstrip()
    return good.replace(instead_of, line) if instead_of else f"{good}\n{line}\n"
