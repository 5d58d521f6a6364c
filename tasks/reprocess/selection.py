"""A selector as SQL: one row for each image that has to be made, and in which preset.

An image is shown in the preset that its fingerprint stands for. A fingerprint that was never
written down was made by an older version: the image's newest job says which preset it was, and its
revision counts as another one than the target's, because it is not known to be the same.
"""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from infra.contract.source_refs import upload_source
from infra.contract.states import ImageState, JobState
from infra.db.models.catalogue import Image, Original, Product, source_host
from infra.db.models.jobs import Job, JobImage
from infra.db.models.policies import Policy, PresetTarget
from tasks.reprocess.given_up import is_given_up, is_uploaded
from tasks.reprocess.selector import Selector

Picked = Select[tuple[UUID, UUID, str, int, str, int, int | None, int | None]]


def picked(selector: Selector) -> Picked:
    """Return image_id, product_id, preset, position, and what is known of the original."""
    made = _made(selector)
    return (
        select(
            Image.id.label("image_id"),
            Image.product_id.label("product_id"),
            made.label("preset"),
            Image.position.label("position"),
            Original.sha256.label("sha256"),
            Original.bytes.label("bytes"),
            Original.width.label("width"),
            Original.height.label("height"),
        )
        .join(Product, Product.id == Image.product_id)
        .outerjoin(Policy, Policy.fingerprint == Image.fingerprint)
        .join(PresetTarget, PresetTarget.preset == made)
        .outerjoin(Original, Original.sha256 == Image.original_sha256)
        .where(*_conditions(selector, made), ~_under_way(selector, made))
    )


def without_original(selector: Selector) -> Select[tuple[int]]:
    """Count the images that match but have nothing stored, so that only refetch could make them."""
    made = _made(selector)
    return (
        select(func.count())
        .select_from(Image)
        .join(Product, Product.id == Image.product_id)
        .outerjoin(Policy, Policy.fingerprint == Image.fingerprint)
        .join(PresetTarget, PresetTarget.preset == made)
        .where(*_filters(selector), not_(_is_stored()))
    )


def _made(selector: Selector) -> ColumnElement[str]:
    return _shown() if selector.to_preset is None else literal(selector.to_preset)


def _shown() -> ColumnElement[str]:
    """Return the preset an image is shown in; the newest job's where nothing else is known."""
    newest = (
        select(Job.preset)
        .join(JobImage, JobImage.job_id == Job.id)
        .where(JobImage.image_id == Image.id)
        .order_by(Job.id.desc())
        .limit(1)
        .correlate(Image)
        .scalar_subquery()
    )
    return func.coalesce(Policy.preset, newest, type_=String)


def _conditions(selector: Selector, made: ColumnElement[str]) -> Iterator[ColumnElement[bool]]:
    yield from _filters(selector)
    if not selector.takes_current:
        other = Policy.preset.is_distinct_from(made)
        yield or_(other, Policy.revision.is_distinct_from(PresetTarget.revision))
        if not selector.names_images:
            yield ~is_given_up(made)
    if not selector.refetch:
        yield _is_stored()


def _filters(selector: Selector) -> Iterator[ColumnElement[bool]]:
    yield true()
    if selector.preset is not None:
        yield _shown() == selector.preset
    if selector.skus:
        yield Product.sku.in_(selector.skus)
    if selector.sku_prefix is not None:
        yield Product.sku.startswith(selector.sku_prefix, autoescape=True)
    if selector.host is not None:
        yield source_host() == selector.host
    if selector.failed:
        yield Image.state == ImageState.FAILED
    if selector.failed_with is not None:
        yield and_(Image.state == ImageState.FAILED, Image.error_code == selector.failed_with)
    if selector.image_ids:
        yield Image.id.in_(selector.image_ids)
    if selector.product_ids:
        yield Image.product_id.in_(selector.product_ids)
    yield from _moments(selector)


def _moments(selector: Selector) -> Iterator[ColumnElement[bool]]:
    if selector.created_since is not None:
        yield Image.created_at >= selector.created_since
    if selector.created_until is not None:
        yield Image.created_at < selector.created_until
    if selector.updated_since is not None:
        yield Image.updated_at >= selector.updated_since
    if selector.updated_until is not None:
        yield Image.updated_at < selector.updated_until


def _is_stored() -> ColumnElement[bool]:
    sent = aliased(Original)
    told = func.substr(Image.source_url, len(upload_source("")) + 1, type_=String)
    uploaded = exists().where(sent.sha256 == told)
    return or_(Image.original_sha256.is_not(None), is_uploaded() & uploaded)


def _under_way(selector: Selector, made: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether another job that has not ended will make the image as it is wanted."""
    other, theirs = aliased(Job), aliased(JobImage)
    found = select(theirs.image_id).where(
        theirs.image_id == Image.id,
        theirs.finished_at.is_(None),
        theirs.job_id == other.id,
        other.state.in_((JobState.QUEUED, JobState.RUNNING)),
        other.preset == made,
    )
    if selector.force:
        found = found.where(other.force.is_(True))
    if selector.refetch:
        found = found.where(other.from_stored.is_(False))
    # With an offset it is looked up image by image. A join would go through all unfinished jobs,
    # and with each slice of a plan there are more of them.
    return found.offset(0).correlate(Image, Policy).exists()
