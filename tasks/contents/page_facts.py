"""Reads what a web page shows of an image before its variants arrive."""

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import InstrumentedAttribute

from infra.db.models.catalogue import Original, Preview
from tasks.imaging.models import PageFacts

NO_PREVIEW = dict.fromkeys(("dominant_colour", "thumbhash", "phash"))
"""Erases what an earlier release wrote to an original."""

_Text = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def preview_of(sha256: _Text, fingerprint: _Text) -> ColumnElement[bool]:
    """Return the condition that joins the preview of these bytes under this policy."""
    return and_(Preview.original_sha256 == sha256, Preview.fingerprint == fingerprint)


def page_of(preview: Preview | None, original: Original | None) -> PageFacts | None:
    """Return the facts that its rendering found, or None before that.

    A worker of an earlier release, which works on while this one is rolled out, has written them
    to the original.
    """
    if preview is not None:
        return PageFacts(preview.dominant_colour, preview.thumbhash, preview.phash)
    if original is None or original.dominant_colour is None:
        return None
    return PageFacts(original.dominant_colour, original.thumbhash or "", original.phash or "")
