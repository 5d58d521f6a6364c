"""A product's state, from its images; once for what was read and once as a condition in SQL."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, case, exists, not_, select

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


def is_in_state(state: ProductState) -> ColumnElement[bool]:
    """Return whether the selected product is in this state, as a condition that uses indexes.

    What few products are is found by the images that make it so, not by looking at all products.
    """
    if state is ProductState.EMPTY:
        return not_(_has())
    if state is ProductState.PROCESSING:
        return _owns(*_UNFINISHED)
    settled = not_(_has(*_UNFINISHED))
    if state is ProductState.READY:
        return and_(_has(), settled, not_(_has(ImageState.FAILED)))
    is_ready = _has(ImageState.READY)
    shown = is_ready if state is ProductState.PARTIAL else not_(is_ready)
    return and_(_owns(ImageState.FAILED), settled, shown)


def _owns(*states: ImageState) -> ColumnElement[bool]:
    """Do as `_has` does, for states that few images are in."""
    return Product.id.in_(select(Image.product_id).where(Image.state.in_(states)))


def _has(*states: ImageState) -> ColumnElement[bool]:
    """Whether the product has an image in one of these states, or any at all."""
    found = exists().where(Image.product_id == Product.id)
    return found.where(Image.state.in_(states)) if states else found
