"""Step: put one image's original and variants into the object store, verified."""

from collections.abc import Sequence

from infra.contract.object_keys import original_key, variant_key
from infra.contract.states import Outcome
from infra.objectstore import ObjectStore
from tasks.imaging.models import Rendition, VariantFile
from tasks.steps.compress import RenderedImage
from tasks.steps.results import ImageDone, StoredOriginal, StoredVariant


def store_original(store: ObjectStore, rendered: RenderedImage) -> StoredOriginal:
    """Store the supplier's file, verified; raises `ServiceUnavailable` when the store is away.

    It goes before the variants: variants without an original could never be made again.
    """
    source = rendered.rendition.source
    original = StoredOriginal(
        sha256=source.sha256,
        object_key=original_key(source.sha256, source.format.extension),
        format=source.format,
        media_type=source.media_type,
        bytes=source.bytes,
        width=source.width,
        height=source.height,
        orientation=source.orientation,
        page=rendered.rendition.page,
    )
    path = rendered.fetched.path
    store.put_verified(original.object_key, path, media_type=original.media_type)
    return original


def store_variant(store: ObjectStore, rendition: Rendition, file: VariantFile) -> StoredVariant:
    """Store one variant, verified; raises `ServiceUnavailable` when the store is away."""
    key = variant_key(
        original_sha256=rendition.source.sha256,
        fingerprint=rendition.fingerprint,
        name=file.name,
        extension=file.extension,
    )
    store.put_verified(key, file.path, media_type=file.media_type)
    return StoredVariant(
        name=file.name,
        object_key=key,
        format=file.format,
        width=file.width,
        height=file.height,
        bytes=file.bytes,
        sha256=file.sha256,
        quality=file.quality,
        score=file.score,
        frames=file.frames,
    )


def finish(
    rendered: RenderedImage, original: StoredOriginal, variants: Sequence[StoredVariant]
) -> ImageDone:
    """Return the finished image, once all of its objects are stored."""
    return ImageDone(
        image=rendered.fetched.image,
        outcome=Outcome.CREATED,
        sha256=rendered.fetched.sha256,
        source_bytes=rendered.fetched.bytes,
        fingerprint=rendered.rendition.fingerprint,
        variants=tuple(variants),
        original=original,
        validators=rendered.fetched.validators,
        cpu_seconds=rendered.rendition.cpu_seconds,
    )
