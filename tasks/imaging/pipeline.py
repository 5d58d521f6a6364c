"""The image pipeline: a source file becomes verified variants in a directory.

The steps are the files beside this one, and their order is here. It must not know where sources
come from, where variants go, or which process it runs in.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tasks.imaging.animation.encode import can_move
from tasks.imaging.animation.frames import is_moving, plays
from tasks.imaging.animation.pipeline import AnimationSource, render_moving
from tasks.imaging.colour.to_srgb import to_srgb
from tasks.imaging.decode.load import load
from tasks.imaging.decode.open import UPRIGHT, describe, open_picture, orientation_left
from tasks.imaging.decode.source import Original, read_original
from tasks.imaging.encode.source_bytes import OwnBytes, without_metadata
from tasks.imaging.encode.variant_writer import Writer
from tasks.imaging.errors import reading, writing
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.metadata.copyright import read_notice
from tasks.imaging.models import Limits, Notice, PageFacts, Rendition, VariantFile
from tasks.imaging.presets.fingerprint import policy_fingerprint
from tasks.imaging.presets.model import Fit, Preset
from tasks.imaging.transform.geometry import fit_to_box, plan_sizes
from tasks.imaging.transform.orient import orient
from tasks.imaging.transform.pixel_format import normalize_mode
from tasks.imaging.transform.plan import Plan, plan_shrinking, turned
from tasks.imaging.transform.resize import shrink, shrink_to_plan
from tasks.imaging.transform.sharpen import sharpen_shrunk
from tasks.imaging.transform.sizes import Size, Target
from tasks.imaging.transform.strip_metadata import strip_metadata
from tasks.imaging.transform.trim import trim
from tasks.imaging.web.page_facts import page_facts

# Shrinking comes as early as it can: what follows then works on the widest variant's pixels,
# not on the source's. A border is cut off before it, because it decides about the sizes.
_FIRST_STEPS = (load, normalize_mode)
_STEPS = (shrink_to_plan, orient, to_srgb, strip_metadata)


def render(source: Path, directory: Path, preset: Preset, *, limits: Limits) -> Rendition:
    """Make all variants of `preset` from the file `source` into the existing `directory`.

    Equal bytes, preset and encoder versions give equal files. Raises `ImageRefused` when the
    source is not acceptable, `PixelsFailed` when a variant could not be written.
    """
    began = time.process_time()
    with reading():
        original = read_original(source, limits)
        image = open_picture(original, limits)
        facts = describe(image, original)  # before loading shrinks it
        animation = AnimationSource(
            image=image,
            facts=facts,
            orientation=orientation_left(facts),
            plays=plays(image, original),
            notice=read_notice(image, original, names=preset.keep_copyright),
            max_pixels=limits.max_pixels,
        )
    can_any_move = any(can_move(encoding.format) for encoding in preset.encodings)
    if can_any_move and is_moving(facts, preset.animation):
        variants, page = render_moving(animation, directory, preset)
    else:
        variants, page = _render_still(animation, original, directory, preset=preset)
    cpu_seconds = time.process_time() - began
    fingerprint = policy_fingerprint(preset)
    return Rendition(facts, variants, fingerprint, page, cpu_seconds=cpu_seconds)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The largest image, all targets, and the size of the upright, trimmed source.

    `is_plain` says that its pixels are the source's: upright and sRGB from the start.
    """

    largest: Image.Image
    targets: tuple[Target, ...]
    upright: Size
    is_plain: bool


def _render_still(
    animation: AnimationSource, original: Original, directory: Path, *, preset: Preset
) -> tuple[tuple[VariantFile, ...], PageFacts]:
    facts = animation.facts
    with reading():
        prepared = _prepare(animation, preset)
    with writing():
        writer = Writer(directory, preset)
        variants: list[VariantFile] = []
        picture = shown = prepared.largest
        for target in prepared.targets:  # each is made from the next larger one
            picture = shrink(picture, target.whole)
            crisp = sharpen_shrunk(picture, preset.sharpen, source=prepared.upright)
            shown = fit_to_box(crisp, target, preset)
            is_whole = shown.size == (facts.width, facts.height)
            own = None
            if is_whole and prepared.is_plain and preset.fit is not Fit.PAD:
                own = _own_bytes(original, animation.notice)
            ceiling = facts.bytes if is_whole else None
            variants += writer.write(shown, target.stem, ceiling_bytes=ceiling, own=own)
        return writer.chosen(variants), page_facts(shown)


def _own_bytes(original: Original, notice: Notice) -> OwnBytes | None:
    """Return the source's own bytes without metadata, of a JPEG."""
    if original.format is not ImageFormat.JPEG:
        return None
    data = without_metadata(original.data, notice)
    return None if data is None else OwnBytes(original.format, data)


def _prepare(animation: AnimationSource, preset: Preset) -> _Prepared:
    """Decode, trim and shrink the source, and plan what is made of it."""
    image, facts, orientation = animation.image, animation.facts, animation.orientation
    upright = Size(facts.width, facts.height)
    plan = Plan(upright, orientation)  # in full, where a border has to be found first
    if preset.trim is None:
        plan = plan_shrinking(preset, upright, orientation)
    for step in _FIRST_STEPS:
        image = step(image, plan)
    if preset.trim is not None:
        image = trim(image, preset.trim)
        upright = turned(Size(*image.size), orientation)
    plan = plan_shrinking(preset, upright, orientation, notice=animation.notice)
    is_plain = orientation == UPRIGHT
    for step in _STEPS:
        before, image = image, step(image, plan)
        is_plain &= step is not to_srgb or image is before
    return _Prepared(image, plan_sizes(preset, upright), upright, is_plain)
