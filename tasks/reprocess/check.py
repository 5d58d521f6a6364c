"""Refuse a selector that names what does not exist: a typing error must not look like success."""

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from infra.contract.errors import ErrorCode, Rejected
from infra.db.models.catalogue import Image, Product, source_host
from infra.db.models.policies import Policy
from tasks.imaging.presets.catalogue import Presets
from tasks.reprocess.selector import Selector

_HTTP_CODE = re.compile(r"http_[1-5][0-9]{2}")
_SHOWN = 5


def require_presets(selector: Selector, presets: Presets) -> None:
    """Raise `Rejected` (422) for a preset to be made that this process does not know."""
    wanted = selector.to_preset
    if wanted is not None and wanted not in presets:
        detail = f"There is no preset {wanted!r}. Known: {', '.join(presets)}."
        raise Rejected(422, ErrorCode.UNKNOWN_PRESET, detail)


def require_known(session: Session, selector: Selector, presets: Presets) -> None:
    """Raise `Rejected` (422) for a preset, host, code, sku or id that nothing here has."""
    require_presets(selector, presets)
    _require_shown_preset(session, selector, presets)
    code, host = selector.failed_with, selector.host
    if code is not None and code not in set(ErrorCode) and not _HTTP_CODE.fullmatch(code):
        detail = f"No image fails with the code {code!r}. docs/errors.md lists the codes."
        raise Rejected(422, ErrorCode.UNKNOWN_ERROR_CODE, detail)
    if host is not None and not session.scalar(select(exists().where(source_host() == host))):
        detail = f"No image comes from the host {host!r}. Give the name alone: no port, no path."
        raise Rejected(422, ErrorCode.UNKNOWN_HOST, detail)
    missing = _missing(session, selector.skus, Product.sku)
    if missing:
        raise Rejected(422, ErrorCode.UNKNOWN_SKU, f"There is no product with the sku {missing}.")
    missing = _missing(session, selector.product_ids, Product.id)
    if missing:
        raise Rejected(422, ErrorCode.UNKNOWN_ID, f"There is no product with the id {missing}.")
    missing = _missing(session, selector.image_ids, Image.id)
    if missing:
        raise Rejected(422, ErrorCode.UNKNOWN_ID, f"There is no image with the id {missing}.")


def _require_shown_preset(session: Session, selector: Selector, presets: Presets) -> None:
    """A preset that was taken away may still be shown, and be selected to become another."""
    wanted = selector.preset
    if wanted is None or wanted in presets:
        return
    if not session.scalar(select(exists().where(Policy.preset == wanted))):
        detail = f"There is no preset {wanted!r}. Known: {', '.join(presets)}."
        raise Rejected(422, ErrorCode.UNKNOWN_PRESET, detail)


def _missing(session: Session, wanted: Collection[Any], column: InstrumentedAttribute[Any]) -> str:
    if not wanted:
        return ""
    known = session.scalars(select(column).where(column.in_(wanted)))
    missing = sorted(str(each) for each in set(wanted).difference(known))
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    return ", ".join(missing[:_SHOWN]) + more
