"""Step 8: drop everything but the pixels, and whose they are where the preset keeps that.

Encoders copy comments, profiles and EXIF data, with the place where the picture was taken, out of
the picture that they are given; here nothing is left to copy.
"""

from PIL import Image

from tasks.imaging.plan import Plan

_OPAQUE = 255


def bare(image: Image.Image, plan: Plan) -> Image.Image:
    """Return the pixels without metadata, and without an alpha channel that hides nothing.

    What the plan keeps stands under `exif` in the picture's `info`, for whoever encodes it.
    """
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == _OPAQUE:
        image = image.convert("RGB")
    # In place: the picture is ours, and a copy costs as much as a small encoding.
    image.info = {"exif": plan.credit} if plan.credit else {}
    return image
