"""Jobs at every point of their life, and what PostgreSQL holds of them."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select, text

from infra.contract.object_keys import original_key, variant_key
from infra.contract.states import Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from infra.settings.sections import JobSettings
from tasks.imaging.models import PageFacts
from tasks.jobs.claim import Claim, claim
from tasks.jobs.record import record
from tasks.steps.results import ClaimedImage, ImageDone, ImageFailed, StoredOriginal, StoredVariant
from tasks.submission.submit import Submission, Submitted, submit

T = TypeVar("T")

SETTINGS = JobSettings.model_validate({"lease_seconds": 15, "max_attempts": 3})
HERE, ELSEWHERE = "worker-1", "worker-2"
FINGERPRINT = "f" * 16
PAGE = PageFacts("#7d3c13", "dBgOFQL4Z3uHlmiYZ4dnpweFdVBY", "e497d38c59319b68")
SIZES = ((800, 600), (400, 300))
_SOURCE_BYTES = 1000
_SECONDS = 60


def url(name: object) -> str:
    """Return a supplier's URL."""
    return f"http://supplier.example/{name}.jpg"


def submitted(database: Database, *names: object, **fields: Any) -> Submitted:
    """Submit one job for the named pictures."""
    urls = tuple(url(name) for name in names)
    return submit(database, Submission(preset="web", urls=urls, **fields))


def claimed(database: Database, job_id: UUID, *, owner: str = HERE) -> Claim:
    """Claim a job that can be claimed."""
    result = claim(database, job_id, owner=owner, settings=SETTINGS)
    assert isinstance(result, Claim), result
    return result


def expire(database: Database, job_id: UUID) -> None:
    """Let the job's lease end, as time would."""
    change(database, job_id, "lease_expires_at = now() - interval '1 millisecond'")


def change(database: Database, job_id: UUID, assignments: str) -> None:
    """Change a job's row behind everybody's back."""
    with database.transaction() as session:
        session.execute(text(f"UPDATE jobs SET {assignments} WHERE id = :id"), {"id": job_id})


def sha256_of(content: str) -> str:
    """Return the SHA-256 of a picture that a test only names."""
    return hashlib.sha256(content.encode()).hexdigest()


def done(image: ClaimedImage, content: str, outcome: Outcome = Outcome.CREATED) -> ImageDone:
    """Return a finished image; only a created one brings its original along."""
    sha256 = sha256_of(content)
    return ImageDone(
        image=image,
        outcome=outcome,
        sha256=sha256,
        source_bytes=_SOURCE_BYTES,
        fingerprint=FINGERPRINT,
        variants=tuple(_variant(sha256, width, height) for width, height in SIZES),
        original=_original(sha256) if outcome is Outcome.CREATED else None,
    )


def _original(sha256: str) -> StoredOriginal:
    return StoredOriginal(
        sha256=sha256,
        object_key=original_key(sha256, "jpg"),
        format="jpeg",
        media_type="image/jpeg",
        bytes=_SOURCE_BYTES,
        width=1200,
        height=900,
        orientation=1,
        page=PAGE,
    )


def _variant(sha256: str, width: int, height: int) -> StoredVariant:
    name = f"w{width}-webp"
    return StoredVariant(
        name=name,
        object_key=variant_key(
            original_sha256=sha256, fingerprint=FINGERPRINT, name=name, extension="webp"
        ),
        format="webp",
        width=width,
        height=height,
        bytes=width,
        sha256=sha256_of(f"{sha256}{name}"),
        quality=80,
        score=None,
        frames=12,
    )


def failed(image: ClaimedImage, code: str = "http_404", *, retryable: bool = False) -> ImageFailed:
    """Return an image that could not be made."""
    return ImageFailed(image, code, f"It failed with {code}.", retryable)


def finished(database: Database, *names: str, **fields: Any) -> Submitted:
    """Submit a job and record every picture as made of the bytes that its name stands for."""
    job = submitted(database, *names, **fields)
    mine = claimed(database, job.job_id)
    record(
        database, mine, [done(image, name) for image, name in zip(mine.images, names, strict=True)]
    )
    return job


def job_row(database: Database, job_id: UUID) -> Job:
    """Return a job as PostgreSQL holds it."""
    with database.transaction() as session:
        return session.scalars(select(Job).where(Job.id == job_id)).one()


def image_rows(database: Database, product_id: UUID) -> Sequence[Image]:
    """Return a product's images by position."""
    statement = select(Image).where(Image.product_id == product_id).order_by(Image.position)
    with database.transaction() as session:
        return session.scalars(statement).all()


def outcome_rows(database: Database, job_id: UUID) -> Sequence[JobImage]:
    """Return what a job holds of its images, by position."""
    statement = select(JobImage).where(JobImage.job_id == job_id).order_by(JobImage.position)
    with database.transaction() as session:
        return session.scalars(statement).all()


def count(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    with database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make all calls in threads that start together; return their results in order."""
    work = list(calls)
    start = Barrier(len(work))

    def run(call: Callable[[], T]) -> T:
        start.wait(_SECONDS)
        return call()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work, timeout=_SECONDS))
