"""Decide how large the variants of an image become, and bring an image into its box.

Nothing is ever enlarged. Sizes are those of the upright image. It must not know formats.
"""

from collections.abc import Iterator

from PIL import Image

from tasks.imaging.presets.model import MAX_SIDE_PX, RGB, Box, Fit, Preset
from tasks.imaging.transform.sizes import Size, Target


def plan_sizes(preset: Preset, source: Size) -> tuple[Target, ...]:
    """Return what is made of an upright (and trimmed) image of this size, largest first.

    Each target's `whole` fits into the one before, so that each can be made from the last. No
    size comes twice: where a source is too small for several boxes, the first one counts.
    """
    planned = {target.size: target for target in reversed([*_targets(preset, source)])}
    return tuple(
        sorted(
            planned.values(),
            key=lambda target: (target.whole.pixels, target.size.pixels, target.stem),
            reverse=True,
        )
    )


def fit_to_box(picture: Image.Image, target: Target, preset: Preset) -> Image.Image:
    """Cut or pad an image that has the target's `whole` size to its `size`."""
    match preset.fit:
        case Fit.COVER:
            return _cut(picture, target.size, preset.focus)
        case Fit.PAD:
            return _pad(picture, target.size, preset.background)
        case _:
            return picture


def _targets(preset: Preset, source: Size) -> Iterator[Target]:
    for box in preset.boxes:
        match preset.fit:
            case Fit.COVER:
                yield _cover(source, box)
            case Fit.PAD:
                yield _padded(source, box)
            case _:
                yield _inside(source, box)


def _inside(source: Size, box: Box) -> Target:
    whole = _shrunk(source, *_sides(source, box))
    return Target(_stem(box, whole), whole, whole)


def _padded(source: Size, box: Box) -> Target:
    width, height = _sides(source, box)
    canvas = Size(min(width, MAX_SIDE_PX), min(height, MAX_SIDE_PX))
    return Target(_stem(box, canvas), canvas, _shrunk(source, canvas.width, canvas.height))


def _cover(source: Size, box: Box) -> Target:
    """A box that is larger than the image shrinks, in its own proportions, until it is not."""
    width, height = (min(side, MAX_SIDE_PX) for side in _sides(source, box))
    if width * source.height > source.width * height:  # the box is the wider of the two
        cut = _scaled(Size(width, height), width=min(width, source.width))
        whole = _scaled(source, width=cut.width)
    else:
        cut = _scaled(Size(width, height), height=min(height, source.height))
        whole = _scaled(source, height=cut.height)
    return Target(_stem(box, cut), cut, whole)


def _sides(source: Size, box: Box) -> tuple[int, int]:
    """Return the box's sides; one that was left open is as long as the picture's may get."""
    width = box.width if box.width is not None else source.width
    height = box.height if box.height is not None else source.height
    return width, height


def _shrunk(source: Size, width: int, height: int) -> Size:
    """Return the largest size with the source's proportions in these bounds, and the formats'."""
    width = min(width, source.width, MAX_SIDE_PX)
    height = min(height, source.height, MAX_SIDE_PX)
    if width * source.height > source.width * height:  # the height decides
        return _scaled(source, height=height)
    return _scaled(source, width=width)


def _scaled(source: Size, *, width: int | None = None, height: int | None = None) -> Size:
    """Return the source's proportions at a given width or height."""
    if width is not None:
        return Size(width, _rounded(source.height * width, source.width))
    if height is not None:
        return Size(_rounded(source.width * height, source.height), height)
    return source


def _rounded(numerator: int, denominator: int) -> int:
    return max(1, (numerator + denominator // 2) // denominator)


def _stem(box: Box, size: Size) -> str:
    """Name the real size: by the one side that the preset gives, or by both."""
    if box.height is None:
        return f"w{size.width}"
    if box.width is None:
        return f"h{size.height}"
    return f"b{size.width}x{size.height}"


def _cut(picture: Image.Image, size: Size, focus: tuple[float, float]) -> Image.Image:
    if picture.size == (size.width, size.height):
        return picture
    left = _start(picture.width, size.width, focus[0])
    top = _start(picture.height, size.height, focus[1])
    return picture.crop((left, top, left + size.width, top + size.height))


def _start(length: int, wanted: int, focus: float) -> int:
    """Put the focal point in the middle, or as near as the picture's edge lets it come."""
    return min(max(round(focus * length - wanted / 2), 0), length - wanted)


def _pad(picture: Image.Image, size: Size, background: RGB) -> Image.Image:
    """Lay the image in the middle; transparency shows the background, too."""
    is_grey = picture.mode == "L" and len(set(background)) == 1
    canvas = Image.new("RGB", (size.width, size.height), background)
    if is_grey:
        canvas = canvas.convert("L")
    canvas.info = dict(picture.info)
    place = ((size.width - picture.width) // 2, (size.height - picture.height) // 2)
    canvas.paste(picture, place, mask=picture if picture.mode == "RGBA" else None)
    return canvas
