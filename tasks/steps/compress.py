"""Step: make the variants of one fetched image in a pixel process."""

from dataclasses import dataclass
from pathlib import Path

from infra.contract.states import Lane
from tasks.imaging.models import Rendition
from tasks.imaging.presets.model import Preset
from tasks.pixels.pool import PixelPool
from tasks.steps.results import FetchedImage


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """A fetched image and the files that were made of it."""

    fetched: FetchedImage
    rendition: Rendition


async def compress(
    pixels: PixelPool, fetched: FetchedImage, directory: Path, *, preset: Preset, lane: Lane
) -> RenderedImage:
    """Render into a sub-folder of `directory` of the image's own, in the turn of its lane.

    Raises `ImageRefused` (permanent) or `PixelsFailed` (transient).
    """
    target = directory / f"{fetched.image.position}.variants"
    target.mkdir(exist_ok=True)
    rendition = await pixels.render(fetched.path, target, preset, lane=lane)
    return RenderedImage(fetched, rendition)
