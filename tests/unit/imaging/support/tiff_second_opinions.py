"""Ask other decoders what the TIFFs of `tiff_table` show, and keep their answers.

`python -m tests.unit.imaging.support.tiff_second_opinions` writes
`tiff_second_opinions.txt` anew. It needs Debian's imagemagick, libvips-tools and libtiff-tools; the
tests read the answers alone.
"""

import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from tests.unit.imaging.support.tiff_table import Case, cases

ANSWERS = Path(__file__).with_suffix(".txt")
_OPAQUE = 255
_SHOWS_SOMETHING = 8
_SECONDS = 20
_COMMANDS = {
    "vips": ("vips", "colourspace", "{source}", "{result}.png", "srgb"),
    "magick": (
        "convert",
        "{source}[0]",
        "-colorspace",
        "sRGB",
        "-depth",
        "8",
        "png32:{result}.png",
    ),
    "libtiff": ("tiff2rgba", "{source}", "{result}.tif"),
}


def asked_about() -> dict[str, Case]:
    """Return the cases that other decoders are asked about: tiles and packing change no sample."""
    return {
        name: case
        for name, case in cases().items()
        if case.shown is not None and "tiles" not in name and ", deflate" not in name
    }


def mark(case: Case) -> str:
    """Return what changes with the file, or with what it is meant to show."""
    assert case.shown is not None
    return sha256(case.data + case.shown.astype(np.uint8).tobytes()).hexdigest()[:12]


def answers() -> dict[str, tuple[str, dict[str, int]]]:
    """Return the mark of each case, and by how many levels each decoder's picture differs."""
    found = {}
    for line in ANSWERS.read_text(encoding="utf-8").splitlines():
        name, marked, *told = line.split("\t")
        found[name] = marked, {each.split("=")[0]: int(each.split("=")[1]) for each in told}
    return found


def _opinions(case: Case, directory: Path) -> Iterator[tuple[str, int]]:
    source = directory / "source.tif"
    source.write_bytes(case.data)
    for decoder, words in _COMMANDS.items():
        for old in directory.glob("result.*"):
            old.unlink()
        command = [word.format(source=source, result=directory / "result") for word in words]
        subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        for result in directory.glob("result.*"):
            difference = _difference(result, case)
            if difference is not None:
                yield decoder, difference


def _difference(result: Path, case: Case) -> int | None:
    """Compare what can be seen; libtiff's tool multiplies colours by their opacity."""
    assert case.shown is not None
    try:
        with Image.open(result) as image:
            found = np.asarray(image.convert("RGBA")).astype(int)
    except OSError:
        return None
    if found.shape != case.shown.shape:
        return None
    if result.suffix == ".tif" and (case.shown[..., 3] < _OPAQUE).any():
        return None
    visible = case.shown[..., 3] >= _SHOWS_SOMETHING
    return int(np.abs(found - case.shown)[visible].max())


def main() -> None:
    """Write the answers."""
    lines = []
    with TemporaryDirectory() as directory:
        for name, case in asked_about().items():
            told = (f"{who}={levels}" for who, levels in _opinions(case, Path(directory)))
            lines.append("\t".join((name, mark(case), *told)))
    ANSWERS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
