"""Give back the crispness that making an image smaller costs. It must not know presets.

An unsharp mask of a small radius, with a threshold so that flat areas and their noise stay as
they are. Measured on a product image at 160 to 800 px: a strength of 0.3 makes edges 9 to 12 %
steeper and files 3 to 5 % (JPEG) or 5 to 8 % (WebP) larger; full strength 28 to 40 % steeper, and
up to 14 % or 23 % larger.
"""

from PIL import Image, ImageFilter

from tasks.imaging.transform.sizes import Size

_RADIUS_PX = 0.6
_PERCENT_AT_FULL_STRENGTH = 150
_THRESHOLD = 2  # levels of 255
_REACH_PX = 5  # the side of the square around a pixel that the mask may take in
_OPAQUE = 255


def sharpen_shrunk(picture: Image.Image, strength: float, *, source: Size) -> Image.Image:
    """Return the image sharpened if it is smaller than its source, else as it is."""
    is_shrunk = picture.size != (source.width, source.height)  # nothing is ever enlarged
    return sharpen(picture, strength) if is_shrunk else picture


def sharpen(picture: Image.Image, strength: float) -> Image.Image:
    """Return the image sharpened by `strength` (0 to 1); 0 returns it as it is.

    Opacity is left alone, and colours are where transparency is near: those under it are
    arbitrary and must not shine through.
    """
    percent = round(_PERCENT_AT_FULL_STRENGTH * strength)
    if percent == 0:
        return picture
    mask = ImageFilter.UnsharpMask(_RADIUS_PX, percent, _THRESHOLD)
    if picture.mode != "RGBA":
        return picture.filter(mask)
    opaque = picture.getchannel("A").point(lambda level: _OPAQUE if level == _OPAQUE else 0)
    sharpened = picture.convert("RGB").filter(mask)
    sharpened.putalpha(picture.getchannel("A"))
    return Image.composite(sharpened, picture, opaque.filter(ImageFilter.MinFilter(_REACH_PX)))
