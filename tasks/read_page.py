"""Reads what a web page shows of an original before its variants arrive."""

from infra.db.models import Original
from tasks.imaging.facts import PageFacts


def page_of(original: Original | None) -> PageFacts | None:
    """Return the facts that its rendering found, or None before that."""
    if original is None or original.dominant_colour is None:
        return None
    return PageFacts(original.dominant_colour, original.thumbhash or "", original.phash or "")
