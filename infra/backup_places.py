"""Where a backup lies: a folder, or a bucket that need not be the system's own."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.objectstore import ObjectStore
from infra.settings.operations import BackupSettings
from infra.settings.sections import StoreSettings

_CHUNK_BYTES = 1024 * 1024


class BackupPlace(Protocol):
    """Files by their names, which have slashes. Safe to share between threads."""

    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None when there is no such file."""

    def put(self, name: str, path: Path, *, media_type: str) -> None:
        """Keep a copy of a file; after a crash it is there as a whole or not at all."""

    def get(self, name: str, path: Path) -> str | None:
        """Copy a file back; return its SHA-256, or None when there is no such file."""

    def remove(self, name: str) -> None:
        """Forget a file; one that does not exist is fine."""


class FolderPlace:
    """A folder that only its owner can read: rows hold secrets of webhooks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, name: str) -> int | None:
        """Return a file's size."""
        try:
            return (self._folder / name).stat().st_size
        except FileNotFoundError:
            return None

    def put(self, name: str, path: Path, *, media_type: str) -> None:  # noqa: ARG002 - files have none
        """Write beside, and give it its name when it is on the disk."""
        target = self._folder / name
        with _told_of_the_disk(target):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(f".{target.name}.{os.getpid()}.part")
            with path.open("rb") as source, beside.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                shutil.copyfileobj(source, file, _CHUNK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)

    def get(self, name: str, path: Path) -> str | None:
        """Copy a file back."""
        digest = hashlib.sha256()
        with _told_of_the_disk(path):
            try:
                source = (self._folder / name).open("rb")
            except FileNotFoundError:
                return None
            with source, path.open("wb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    file.write(chunk)
        return digest.hexdigest()

    def remove(self, name: str) -> None:
        """Forget a file."""
        (self._folder / name).unlink(missing_ok=True)


class BucketPlace:
    """Objects below a prefix of a bucket."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def size(self, name: str) -> int | None:
        """Return an object's size."""
        found = self._store.stat(self._prefix + name)
        return None if found is None else found.bytes

    def put(self, name: str, path: Path, *, media_type: str) -> None:
        """Store and verify an object."""
        self._store.put_verified(self._prefix + name, path, media_type=media_type)

    def get(self, name: str, path: Path) -> str | None:
        """Copy an object back."""
        return self._store.get(self._prefix + name, path)

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._store.remove(self._prefix + name)


@contextmanager
def open_place(address: str, system: StoreSettings) -> Iterator[BackupPlace]:
    """Yield the folder, or the bucket and prefix of an address like s3://bucket/prefix.

    What BACKUP_S3_… does not say of the bucket's store is as the system's own store has it.
    """
    if not address.startswith("s3://"):
        yield FolderPlace(Path(address).expanduser().resolve())
        return
    parts = urlsplit(address)
    own = BackupSettings.load().model_dump(exclude_none=True)
    fields = {**system.model_dump(), **own, "bucket": parts.netloc}
    settings = StoreSettings.model_validate(fields)
    with ObjectStore(settings) as store:
        store.create()
        yield BucketPlace(store, parts.path)


@contextmanager
def _told_of_the_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        detail = f"{path.parent} cannot be written or read: {exc.strerror}."
        raise ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, detail) from exc
