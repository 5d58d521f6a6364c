"""A pixel process does not hold an animation, however long it is."""

import asyncio
from dataclasses import replace
from pathlib import Path

from PIL import Image

from infra.settings.sections import PixelSettings
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Animated, Box, Encoding, FixedQuality
from tasks.pixels.pool import PixelPool

WEB = packaged_presets().named("web")


def test_an_animation_needs_the_memory_of_some_frames_and_not_of_all(tmp_path: Path) -> None:
    source, megabytes, count = tmp_path / "long.gif", 256, 100
    side = 1000  # so that all frames take 400 MB
    pictures = [Image.new("P", (side, side), number) for number in range(count)]
    for number, picture in enumerate(pictures):
        picture.putpalette([number * 97 % 256, 255 - number, 90] * 256)
    pictures[0].save(source, save_all=True, append_images=pictures[1:], duration=100)
    webp = Encoding(ImageFormat.WEBP, FixedQuality(60), effort=0, lossless_graphics=False)
    preset = replace(
        WEB,
        boxes=(Box(width=side),),
        encodings=(webp,),
        animation=Animated(max_megapixels=100),
    )
    with PixelPool(PixelSettings(processes=1, memory_bytes=megabytes * 1024**2)) as pool:
        made = asyncio.run(pool.render(source, tmp_path, preset))
    assert made.variants[0].frames == count
