"""Step 8: drop everything but the pixels, and whose they are where the preset keeps that.

Encoders copy comments, profiles and EXIF data, with the place where the image was taken, out of
the image that they are given; here nothing is left to copy.
"""

from PIL import Image

from tasks.imaging.transform.plan import Plan

_OPAQUE = 255
_NOTHING = (0, 0, 0, 0)


def strip_metadata(image: Image.Image, plan: Plan) -> Image.Image:
    """Return the pixels without metadata, and without an alpha channel that hides nothing.

    Where it hides all, nothing is left of what was there: PNG would keep a ground that somebody
    has removed. What the plan keeps stands under `exif` in the picture's `info`, for whoever
    encodes it.
    """
    if image.mode == "RGBA":
        image = _without_hidden(image)
    # In place: the image is ours, and a copy costs as much as a small encoding.
    image.info = {"exif": plan.credit} if plan.credit else {}
    return image


def _without_hidden(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    least = alpha.getextrema()[0]
    if least == _OPAQUE:
        return image.convert("RGB")
    if least == 0:
        image.paste(_NOTHING, mask=alpha.point(_hidden))
    return image


def _hidden(level: int) -> int:
    return 0 if level else 255
