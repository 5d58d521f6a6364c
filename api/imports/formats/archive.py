"""Opens ZIP archives, which XLSX files are as well, with a bound on all that is unpacked.

What an archive says of its own sizes is not believed: the bytes are counted as they come.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from api.imports.formats.xml_events import refused

SIGNATURE = b"PK\x03\x04"
_END_SIGNATURE = b"PK\x05\x06"
_END = struct.Struct("<4s4H2LH")
_MAX_COMMENT_BYTES = 65_535
_MAX_DIRECTORY_BYTES = 4 << 20  # some 40,000 files; each one costs half a kilobyte of memory
_ENCRYPTED = 0x1
_BROKEN = (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, zlib.error)


class Archive:
    """The files of an archive; all that is read of them together is bounded by `max_bytes`."""

    def __init__(self, archive: ZipFile, max_bytes: int) -> None:
        self._archive = archive
        self._left_bytes = self._max_bytes = max_bytes
        self.files = [info for info in archive.infolist() if not info.is_dir()]

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self._archive.NameToInfo

    @contextmanager
    def open(self, file: ZipInfo | str) -> Iterator[BinaryIO]:
        """Yield a file's bytes as they are unpacked; raise `Rejected` (422) for a broken one."""
        try:
            info = self._archive.getinfo(file) if isinstance(file, str) else file
        except KeyError as exc:
            raise refused(f"The archive has no file {str(file)[:100]!r}.") from exc
        shown = repr(info.filename[:100])
        if info.flag_bits & _ENCRYPTED:
            raise refused(f"{shown} is encrypted. Pack it without a password.")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise refused(f"{shown} is packed in a way that is not read. Pack it with Deflate.")
        try:
            opened = self._archive.open(info)
        except _BROKEN as exc:
            raise refused(f"{shown} is damaged. Pack it again.") from exc
        with opened:
            yield cast("BinaryIO", _Counted(cast("BinaryIO", opened), shown, self))

    def count(self, size: int) -> None:
        """Count bytes that were unpacked; raise `Rejected` (422) when they are too many."""
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise refused(
                f"The archive unpacks to more than {self._max_bytes} bytes, which is not believed."
            )


class _Counted(RawIOBase):
    """Bytes that are counted as they are read."""

    def __init__(self, file: BinaryIO, shown: str, archive: Archive) -> None:
        self._file, self._shown, self._archive = file, shown, archive

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; raise `Rejected` (422) for what cannot be unpacked."""
        try:
            data = self._file.read(size)
        except _BROKEN as exc:
            raise refused(f"{self._shown} is damaged. Pack it again.") from exc
        self._archive.count(len(data))
        return data


@contextmanager
def open_archive(file: BinaryIO, max_bytes: int) -> Iterator[Archive]:
    """Yield the archive in a file; raise `Rejected` (422) when it is none that is read."""
    _require_small_directory(file)
    try:
        archive = ZipFile(file)
    except _BROKEN as exc:
        raise refused("The archive is damaged. Pack it again.") from exc
    with archive:
        yield Archive(archive, max_bytes)


def _require_small_directory(file: BinaryIO) -> None:
    """Refuse more files than are kept in memory, before they are."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _MAX_COMMENT_BYTES))
    tail = file.read()
    place = tail.rfind(_END_SIGNATURE)
    if place < 0 or len(tail) - place < _END.size:
        raise refused("The archive is damaged or cut short. Pack or send it again.")
    directory_bytes = _END.unpack_from(tail, place)[5]
    if directory_bytes > _MAX_DIRECTORY_BYTES:
        raise refused("The archive has too many files. Send it in parts.")
    file.seek(0)
