"""A product's state, from its images; once for what was read and once as a condition in SQL."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, case, exists, not_

from infra.db.models import Image, Product
from infra.states import ImageState, ProductState

_UNFINISHED = (ImageState.QUEUED, ImageState.PROCESSING)


def state_of(images: Collection[ImageState]) -> ProductState:
    """Return what these states of images add up to."""
    states = set(images)
    if not states:
        return ProductState.EMPTY
    if states.intersection(_UNFINISHED):
        return ProductState.PROCESSING
    if len(states) > 1:
        return ProductState.PARTIAL
    return ProductState.READY if ImageState.READY in states else ProductState.FAILED


def state_column() -> ColumnElement[str]:
    """Return the state of each selected product as an expression."""
    return case(
        (not_(_has()), ProductState.EMPTY),
        (_has(*_UNFINISHED), ProductState.PROCESSING),
        (not_(_has(ImageState.FAILED)), ProductState.READY),
        (_has(ImageState.READY), ProductState.PARTIAL),
        else_=ProductState.FAILED,
    )


def _has(*states: ImageState) -> ColumnElement[bool]:
    """Whether the product has an image in one of these states, or any at all."""
    found = exists().where(Image.product_id == Product.id)
    return found.where(Image.state.in_(states)) if states else found
