"""A product's state, from its images; once for what was read and once as conditions in SQL.

The conditions are written so that PostgreSQL looks at the images of one product after the other,
in the order of a page, and stops when the page is full: docs/adr/0015.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, exists, func, not_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from infra.contract.states import ImageState, ProductState
from infra.db.models.catalogue import Image, Product

_Ids = InstrumentedAttribute[Any] | ColumnElement[Any]

_UNFINISHED = (ImageState.QUEUED, ImageState.PROCESSING)
_FINISHED = (ImageState.READY, ImageState.FAILED)


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


def image_states() -> ColumnElement[list[ImageState]]:
    """Return which states the images of the selected product have, each once."""
    states = select(Image.state).where(Image.product_id == Product.id).distinct()
    return func.array(states.scalar_subquery(), type_=ARRAY(Image.state.type))


def is_in_state(state: ProductState) -> ColumnElement[bool]:
    """Return whether the selected product is in this state."""
    if state is ProductState.EMPTY:
        return not_(exists().where(Image.product_id == Product.id))
    if state is ProductState.PROCESSING:
        return Product.id.in_(select(Image.product_id).where(Image.state.in_(_UNFINISHED)))
    return _settled(state, Product.id)


def found_by_images(
    state: ProductState, *page: ColumnElement[bool], newest: bool, limit: int
) -> Subquery:
    """Return the first `product_id` of a page of products in a state that ended.

    They are found by an image that they must have for it. `page` are conditions for
    `Image.product_id`, so that the search begins where the page does.
    """
    key = ImageState.READY if state is ProductState.READY else ImageState.FAILED
    ids = select(Image.product_id).where(Image.state == key, *page).distinct()
    candidates = ids.order_by(_towards(Image.product_id, newest=newest)).subquery()
    found = select(candidates.c.product_id).where(_settled(state, candidates.c.product_id))
    return found.order_by(_towards(candidates.c.product_id, newest=newest)).limit(limit).subquery()


def _towards(column: _Ids, *, newest: bool) -> ColumnElement[Any]:
    return column.desc() if newest else column.asc()


def _settled(state: ProductState, product_id: _Ids) -> ColumnElement[bool]:
    ready, failed = (Image.state == each for each in _FINISHED)
    tests = {
        ProductState.READY: func.bool_and(ready),
        ProductState.FAILED: func.bool_and(failed),
        ProductState.PARTIAL: and_(
            func.bool_and(Image.state.in_(_FINISHED)), func.bool_or(ready), func.bool_or(failed)
        ),
    }
    return select(tests[state]).where(Image.product_id == product_id).scalar_subquery()
