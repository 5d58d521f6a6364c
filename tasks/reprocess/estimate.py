"""Use case: say what a selection would cost. Touches nothing.

Equal images are made once, so what is read, made and paid for counts each content once. What
other presets' images share already is not subtracted: the figures are upper bounds.
"""

from dataclasses import dataclass

from sqlalchemy import String, Subquery, cast, func, select
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models.catalogue import Original
from infra.db.models.jobs import Job, JobImage
from tasks.imaging.presets.catalogue import Presets
from tasks.imaging.presets.model import Fit, Preset, When
from tasks.reprocess.check import require_known
from tasks.reprocess.selection import picked, without_original
from tasks.reprocess.selector import Selector

_SAMPLE = 500
_USUAL_SECONDS_PER_MEGAPIXEL = 0.3  # until something was measured here
_USUAL_PIXELS = 2_000_000  # of an image that was never seen
_MEGAPIXEL = 1e6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a selection comes to; `bytes` are to be read, `variants` to be written at most.

    `without_original` images match but have nothing stored: only refetch could make them.
    """

    products: int
    images: int
    variants: int
    bytes: int
    estimated_cpu_seconds: float
    without_original: int


def estimate(database: Database, selector: Selector, presets: Presets) -> Estimate:
    """Return what would be made now. Raises `Rejected` (422)."""
    with database.transaction() as session:
        require_known(session, selector, presets)
        return estimate_within(session, selector, presets)


def estimate_within(session: Session, selector: Selector, presets: Presets) -> Estimate:
    """Return what would be made now, within the caller's transaction."""
    chosen = picked(selector).subquery()
    if selector.limit is not None:
        first = select(chosen).order_by(chosen.c.product_id, chosen.c.preset)
        chosen = first.limit(selector.limit).subquery()
    counting = select(func.count(chosen.c.product_id.distinct()), func.count())
    products, images = session.execute(counting.select_from(chosen)).one()
    missing = 0 if selector.refetch else session.scalar(without_original(selector)) or 0
    variants, read_bytes, seconds = 0, 0, 0.0
    if images:
        rates = _seconds_per_megapixel(session)
        usual = sum(rates.values()) / len(rates) if rates else _USUAL_SECONDS_PER_MEGAPIXEL
        for preset, size, megapixels in _shares(session, chosen):
            read_bytes += size
            seconds += megapixels * rates.get(preset, usual)
        variants = _variants(session, chosen, presets)
    return Estimate(products, images, variants, read_bytes, round(seconds, 1), missing)


def _shares(session: Session, chosen: Subquery) -> list[tuple[str, int, float]]:
    """Return preset, bytes and megapixels, each content once."""
    once = _contents(chosen)
    pixels = func.coalesce(once.c.width * once.c.height, _USUAL_PIXELS)
    statement = select(
        once.c.preset,
        func.coalesce(func.sum(once.c.bytes), 0),
        func.sum(pixels) / _MEGAPIXEL,
    ).group_by(once.c.preset)
    return [(name, int(size), float(total)) for name, size, total in session.execute(statement)]


def _contents(chosen: Subquery) -> Subquery:
    content = func.coalesce(chosen.c.sha256, cast(chosen.c.image_id, String))
    return (
        select(chosen.c.preset, chosen.c.bytes, chosen.c.width, chosen.c.height)
        .distinct(chosen.c.preset, content)
        .order_by(chosen.c.preset, content)
        .subquery()
    )


def _variants(session: Session, chosen: Subquery, presets: Presets) -> int:
    """Count sizes by width: a source narrower than a box gives one variant of its own width."""
    once = _contents(chosen)
    counting = select(once.c.preset, once.c.width, func.count()).group_by(
        once.c.preset, once.c.width
    )
    return sum(
        count * _variants_of(presets.named(name), width)
        for name, width, count in session.execute(counting)
        if name in presets
    )


def _variants_of(preset: Preset, width: int | None) -> int:
    sides = [box.width for box in preset.boxes]
    widths = [side for side in sides if side is not None]
    sizes = len(sides)
    if width is not None and preset.fit is Fit.INSIDE and len(widths) == len(sides):
        sizes = len({min(side, width) for side in widths})
    return sizes * sum(each.when is When.ALWAYS for each in preset.encodings)


def _seconds_per_megapixel(session: Session) -> dict[str, float]:
    """Return the median of the newest measured images, by preset."""
    newest = (
        select(JobImage.job_id, JobImage.original_sha256, JobImage.cpu_seconds)
        .where(JobImage.cpu_seconds.is_not(None))
        .order_by(JobImage.finished_at.desc())
        .limit(_SAMPLE)
        .subquery()
    )
    rate = newest.c.cpu_seconds * _MEGAPIXEL / (Original.width * Original.height)
    median = func.percentile_cont(0.5).within_group(rate)
    statement = (
        select(Job.preset, median)
        .join(newest, newest.c.job_id == Job.id)
        .join(Original, Original.sha256 == newest.c.original_sha256)
        .where(Original.width * Original.height > 0)
        .group_by(Job.preset)
    )
    return {name: float(value) for name, value in session.execute(statement)}
