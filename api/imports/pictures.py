"""Reads a ZIP archive of pictures, whose names say which product each one belongs to.

Nothing is unpacked under a name of the archive's own. A first pass checks every file; only when
the caller's policy accepts what it found are the good ones stored.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO
from zipfile import ZipInfo

from pydantic import TypeAdapter, ValidationError

from api.imports.formats.archive import SIGNATURE, Archive, open_archive
from api.imports.record import FileFacts
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.source_refs import upload_source
from infra.db.storable import Sku, visible
from tasks.imaging.formats.detect import HEADER_BYTES, HEIC_IS_OFF, ImageFormat, sniff
from tasks.imports.row import BadRow, GoodRow, Row, RowImage, RowProblem
from tasks.submission.uploads import Upload

DEFAULT_PATTERNS = ("{sku}_{n}", "{sku}/{n}")
_MAX_PATTERN_CHARACTERS = 200
_MAX_PATH_CHARACTERS = 500
_PIECE_BYTES = 1 << 18
_TOKEN = re.compile(r"(\{sku\}|\{n\}|\*)")
_TOKENS = {"{sku}": r"(?P<sku>[^/]+)", "{n}": r"(?P<n>\d{1,9})", "*": r"[^/]*"}
_ANY_SUFFIX = r"\.[^./]+"
# What macOS, Windows and editors leave in archives.
_LITTER = re.compile(
    r"(.*/)?(__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)", re.IGNORECASE
)
_ARCHIVES = (
    SIGNATURE,
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
)
_LINK = 0o120000
_KIND_OF_FILE = 0o170000
_SKU = TypeAdapter[str](Sku)


class Pattern:
    """How names are written: `{sku}_{n}.jpg`, `{sku}/{n}`; without an ending any one is right."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.shown = " or ".join(texts)
        self._compiled = [(text.count("/") + 1, _compiled(text)) for text in texts]

    def match(self, path: str) -> tuple[str, int] | None:
        """Return sku and number of a file, by as many last parts of its path as the pattern has."""
        parts = path.split("/")
        for count, pattern in self._compiled:
            found = pattern.fullmatch("/".join(parts[-count:])) if len(parts) >= count else None
            if found:
                number = found.groupdict().get("n")
                return found["sku"], int(number or 0)
        return None


@dataclass(frozen=True, slots=True)
class PictureRules:
    """What the pictures of an archive are held against."""

    pattern: Pattern
    max_file_bytes: int
    max_unpacked_bytes: int
    heic: bool


def parse_pattern(text: str | None) -> Pattern:
    """Return the pattern; raise `Rejected` (422) for one that names no product."""
    if text is None:
        return Pattern(DEFAULT_PATTERNS)
    tokens = _TOKEN.findall(text)
    is_fine = tokens.count("{sku}") == 1 and tokens.count("{n}") <= 1 and tokens.count("*") <= 2
    if (
        not is_fine
        or len(text) > _MAX_PATTERN_CHARACTERS
        or re.search(r"[{}*\\]", _TOKEN.sub("", text))
    ):
        told = (
            f"pattern: {text[:60]!r} cannot be used. Write {{sku}} once, {{n}} for the number and "
            "* for any text, such as {sku}_{n}.jpg or {sku}/*."
        )
        raise Rejected(422, ErrorCode.INVALID_REQUEST, told)
    return Pattern((text.strip("/"),))


class Pictures:
    """The pictures of an archive in a file."""

    def __init__(self, file: BinaryIO, rules: PictureRules, facts: FileFacts) -> None:
        self._file, self._rules, self._facts = file, rules, facts
        self._good: dict[str, int] = {}  # the place in the archive of each content

    def rows(self) -> Iterator[Row]:
        """Yield a row for each file, those of a product in the order of their numbers.

        The number of a row is the file's place in the archive, from 1.
        """
        found: list[tuple[str, int, str, int]] = []
        litter = 0
        with self._archive() as archive:
            seen: set[str] = set()
            for place, info in enumerate(archive.files, 1):
                if _LITTER.fullmatch(info.filename):
                    litter += 1
                    continue
                named = self._name_of(info, seen)
                if isinstance(named, str):
                    yield _bad(place, info, named)
                else:
                    found.append((*named, info.filename, place))
            for sku, _, _, place in sorted(found):
                yield self._checked(archive, archive.files[place - 1], place, sku=sku)
        if litter:
            self._facts.warnings.append(f"{litter} files that a system left behind were skipped.")

    def store(self, keep: Callable[[Path, int], Upload]) -> list[Upload]:
        """Store the good pictures, each content once; `keep` stores a file under its place."""
        uploads = []
        with (
            self._archive() as archive,
            TemporaryDirectory(prefix="product-images-import-") as folder,
        ):
            target = Path(folder) / "picture"
            for place in self._good.values():
                with archive.open(archive.files[place - 1]) as opened, target.open("wb") as copy:
                    while piece := opened.read(_PIECE_BYTES):
                        copy.write(piece)
                uploads.append(keep(target, place))
        return uploads

    def _archive(self) -> AbstractContextManager[Archive]:
        return open_archive(self._file, self._rules.max_unpacked_bytes)

    def _name_of(self, info: ZipInfo, seen: set[str]) -> tuple[str, int] | str:
        """Return what a file's name says, or what is wrong with it."""
        path = info.filename
        parts = PurePosixPath(path).parts
        if (
            not parts
            or path.startswith("/")
            or "\\" in info.orig_filename
            or ":" in parts[0]
            or ".." in parts
            or "\x00" in info.orig_filename
            or len(path) > _MAX_PATH_CHARACTERS
        ):
            return "Its path leads out of the archive or is no plain path. Pack it as FOLDER/NAME."
        if path in seen:
            return "The archive has two files of this name."
        seen.add(path)
        if (info.external_attr >> 16) & _KIND_OF_FILE == _LINK:
            return "It is a link, not a picture."
        named = self._rules.pattern.match(path)
        if named is None:
            return (
                f"Its name is not like {self._rules.pattern.shown}. Rename it, or say with "
                "pattern= how names are written."
            )
        try:
            return _SKU.validate_python(named[0]), named[1]
        except ValidationError:
            return "What its name says is no sku."

    def _checked(self, archive: Archive, info: ZipInfo, place: int, *, sku: str) -> Row:
        """Read a file to its end; return its row."""
        digest, size = hashlib.sha256(), 0
        with archive.open(info) as opened:
            header = opened.read(HEADER_BYTES)
            piece = header
            while piece:
                size += len(piece)
                if size > self._rules.max_file_bytes:
                    told = f"It has more than {self._rules.max_file_bytes} bytes."
                    return _bad(place, info, told, sku=sku, code=ErrorCode.TOO_MANY_BYTES)
                digest.update(piece)
                piece = opened.read(_PIECE_BYTES)
        image_format = sniff(header)
        if header.startswith(_ARCHIVES):
            return _bad(place, info, "It is an archive within the archive. Unpack it.", sku=sku)
        if image_format is None or (image_format is ImageFormat.HEIC and not self._rules.heic):
            told = (
                "It is not an image in an accepted format." if image_format is None else HEIC_IS_OFF
            )
            return _bad(place, info, told, sku=sku, code=ErrorCode.UNSUPPORTED_FORMAT)
        sha256 = digest.hexdigest()
        self._good.setdefault(sha256, place)
        return GoodRow(place, sku, {}, (RowImage(upload_source(sha256), file=_shown(info)),))


def _bad(
    place: int,
    info: ZipInfo,
    told: str,
    *,
    sku: str | None = None,
    code: ErrorCode = ErrorCode.MALFORMED_ROW,
) -> BadRow:
    return BadRow(place, sku, (RowProblem(place, _shown(info), code, told),))


def _shown(info: ZipInfo) -> str:
    name = info.filename[-_MAX_PATH_CHARACTERS:]
    return visible(name.encode(errors="backslashreplace").decode())


def _compiled(text: str) -> re.Pattern[str]:
    pieces = [_TOKENS.get(piece, re.escape(piece)) for piece in _TOKEN.split(text)]
    suffix = "" if "." in PurePosixPath(text).name else _ANY_SUFFIX
    return re.compile("".join(pieces) + suffix, re.IGNORECASE | re.ASCII)
