"""The folder that a pixel process works in, as the worker uses it: nothing in it is believed.

The process may have put anything there, and may change it at any moment. So the worker opens plain
files by plain names, follows no link, and takes copies: what was checked is what is kept.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

_PREFIX = "product-images-pixels-"
_CHUNK_BYTES = 1 << 20
_YOUNG_SECONDS = 60  # a folder that another worker is about to lock
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: length, SHA-256 in hexadecimal, and the first bytes."""

    length: int
    sha256: str
    head: bytes


class Folder:
    """One process's folder; it is removed when the process is buried."""

    def __init__(self, parent: Path) -> None:
        self.path = Path(tempfile.mkdtemp(dir=parent))
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def put_source(self, source: Path, head_bytes: int) -> Copied:
        """Copy a file of the worker's into the emptied folder; raises `OSError`."""
        self.clear()
        reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            writing = os.open(SOURCE, flags, 0o644, dir_fd=self.descriptor)
            try:
                os.fchmod(writing, 0o644)  # whatever the umask: a process of another user reads it
                return _copy(reading, writing, head_bytes=head_bytes)
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def take(self, name: str, target: Path, *, max_bytes: int, head_bytes: int) -> Copied:
        """Copy a file of the process's to the file `target`.

        Raises `OSError` when it is no regular file of this folder, or longer than `max_bytes`.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        reading = os.open(name, flags, dir_fd=self.descriptor)
        try:
            status = os.fstat(reading)
            if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
                raise OSError(f"{name!r} is no file of at most {max_bytes} bytes")
            target.unlink(missing_ok=True)  # of a try that failed
            writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                return _copy(reading, writing, head_bytes=head_bytes, max_bytes=max_bytes)
            finally:
                os.close(writing)
        finally:
            os.close(reading)

    def clear(self) -> None:
        """Remove all that is in it; raises `OSError`."""
        for name in os.listdir(self.descriptor):  # noqa: PTH208 - by descriptor: no path is followed
            try:
                os.unlink(name, dir_fd=self.descriptor)
            except FileNotFoundError:
                continue
            except (IsADirectoryError, PermissionError):
                shutil.rmtree(name, dir_fd=self.descriptor)

    def remove(self) -> None:
        """Give the disk back."""
        os.close(self.descriptor)
        shutil.rmtree(self.path, ignore_errors=True)


class Workplace:
    """Where the folders of a pool's processes are; locked, so that only abandoned ones are removed.

    Use it in a `with`.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = Path(directory or tempfile.gettempdir())
        self.path = self._directory
        self._lock = -1

    def __enter__(self) -> Self:
        _remove_abandoned(self._directory)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._directory))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_abandoned(directory: Path) -> None:
    """Remove what workers left behind that were killed."""
    for path in directory.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                status = os.fstat(opened)
                is_ours = status.st_uid == os.geteuid()
                if is_ours and time.time() - status.st_mtime > _YOUNG_SECONDS:
                    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(opened)


def _copy(reading: int, writing: int, *, head_bytes: int, max_bytes: int | None = None) -> Copied:
    digest, length, head = sha256(), 0, b""
    while chunk := os.read(reading, _CHUNK_BYTES):
        if not length:
            head = chunk[:head_bytes]
        length += len(chunk)
        if max_bytes is not None and length > max_bytes:
            raise OSError(f"a file grew beyond {max_bytes} bytes while it was read")
        digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(writing, rest) :]
    return Copied(length, digest.hexdigest(), head)
