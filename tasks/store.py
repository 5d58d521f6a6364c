"""Step: put one image's original and variants into the object store, verified."""

from infra.objectkeys import original_key, variant_key
from infra.objectstore import ObjectStore
from infra.states import Outcome
from tasks.compress import RenderedImage
from tasks.imaging.facts import Rendition, VariantFile
from tasks.result import ImageDone, StoredOriginal, StoredVariant


def store_image(store: ObjectStore, rendered: RenderedImage) -> ImageDone:
    """Store all files of an image; every object is verified when this returns.

    The original goes first: variants without an original could never be made again.
    Raises `ServiceUnavailable` (transient) when the store is away.
    """
    fetched, rendition = rendered.fetched, rendered.rendition
    original = _describe_original(rendition)
    store.put_verified(original.object_key, fetched.path, media_type=original.media_type)
    return ImageDone(
        image=fetched.image,
        outcome=Outcome.CREATED,
        sha256=fetched.sha256,
        source_bytes=fetched.bytes,
        fingerprint=rendition.fingerprint,
        variants=tuple(_store_variant(store, rendition, file) for file in rendition.variants),
        original=original,
    )


def _describe_original(rendition: Rendition) -> StoredOriginal:
    source = rendition.source
    return StoredOriginal(
        sha256=source.sha256,
        object_key=original_key(source.sha256, source.format.extension),
        format=source.format,
        media_type=source.media_type,
        bytes=source.bytes,
        width=source.width,
        height=source.height,
        orientation=source.orientation,
    )


def _store_variant(store: ObjectStore, rendition: Rendition, file: VariantFile) -> StoredVariant:
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
    )
