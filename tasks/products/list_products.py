"""Use case: list products by what they are, page by page, newest first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import eq, ge, le
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, exists, false, select, text, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from infra.contract.states import ImageState, ProductState
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original, Preview, Product, source_host
from infra.db.models.policies import Policy, PresetTarget
from tasks.contents.page_facts import page_of, preview_of
from tasks.contents.variants import read_variants
from tasks.products.read import head_of
from tasks.products.state import first_by_images, image_states, is_in_state, state_of, towards
from tasks.views import ListedProduct, ShownImage

Comparison = Callable[[Any, Any], ColumnElement[bool]]

# PostgreSQL does not see that a search along an index ends with the page: where it expects many
# products it would read all their images, sort them, and show fifty.
_ALONG_INDEXES = text(
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashagg = off; SET LOCAL jit = off"
)
_SETTLED = (ProductState.READY, ProductState.PARTIAL, ProductState.FAILED)


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products are wanted; all conditions must hold.

    `name` is a part of the name in any case. `host`, `error_code`, `preset` and `stale` are
    conditions for one image of the product: where it comes from, why it failed, the preset that it
    is shown in, and whether that preset has changed since. A page holds what is older than
    `before` or, when that is set, the nearest that is newer than `after`.
    """

    limit: int
    sku: str | None = None
    sku_prefix: str | None = None
    name: str | None = None
    state: ProductState | None = None
    host: str | None = None
    error_code: str | None = None
    preset: str | None = None
    stale: bool = False
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    currency: str | None = None
    owner_id: str | None = None
    updated_since: datetime | None = None
    before: UUID | None = None
    after: UUID | None = None


def list_products(database: Database, wanted: ProductFilter) -> tuple[ListedProduct, ...]:
    """Return one page, newest first."""
    forwards = wanted.after is not None
    with database.transaction() as session:
        statement = _matching(session, wanted, _fingerprints(session, wanted))
        ordered = statement.order_by(towards(Product.id, newest=not forwards)).limit(wanted.limit)
        rows = session.execute(ordered).all()
        shown = _first_shown(session, [product.id for product, _ in rows])
    listed = tuple(
        ListedProduct(
            head_of(product, state_of(states)),
            {state: states.count(state) for state in ImageState},
            shown.get(product.id),
        )
        for product, states in rows
    )
    return listed[::-1] if forwards else listed


def _fingerprints(session: Session, wanted: ProductFilter) -> Sequence[str] | None:
    """Return the policies that an image may be shown in; None when it does not matter."""
    if wanted.preset is None and not wanted.stale:
        return None
    statement = select(Policy.fingerprint)
    if wanted.preset is not None:
        statement = statement.where(Policy.preset == wanted.preset)
    if wanted.stale:
        statement = statement.join(PresetTarget, PresetTarget.preset == Policy.preset).where(
            PresetTarget.revision != Policy.revision
        )
    return session.scalars(statement).all()


def _matching(
    session: Session, wanted: ProductFilter, fingerprints: Sequence[str] | None
) -> Select[tuple[Product, list[ImageState]]]:
    """Return the products that are wanted.

    A state or an image alone is searched from the images. Together with other conditions, which
    leave fewer products, it is looked up for each of these.
    """
    conditions, of_image = _conditions(wanted), _image_conditions(wanted)
    statement = select(Product, image_states()).where(*conditions, *_page(wanted, Product.id))
    names_image = bool(of_image) or fingerprints is not None
    if not conditions and (names_image or wanted.state in _SETTLED):
        session.execute(_ALONG_INDEXES)
        found = _found_by_images(wanted, of_image, fingerprints)
        return statement.where(Product.id.in_(found))
    if wanted.state is not None:
        statement = statement.where(is_in_state(wanted.state))
    if fingerprints is not None:
        of_image.append(Image.fingerprint.in_(fingerprints))
    if names_image:
        statement = statement.where(exists().where(Image.product_id == Product.id, *of_image))
    return statement


def _found_by_images(
    wanted: ProductFilter, of_image: list[ColumnElement[bool]], fingerprints: Sequence[str] | None
) -> CompoundSelect[tuple[UUID]] | Select[tuple[UUID]]:
    """Search once for each policy, along an index in the order of the page; no more than a page."""
    policies = [None] if fingerprints is None else list(fingerprints)
    if not policies:
        return select(Image.product_id).where(false())
    searches = []
    for fingerprint in policies:
        shown = [] if fingerprint is None else [Image.fingerprint == fingerprint]
        search = first_by_images(
            wanted.state,
            [*shown, *of_image],
            page=_page(wanted, Image.product_id),
            newest=wanted.after is None,
            limit=wanted.limit,
        ).subquery()
        searches.append(select(search.c.product_id))
    return union_all(*searches)


def _image_conditions(wanted: ProductFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.host is not None:
        found.append(source_host() == wanted.host)
    if wanted.error_code is not None:
        found += [Image.state == ImageState.FAILED, Image.error_code == wanted.error_code]
    return found


def _first_shown(session: Session, product_ids: Sequence[UUID]) -> Mapping[UUID, ShownImage]:
    """Return the first image of each product that has something to show."""
    rows = session.execute(
        select(Image, Original, Preview)
        .distinct(Image.product_id)
        .join(Original, Original.sha256 == Image.original_sha256)
        .outerjoin(Preview, preview_of(Image.original_sha256, Image.fingerprint))
        .where(Image.product_id.in_(product_ids), Image.fingerprint.is_not(None))
        .order_by(Image.product_id, Image.position)
    ).all()
    sets = [(row.Image.original_sha256, row.Image.fingerprint) for row in rows]
    variants = read_variants(session, sets)
    return {
        row.Image.product_id: ShownImage(
            alt=row.Image.alt, page=page_of(row.Preview, row.Original), variants=variants[key]
        )
        for row, key in zip(rows, sets, strict=True)
        if variants[key]
    }


def _conditions(wanted: ProductFilter) -> list[ColumnElement[bool]]:
    comparisons: tuple[tuple[object, InstrumentedAttribute[Any], Comparison], ...] = (
        (wanted.sku, Product.sku, eq),
        (wanted.price_min, Product.price, ge),
        (wanted.price_max, Product.price, le),
        (wanted.currency, Product.currency, eq),
        (wanted.owner_id, Product.owner_id, eq),
        (wanted.updated_since, Product.updated_at, ge),
    )
    found = [compare(column, value) for value, column, compare in comparisons if value is not None]
    if wanted.sku_prefix is not None:
        found.append(Product.sku.startswith(wanted.sku_prefix, autoescape=True))
    if wanted.name is not None:
        found.append(Product.name.icontains(wanted.name, autoescape=True))
    return found


def _page(wanted: ProductFilter, ids: InstrumentedAttribute[UUID]) -> list[ColumnElement[bool]]:
    before = [] if wanted.before is None else [ids < wanted.before]
    return before if wanted.after is None else [*before, ids > wanted.after]
