"""Hold the native libraries that decode images against the oldest versions that may.

A scanner of Python packages sees Pillow and not the libtiff inside its wheel, so what is loaded is
asked itself. It must not know pixels, nor what happens to a process whose decoders are too old.
"""

import ctypes
import re
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from PIL import features

from tasks.imaging.decode.heif import heif_version, hevc_version

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_MAPS = Path("/proc/self/maps")
_PILLOW_ADVICE = "install the Pillow that requirements.lock names"
_HEIC_ADVICE = (
    "install the pillow-heif that requirements-heic.lock names, or set HEIC_ENABLED=false"
)
_NO_LIBHEIF = (
    "HEIC_ENABLED is true, but pillow-heif is not installed: install the extra `heic` "
    "(pip install 'product-images[heic]'), or set HEIC_ENABLED=false."
)
_NO_LIBDE265 = (
    "HEIC_ENABLED is true, but this libheif does not decode with libde265, whose version could be "
    "checked: install the wheel of pillow-heif, or set HEIC_ENABLED=false."
)


@dataclass(frozen=True, slots=True)
class Floor:
    """A library, its oldest accepted version, and how its version is read.

    `file` is how the name of its shared object begins. `ask` returns "" when it is not there.
    """

    name: str
    oldest: str
    reason: str
    file: str
    ask: Callable[[], str]
    advice: str = _PILLOW_ADVICE


@dataclass(frozen=True, slots=True)
class Library:
    """A loaded library; `version` is "" when it is not known.

    `from_system`: it is the operating system's, which mends old versions without a new number.
    """

    floor: Floor
    version: str
    from_system: bool

    @property
    def is_too_old(self) -> bool:
        """Whether its version is below the floor."""
        return bool(self.version) and _numbers(self.version) < _numbers(self.floor.oldest)


def _pillow(name: str) -> Callable[[], str]:
    return lambda: features.version(name) or ""


def _codec(name: str) -> Callable[[], str]:
    """Ask libavif, which tells its codecs like `dav1d [dec]:1.5.3-0-gb546257, aom [enc]:3.14.1`."""

    def ask() -> str:
        told: str = import_module("PIL._avif").codec_versions()  # Pillow tells it nowhere else
        codecs = (each.strip().partition(":") for each in told.split(","))
        return next((version for codec, _, version in codecs if codec.startswith(name)), "")

    return ask if features.check("avif") else lambda: ""


def _object(file: str, function: str) -> Callable[[], str]:
    """Ask a shared object that is loaded, by a function of its own that returns text.

    It gets a null pointer, which libpng's ignores and those without parameters do not see.
    """

    def ask() -> str:
        path = _loaded_objects().get(file)
        if path is None:
            return ""
        call = getattr(ctypes.CDLL(path), function)
        call.restype = ctypes.c_char_p
        return str(call(None), "ascii")

    return ask


FLOORS = (
    Floor("libjpeg-turbo", "3.2.0", "none older was reviewed", "libjpeg", _pillow("libjpeg_turbo")),
    Floor("libwebp", "1.3.2", "CVE-2023-4863", "libwebp", _pillow("webp")),
    Floor("libavif", "1.4.2", "none older was reviewed", "libavif", _pillow("avif")),
    Floor("dav1d", "1.5.3", "none older was reviewed", "libavif", _codec("dav1d")),
    Floor("aom", "3.14.1", "none older was reviewed", "libavif", _codec("aom")),
    Floor("libtiff", "4.7.2", "CVE-2026-4775", "libtiff", _pillow("libtiff")),
    Floor("zlib", "1.2.13", "CVE-2022-37434", "libz", _pillow("zlib")),
    Floor("Little CMS", "2.19", "CVE-2026-41254", "liblcms2", _pillow("littlecms2")),
    Floor("OpenJPEG", "2.5.4", "CVE-2025-54874", "libopenjp2", _pillow("jpg_2000")),
    Floor(
        "libpng", "1.6.58", "CVE-2026-34757", "libpng16", _object("libpng16", "png_get_libpng_ver")
    ),
    Floor(
        "liblzma", "5.8.1", "CVE-2025-31115", "liblzma", _object("liblzma", "lzma_version_string")
    ),
    Floor(
        "zstd",
        "1.5.7",
        "none older was reviewed",
        "libzstd",
        _object("libzstd", "ZSTD_versionString"),
    ),
)
"""What comes with Pillow. A floor without a hole of its own is the version that was tested."""

HEIC_FLOORS = (
    Floor("libheif", "1.23.5", "CVE-2026-84383 and later", "libheif", heif_version, _HEIC_ADVICE),
    Floor("libde265", "1.1.2", "GHSA-xp3h-6f5r-8cxp", "libde265", hevc_version, _HEIC_ADVICE),
)
"""What comes with pillow-heif."""


def loaded_libraries(*, heic: bool) -> tuple[Library, ...]:
    """Return what decodes in this process; those of HEIC only where it is enabled."""
    floors = (*FLOORS, *HEIC_FLOORS) if heic else FLOORS
    versions = [(floor, version) for floor in floors if (version := floor.ask())]
    objects = _loaded_objects()  # asking has loaded them all
    return tuple(
        Library(floor, version, _is_of_the_system(objects.get(floor.file)))
        for floor, version in versions
    )


def complaints(libraries: tuple[Library, ...]) -> list[str]:
    """Return a sentence for each library that must not decode: what is wrong, and what to do."""
    return [
        f"{each.floor.name} {each.version} is older than {each.floor.oldest} "
        f"({each.floor.reason}): {each.floor.advice}."
        for each in libraries
        if each.is_too_old and not each.from_system
    ]


def problems(*, heic: bool) -> list[str]:
    """Return what keeps this installation from decoding, a sentence each."""
    if heic and not heif_version():
        return [_NO_LIBHEIF]
    if heic and not hevc_version():
        return [_NO_LIBDE265]
    return complaints(loaded_libraries(heic=heic))


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.search(version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _loaded_objects() -> dict[str, str]:
    """Return the paths of the shared objects in this process, by the name before `-` or `.so`."""
    if not _MAPS.exists():  # not Linux
        return {}
    lines = _MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    paths = (Path(line.split(maxsplit=5)[-1]) for line in lines)
    return {
        re.split(r"-|\.so", path.name, maxsplit=1)[0]: str(path)
        for path in paths
        if ".so" in path.name
    }


def _is_of_the_system(path: str | None) -> bool:
    """Whether a shared object lies outside of the installed packages."""
    return path is not None and not any(
        Path(path).is_relative_to(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")
    )
