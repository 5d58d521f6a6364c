"""Use case: copy a whole system, rows and objects, to another place, as it is at one moment.

Rows first: what they name is in the store by then, and while the copy is made no process removes
objects. Objects never change, so those of an earlier backup in the same place are kept, and an
interrupted one goes on where it was.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import structlog

from infra.backup_places import BackupPlace
from infra.db.dump import Snapshot, TableColumns, open_snapshot, removals_held_back
from infra.objectstore import ObjectStore
from tasks.backup.manifest import NAME, CopiedObject, Manifest, RowsFile, object_line

log = structlog.get_logger(__name__)

AT_ONCE = 8
_SLICE = 500
_GZIP = "application/gzip"
_OBJECTS = """
    SELECT object_key, bytes, sha256, media_type FROM originals WHERE removed_until IS NULL
    UNION ALL
    SELECT object_key, bytes, sha256, 'image/' || format FROM variants
"""


@dataclass(slots=True)
class Copied:
    """What was copied so far; `kept` was there already, `lost` cannot be copied as it should be."""

    rows: int = 0
    objects: int = 0
    bytes: int = 0
    kept: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Return how many objects were looked at."""
        return self.objects + self.kept + len(self.lost)


Tell = Callable[[Copied], None]


def back_up(
    url: str, store: ObjectStore, place: BackupPlace, *, tell: Tell = lambda _: None
) -> Copied:
    """Copy everything; `tell` hears of the progress. Raises `ServiceUnavailable`.

    An object that the store has lost is in `lost`: its row is copied all the same.
    """
    copied, name = Copied(), uuid4().hex
    with TemporaryDirectory(prefix="product-images-backup-") as folder, removals_held_back(url):
        work = Path(folder)
        with open_snapshot(url) as snapshot:
            revision = snapshot.revision()
            tables = tuple(
                _copy_rows(snapshot, table, place, folder=work, name=name)
                for table in snapshot.tables()
            )
            objects, number, size = _list_objects(snapshot, work)
        copied.rows = sum(each.rows for each in tables)
        tell(copied)
        with gzip.open(objects, "rt") as lines, ThreadPoolExecutor(AT_ONCE) as threads:
            copy = _Copying(store, place, work)
            for some in slices(CopiedObject.of(line) for line in lines):
                for each, outcome in zip(some, threads.map(copy.copy, some), strict=True):
                    count(copied, each, outcome)
                tell(copied)
        listed = f"rows/{name}/objects.ndjson.gz"
        place.put(listed, objects, media_type=_GZIP)
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            revision=revision,
            tables=tables,
            objects_file=listed,
            objects_sha256=_sha256(objects),
            objects=number,
            object_bytes=size,
        )
        _publish(place, manifest, work)
    log.info("backup made", rows=copied.rows, objects=copied.total, lost=len(copied.lost))
    return copied


class _Copying:
    """Copies objects, each through a file of its own."""

    def __init__(self, store: ObjectStore, place: BackupPlace, folder: Path) -> None:
        self._store, self._place, self._folder = store, place, folder

    def copy(self, wanted: CopiedObject) -> bool | None:
        """Return whether an object had to be copied; None when it cannot be."""
        if self._place.size(wanted.name) == wanted.bytes:
            return False
        path = self._folder / uuid4().hex
        try:
            if self._store.get(wanted.key, path) != wanted.sha256:
                return None
            self._place.put(wanted.name, path, media_type=wanted.media_type)
        finally:
            path.unlink(missing_ok=True)
        return True


def _copy_rows(
    snapshot: Snapshot, table: TableColumns, place: BackupPlace, *, folder: Path, name: str
) -> RowsFile:
    path = folder / f"{table.name}.gz"
    with gzip.open(path, "wb") as file:
        rows = snapshot.copy_out(table, file)  # type: ignore[arg-type]  # it can be written to
    target = f"rows/{name}/{table.name}.gz"
    place.put(target, path, media_type=_GZIP)
    return RowsFile(table.name, table.columns, rows, name=target, sha256=_sha256(path))


def _list_objects(snapshot: Snapshot, folder: Path) -> tuple[Path, int, int]:
    path, count, size = folder / "objects.ndjson.gz", 0, 0
    with gzip.open(path, "wt") as file:
        for key, size_bytes, sha256, media_type in snapshot.query(_OBJECTS):
            file.write(object_line(key, size_bytes, sha256, media_type=media_type))
            count, size = count + 1, size + size_bytes
    return path, count, size


def _publish(place: BackupPlace, manifest: Manifest, folder: Path) -> None:
    """Let this backup take the place of the one before, whose rows are not needed any more."""
    former = read_manifest(place, folder)
    path = folder / NAME
    path.write_text(manifest.as_json())
    place.put(NAME, path, media_type="application/json")
    if former is not None:
        for each in former.tables:
            place.remove(each.name)
        place.remove(former.objects_file)


def read_manifest(place: BackupPlace, folder: Path) -> Manifest | None:
    """Return what the backup in a place says of itself; None when there is none."""
    path = folder / NAME
    if place.get(NAME, path) is None:
        return None
    return Manifest.read(path.read_text())


def count(copied: Copied, each: CopiedObject, outcome: bool | None) -> None:  # noqa: FBT001 - a result, no switch
    """Count what became of an object; None: it could not be copied."""
    if outcome is None:
        copied.lost.append(each.key)
    elif outcome:
        copied.objects += 1
        copied.bytes += each.bytes
    else:
        copied.kept += 1


def slices(objects: Iterable[CopiedObject]) -> Iterator[list[CopiedObject]]:
    """Yield the objects some hundreds at a time, so that memory stays flat."""
    found = iter(objects)
    while some := list(islice(found, _SLICE)):
        yield some


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
