"""The image pipeline: a source file becomes verified variants in a directory.

The steps are the files beside this one, and their order is here. It must not know where sources
come from, where variants go, or which process it runs in.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tasks.imaging.bare import bare
from tasks.imaging.colour import to_srgb
from tasks.imaging.credit import read_credit
from tasks.imaging.decode import describe, open_picture, orientation_left
from tasks.imaging.facts import Limits, Rendition, SourceFacts, VariantFile
from tasks.imaging.fingerprint import policy_fingerprint
from tasks.imaging.geometry import fit_to_box, plan_sizes
from tasks.imaging.load import load
from tasks.imaging.orient import orient
from tasks.imaging.original import read_original
from tasks.imaging.page import page_facts
from tasks.imaging.plain import plain
from tasks.imaging.plan import plan_loading, plan_shrinking, turned
from tasks.imaging.preset import Preset
from tasks.imaging.refusal import reading, writing
from tasks.imaging.resize import shrink, shrink_to_plan
from tasks.imaging.sharpen import sharpen
from tasks.imaging.sizes import Size, Target
from tasks.imaging.trim import trim
from tasks.imaging.variants import Writer

# Shrinking comes as early as it can: what follows then works on the widest variant's pixels,
# not on the source's. A border is cut off before it, because it decides about the sizes.
_FIRST_STEPS = (load, plain)
_STEPS = (shrink_to_plan, orient, to_srgb, bare)


def render(source: Path, directory: Path, preset: Preset, *, limits: Limits) -> Rendition:
    """Make all variants of `preset` from the file `source` into the existing `directory`.

    Equal bytes, preset and encoder versions give equal files. Raises `ImageRefused` when the
    source is not acceptable, `PixelsFailed` when a variant could not be written.
    """
    began = time.process_time()
    with reading():
        facts, largest, targets = _prepare(source, preset, limits)
    with writing():
        writer, picture = Writer(directory, preset), largest
        variants: list[VariantFile] = []
        for target, picture in _ladder(largest, targets, preset):
            ceiling = facts.bytes if _is_as_large_as(facts, picture) else None
            variants += writer.write(picture, target.stem, ceiling_bytes=ceiling)
        page = page_facts(picture)
    return Rendition(
        facts,
        tuple(variants),
        policy_fingerprint(preset),
        page,
        cpu_seconds=time.process_time() - began,
    )


def _prepare(
    source: Path, preset: Preset, limits: Limits
) -> tuple[SourceFacts, Image.Image, tuple[Target, ...]]:
    original = read_original(source, limits)
    image = open_picture(original, limits)
    facts = describe(image, original)
    credit = read_credit(image) if preset.keep_copyright else b""
    upright, orientation = Size(facts.width, facts.height), orientation_left(facts)
    plan = plan_loading(preset, upright, orientation)
    for step in _FIRST_STEPS:
        image = step(image, plan)
    if preset.trim is not None:
        image = trim(image, preset.trim)
        upright = turned(Size(*image.size), orientation)
    plan = plan_shrinking(preset, upright, orientation, credit=credit)
    for step in _STEPS:
        image = step(image, plan)
    return facts, image, plan_sizes(preset, upright)


def _ladder(
    largest: Image.Image, targets: tuple[Target, ...], preset: Preset
) -> Iterator[tuple[Target, Image.Image]]:
    """Yield the picture for each target, each made from the next larger one."""
    picture = largest
    for target in targets:
        picture = shrink(picture, target.whole)
        yield target, fit_to_box(sharpen(picture, preset.sharpen), target, preset)


def _is_as_large_as(facts: SourceFacts, picture: Image.Image) -> bool:
    return picture.size == (facts.width, facts.height)
