"""Decide how large the variants of an image become, and bring an image into its box.

Nothing is ever enlarged. Sizes are those of the upright image. It must not know formats.
"""

from PIL import Image

from tasks.imaging.presets.model import MAX_SIDE_PX, Box, Fit, Preset
from tasks.imaging.transform.sizes import Size, Target


def plan_sizes(preset: Preset, source: Size) -> tuple[Target, ...]:
    """Return what is made of an upright (and trimmed) image of this size, largest first.

    Each target's `whole` fits into the one before, so that each can be made from the last. No
    size comes twice: where a source is too small for several boxes, the first one counts.
    """
    targets = [_target(preset.fit, source, box) for box in reversed(preset.boxes)]
    planned = {target.size: target for target in targets}
    return tuple(
        sorted(
            planned.values(),
            key=lambda target: (target.whole.pixels, target.size.pixels, target.stem),
            reverse=True,
        )
    )


def fit_to_box(picture: Image.Image, target: Target, preset: Preset) -> Image.Image:
    """Cut, pad or stretch an image that has the target's `whole` size to its `size`."""
    width, height = target.size.width, target.size.height
    if preset.fit is Fit.COVER and picture.size != (width, height):
        left = _start(picture.width, width, preset.focus[0])
        top = _start(picture.height, height, preset.focus[1])
        return picture.crop((left, top, left + width, top + height))
    if preset.fit is Fit.STRETCH and picture.size != (width, height):
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    if preset.fit is not Fit.PAD:
        return picture
    canvas = Image.new("RGB", (width, height), preset.background)
    if picture.mode == "L" and len(set(preset.background)) == 1:
        canvas = canvas.convert("L")
    canvas.info = dict(picture.info)
    place = ((width - picture.width) // 2, (height - picture.height) // 2)
    canvas.paste(picture, place, mask=picture if picture.mode == "RGBA" else None)
    return canvas


def _target(fit: Fit, source: Size, box: Box) -> Target:
    """Plan one box; a side that it leaves open is as long as the image's may get."""
    width = min(source.width if box.width is None else box.width, MAX_SIDE_PX)
    height = min(source.height if box.height is None else box.height, MAX_SIDE_PX)
    if fit is Fit.COVER:  # a larger box shrinks, in its own proportions, until it is not
        if width * source.height > source.width * height:  # the box is the wider of the two
            size = _scaled(Size(width, height), width=min(width, source.width))
            whole = _scaled(source, width=size.width)
        else:
            size = _scaled(Size(width, height), height=min(height, source.height))
            whole = _scaled(source, height=size.height)
    elif fit is Fit.STRETCH:
        size = Size(min(width, source.width), min(height, source.height))
        whole = _scaled(source, width=size.width)  # the least that is shrunk either way, …
        if whole.height < size.height:
            whole = _scaled(source, height=size.height)  # … and in the image's own proportions
    else:
        most = Size(min(width, source.width), min(height, source.height))
        if most.width * source.height > source.width * most.height:  # the height decides
            whole = _scaled(source, height=most.height)
        else:
            whole = _scaled(source, width=most.width)
        size = Size(width, height) if fit is Fit.PAD else whole
    # The stem names the real size: by the one side that the preset gives, or by both.
    stem = f"b{size.width}x{size.height}"
    if box.height is None:
        stem = f"w{size.width}"
    elif box.width is None:
        stem = f"h{size.height}"
    return Target(stem, size, whole)


def _scaled(source: Size, *, width: int | None = None, height: int | None = None) -> Size:
    """Return the source's proportions at a given width or height."""
    if width is not None:
        return Size(width, _rounded(source.height * width, source.width))
    if height is not None:
        return Size(_rounded(source.width * height, source.height), height)
    return source


def _rounded(numerator: int, denominator: int) -> int:
    return max(1, (numerator + denominator // 2) // denominator)


def _start(length: int, wanted: int, focus: float) -> int:
    """Put the focal point in the middle, or as near as the picture's edge lets it come."""
    return min(max(round(focus * length - wanted / 2), 0), length - wanted)
