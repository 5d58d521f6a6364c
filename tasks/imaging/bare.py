"""Step 8: drop everything but the pixels.

Encoders copy comments, profiles and EXIF data, with the place where the picture was taken, out of
the picture that they are given; here nothing is left to copy.
"""

from PIL import Image

from tasks.imaging.plan import Plan

_OPAQUE = 255


def bare(image: Image.Image, _: Plan) -> Image.Image:
    """Return the pixels without any metadata, and without an alpha channel that hides nothing."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == _OPAQUE:
        image = image.convert("RGB")
    image.info = {}  # in place: the picture is ours, and a copy costs as much as a small encoding
    return image
