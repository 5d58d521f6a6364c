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
    has removed. What the plan keeps stands in the picture's `info`, for the encoders.
    """
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        least = alpha.getextrema()[0]
        if least == _OPAQUE:
            image = image.convert("RGB")
        elif least == 0:
            image.paste(_NOTHING, mask=alpha.point(lambda level: 0 if level else 255))
    # In place: the image is ours, and a copy costs as much as a small encoding.
    image.info = plan.notice.info
    return image
