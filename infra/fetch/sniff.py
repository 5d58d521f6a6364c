"""Tells an obvious page or document from an image by the first bytes of a body.

In doubt it says nothing: the pixel step knows what it can decode. The media type is not asked,
because servers name it wrongly in both directions.
"""

_ENOUGH_BYTES = 512

_PICTURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG",
    b"GIF8",
    b"RIFF",  # WebP
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"BM",
)
_DOCUMENTS = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<!--",
    b"{",
    b"[",
    b"%pdf-",
)
_XML = b"<?xml"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_picture(head: bytes) -> bool:
    """Whether a body that starts like this is certainly an image."""
    return head.startswith(_PICTURES)


def is_document(head: bytes) -> bool:
    """Whether a body that starts like this is HTML, JSON, PDF, XML without an image, or blank."""
    if is_picture(head):
        return False
    text = head[:_ENOUGH_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    if text.startswith(_XML):
        return b"<svg" not in text
    return not text or text.startswith(_DOCUMENTS)
