"""Random contents of a store with the rows that refer to them, and what a collection must take."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import func, insert
from sqlalchemy.orm import Session

from infra.contract.object_keys import Folder, original_key
from infra.contract.source_refs import upload_source
from infra.contract.states import ImageState, JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.catalogue import Image, Original, Product, Variant
from infra.db.models.jobs import Job, JobImage
from infra.db.models.retirements import Retirement
from infra.objectstore import ObjectStore, StoredObject
from tests.integration.tasks.contents.litter import AGED, put
from tests.integration.tasks.job_rows import sha256_of

RULES = replace(
    AGED,
    grace=timedelta(days=1),
    superseded_retention=timedelta(days=30),
    original_retention=timedelta(days=20),
)
POLICIES = ("1" * 16, "2" * 16)
_RETENTION_DAYS = {True: 30, False: 20}
_UNFINISHED = -1
# Often enough what makes garbage: else nearly everything would have to stay.
_NOTED = st.sampled_from([None, 0, 25, 40, 40, 40])
_IN_JOB = st.sampled_from([None, None, None, _UNFINISHED, 0, 25, 40])
_WRITERS = 8


class Shown(Enum):
    """How an image refers to a content."""

    NOT = "not"
    AS_FOUND = "from a supplier"
    AS_UPLOADED = "uploaded"


@dataclass(frozen=True, slots=True)
class Holding:
    """A folder: an object with its row, and an object without; both may be absent.

    `noted_days` ago a collection saw it unshown, `job_days` ago a job ended that names it (-1: it
    has not ended). None: never.
    """

    has_row: bool
    row_is_old: bool
    object_is_old: bool
    noted_days: int | None
    job_days: int | None
    stray_is_old: bool | None

    def may_go(self, *, of_variants: bool) -> bool:
        """Whether its row may, as long as nobody shows it."""
        days = _RETENTION_DAYS[of_variants]
        is_due = self.noted_days is not None and self.noted_days > days
        in_job = self.job_days is not None and self.job_days < days
        return self.has_row and self.row_is_old and is_due and not in_job


@dataclass(frozen=True, slots=True)
class Content:
    """A file of a supplier, and what was made of it under each of the policies."""

    shown: Shown
    shown_policy: str | None
    original: Holding
    variants: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """The keys of objects: which are old, and which a collection takes."""

    old: frozenset[str]
    young: frozenset[str]
    garbage: frozenset[str]


_HOLDING = st.builds(
    Holding,
    has_row=st.sampled_from([True, True, False]),
    row_is_old=st.sampled_from([True, True, False]),
    object_is_old=st.booleans(),
    noted_days=_NOTED,
    job_days=_IN_JOB,
    stray_is_old=st.sampled_from([None, True, False]),
)
CONTENTS = st.lists(
    st.builds(
        Content,
        shown=st.sampled_from([Shown.NOT, Shown.NOT, Shown.AS_FOUND, Shown.AS_UPLOADED]),
        shown_policy=st.sampled_from([None, *POLICIES]),
        original=_HOLDING,
        variants=st.tuples(*[_HOLDING for _ in POLICIES]),
    ),
    min_size=1,
    max_size=5,
)

_RIPE = Holding(
    has_row=True,
    row_is_old=True,
    object_is_old=True,
    noted_days=40,
    job_days=None,
    stray_is_old=True,
)
RIPE = Content(Shown.NOT, None, original=_RIPE, variants=(_RIPE, _RIPE))
"""An original that goes in the same collection as all its variants."""


class AgedStore(ObjectStore):
    """The real store, in which some objects were written two days earlier than they were."""

    old: frozenset[str] = frozenset()

    def pages(self, prefix: str) -> Iterator[Sequence[StoredObject]]:
        for page in super().pages(prefix):
            yield [self._aged(each) for each in page]

    def stat(self, key: str) -> StoredObject | None:
        found = super().stat(key)
        return None if found is None else self._aged(found)

    def _aged(self, found: StoredObject) -> StoredObject:
        if found.key not in self.old:
            return found
        return replace(found, modified_at=found.modified_at - 2 * RULES.grace)


def objects_of(contents: Sequence[Content]) -> Objects:
    """Return the objects that lie in the store, and which of them must go."""
    old, young, garbage = set[str](), set[str](), set[str]()
    for number, content in enumerate(contents):
        for folder, holding in _folders(number, content):
            if holding.has_row:
                (old if holding.object_is_old else young).add(_key(folder))
                garbage.update({_key(folder)} if _goes(content, folder, holding) else ())
            if holding.stray_is_old is not None:
                (old if holding.stray_is_old else young).add(_stray_key(folder))
                garbage.update({_stray_key(folder)} if holding.stray_is_old else ())
    return Objects(frozenset(old), frozenset(young), frozenset(garbage))


def _goes(content: Content, folder: Folder, holding: Holding) -> bool:
    if folder.fingerprint is not None:
        is_shown = content.shown is Shown.AS_FOUND and content.shown_policy == folder.fingerprint
        return not is_shown and holding.may_go(of_variants=True)
    left = [
        variant
        for policy, variant in zip(POLICIES, content.variants, strict=True)
        if variant.has_row and not _goes(content, Folder(folder.sha256, policy), variant)
    ]
    named = any(
        variant.job_days is not None and variant.job_days < _RETENTION_DAYS[False]
        for variant in content.variants
    )
    is_needed = content.shown is not Shown.NOT or left or named
    return not is_needed and holding.may_go(of_variants=False)


def possible(content: Content) -> Content:
    """Return what rows can say: an original has a row where anything refers to it."""
    refers = content.shown is not Shown.NOT or any(
        each.has_row or each.job_days is not None for each in content.variants
    )
    has_row = content.original.has_row or refers or content.original.job_days is not None
    return replace(content, original=replace(content.original, has_row=has_row))


def lay(
    database: Database, store: AgedStore, directory: Path, *, contents: Sequence[Content]
) -> None:
    """Write all rows and objects into an empty database and store."""
    found = objects_of(contents)
    store.old = found.old
    keys = sorted(found.old | found.young)
    with ThreadPoolExecutor(_WRITERS) as pool:
        folders = [directory / str(number) for number in range(len(keys))]
        list(pool.map(lambda each: _put(store, *each), zip(folders, keys, strict=True)))
    with database.transaction() as session:
        for number, content in enumerate(contents):
            _write_rows(session, number, content)


def _put(store: ObjectStore, directory: Path, key: str) -> None:
    directory.mkdir(exist_ok=True)
    put(store, directory, key)


def _folders(number: int, content: Content) -> Iterator[tuple[Folder, Holding]]:
    sha256 = sha256_of(str(number))
    yield Folder(sha256), content.original
    for policy, holding in zip(POLICIES, content.variants, strict=True):
        yield Folder(sha256, policy), holding


def _key(folder: Folder) -> str:
    if folder.fingerprint is None:
        return original_key(folder.sha256, "jpg")
    return f"{folder.path}/w2.webp"


def _stray_key(folder: Folder) -> str:
    if folder.fingerprint is None:
        return original_key(folder.sha256, "png")
    return f"{folder.path}/w1.webp"


def _write_rows(session: Session, number: int, content: Content) -> None:
    image_id, product_id = new_id(), new_id()
    for folder, holding in _folders(number, content):
        if holding.has_row:
            session.execute(_row(folder, holding))
    session.execute(insert(Product).values(id=product_id))
    session.execute(
        insert(Image).values(id=image_id, product_id=product_id, **_shows(number, content))
    )
    for folder, holding in _folders(number, content):
        if holding.noted_days is not None:
            session.execute(_note(folder, holding.noted_days))
        if holding.job_days is not None:
            _write_job(session, image_id, product_id, folder=folder, days=holding.job_days)


def _row(folder: Folder, holding: Holding) -> Any:
    values: dict[str, Any] = {"object_key": _key(folder), "format": "webp", "bytes": 5}
    if holding.row_is_old:
        values["created_at"] = func.now() - 2 * RULES.grace
    if folder.fingerprint is None:
        return insert(Original).values(sha256=folder.sha256, media_type="image/jpeg", **values)
    size = {"name": "w2", "width": 2, "height": 2, "sha256": folder.sha256}
    policy = {"original_sha256": folder.sha256, "fingerprint": folder.fingerprint}
    return insert(Variant).values(id=new_id(), **policy, **size, **values)


def _shows(number: int, content: Content) -> dict[str, Any]:
    sha256 = sha256_of(str(number))
    values = {"position": 0, "state": ImageState.READY, "source_url": "http://supplier.example/1"}
    if content.shown is Shown.AS_UPLOADED:
        values["source_url"] = upload_source(sha256)
    elif content.shown is Shown.AS_FOUND:
        values |= {"original_sha256": sha256, "fingerprint": content.shown_policy}
    return values


def _note(folder: Folder, days: int) -> Any:
    names = {"original_sha256": folder.sha256, "fingerprint": folder.fingerprint}
    since = func.now() - timedelta(days=days)
    return insert(Retirement).values(folder=folder.path, since=since, **names)


def _write_job(
    session: Session, image_id: UUID, product_id: UUID, *, folder: Folder, days: int
) -> None:
    job_id = new_id()
    ended = None if days == _UNFINISHED else func.now() - timedelta(days=days)
    state = JobState.QUEUED if ended is None else JobState.READY
    session.execute(
        insert(Job).values(
            id=job_id,
            product_id=product_id,
            lane=Lane.BULK,
            state=state,
            preset="web",
            finished_at=ended,
        )
    )
    session.execute(
        insert(JobImage).values(
            job_id=job_id,
            image_id=image_id,
            position=0,
            state=ImageState.READY,
            original_sha256=folder.sha256,
            fingerprint=folder.fingerprint,
            finished_at=ended,
        )
    )
