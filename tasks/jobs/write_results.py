"""What became of images, as rows: shared by all that ends or parks a claimed job.

The caller holds the job's row through `locked`. Nothing here decides the job's own state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from uuid import UUID

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, LostClaim
from infra.contract.states import ImageState, Outcome
from infra.db.ids import new_id
from infra.db.models.catalogue import Image, Original, Preview, Product, Variant
from infra.db.models.jobs import Job, JobImage
from tasks.contents.removal_guard import without_removed_results
from tasks.imaging.models import PageFacts
from tasks.jobs.claim import Claim
from tasks.jobs.lease import lock_held
from tasks.jobs.unfinished import NO_ERROR
from tasks.steps.results import ClaimedImage, ImageDone, ImageFailed, ImageResult, StoredOriginal
from tasks.steps.revalidation import keep_validators

_STORED = ("object_key", "format", "width", "height", "bytes", "sha256", "quality", "score")
_SHOWN = tuple(field.name for field in fields(PageFacts))


def locked(session: Session, claim: Claim) -> Job:
    """Lock and return the claimed job's row; raise `LostClaim` when it is not ours any more."""
    job = lock_held(session, claim)
    if job is None:
        raise LostClaim(ErrorCode.LOST_CLAIM, "Another attempt owns this job now.")
    return job


def write_results(session: Session, claim: Claim, results: Sequence[ImageResult]) -> bool:
    """Write what became of these images: originals, variants, and the images in both tables.

    Return whether all was written: an image whose objects were removed meanwhile, or that was given
    another source or focal point, stays unfinished.
    """
    # A writer of a product's images locks its row first, so that no two wait in a circle.
    mine = update(Product).where(Product.id == claim.product_id)
    session.execute(mine.values(updated_at=func.now()))
    wanted = len(results)
    results = _as_wanted_today(session, results)
    results = without_removed_results(session, claim.claimed_at, results)
    done = _without_repeats(
        [result for result in results if isinstance(result, ImageDone)],
        created=_created(session, claim, besides=results),
    )
    failed = [result for result in results if isinstance(result, ImageFailed)]
    _write_originals(session, [image.original for image in done if image.original])
    _write_previews(session, done)
    _write_variants(session, done)
    for image in sorted(done, key=lambda result: result.image.id):
        _finish_ready(session, claim, image)
    keep_validators(session, done)
    for failure in sorted(failed, key=lambda result: result.image.id):
        _finish_failed(session, claim, failure)
    return len(results) == wanted


def _as_wanted_today(session: Session, results: Sequence[ImageResult]) -> Sequence[ImageResult]:
    """Leave out what was made of another source, or around another point, than is wanted now."""
    columns = (Image.id, Image.source_url, Image.focus_x, Image.focus_y)
    ids = [result.image.id for result in results]
    rows = session.execute(select(*columns).where(Image.id.in_(ids))).tuples()
    wanted = {image_id: (source, x, y) for image_id, source, x, y in rows}

    def is_wanted(image: ClaimedImage) -> bool:
        made = (image.source_url, *(image.focus or (None, None)))
        return wanted.get(image.id, made) == made

    return [result for result in results if is_wanted(result.image)]


def _created(
    session: Session, claim: Claim, *, besides: Sequence[ImageResult]
) -> set[tuple[str, str]]:
    """Return the contents and policies that the job has made for other images."""
    if len(claim.images) == 1:
        return set()
    made = select(JobImage.original_sha256, JobImage.fingerprint).where(
        JobImage.job_id == claim.job_id,
        JobImage.outcome == Outcome.CREATED,
        JobImage.image_id.not_in([result.image.id for result in besides]),
    )
    return {(str(sha256), str(policy)) for sha256, policy in session.execute(made).tuples()}


def _without_repeats(
    done: Sequence[ImageDone], *, created: set[tuple[str, str]]
) -> list[ImageDone]:
    """Call the same bytes created once: where they come again they are deduplicated."""
    told = []
    for image in sorted(done, key=lambda result: result.image.position):
        key = (image.sha256, image.fingerprint)
        repeats = image.outcome is Outcome.CREATED and key in created
        told.append(replace(image, outcome=Outcome.DEDUPLICATED) if repeats else image)
        created.add(key)
    return told


def _write_originals(session: Session, originals: Sequence[StoredOriginal]) -> None:
    """Sorted, so that two transactions with the same files do not deadlock."""
    for original in sorted(originals, key=lambda original: original.sha256):
        facts = {
            "width": original.width,
            "height": original.height,
            "orientation": original.orientation,
        }
        statement = insert(Original).values(
            sha256=original.sha256,
            object_key=original.object_key,
            format=original.format,
            media_type=original.media_type,
            bytes=original.bytes,
            **facts,
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Original.sha256], set_={**facts, "removed_until": None}
            )
        )


def _write_previews(session: Session, done: Sequence[ImageDone]) -> None:
    """Write what depends on the policy beside the policy: the next preset replaces nothing."""
    pages = {
        (image.sha256, image.fingerprint): image.original.page for image in done if image.original
    }
    if not pages:
        return
    statement = insert(Preview)
    told = {name: statement.excluded[name] for name in _SHOWN}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Preview.original_sha256, Preview.fingerprint],
            set_=told,
            where=or_(*(getattr(Preview, name) != value for name, value in told.items())),
        ),
        [
            {"original_sha256": sha256, "fingerprint": fingerprint, **asdict(pages[key])}
            for key in sorted(pages)
            for sha256, fingerprint in [key]
        ],
    )


def _write_variants(session: Session, done: Sequence[ImageDone]) -> None:
    rows = {
        (image.sha256, image.fingerprint, variant.name): {
            "id": new_id(),
            "original_sha256": image.sha256,
            "fingerprint": image.fingerprint,
            "name": variant.name,
            "object_key": variant.object_key,
            "format": variant.format,
            "width": variant.width,
            "height": variant.height,
            "bytes": variant.bytes,
            "sha256": variant.sha256,
            "quality": variant.quality,
            "score": variant.score,
            "frames": variant.frames,
        }
        for image in done
        if image.original is not None
        for variant in image.variants
    }
    if not rows:
        return
    statement = insert(Variant)
    # Equal policies give equal bytes; should they not, the row says what is stored now.
    stored = {name: statement.excluded[name] for name in _STORED}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Variant.original_sha256, Variant.fingerprint, Variant.name],
            set_=stored,
            where=Variant.sha256 != statement.excluded.sha256,
        ),
        [rows[key] for key in sorted(rows)],  # beside the statement: compiled for one, not all
    )


def _finish_ready(session: Session, claim: Claim, done: ImageDone) -> None:
    shown = {
        "state": ImageState.READY,
        "original_sha256": done.sha256,
        "fingerprint": done.fingerprint,
        **NO_ERROR,
    }
    if claim.quiet:
        _show_quietly(session, claim, done)
    else:
        _write_image(session, claim, image_id=done.image.id, values=shown)
    told = {
        **shown,
        "outcome": done.outcome,
        "cpu_seconds": done.cpu_seconds,
        "saved_bytes": done.saved_bytes,
    }
    _write_job_image(session, claim, image_id=done.image.id, values=told)


def _finish_failed(session: Session, claim: Claim, failure: ImageFailed) -> None:
    """The product keeps showing the variants that it had; a quiet job says nothing of it there."""
    error = {
        "state": ImageState.FAILED,
        "error_code": failure.code,
        "error_detail": failure.detail,
        "error_retryable": failure.retryable,
    }
    if not claim.quiet:
        _write_image(session, claim, image_id=failure.image.id, values=error)
    _write_job_image(session, claim, image_id=failure.image.id, values=error)


def _show_quietly(session: Session, claim: Claim, done: ImageDone) -> None:
    """Switch what the image shows, unless a job that asked its supplier was faster.

    What was made of a stored original is no newer than that: it replaces no other original, and
    does not stand in the way of a job that was claimed before. An image that such a job still
    owes keeps its state.
    """
    owed = Image.state.in_((ImageState.QUEUED, ImageState.PROCESSING))
    values: dict[str, object] = {
        "original_sha256": done.sha256,
        "fingerprint": done.fingerprint,
        "state": case((owed, Image.state), else_=ImageState.READY),
        **{name: case((owed, getattr(Image, name)), else_=None) for name in NO_ERROR},
    }
    if not claim.from_stored:
        _write_image(session, claim, image_id=done.image.id, values=values)
        return
    session.execute(
        update(Image)
        .where(
            Image.id == done.image.id,
            Image.original_sha256.is_not_distinct_from(done.image.current_sha256),
        )
        .values(**values, updated_at=func.now())
    )


def _write_image(
    session: Session, claim: Claim, *, image_id: UUID, values: Mapping[str, object]
) -> None:
    """Unless an attempt that began after ours was faster: its image is the newer one."""
    ours_is_newest = or_(Image.claimed_at.is_(None), Image.claimed_at <= claim.claimed_at)
    session.execute(
        update(Image)
        .where(Image.id == image_id, ours_is_newest)
        .values(**values, claimed_at=claim.claimed_at, updated_at=func.now())
    )


def _write_job_image(
    session: Session, claim: Claim, *, image_id: UUID, values: Mapping[str, object]
) -> None:
    session.execute(
        update(JobImage)
        .where(JobImage.job_id == claim.job_id, JobImage.image_id == image_id)
        .values(**values, finished_at=func.now())
    )
