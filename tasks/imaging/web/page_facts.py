"""What a web page needs besides the files: a colour, a blurred preview, and a perceptual name.

All three are read from one small image. It must not know how pages are built.
"""

from base64 import b64encode

from PIL import Image

from tasks.imaging.models import PageFacts
from tasks.imaging.web.dominant_colour import dominant_colour
from tasks.imaging.web.phash import phash
from tasks.imaging.web.thumbhash import thumbhash

_PREVIEW_PX = 48  # 100 px look the same (to 1 level of 255, in the median) for six times the CPU
_PAPER = (255, 255, 255)


def page_facts(picture: Image.Image) -> PageFacts:
    """Describe an image in sRGB, of mode L, RGB or RGBA; it is left as it was.

    The smallest variant is enough: nothing here sees more than 64 pixels a side.
    """
    pixels = picture.convert("RGBA")
    red, green, blue = dominant_colour(pixels)
    preview = pixels.copy()
    preview.thumbnail((_PREVIEW_PX, _PREVIEW_PX), Image.Resampling.BOX)
    hashed = thumbhash(preview.width, preview.height, preview.tobytes())
    # Shops show a cut-out on white: it then looks like its copy without alpha.
    paper = Image.new("RGB", pixels.size, _PAPER)
    paper.paste(pixels, mask=pixels.getchannel("A"))
    return PageFacts(
        dominant_colour=f"#{red:02x}{green:02x}{blue:02x}",
        thumbhash=b64encode(hashed).decode("ascii"),
        phash=phash(paper),
    )
