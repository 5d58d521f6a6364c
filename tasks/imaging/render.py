"""The image pipeline: a source file becomes verified variants in a directory.

The steps are the files beside this one, and their order is here. It must not know where sources
come from, where variants go, or which process it runs in.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tasks.imaging.bare import bare
from tasks.imaging.colour import to_srgb
from tasks.imaging.decode import describe, open_picture, orientation_left
from tasks.imaging.encode import encode
from tasks.imaging.facts import Limits, Rendition, SourceFacts, VariantFile
from tasks.imaging.fingerprint import policy_fingerprint
from tasks.imaging.load import load
from tasks.imaging.orient import orient
from tasks.imaging.original import read_original
from tasks.imaging.plain import plain
from tasks.imaging.plan import Plan
from tasks.imaging.preset import Encoding, Preset
from tasks.imaging.refusal import reading, writing
from tasks.imaging.resize import shrink, shrink_to_plan
from tasks.imaging.sizes import Size, plan_sizes
from tasks.imaging.verify import verify

# Shrinking comes as early as it can: what follows then works on the widest variant's pixels,
# not on the source's.
_STEPS = (load, plain, shrink_to_plan, orient, to_srgb, bare)


def render(source: Path, directory: Path, preset: Preset, *, limits: Limits) -> Rendition:
    """Make all variants of `preset` from the file `source` into the existing `directory`.

    Equal bytes, preset and encoder versions give equal files. Raises `ImageRefused` when the
    source is not acceptable, `PixelsFailed` when a variant could not be written.
    """
    with reading():
        facts, widest, sizes = _prepare(source, preset, limits)
    with writing():
        variants = tuple(
            _write(picture, directory, encoding, background=preset.background)
            for picture in _ladder(widest, sizes)
            for encoding in preset.encodings
        )
    return Rendition(facts, variants, policy_fingerprint(preset))


def _prepare(
    source: Path, preset: Preset, limits: Limits
) -> tuple[SourceFacts, Image.Image, tuple[Size, ...]]:
    original = read_original(source, limits)
    image = open_picture(original, limits)
    facts = describe(image, original)
    sizes = plan_sizes(Size(facts.width, facts.height), preset.widths)
    plan = Plan(sizes[0], orientation_left(facts))
    for step in _STEPS:
        image = step(image, plan)
    return facts, image, sizes


def _ladder(widest: Image.Image, sizes: tuple[Size, ...]) -> Iterator[Image.Image]:
    """Yield the picture at each size, each made from the one before."""
    picture = widest
    for size in sizes:
        picture = shrink(picture, size)
        yield picture


def _write(
    picture: Image.Image, directory: Path, encoding: Encoding, *, background: tuple[int, int, int]
) -> VariantFile:
    size = Size(*picture.size)
    name = f"w{size.width}-{encoding.format.value}"
    path = directory / f"{name}.{encoding.format.extension}"
    encode(picture, path, encoding, background=background)
    proof = verify(path, encoding.format, size)
    return VariantFile(
        name=name,
        format=encoding.format,
        width=size.width,
        height=size.height,
        bytes=proof.bytes,
        sha256=proof.sha256,
        quality=encoding.quality,
        path=path,
        media_type=encoding.format.media_type,
        extension=encoding.format.extension,
    )
