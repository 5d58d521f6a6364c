"""Put the frame of a still GIF where it lies on its canvas, as browsers do."""

import struct

from PIL import Image

_SIZE_AT = 6


def on_its_canvas(image: Image.Image, data: bytes) -> Image.Image:
    """Return an opened GIF as it is when its frame fills the canvas, else its pixels.

    What the frame leaves free is transparent; what leaves the canvas is cut, unless the frame is
    the larger one. Pillow shows the background colour, and enlarges the canvas.
    """
    canvas = struct.unpack_from("<HH", data, _SIZE_AT)
    left, top, right, bottom = image.tile[0].extents  # type: ignore[attr-defined]  # of ImageFile
    if right - left > canvas[0] or bottom - top > canvas[1]:
        canvas = image.size
    if (left, top, right, bottom) == (0, 0, *canvas):
        return image
    whole = Image.new("RGBA", canvas)
    whole.paste(image.convert("RGBA").crop((left, top, right, bottom)), (left, top))
    return whole
