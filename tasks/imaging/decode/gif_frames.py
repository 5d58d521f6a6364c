"""Put the frame of a still GIF where it lies on its canvas, as browsers do."""

from PIL import Image

_WIDTH_AT, _HEIGHT_AT = 6, 8


def on_its_canvas(image: Image.Image, data: bytes) -> Image.Image:
    """Return an opened GIF as it is when its frame fills the canvas, else its pixels.

    What the frame leaves free is transparent; what leaves the canvas is cut, unless the frame is
    the larger one. Pillow shows the background colour, and enlarges the canvas.
    """
    canvas = (_number(data, _WIDTH_AT), _number(data, _HEIGHT_AT))
    left, top, right, bottom = image.tile[0].extents  # type: ignore[attr-defined]  # of ImageFile
    if right - left > canvas[0] or bottom - top > canvas[1]:
        canvas = image.size
    if (left, top, right, bottom) == (0, 0, *canvas):
        return image
    shown = image.convert("RGBA")
    frame = shown.crop((left, top, right, bottom))
    whole = Image.new("RGBA", canvas)
    whole.paste(frame, (left, top))
    return whole


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")
