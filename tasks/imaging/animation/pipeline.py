"""The pipeline of animations: the steps of still images, for one frame after the other.

At no time are all frames of the source in memory. It must not know when an animation is wanted.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image

from tasks.imaging.animation.frame_store import FrameStore, Scene, unfinished
from tasks.imaging.animation.frames import Frame, frames
from tasks.imaging.colour.to_srgb import to_srgb
from tasks.imaging.encode.variant_writer import Writer
from tasks.imaging.errors import reading, writing
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Notice, PageFacts, SourceFacts, VariantFile
from tasks.imaging.presets.model import Preset
from tasks.imaging.transform.geometry import fit_to_box, plan_sizes
from tasks.imaging.transform.orient import orient
from tasks.imaging.transform.pixel_format import normalize_mode
from tasks.imaging.transform.plan import Plan, plan_shrinking, turned
from tasks.imaging.transform.resize import shrink_to_plan
from tasks.imaging.transform.sharpen import sharpen_shrunk
from tasks.imaging.transform.sizes import Size, Target
from tasks.imaging.transform.trim import Rectangle, kept_part
from tasks.imaging.web.page_facts import page_facts

_STEPS = (normalize_mode, shrink_to_plan, orient, to_srgb)
# AVIF looks far better per byte where the encoder compares frames at leisure (speed 6: 60 kB, 81
# points; speed 8: 160 kB, 76 points, over 24 frames of 800 px), and needs ten times the CPU for
# it: 2 megapixels a second. It is given to what takes seconds, not minutes.
_LEISURE_PIXELS = 12_000_000  # all frames in all sizes
_IN_A_HURRY = 8


@dataclass(frozen=True, slots=True)
class AnimationSource:
    """An opened animation: `orientation` is left to be followed, `plays` is 0 for without end.

    `notice` is what variants say besides their pixels; `max_pixels` bounds a frame.
    """

    image: Image.Image
    facts: SourceFacts
    orientation: int
    plays: int
    notice: Notice
    max_pixels: int

    def frames(self) -> Iterator[Frame]:
        """Yield the frames from the first on; what the source does wrong refuses it."""
        found = frames(self.image, self.facts.frames, max_pixels=self.max_pixels)
        while True:
            with reading():
                frame = next(found, None)
            if frame is None:
                return
            yield frame


def render_moving(
    animation: AnimationSource, directory: Path, preset: Preset
) -> tuple[tuple[VariantFile, ...], PageFacts]:
    """Make all variants of an animation, largest first; raises what `render` raises."""
    upright = whole = Size(animation.facts.width, animation.facts.height)
    with writing(), ExitStack() as stack:
        part = _kept(animation, preset)
        if part is not None:
            upright = turned(Size(part[2] - part[0], part[3] - part[1]), animation.orientation)
        plan = plan_shrinking(preset, upright, animation.orientation, notice=animation.notice)
        targets = plan_sizes(preset, upright)
        frame_store = _developed(animation, part, plan, directory=directory)
        stack.enter_context(closing(frame_store))
        writer = Writer(directory, _unhurried(preset, targets, len(frame_store)))
        variants: list[VariantFile] = []
        for target in targets:
            frame_store = stack.enter_context(closing(frame_store.shrunk(target.whole)))
            finish = partial(_finished, target=target, preset=preset, source=upright)
            scene = Scene(frame_store, finish, animation.plays, plan.notice)
            ceiling = animation.facts.bytes if target.size == whole else None
            if len(scene) > 1:
                variants += writer.write_moving(scene, target.stem, ceiling_bytes=ceiling)
            else:  # its frames look the same
                variants += writer.write(scene.picture(0), target.stem, ceiling_bytes=ceiling)
        return writer.chosen(variants), page_facts(scene.picture(0))


def _kept(animation: AnimationSource, preset: Preset) -> Rectangle | None:
    """Return the part, as it was stored, that is no border in some frame; None for all of it."""
    if preset.trim is None:
        return None
    parts: list[Rectangle] = []
    for frame in animation.frames():
        with reading():
            picture = normalize_mode(frame.picture, Plan(Size(*frame.picture.size), 1))
        parts.append(kept_part(picture, preset.trim))
    left, top, right, bottom = zip(*parts, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _developed(
    animation: AnimationSource, part: Rectangle | None, plan: Plan, *, directory: Path
) -> FrameStore:
    """Return all frames at the largest size, upright and in sRGB."""
    with unfinished(FrameStore(directory)) as frame_store:
        for frame in animation.frames():
            with reading():
                picture = frame.picture if part is None else frame.picture.crop(part)
                for step in _STEPS:
                    picture = step(picture, plan)
            frame_store.add(picture, frame.milliseconds)
    return frame_store


def _finished(picture: Image.Image, *, target: Target, preset: Preset, source: Size) -> Image.Image:
    return fit_to_box(sharpen_shrunk(picture, preset.sharpen, source=source), target, preset)


def _unhurried(preset: Preset, targets: tuple[Target, ...], count: int) -> Preset:
    """Return the preset with the effort that its AVIFs can be given, unless it says one."""
    if count * sum(target.size.pixels for target in targets) <= _LEISURE_PIXELS:
        return preset
    encodings = tuple(
        replace(each, effort=_IN_A_HURRY)
        if each.format is ImageFormat.AVIF and each.effort is None
        else each
        for each in preset.encodings
    )
    return replace(preset, encodings=encodings)
