"""How an image is seen: as it is, or, where light shines through it, on the grounds of pages.

A soft edge can look right on one ground and torn on another, and the ground of a page is unknown.
So a transparent image is looked at on a light and on a dark one. It must not know encoders.
"""

from PIL import Image

_GROUNDS = ((255, 255, 255), (0, 0, 0))


def on_backgrounds(picture: Image.Image) -> tuple[Image.Image, ...]:
    """Return what viewers see, RGB: one image, or two of one with an alpha channel."""
    if picture.mode != "RGBA":
        return (picture if picture.mode == "RGB" else picture.convert("RGB"),)
    return tuple(_laid(picture, ground) for ground in _GROUNDS)


def _laid(picture: Image.Image, ground: tuple[int, int, int]) -> Image.Image:
    laid = Image.new("RGB", picture.size, ground)
    laid.paste(picture, mask=picture)
    return laid
