"""Use case: bring a backup back into an empty database and a store.

Objects first, then all rows in one transaction: an interrupted restore has announced nothing, and
goes on where it was. Jobs that waited are published again; those at work are done again.
"""

import gzip
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from uuid import uuid4

import structlog

from infra.backup_places import BackupPlace
from infra.contract.errors import ErrorCode, ProductImagesError, ServiceUnavailable
from infra.contract.object_keys import PUBLIC_PREFIX
from infra.db.dump import TableColumns, copy_in, require_no_rows
from infra.db.schema import knows_revision
from infra.migrate import downgrade, upgrade
from infra.objectstore import ObjectStore
from tasks.backup.backup import AT_ONCE, Copied, Tell, count, read_manifest, slices
from tasks.backup.manifest import CopiedObject, Manifest

log = structlog.get_logger(__name__)


def restore(
    url: str, store: ObjectStore, place: BackupPlace, *, tell: Tell = lambda _: None
) -> Copied:
    """Bring everything back. Raises `ProductImagesError` when there is no backup that fits.

    The database may have tables, and no rows. What the store has already is not copied again. An
    object that the backup has lost is in `lost`: its row comes back all the same.
    """
    restored = Copied()
    with TemporaryDirectory(prefix="product-images-restore-") as folder:
        work = Path(folder)
        manifest = read_manifest(place, work)
        if manifest is None:
            detail = "There is no complete backup at that place."
            raise ProductImagesError(ErrorCode.NOT_FOUND, detail)
        if not knows_revision(manifest.revision):
            detail = f"A later version made this backup: its schema is at {manifest.revision}."
            raise ProductImagesError(ErrorCode.INVALID_REQUEST, detail)
        require_no_rows(url)
        _require_bucket(store)
        listed = _fetch(place, manifest.objects_file, manifest.objects_sha256, folder=work)
        with gzip.open(listed, "rt") as lines, ThreadPoolExecutor(AT_ONCE) as threads:
            copy = _Copying(store, place, work)
            for some in slices(CopiedObject.of(line) for line in lines):
                for each, outcome in zip(some, threads.map(copy.copy, some), strict=True):
                    count(restored, each, outcome)
                tell(restored)
        _restore_rows(url, place, manifest, folder=work)
        restored.rows = sum(each.rows for each in manifest.tables)
        tell(restored)
    log.info("backup restored", rows=restored.rows, objects=restored.total)
    return restored


def _require_bucket(store: ObjectStore) -> None:
    """Make the bucket unless it is there: the system's own account may have to leave it alone."""
    try:
        store.probe()
    except ServiceUnavailable:
        store.prepare(PUBLIC_PREFIX)


class _Copying:
    """Copies objects back, each through a file of its own."""

    def __init__(self, store: ObjectStore, place: BackupPlace, folder: Path) -> None:
        self._store, self._place, self._folder = store, place, folder

    def copy(self, wanted: CopiedObject) -> bool | None:
        """Return whether an object had to be copied; None when it cannot be."""
        there = self._store.stat(wanted.key)
        if there is not None and there.bytes == wanted.bytes:
            return False
        path = self._folder / uuid4().hex
        try:
            if self._place.get(wanted.name, path) != wanted.sha256:
                return None
            self._store.put_verified(wanted.key, path, media_type=wanted.media_type)
        finally:
            path.unlink(missing_ok=True)
        return True


def _restore_rows(url: str, place: BackupPlace, manifest: Manifest, *, folder: Path) -> None:
    """Make the tables of the version that made the backup, fill them, and bring them up to date."""
    downgrade(url, "base")  # of an empty database, which may be of a later version
    upgrade(url, manifest.revision)
    with ExitStack() as stack:
        tables: list[tuple[TableColumns, IO[bytes]]] = []
        for each in manifest.tables:
            path = _fetch(place, each.name, each.sha256, folder=folder)
            file: IO[bytes] = stack.enter_context(gzip.open(path, "rb"))  # type: ignore[arg-type]  # it can be read
            tables.append((TableColumns(each.table, each.columns), file))
        copy_in(url, tables)
    upgrade(url)


def _fetch(place: BackupPlace, name: str, sha256: str, *, folder: Path) -> Path:
    path = folder / uuid4().hex
    if place.get(name, path) != sha256:
        detail = f"{name} of the backup is missing or damaged. Restore an older backup."
        raise ProductImagesError(ErrorCode.INVALID_REQUEST, detail)
    return path
