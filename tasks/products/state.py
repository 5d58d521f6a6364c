"""A product's state, from its images; once for what was read and once as conditions in SQL.

The conditions are written so that PostgreSQL looks at the images of one product after the other,
in the order of a page, and stops when the page is full: docs/adr/0015.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from infra.contract.states import ImageState, ProductState
from infra.db.models.catalogue import Image, Product

_Ids = InstrumentedAttribute[UUID] | ColumnElement[UUID]

_UNFINISHED = (ImageState.QUEUED, ImageState.PROCESSING)
_FINISHED = (ImageState.READY, ImageState.FAILED)
_SETTLED_AS = {ProductState.READY: ImageState.READY, ProductState.FAILED: ImageState.FAILED}


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
    """Return the states of the images of the selected product."""
    states = select(Image.state).where(Image.product_id == Product.id)
    return func.array(states.scalar_subquery(), type_=ARRAY(Image.state.type))


def is_in_state(state: ProductState, product_id: _Ids = Product.id) -> SQLColumnExpression[bool]:
    """Return whether the selected product is in this state."""
    if state is ProductState.EMPTY:
        return Product.is_empty
    if state is ProductState.PROCESSING:
        return product_id.in_(select(Image.product_id).where(Image.state.in_(_UNFINISHED)))
    return _settled(state, product_id)


def first_by_images(
    state: ProductState | None,
    conditions: Sequence[ColumnElement[bool]],
    *,
    page: Sequence[ColumnElement[bool]],
    newest: bool,
    limit: int,
) -> Select[tuple[UUID]]:
    """Return the first ids of a page of products in a state that have an image as it is wanted.

    `conditions` are what is wanted of one image, `page` where the search along `Image.product_id`
    begins. It stops when the page is full. What a state demands of any or every image makes the
    search shorter.
    """
    if state in (ProductState.READY, ProductState.FAILED):
        conditions = (*conditions, Image.state == _SETTLED_AS[state])
    elif state is ProductState.PARTIAL and not conditions:
        conditions = (Image.state == ImageState.FAILED,)
    ids = select(Image.product_id).where(*conditions, *page).distinct()
    candidates = ids.order_by(towards(Image.product_id, newest=newest)).subquery()
    found = select(candidates.c.product_id)
    if state is not None:
        found = found.where(is_in_state(state, candidates.c.product_id))
    return found.order_by(towards(candidates.c.product_id, newest=newest)).limit(limit)


def towards(column: _Ids, *, newest: bool) -> ColumnElement[Any]:
    """Return the order of a page."""
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
