"""A catalogue of very many images as their jobs leave it, written by the server itself."""

from sqlalchemy import text

from infra.db.engine import Database
from tests.integration.reprocess.catalogue import fingerprint, publish

VARIANTS = 8
_SECONDS = 600

# Ids in the order of their making, as those of UUIDv7 are; `{n}` counts from 0.
_ID = "('01900000-0000-7000-8{kind}-' || lpad(to_hex({n}), 12, '0'))::uuid"


def _id(kind: int, number: str = "n") -> str:
    return _ID.format(kind=f"{kind:03d}", n=number)


_SHA256 = "encode(sha256(n::text::bytea), 'hex')"
_PRODUCT, _IMAGE, _JOB = (_id(kind) for kind in range(3))

_ROWS = (
    f"""
    INSERT INTO products (id, sku, name)
    SELECT {_PRODUCT}, 'S-' || n, 'Shoe ' || n FROM generate_series(0, :images - 1) n
    """,
    f"""
    INSERT INTO originals (sha256, object_key, format, media_type, bytes, width, height,
        orientation, dominant_colour, thumbhash, phash)
    SELECT {_SHA256}, 'originals/' || {_SHA256} || '.jpg', 'jpeg', 'image/jpeg',
        500000 + n % 200000, 2000, 2000, 1, '#7d3c13', 'dBgOFQL4Z3uHlmiYZ4dnpweFdVBY',
        left({_SHA256}, 16)
    FROM generate_series(0, :images - 1) n
    """,
    f"""
    INSERT INTO images (id, product_id, position, source_url, state, original_sha256, fingerprint,
        claimed_at)
    SELECT {_IMAGE}, {_PRODUCT}, 0, 'https://supplier-' || n % 50 || '.example/' || n || '.jpg',
        'ready', {_SHA256}, :fingerprint, now()
    FROM generate_series(0, :images - 1) n
    """,
    f"""
    INSERT INTO variants (id, original_sha256, fingerprint, name, object_key, format, width,
        height, bytes, sha256, quality, score)
    SELECT {_id(3, f"n * {VARIANTS} + v")}, {_SHA256}, :fingerprint, 'w' || v || '-webp',
        'variants/' || {_SHA256} || '/' || :fingerprint || '/w' || v || '-webp.webp', 'webp',
        100 * v, 100 * v, 9000 * v, {_SHA256}, 80, 0.95
    FROM generate_series(0, :images - 1) n, generate_series(1, {VARIANTS}) v
    """,
    f"""
    INSERT INTO jobs (id, product_id, lane, state, preset, metadata, fencing_token, attempts,
        dispatched_at, started_at, finished_at)
    SELECT {_JOB}, {_PRODUCT}, 'interactive', 'ready', 'web', '{{}}', 1, 1, now(), now(), now()
    FROM generate_series(0, :images - 1) n
    """,
    f"""
    INSERT INTO job_images (job_id, image_id, position, state, outcome, original_sha256,
        fingerprint, cpu_seconds, finished_at)
    SELECT {_JOB}, {_IMAGE}, 0, 'ready', 'created', {_SHA256}, :fingerprint, 0.5, now()
    FROM generate_series(0, :images - 1) n
    """,
)


def fill(database: Database, images: int) -> None:
    """Write so many products of one stored image each, then have all of them be stale.

    One image per product is the hardest case: every image is a job of its own.
    """
    publish(database)
    with database.transaction() as session:
        session.execute(text(f"SET LOCAL statement_timeout = '{_SECONDS}s'"))
        session.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers
        for rows in _ROWS:
            session.execute(text(rows), {"images": images, "fingerprint": fingerprint()})
    publish(database, "web")
